"""Issues certificates from finished steps: signed, numbered, verifiable by anyone, revoked but never deleted."""

from datetime import date, datetime, timedelta
from typing import Any, cast

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, Subject
from liangwang.base.subjects import subject_by_ref
from liangwang.base.working_days import local_day
from liangwang.cases.queries import Task

from .. import catalogue, sealed
from ..certificate_codes import code_of
from ..certified import certified
from ..declare import Output
from ..models import Certificate, Submission
from ..refusals import NotIssuable


def issue_certificate(
    *, actor: Actor, submission: Submission, node: str, type: str, role: str, at: datetime
) -> Certificate:
    """The certificate of `type` about `role` from the finished step `node`; the same step again returns the same.

    A step that was sent back and done again with another result replaces the certificate. Raises NotIssuable.
    """
    case = submission.case
    task = case.tasks.select_related("office").filter(node=node, state=Task.State.DONE).first()
    document = catalogue.words().document(type)
    if task is None or task.office is None:
        raise NotIssuable(what=document.label["zh"], what_en=document.label["en"])
    values = _values(submission, type, role)
    known = Certificate.objects.filter(case=case, node=node, type=type, role=role, revoked_at=None).first()
    if known is not None and known.body["values"] == values:
        return known
    if known is not None:
        _revoke(known, at, {"zh": "依据的内容已更正，换发", "en": "its content was corrected; replaced"})
    made = _make(submission, task, type, role, values, at)
    if known is not None:
        known.replaced_by = made
        known.save(update_fields=["replaced_by"])
    audit.record(actor, "create", thing_of("certificate", made), at=at, body={"number": made.number})
    emit(
        "certificate.issued",
        made.ref,
        at,
        {"type": type, "role": role, "case": case.ref},
        key=f"issued/{made.ref}",
    )
    return made


def enter_certificate(
    *, actor: Actor, type: str, subject: Subject, office: Office, issued_at: datetime, at: datetime
) -> Certificate:
    """Takes a certificate that an office issued before this system into the library, signed like the others.

    Asking again for the same holder, type and office returns the one that is in force.
    """
    known = Certificate.objects.filter(subject=subject, type=type, office=office, revoked_at=None).first()
    if known is not None:
        return known
    person = getattr(subject, "person", None)
    made = Certificate(type=type, subject=subject, role="holder", node="", office=office, issued_at=issued_at)
    _sign(made, holder=person.name if person else "", case_number="", values={}, signed_at=at)
    audit.record(actor, "create", thing_of("certificate", made), at=at, body={"number": made.number})
    return made


def revoke_certificate(
    *, actor: Actor, certificate: Certificate, because: Label, at: datetime
) -> Certificate:
    """撤销: from now on verification says revoked, and why."""
    _revoke(certificate, at, because)
    audit.record(actor, "close", thing_of("certificate", certificate), at=at, body={"because": because})
    emit(
        "certificate.revoked",
        certificate.ref,
        at,
        {"type": certificate.type},
        key=f"revoked/{certificate.ref}",
    )
    return certificate


def reissue(
    *,
    actor: Actor,
    certificate: Certificate,
    because: Label,
    at: datetime,
    values: dict[str, Any] | None = None,
    longer: bool = False,
) -> Certificate:
    """A certificate in place of another: with changed values, or valid for as long again; the old one says so."""
    as_long: timedelta | None = None
    if longer and certificate.valid_until is not None:
        as_long = certificate.valid_until - local_day(certificate.issued_at)
    _revoke(certificate, at, because)
    made = Certificate(
        type=certificate.type,
        subject=certificate.subject,
        keeper=certificate.keeper,
        role=certificate.role,
        case=certificate.case,
        node=certificate.node,
        office=certificate.office,
        issued_at=at,
        valid_until=certificate.valid_until + as_long
        if certificate.valid_until and as_long
        else certificate.valid_until,
    )
    old = certificate.body
    _sign(
        made,
        holder=old["holder"],
        case_number=old["case"],
        values={**old["values"], **(values or {})},
        signed_at=at,
    )
    certificate.replaced_by = made
    certificate.save(update_fields=["replaced_by"])
    audit.record(actor, "create", thing_of("certificate", made), at=at, body={"number": made.number})
    emit("certificate.issued", made.ref, at, {"type": made.type, "role": made.role}, key=f"issued/{made.ref}")
    return made


def _revoke(certificate: Certificate, at: datetime, because: Label) -> None:
    certificate.revoked_at, certificate.revoked_because = at, dict(because)
    certificate.save(update_fields=["revoked_at", "revoked_because"])


def _make(
    submission: Submission, task: Task, type: str, role: str, values: dict[str, Any], at: datetime
) -> Certificate:
    holder, output = subject_by_ref(submission.roles[role]), _output(submission, type, role)
    keeper = submission.roles.get(output.keeper) if output and output.keeper else None
    office = cast(Office, task.office)  # issue_certificate has seen that there is one
    certificate = Certificate(
        type=type,
        subject=holder,
        keeper=subject_by_ref(keeper) if keeper else None,
        role=role,
        case=submission.case,
        node=task.node,
        office=office,
        issued_at=at,
        valid_until=_valid_until(output, at),
    )
    _sign(
        certificate,
        holder=_holder_name(holder, role, submission),
        case_number=submission.case.number,
        values=values,
        signed_at=at,
    )
    return certificate


def _sign(
    certificate: Certificate, *, holder: str, case_number: str, values: dict[str, Any], signed_at: datetime
) -> None:
    """Numbers, signs and saves a new certificate; the number is the day and the row's id."""
    certificate.number, certificate.body, certificate.signed = certificate.ref, {}, ""
    certificate.save(force_insert=True)
    issued_on = local_day(certificate.issued_at)
    certificate.number = f"{issued_on:%Y%m%d}{certificate.pk:08d}"
    certificate.body = {
        "type": certificate.type,
        "label": dict(catalogue.words().document(certificate.type).label),
        "number": certificate.number,
        "holder": holder,
        "office": dict(certificate.office.name),
        "case": case_number,
        "issued_on": issued_on.isoformat(),
        "valid_until": certificate.valid_until.isoformat() if certificate.valid_until else None,
        "values": values,
    }
    certificate.signed = code_of(certificate, signed_at)
    certificate.save(update_fields=["number", "body", "signed"])


def _values(submission: Submission, type: str, role: str) -> dict[str, Any]:
    """What the type certifies of the person, personal numbers masked."""
    return {field: sealed.masked(field, value) for field, value in certified(submission, type, role).items()}


def _holder_name(holder: Subject, role: str, submission: Submission) -> str:
    person = getattr(holder, "person", None)
    return person.name if person else str(submission.answers.get(f"{role}.name", ""))


def _output(submission: Submission, type: str, role: str) -> Output | None:
    """The certificate as the item declares it."""
    body = catalogue.read_body(submission.version.body)
    outputs = (output for source in body.items for output in source.item.outputs)
    return next((one for one in outputs if (one.certificate, one.role) == (type, role)), None)


def _valid_until(output: Output | None, at: datetime) -> date | None:
    if output is None or output.valid_months is None:
        return None
    day = local_day(at)
    year, month = divmod(day.month - 1 + output.valid_months, 12)
    return date(day.year + year, month + 1, min(day.day, 28))
