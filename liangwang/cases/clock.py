"""法定 · 承诺 · 已用: the two clocks of an application, and every day of them explained."""

from datetime import date, datetime
from typing import TypedDict

from liangwang.base.calendar import Stop, WorkingDays
from liangwang.base.labels import Label
from liangwang.base.working_days import end_of_day, local_day, working_days

from .engine import Locked
from .models import Case, ClockStop
from .plans import graph_of

SPECIAL_GROUNDS: dict[str, Label] = {
    "hearing": {"zh": "听证", "en": "hearing"},
    "tender": {"zh": "招标", "en": "tender"},
    "auction": {"zh": "拍卖", "en": "auction"},
    "inspection": {"zh": "检验", "en": "inspection"},
    "testing": {"zh": "检测", "en": "testing"},
    "quarantine": {"zh": "检疫", "en": "quarantine inspection"},
    "appraisal": {"zh": "鉴定", "en": "appraisal"},
    "expert_review": {"zh": "专家评审", "en": "expert review"},
}
"""特别程序 of 行政许可法 art. 45: nothing else stops the clock after acceptance."""


class DayLine(TypedDict):
    """One day of an explanation as pages show it."""

    day: date
    counted: bool
    number: int
    kind: str
    why: Label


class Clock(TypedDict):
    """The clocks of a case in working days; None where the item sets no limit."""

    statutory: int | None
    promised: int | None
    used: int
    due: date | None
    promised_on: date | None
    stopped: bool
    provisional: bool
    days: list[DayLine]


def stops_of(case: Case) -> list[Stop]:
    """The intervals of a case that do not count."""
    return list(ClockStop.objects.filter(case=case).values_list("since", "until"))


def dates(
    calendar: WorkingDays,
    accepted: date,
    legal: int | None,
    promised: int | None,
    extended: int,
    stops: list[Stop],
) -> tuple[datetime | None, datetime | None]:
    """By law and by promise: the last second of the day, None without a limit or while stopped."""
    due = calendar.due_on(accepted, legal + extended, stops) if legal is not None else None
    kept = calendar.due_on(accepted, promised + extended, stops) if promised is not None else None
    return (end_of_day(due) if due else None, end_of_day(kept) if kept else None)


def date_case(locked: Locked) -> None:
    """Sets both due times of an accepted case from its plan, its stops and its extension."""
    case, body = locked.case, locked.graph.body
    if case.accepted_at is None:
        return
    due, promised = dates(
        working_days(), local_day(case.accepted_at), body.legal_days, body.promised_days, case.extended_days,
        stops_of(case),
    )  # fmt: skip
    locked.put(due_at=due, promised_at=promised)


def clock(case: Case, at: datetime) -> Clock:
    """法定 · 承诺 · 已用 of a case at a time, opened to each counted day.

    Before acceptance nothing is counted; after closing the count stops at the closing day.
    """
    body = graph_of(case.plan_id).body
    empty = Clock(
        statutory=body.legal_days, promised=body.promised_days, used=0, due=None, promised_on=None,
        stopped=False, provisional=False, days=[],
    )  # fmt: skip
    if case.accepted_at is None:
        return empty
    calendar, start, stops = working_days(), local_day(case.accepted_at), stops_of(case)
    today = local_day(min(at, case.closed_at) if case.closed_at else at)
    limit = body.promised_days if body.promised_days is not None else body.legal_days
    due = calendar.due(start, limit + case.extended_days, stops) if limit is not None else None
    lines = calendar.explained(start, max(today, due.day if due and due.day else today), stops)
    return Clock(
        statutory=body.legal_days,
        promised=body.promised_days,
        used=calendar.between(start, today, stops),
        due=local_day(case.due_at) if case.due_at else None,
        promised_on=local_day(case.promised_at) if case.promised_at else None,
        stopped=any(until is None for _, until in stops),
        provisional=bool(due and due.provisional),
        days=[
            DayLine(day=line.day, counted=line.counted, number=line.number, kind=line.kind, why=line.name)
            for line in lines
        ],
    )
