"""Letters that follow from what happened: acceptance by silence, results, commitments; each is sealed as PDF and delivered."""

from datetime import datetime
from typing import Any

from liangwang.base.events import subscribe
from liangwang.base.models import Event
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.cases import queries as cases
from liangwang.cases.asked import lacking_of

from .actions.afterwards import grant_silent_renewal, open_after_check
from .actions.archive import archive_case
from .actions.decide import days_of
from .actions.deliver import deliver_electronically
from .actions.letters import seal_letter, write_letter
from .letters_text import LAST_LETTERS
from .models import Certificate, Submission
from .plan_nodes import reason_for
from .queries.applications import submission_of_case
from .queries.letters import letter_by_ref


def _about(event: Event) -> tuple[cases.Case, Submission] | None:
    case = cases.case_by_ref(event.ref)
    submission = submission_of_case(case) if case else None
    return (case, submission) if case is not None and submission is not None else None


@subscribe("case.accepted", name="services.accepted_letter")
def accepted_letter(event: Event) -> None:
    """Silence accepts too: the notice of acceptance is written whoever, or whatever, accepted."""
    if (found := _about(event)) and found[0].follows_as != "heard":
        case, submission = found
        write_letter(submission, "accepted", at=event.at, office=case.lead_office, body=days_of(case))


@subscribe("case.opened", name="services.commitment_letter")
def commitment_letter(event: Event) -> None:
    """告知承诺: what the applicant committed herself to, word for word, as a paper of its own."""
    found = _about(event)
    if found is None or not found[1].evidence.get("committed"):
        return
    case, submission = found
    said = [
        {"label": need["label"], "text": need.get("commitment") or need["label"]}
        for need in submission.evidence["needs"]
        if need["way"] == "commitment"
    ]
    write_letter(submission, "commitment", at=event.at, office=case.lead_office, body={"commitments": said})


@subscribe("case.lacking", name="services.lacking_letter")
def lacking_letter(event: Event) -> None:
    """容缺受理, by whichever counter: what is still to come, and by when."""
    if found := _about(event):
        case, submission = found
        listed = [{"label": row.label, "by": row.due_at.isoformat()} for row in lacking_of(case)]
        write_letter(submission, "lacking", at=event.at, office=case.lead_office, body={"lacking": listed})


@subscribe("case.closed", name="services.result_letter")
def result_letter(event: Event) -> None:
    """All steps are done: the letter of the result; what follows another case has letters of its own."""
    if (found := _about(event)) and not found[0].follows_as:
        case, submission = found
        issued = Certificate.objects.filter(case=case, revoked_at=None).order_by("id")
        listed = [{"label": c.body["label"], "number": c.number, "ref": c.ref} for c in issued]
        body = {"certificates": listed, "values": _reasons(case, submission)}
        write_letter(submission, "granted", at=event.at, office=case.lead_office, body=body)


def _reasons(case: cases.Case, submission: Submission) -> list[dict[str, Any]]:
    """What the offices had to write when they granted: [{label, value}], in the order of the plan."""
    written = (
        (reason_for(submission, task.node), task.result.get("reason"))
        for task in case.tasks.filter(state="done").order_by("id")
    )
    return [{"label": label, "value": said} for label, said in written if label and said]


@subscribe("case.closed", name="services.after_check")
def after_check(event: Event) -> None:
    """告知承诺: what was granted on a commitment is checked afterwards, as a case of its own."""
    if found := _about(event):
        open_after_check(found[1], event.at)


@subscribe("letter.written", name="services.seal_letter")
def seal(event: Event) -> None:
    """The letter becomes a PDF that never changes, and goes to the addressee's messages; the last one seals the archive."""
    letter = letter_by_ref(event.ref)
    if letter is None:
        return
    seal_letter(letter)
    deliver_electronically(letter, at=event.at)
    if letter.kind in LAST_LETTERS:
        archive_case(letter.case, at=event.at)


@subscribe("case.closed", name="services.archive")
def archive(event: Event) -> None:
    """电子档案 of a case that ends without a letter: a check that found all well, a hearing, no revocation."""
    case = cases.case_by_ref(event.ref)
    if case is None or case.kind != "application":
        return
    if case.follows_as == "heard" or submission_of_case(case) is None:
        archive_case(case, at=event.at)


def tick(at: datetime, limit: int = 200) -> None:
    """延续 that nobody decided before the certificate expired counts as granted."""
    asked = cases.Case.objects.filter(follows_as="renewal", state=cases.Case.State.ACCEPTED)
    refs = {case.facts["certificate"]: case for case in asked.order_by("id")[:limit]}
    over = Certificate.objects.filter(ref__in=refs, valid_until__lt=local_day(at))
    for ref in over.values_list("ref", flat=True):
        with write():
            grant_silent_renewal(refs[ref], at)
