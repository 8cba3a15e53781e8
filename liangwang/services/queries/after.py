"""A case about what was granted, as the office reads it that decides: the certificate, what is asked, and why."""

from typing import Any

from liangwang.base.labels import Label
from liangwang.cases.asked import following
from liangwang.cases.queries import Case

from .. import catalogue, sealed
from ..after_plans import LABELS
from ..merge import roles
from ..models import Certificate, GivenValue
from ..worded import worded
from .applications import submission_of_case
from .uploads import pages_of_submission


def after_facts(case: Case) -> dict[str, Any] | None:
    """None for a case that follows nothing.

    Else {kind, label, certificate: Certificate | None, changes: [{label, old, new}] (personal ones masked), reasons:
    [str], said: [{at, case, words, pages}] what she has handed in before a revocation, heard: [str] the office's record of it,
    commitments: [Label]}.
    """
    if case.follows_as not in LABELS:
        return None
    certificate = (
        Certificate.objects.select_related("office", "replaced_by")
        .filter(ref=case.facts.get("certificate", ""))
        .first()
    )
    hear = case.tasks.filter(node="hear").first()
    return {
        "kind": case.follows_as,
        "label": LABELS[case.follows_as],
        "certificate": certificate,
        "changes": _changes(case, certificate),
        "reasons": list(case.facts.get("reasons", [])),
        "said": said_before(case),
        "heard": list(hear.result.get("reasons", [])) if hear else [],
        "commitments": list(case.facts.get("commitments", [])),
    }


def said_before(case: Case) -> list[dict[str, Any]]:
    """The statements that the holder has handed in herself, with the pages of her evidence."""
    if case.follows_as != "revocation":
        return []
    found = []
    for one in following(case).filter(follows_as="heard"):
        submission = submission_of_case(one)
        pages = pages_of_submission(submission) if submission else {}
        found.append(
            {
                "at": one.opened_at,
                "case": one,
                "words": "；".join(one.facts["reasons"]),
                "pages": [page for some in pages.values() for page in some],
            }
        )
    return found


def cases_about(certificate: Certificate) -> list[Case]:
    """Changes, renewals, cancellations and revocations of a certificate, the newest first."""
    rows = Case.objects.filter(subject_id=certificate.kept_by_id, follows_as__in=LABELS)
    return list(rows.filter(facts__certificate=certificate.ref).order_by("-id"))


def certificate_values(certificate: Certificate) -> list[dict[str, Any]]:
    """What a certificate says of its holder, so that a change can be asked for: [{field, label, value}]."""
    return [
        {"field": field, "label": label_of(field), "value": read_value(field, value)}
        for field, value in certificate.body["values"].items()
    ]


def label_of(field: str) -> Label:
    """What "role.concept" is called; its own key where no vocabulary knows it."""
    concept = _concept(field)
    return concept.label if concept else {"zh": field, "en": field}


def _concept(field: str) -> Any:
    tail = field.partition(".")[2]
    concepts = catalogue.words().concepts
    return next((one for name, one in concepts.items() if name.replace(".", "_").endswith(tail)), None)


def _changes(case: Case, certificate: Certificate | None) -> list[dict[str, Any]]:
    if case.follows_as != "change" or certificate is None:
        return []
    rows = GivenValue.objects.filter(case=case, ended_at=None).order_by("id")
    before = certificate.body["values"]
    return [
        {
            "label": label_of(row.field),
            "old": read_value(row.field, before.get(row.field, "")),
            "new": read_value(row.field, sealed.read(row.field, row.value, case.ref)),
        }
        for row in rows
    ]


def role_label(case: Case, field: str) -> Label | None:
    """Whom "role.concept" of an application is about, in the words of its item; None where that says nothing."""
    submission = submission_of_case(case)
    if submission is None:
        return None
    return roles(catalogue.read_body(submission.version.body)).get(field.partition(".")[0])


def read_value(field: str, value: Any) -> Any:
    """A value as one reads it; one that is masked on the certificate stays so."""
    concept = _concept(field)
    return worded(concept, field, value) if concept and "*" not in str(value) else value
