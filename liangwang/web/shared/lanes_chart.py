"""Geometry of the lanes chart: days to percent of the width, one row per office; pure, no Django."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

STATES = {"done", "doing", "waiting", "late", "back"}


@dataclass(frozen=True)
class Bar:
    """One task: x and width in percent; the text stands in the bar, or beside it where it would not fit."""

    x: float
    width: float
    state: str
    text: str
    text_x: float
    anchor: str
    inside: bool


@dataclass(frozen=True)
class Row:
    office: Any
    label: Any
    bar: Bar


@dataclass(frozen=True)
class Tick:
    x: float
    middle: float
    width: float
    day: date
    works: bool
    shown: bool
    minor: bool


@dataclass(frozen=True)
class Chart:
    """`today` and `promised` are percents of the width, None when outside the drawn days."""

    rows: list[Row]
    ticks: list[Tick]
    today: float | None
    today_day: date
    promised: float | None
    promised_day: date | None
    late: bool
    lines: list[float] = field(default_factory=list)


def chart(
    rows: Iterable[Any],
    today: date,
    promised: date | None = None,
    works: Callable[[date], bool] | None = None,
) -> Chart:
    """Lays the rows over whole days from the first start to the last end, today and the promise included.

    A row is a mapping with office, label, start, end (dates, None = not known yet), state, text.
    """
    kept = [dict(row) for row in rows]
    days = [d for row in kept for d in (row.get("start"), row.get("end")) if d]
    first, last = min([*days, today]), max([*days, today, *([promised] if promised else [])])
    last = max(last, first + timedelta(days=4))
    count = (last - first).days + 1
    step = 100 / count
    is_working = works or (lambda day: day.weekday() < 5)
    every = max(1, -(-count // 12))

    def left(day: date) -> float:
        return float(round((day - first).days * step, 3))

    ticks = [
        Tick(left(d), left(d) + step / 2, step, d, is_working(d), i % every == 0, i // every % 2 == 1)
        for i, d in enumerate(first + timedelta(days=n) for n in range(count))
    ]
    drawn = [_row(row, last, today, step, left) for row in kept]
    return Chart(
        rows=drawn,
        ticks=ticks,
        today=left(today) + step / 2,
        today_day=today,
        promised=left(promised) + step if promised else None,
        promised_day=promised,
        late=bool(promised and today > promised),
        lines=[t.x for t in ticks if t.shown][1:],
    )


def _row(row: dict[str, Any], last: date, today: date, step: float, left: Callable[[date], float]) -> Row:
    start = row.get("start") or today
    end = max(row.get("end") or last, start)
    x, width = left(start), round(((end - start).days + 1) * step, 3)
    inside = width >= 40
    after = x + width <= 62
    text_x = x + 1.5 if inside else (x + width + 1 if after else x - 1)
    state = row["state"] if row["state"] in STATES else "waiting"
    bar = Bar(x, width, state, row.get("text", ""), text_x, "start" if inside or after else "end", inside)
    return Row(row["office"], row["label"], bar)
