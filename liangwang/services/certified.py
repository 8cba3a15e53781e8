"""What a certificate says of whom it is about, unmasked: for its own case, and for the next application of its keeper."""

from typing import Any

from . import sealed
from .certificate_layouts import layout_of
from .models import Certificate, GivenValue, Submission
from .vocabulary import field_id


def certified(submission: Submission, type: str, role: str) -> dict[str, Any]:
    """The values by "role.concept" that a certificate of `type` states: answers, and what the case gave."""
    found = {
        field: sealed.read(field, value, submission.draft.ref)
        for field, value in submission.answers.items()
        if field.startswith(f"{role}.")
    }
    for row in GivenValue.objects.filter(
        case_id=submission.case_id, ended_at=None, field__startswith=f"{role}."
    ):
        found[row.field] = sealed.read(row.field, row.value, submission.case.ref)
    shown = [field_id(role, concept) for concept in layout_of(type).shows]
    return {field: found[field] for field in shown if field in found}


def stated_values(certificate: Certificate) -> dict[str, Any]:
    """What is printed on it, unmasked where it is known: a personal value that was changed later stands there masked."""
    printed: dict[str, Any] = certificate.body["values"]
    first = (
        Submission.objects.select_related("case", "draft").filter(case=certificate.case_id).first()
        if certificate.case_id
        else None
    )
    plain = certified(first, certificate.type, certificate.role) if first else {}
    # The paper is right: what the first case said counts only where it is what stands on the paper.
    known = {
        field: value for field, value in plain.items() if sealed.masked(field, value) == printed.get(field)
    }
    return {
        field: known.get(field, value)
        for field, value in printed.items()
        if field in known or _bare(field, value)
    }


def _bare(field: str, value: Any) -> bool:
    """Whether a printed value is whole: none of those that are kept sealed, which are printed masked."""
    return value not in ("", None) and not sealed.is_sealed(field)
