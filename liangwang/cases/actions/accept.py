"""受理: accept, ask for a supplement, refuse, withdraw; silence means accepted from receipt."""

from datetime import datetime
from typing import Any

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import PurposeGrant, Subject
from liangwang.base.working_days import end_of_day, local_day, working_days

from ..clock import date_case
from ..engine import Locked, lock_case, make_ready, require_live
from ..models import OPEN_TASK_STATES, Case, CaseHold, Signature, Task
from ..refusals import OnceOnly, ReasonNeeded
from .open import ACCEPT_WITHIN_WORKING_DAYS, begin


def accept_case(*, actor: Actor, at: datetime, case: Case, since: datetime | None = None) -> Case:
    """Accepts an application: its clocks start (day one is the next working day) and its first tasks are ready.

    `since` is given by the clock alone, when silence has accepted the case from its receipt.
    """
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN)
    if locked.case.kind == "incident":
        begin(locked)
    else:
        locked.put(state=Case.State.ACCEPTED, accepted_at=since or at, accept_by=None)
        date_case(locked)
        locked.note("case.accepted", silent=since is not None)
        make_ready(locked, [locked.tasks[node] for node in locked.graph.roots])
    locked.seal("decide", "case.accepted", key=f"case.accepted/{case.ref}")
    return locked.case


def confirm_case(*, actor: Actor, at: datetime, case: Case, confirmed: bool, note: str = "") -> Case:
    """核实 of a reported incident: confirmed, it is accepted and filed; otherwise refused with the reason."""
    if confirmed:
        return accept_case(actor=actor, at=at, case=case)
    return refuse_case(actor=actor, at=at, case=case, reasons=[note], remedies=["再次上报时可补充照片或位置"])


def supplement(*, actor: Actor, at: datetime, case: Case, wanted: list[Label]) -> Case:
    """补正: one notice, before acceptance, that lists everything at once; a second is refused (一次性告知)."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN)
    if not wanted:
        raise ReasonNeeded(what="需补正的全部内容", what_en="everything that is to be supplied")
    if CaseHold.objects.filter(case=case, reason="supplement").exists():
        raise OnceOnly(what="补正告知", what_en="Asking for a supplement")
    CaseHold.objects.create(case=locked.case, reason="supplement", since=at)
    locked.put(state=Case.State.SUPPLEMENT, accept_by=None)
    locked.note("case.supplement", wanted=wanted)
    zh, en = ("；".join(item["zh"] for item in wanted), "; ".join(item["en"] for item in wanted))
    _tell_subject(
        locked,
        "supplement",
        {"zh": "请补正材料", "en": "Please supply what is missing"},
        {"zh": f"{locked.case.number}：{zh}", "en": f"{locked.case.number}: {en}"},
    )
    locked.seal("decide", "case.supplement", body={"wanted": wanted})
    return locked.case


def supply(*, actor: Actor, at: datetime, case: Case, facts: dict[str, Any]) -> Case:
    """The applicant supplies what was missing; the five working days start again from this receipt."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.SUPPLEMENT)
    CaseHold.objects.filter(case=case, reason="supplement", released_at=None).update(released_at=at)
    due = working_days().due_on(local_day(at), ACCEPT_WITHIN_WORKING_DAYS)
    locked.put(state=Case.State.OPEN, accept_by=end_of_day(due) if due else None)
    locked.put(facts={**locked.case.facts, **facts})
    locked.note("case.supplied", keys=sorted(facts))
    locked.seal("update", "case.supplied")
    return locked.case


def refuse_case(*, actor: Actor, at: datetime, case: Case, reasons: list[str], remedies: list[str]) -> Case:
    """不予受理 before acceptance, 不予许可 after: both state reasons and remedies (复议、诉讼)."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN, Case.State.ACCEPTED)
    if not any(reason.strip() for reason in reasons):
        raise ReasonNeeded(what="不予办理的理由", what_en="the reasons for the refusal")
    if not any(remedy.strip() for remedy in remedies):
        raise ReasonNeeded(
            what="救济途径（复议、诉讼的机关和期限）", what_en="the remedies open to the person"
        )
    body: dict[str, Any] = {
        "accepted": locked.case.accepted_at is not None,
        "reasons": reasons,
        "remedies": remedies,
    }
    _end(locked, Case.State.REFUSED)
    locked.note("case.refused", **body)
    _tell_subject(
        locked,
        "refused",
        {"zh": "不予办理决定", "en": "Decision of refusal"},
        {"zh": "；".join([*reasons, *remedies]), "en": "; ".join([*reasons, *remedies])},
    )
    locked.seal("decide", "case.refused", body=body, key=f"case.refused/{case.ref}")
    return locked.case


def withdraw_case(*, actor: Actor, at: datetime, case: Case, reason: str = "") -> Case:
    """撤件: the applicant takes the case back before it is decided."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN, Case.State.SUPPLEMENT, Case.State.ACCEPTED)
    _end(locked, Case.State.WITHDRAWN)
    locked.note("case.withdrawn", reason=reason)
    locked.seal("update", "case.withdrawn", body={"reason": reason}, key=f"case.withdrawn/{case.ref}")
    return locked.case


def _end(locked: Locked, state: str) -> None:
    """Ends a case without finishing it: open tasks are cancelled, holds let go, the purpose grant ends."""
    ending = [*OPEN_TASK_STATES, Task.State.WAITING, Task.State.KEPT, Task.State.DEFERRED]
    Task.objects.filter(case=locked.case, state__in=ending).update(state=Task.State.CANCELLED)
    asked = Signature.objects.filter(task__case=locked.case, state=Signature.State.ASKED)
    asked.update(state=Signature.State.ENDED, signed_at=locked.at)
    CaseHold.objects.filter(case=locked.case, released_at=None).update(released_at=locked.at)
    PurposeGrant.objects.filter(case_ref=locked.case.ref, ended_at=None).update(ended_at=locked.at)
    locked.put(state=state, closed_at=locked.at, accept_by=None)


def _tell_subject(locked: Locked, template: str, title: Label, body: Label) -> None:
    subject: Subject | None = locked.case.subject
    if subject is not None and subject.kind in {"person", "company"}:
        key = f"{template}/{locked.case.ref}"
        notices.notify(
            to=subject, template=f"case.{template}", title=title, body=body, at=locked.at, key=key,
            link=f"/cases/{locked.case.ref}/",
        )  # fmt: skip
