"""What services do by themselves: certificates follow finished steps, and the person is told at each."""

from datetime import datetime

from liangwang.base import notices
from liangwang.base.events import subscribe
from liangwang.base.hats import platform
from liangwang.base.models import Event, Person
from liangwang.base.subjects import person_row, subject_by_ref
from liangwang.cases import queries as cases

from . import catalogue, jobs_codes, jobs_drafts, jobs_letters, sealed, text_messages
from .actions.certify import issue_certificate
from .models import Certificate, GivenValue, Submission
from .parties import found_company
from .plan_nodes import node_of
from .queries.applications import submission_of_case
from .records import record_certificate


def tick(at: datetime) -> None:
    """Time has passed: the gates' list, drafts of changed items, silent renewals, text messages that are due again."""
    jobs_codes.tick(at)
    jobs_drafts.tick(at)
    jobs_letters.tick(at)
    text_messages.tick(at)


@subscribe("task.done", name="services.certify")
def certify(event: Event) -> None:
    """The last step of an item is done: what it gives is issued, and a child's identity number is hers from now on."""
    task = cases.task_by_ref(event.ref)
    submission = submission_of_case(task.case) if task else None
    if task is None or submission is None or task.outcome != "done" or task.state != "done":
        return
    documents = catalogue.words().documents
    for key in node_of(task).gives:
        role, _, name = key.partition(".")
        if name in documents and role in submission.roles:
            issue_certificate(
                actor=platform(submission.key.partition(":")[0]),
                submission=submission,
                node=task.node,
                type=name,
                role=role,
                at=event.at,
            )
        elif name == "identity_number":
            _identify(submission, role, event)
        elif name == "credit_code":
            _found(submission, role)


@subscribe("certificate.issued", name="services.tell_certificate")
def tell_certificate(event: Event) -> None:
    """The applicant learns that a certificate is there."""
    certificate = Certificate.objects.select_related("case", "office").get(ref=event.ref)
    submission = Submission.objects.select_related("applicant").filter(case=certificate.case).first()
    if submission is None:
        return
    label, office = certificate.body["label"], certificate.office.name
    notices.notify(
        to=submission.applicant,
        template="services.certificate_issued",
        title={"zh": f"{label['zh']}已签发", "en": f"Issued: {label['en']}"},
        body={
            "zh": f"{office['zh']}已签发，编号 {certificate.number}，可在“我的证照”中出示。",
            "en": f"{office['en']} has issued it, number {certificate.number}; show it under 'My certificates'.",
        },
        at=event.at,
        key=f"certificate/{certificate.ref}",
        link=f"/certificates/{certificate.ref}/",
    )


@subscribe("certificate.issued", name="services.record")
def record(event: Event) -> None:
    """What was issued enters the hub as a record of its office."""
    certificate = Certificate.objects.select_related("case", "subject__person").filter(ref=event.ref).first()
    if certificate is not None and certificate.case is not None and certificate.revoked_at is None:
        record_certificate(certificate, event.at)


def _found(submission: Submission, role: str) -> None:
    """The registrar gave a code: from now on there is a company, and its founder may act for it."""
    given = GivenValue.objects.filter(
        case=submission.case, field=f"{role}.credit_code", ended_at=None
    ).first()
    if given is None or role not in submission.roles:
        return
    name = submission.answers.get(f"{role}.name", "")
    found_company(
        subject_by_ref(submission.roles[role]),
        name=str(sealed.read(f"{role}.name", name, submission.draft.ref)),
        credit_code=str(sealed.read(given.field, given.value, submission.case.ref)),
        founder=submission.applicant,
        place=submission.draft.place,
    )


def _identify(submission: Submission, role: str, event: Event) -> None:
    """Seals the number that public security assigned into the person's row."""
    given = GivenValue.objects.filter(
        case=submission.case, field=f"{role}.identity_number", ended_at=None
    ).first()
    person = (
        Person.objects.filter(subject__ref=submission.roles.get(role, ""))
        .select_related("subject", "home")
        .first()
    )
    if given is None or person is None:
        return
    number = str(sealed.read(given.field, given.value, submission.case.ref))
    row = person_row(
        person.subject,
        name=person.name,
        sex=person.sex,
        birth_on=person.birth_on,
        identity=number,
        home=person.home,
    )
    row.demo = person.demo
    row.save(force_update=True, update_fields=["identity_sealed", "identity_blind"])
