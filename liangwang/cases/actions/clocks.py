"""Stops, resumes and extends the clock of an application; each has its reason in writing."""

from datetime import datetime

from liangwang.base.hats import Actor
from liangwang.base.working_days import local_day

from ..clock import SPECIAL_GROUNDS, date_case
from ..engine import lock_case, require_live
from ..models import Case, ClockStop
from ..refusals import NotSpecial, OnceOnly, ReasonNeeded


def stop_clock(*, actor: Actor, at: datetime, case: Case, ground: str, notice: str) -> ClockStop:
    """Stops the clock for a special procedure told in writing (`notice` is its number); raises NotSpecial."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    if ground not in SPECIAL_GROUNDS:
        raise NotSpecial(ground=ground)
    if not notice.strip():
        raise ReasonNeeded(what="书面告知的文号", what_en="the number of the written notice")
    if ClockStop.objects.filter(case=case, until=None).exists():
        raise OnceOnly(what="同时进行的计时停止", what_en="A stop at one time")
    stop = ClockStop.objects.create(
        case=locked.case, ground=ground, since=local_day(at), decided_by_id=actor.office_id, notice=notice
    )
    date_case(locked)
    locked.note("clock.stopped", ground=ground, notice=notice)
    locked.seal("decide", "case.clock_stopped", body={"ground": ground, "notice": notice})
    return stop


def resume_clock(*, actor: Actor, at: datetime, case: Case) -> Case:
    """The special procedure is over: today counts again, and the due day moves by the working days left out."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    if not ClockStop.objects.filter(case=case, until=None).update(until=local_day(at)):
        raise OnceOnly(what="恢复计时", what_en="Resuming a stopped clock")
    date_case(locked)
    locked.note("clock.resumed")
    locked.seal("decide", "case.clock_resumed")
    return locked.case


def extend_case(*, actor: Actor, at: datetime, case: Case, working_days: int, reason: str) -> Case:
    """One extension, decided by the head of the office, told to the applicant with its reason."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    if not reason.strip() or working_days < 1:
        raise ReasonNeeded(what="延长的理由和工作日数", what_en="the reason and the number of working days")
    if locked.case.extended_days:
        raise OnceOnly(what="延长办理期限", what_en="An extension")
    locked.put(extended_days=working_days)
    date_case(locked)
    locked.note("case.extended", working_days=working_days, reason=reason)
    locked.seal("decide", "case.extended", body={"working_days": working_days, "reason": reason})
    return locked.case
