"""Several offices on one application: 会签, 加签, 转办; and materials that may come later (容缺受理)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor
from liangwang.base.models import Office, Post
from liangwang.cases import actions as cases
from liangwang.cases.asked import lacking_of
from liangwang.cases.queries import Case, Task

from ..models import Submission
from ..refusals import UnknownPart
from ._office import acting_office
from .decide import days_of
from .letters import write_letter

SUPPLY_WITHIN_WORKING_DAYS = 5  # where the office names no other time; each case tells the day


def cosign(*, actor: Actor, task: Task, agreed: bool, at: datetime, opinion: str = "") -> None:
    """会签: the actor's office signs another office's task, or opposes it with its reasons."""
    require(actor, "decide", thing_of("application_task", task))
    cases.sign_task(actor=actor, at=at, task=task, agreed=agreed, opinion=opinion)


def ask_signature(*, actor: Actor, task: Task, office: Office, why: str, at: datetime) -> None:
    """加签: the deciding office asks one more office, and waits for its word."""
    require(actor, "decide", thing_of("application_task", task))
    cases.ask_signature(actor=actor, at=at, task=task, office=office, why=why)


def pass_on(
    *,
    actor: Actor,
    task: Task,
    reason: str,
    at: datetime,
    office: Office | None = None,
    post: Post | None = None,
) -> Task:
    """转办: to a colleague of the office, or to another office of the department; the clock runs on."""
    require(actor, "handle", thing_of("application_task", task))
    return cases.pass_on(actor=actor, at=at, task=task, reason=reason, office=office, post=post)


def lackable(submission: Submission) -> list[dict[str, Any]]:
    """Materials of an application that may come after acceptance: asked for, not there, and needed by later steps only.

    Each {id, label, gates: node keys}, from the evidence as it was handed in.
    """
    return [
        need
        for need in submission.evidence["needs"]
        if need["way"] == "ask" and not need["ref"] and need.get("gates")
    ]


def accept_lacking(
    *,
    actor: Actor,
    submission: Submission,
    materials: Collection[str],
    at: datetime,
    within_working_days: int = SUPPLY_WITHIN_WORKING_DAYS,
) -> Case:
    """容缺受理: accepts with these materials to come; the applicant is told which, by when, and what waits for them.

    Raises UnknownPart for a material that cannot come later, GatesFirst for one that the first step needs.
    """
    require(actor, "handle", thing_of("application", submission.case))
    known = {need["id"]: need for need in lackable(submission)}
    for material in materials:
        if material not in known:
            raise UnknownPart(part=material)
    missing = [
        cases.Missing(material, known[material]["label"], tuple(known[material]["gates"]))
        for material in materials
    ]
    case = cases.accept_lacking(
        actor=actor, at=at, case=submission.case, missing=missing, within_working_days=within_working_days
    )
    listed = [{"label": row.label, "by": row.due_at.isoformat()} for row in lacking_of(case)]
    office = acting_office(actor, case)
    write_letter(submission, "lacking", at=at, office=office, body={"lacking": listed})
    write_letter(submission, "accepted", at=at, office=office, body=days_of(case))
    return case


def supply_lacking(*, actor: Actor, submission: Submission, material: str, file: str, at: datetime) -> Case:
    """The material has come (`file` is the stored file's ref): it joins the evidence, and what waited for it goes on."""
    require(actor, "update", thing_of("application", submission.case))
    case = cases.supply_lacking(actor=actor, at=at, case=submission.case, material=material, given=file)
    for need in submission.evidence["needs"]:
        if need["id"] == material:
            need["ref"], need["supplied_at"] = file, at.isoformat()
    submission.save(update_fields=["evidence"])
    return case
