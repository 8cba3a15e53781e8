"""结案 and 评价: closing, by someone who neither did nor verified it; rating, once."""

from datetime import datetime

from django.db import IntegrityError, transaction

from liangwang.base.hats import Actor, platform
from liangwang.base.models import PurposeGrant

from ..engine import DONE, Locked, all_done, both, finish, lock_case, require_live
from ..models import OPEN_TASK_STATES, Case, CaseEvent, CaseHold, Rating, Task
from ..refusals import AlreadyRated, OwnWork, ReasonNeeded, StillOpen

OWN_WORK = ("task.accepted", "task.arrived", "task.reported", "task.verified", "task.failed")
BAD_SCORE = 2


def close_case(*, actor: Actor, at: datetime, case: Case, note: str = "") -> Case:
    """Closes an incident when its tasks are done and verified and nothing holds it; raises StillOpen, OwnWork."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    _nothing_left(locked)
    _not_own(locked)
    for task in locked.tasks.values():
        if task.stage == "close" and task.state in OPEN_TASK_STATES:
            finish(locked, task, OPEN_TASK_STATES, "closed", {})
    _closed(locked, note)
    return locked.case


def close_when_done(locked: Locked) -> bool:
    """An application or a ticket closes by itself with its last task, unless something holds it; True when it did."""
    case = locked.case
    if case.kind == "incident" or case.state != Case.State.ACCEPTED or not all_done(locked):
        return False
    if CaseHold.objects.filter(case=case, released_at=None).exists():
        return False
    locked.actor = platform(case.pack)
    _closed(locked, "")
    return True


def _closed(locked: Locked, note: str) -> None:
    PurposeGrant.objects.filter(case_ref=locked.case.ref, ended_at=None).update(ended_at=locked.at)
    locked.put(state=Case.State.CLOSED, closed_at=locked.at)
    locked.reach("close")
    locked.note("case.closed", stage="close", note=note)
    again = 0
    if (
        locked.case.kind == "incident"
    ):  # one that was opened again is closed again, and its reporters hear of it
        again = CaseEvent.objects.filter(case=locked.case, what="case.reopened").count()
    key = f"case.closed/{locked.case.ref}" + (f"/{again}" if again else "")
    locked.seal("close", "case.closed", key=key)


def _nothing_left(locked: Locked) -> None:
    left = [
        task
        for task in locked.tasks.values()
        if task.state not in {DONE, Task.State.CANCELLED} and task.stage != "close"
    ]
    if left:
        names = {"zh": "、".join(t.label["zh"] for t in left), "en": ", ".join(t.label["en"] for t in left)}
        raise StillOpen(what=f"“{names['zh']}”未完成", what_en=f"not finished: {names['en']}")
    held = CaseHold.objects.filter(case=locked.case, released_at=None).first()
    if held is not None:
        zh, en = HOLD_WORDS.get(held.reason, (held.reason, held.reason))
        raise StillOpen(what=zh, what_en=en)


HOLD_WORDS = {
    "signal": ("传感器信号尚未恢复正常", "the signal has not cleared"),
    "payment": ("费用尚未缴清", "a payment is outstanding"),
    "supplement": ("材料尚未补正", "a supplement is outstanding"),
}


def _not_own(locked: Locked) -> None:
    """Nobody closes a case in which they, or their crew, did or verified a task."""
    actor = locked.actor
    for task in locked.tasks.values():
        if actor.office_id is not None and task.crew_office_id == actor.office_id:
            raise OwnWork(**both("task", task.label))
    if not actor.party_ref:
        return
    own = CaseEvent.objects.filter(
        case=locked.case, what__in=[*OWN_WORK, "task.done"], who__party=actor.party_ref, task__isnull=False
    ).select_related("task")
    for line in own:
        if line.task is not None and line.task.stage != "close":
            raise OwnWork(**both("task", line.task.label))


def rate_case(
    *, actor: Actor, at: datetime, case: Case, score: int, tags: list[str] | None = None, text: str = ""
) -> Rating:
    """好差评: once per case, 5 best; `case.rated` lets a bad one open a case that someone must answer."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.CLOSED, Case.State.REFUSED)
    if not 1 <= score <= 5:
        raise ReasonNeeded(what="1 到 5 的评分", what_en="a score from 1 to 5")
    try:
        with transaction.atomic():
            rating = Rating.objects.create(
                case=locked.case, score=score, tags=tags or [], text=text, party_id=actor.party_id, at=at
            )
    except IntegrityError as error:
        raise AlreadyRated from error
    locked.reach("rate")
    locked.note("case.rated", stage="rate", score=score)
    locked.seal("rate", "case.rated", body={"score": score}, key=f"case.rated/{case.ref}")
    return rating
