"""What offices do with an application, and what its applicant may do after handing it in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.cases import actions as cases
from liangwang.cases.queries import Case, Task
from liangwang.cases.refusals import ReasonNeeded

from .. import catalogue, sealed
from ..after_plans import LABELS
from ..forms_of_text import is_credit_code, is_identity_number
from ..models import GivenValue, Submission
from ..plan_nodes import node_of, reason_for
from ..queries.applications import submission_of_case
from ..refusals import ResultMissing
from ._office import acting_office
from .afterwards import decide_afterwards
from .letters import REMEDIES, write_letter

# A number that an office types is checked like one that a person types.
RIGHT = {"identity_number": is_identity_number, "credit_code": is_credit_code}


def accept(*, actor: Actor, submission: Submission, at: datetime) -> Case:
    """受理: the clocks start and the first steps go to their offices; the applicant gets the notice."""
    require(actor, "handle", thing_of("application", submission.case))
    case = cases.accept_case(actor=actor, at=at, case=submission.case)
    write_letter(submission, "accepted", at=at, office=acting_office(actor, case), body=days_of(case))
    return case


def days_of(case: Case) -> dict[str, str | None]:
    """The days that a notice of acceptance names: by law, and by the item's own promise."""
    return {
        "legal_on": case.due_at.isoformat() if case.due_at else None,
        "promised_at": case.promised_at.isoformat() if case.promised_at else None,
    }


def ask_supplement(*, actor: Actor, submission: Submission, wanted: list[Label], at: datetime) -> Case:
    """补正: one notice that lists everything, before acceptance only."""
    require(actor, "handle", thing_of("application", submission.case))
    case = cases.supplement(actor=actor, at=at, case=submission.case, wanted=wanted)
    write_letter(submission, "supplement", at=at, office=acting_office(actor, case), body={"wanted": wanted})
    return case


def supply(*, actor: Actor, submission: Submission, facts: Mapping[str, Any], at: datetime) -> Case:
    """The applicant supplies what was asked for; the answer stands in the case's facts, sealed where personal."""
    require(actor, "update", thing_of("application", submission.case))
    for field, value in facts.items():
        submission.answers[field] = sealed.close(field, value, submission.draft.ref)
    submission.save(update_fields=["answers"])
    stand_ins = {field: sealed.stand_in(field, value) for field, value in facts.items()}
    return cases.supply(actor=actor, at=at, case=submission.case, facts=stand_ins)


def not_accept(*, actor: Actor, submission: Submission, reasons: list[str], at: datetime) -> Case:
    """不予受理 or 不予办理: with reasons and remedies, never without."""
    require(actor, "decide", thing_of("application", submission.case))
    accepted = submission.case.accepted_at is not None
    case = cases.refuse_case(
        actor=actor, at=at, case=submission.case, reasons=reasons, remedies=[REMEDIES["zh"]]
    )
    kind = "refused" if accepted else "not_accepted"
    write_letter(submission, kind, at=at, office=acting_office(actor, case), body={"reasons": reasons})
    return case


def decide(
    *, actor: Actor, task: Task, at: datetime, outcome: str = "done", result: Mapping[str, Any] | None = None
) -> Task:
    """An office finishes its step: `result` holds the values that the step gives, by "role.concept".

    Values of people are kept sealed; the case engine sees a stand-in that is equal for equal values, so that a
    step that comes back the same (退回) disturbs nobody. `result["reason"]` is what the office writes when it grants,
    where the item asks for it. Raises ResultMissing naming the value, ReasonNeeded naming what is to be written.
    """
    require(actor, "decide", thing_of("application_task", task))
    given = dict(result or {})
    if task.case.follows_as in LABELS:
        reasons = [str(one) for one in given.get("reasons", [])]
        decide_afterwards(actor=actor, task=task, granted=outcome == "done", reasons=reasons, at=at)
        task.refresh_from_db()
        return task
    reason = str(given.pop("reason", "")).strip()
    if outcome == "done":
        _check(task, given)
        _reasoned(task, reason)
        _keep(task, given, at)
    shown = {field: sealed.stand_in(field, value) for field, value in given.items()}
    if outcome == "done":
        # A certificate that this step issues has no content of its own: it stands for what it certifies.
        shown |= {key: _certified(shown) for key in _certificates(task)}
        shown |= {"reason": reason} if reason else {}
    return cases.complete_task(actor=actor, at=at, task=task, outcome=outcome, result=shown)


def send_back(*, actor: Actor, task: Task, to_node: str, reason: str, at: datetime) -> Task:
    """退回 between offices: the earlier step is done again, and only what depends on a changed result follows."""
    require(actor, "decide", thing_of("application_task", task))
    return cases.send_back(actor=actor, at=at, task=task, to_node=to_node, reason=reason)


def withdraw(*, actor: Actor, submission: Submission, at: datetime, reason: str = "") -> Case:
    """撤件: the applicant takes it back before it is decided."""
    require(actor, "update", thing_of("application", submission.case))
    case = cases.withdraw_case(actor=actor, at=at, case=submission.case, reason=reason)
    write_letter(
        submission, "withdrawn", at=at, office=case.lead_office, body={"reasons": [reason] if reason else []}
    )
    return case


def rate(
    *,
    actor: Actor,
    submission: Submission,
    score: int,
    at: datetime,
    tags: list[str] | None = None,
    text: str = "",
) -> None:
    """好差评: once, voluntary, 5 best; 1 or 2 opens a case that the lead office must answer."""
    require(actor, "rate", thing_of("application", submission.case))
    cases.rate_case(actor=actor, at=at, case=submission.case, score=score, tags=tags, text=text)


def _certificates(task: Task) -> list[str]:
    documents = catalogue.words().documents
    return [key for key in node_of(task).gives if key.partition(".")[2] in documents]


def _values(task: Task) -> list[str]:
    certificates = set(_certificates(task))
    return [key for key in node_of(task).gives if key not in certificates]


def _certified(shown: dict[str, Any]) -> str:
    return ";".join(f"{key}={shown[key]}" for key in sorted(shown)) or "issued"


def _check(task: Task, given: dict[str, Any]) -> None:
    words = catalogue.words()
    for field in _values(task):
        value = str(given.get(field) or "").strip()
        concept = field.partition(".")[2]
        label = next((c.label for key, c in words.concepts.items() if key.endswith(f".{concept}")), None)
        name = label or {"zh": field, "en": field}
        if not value or not RIGHT.get(concept, bool)(value):
            raise ResultMissing(what=name["zh"], what_en=name["en"])


def _reasoned(task: Task, reason: str) -> None:
    submission = submission_of_case(task.case)
    wanted = reason_for(submission, task.node) if submission else None
    if wanted and not reason:
        raise ReasonNeeded(what=wanted["zh"], what_en=wanted["en"].lower())


def _keep(task: Task, given: dict[str, Any], at: datetime) -> None:
    """The values themselves, one in force for each field; an earlier one is ended."""
    for field, value in given.items():
        GivenValue.objects.filter(case=task.case, field=field, ended_at=None).update(ended_at=at)
        kept = sealed.close(field, value, task.case.ref)
        GivenValue.objects.create(case=task.case, node=task.node, field=field, value=kept, at=at)
