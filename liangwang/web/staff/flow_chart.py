"""Two flow charts on one scale: the steps of a bundle end to end, and as the compiler lays them."""

from collections.abc import Iterable
from typing import Any, TypedDict

from liangwang.base.labels import Label, pick


class Chart(TypedDict):
    """Bars of one flow, its working days from first to last, and marks of its axis (percent, day)."""

    bars: list["Bar"]
    total: int
    marks: list[tuple[float, int]]


class Bar(TypedDict):
    """One step: where it starts and how long it is, in percent of the longer chart."""

    label: str
    department: str
    x: float
    width: float
    end: float
    days: int


def _bars(steps: Iterable[Any], starts: Iterable[int], whole: int, lang: str) -> list[Bar]:
    return [
        Bar(
            label=pick(_label(step), lang),
            department=step.department,
            x=round(100 * start / whole, 2),
            width=round(max(1.2, 100 * step.days / whole), 2),
            end=round(100 * (start + step.days) / whole, 2),
            days=step.days,
        )
        for step, start in zip(steps, starts, strict=True)
    ]


def _label(step: Any) -> Label:
    label: Label = step.label
    return label


def _whole(steps: list[Any]) -> int:
    return max(1, sum(int(step.days) for step in steps))


MARK_DAYS = 5


def _chart(rows: list[Any], starts: list[int], lang: str) -> Chart:
    whole = _whole(rows)
    return Chart(
        bars=_bars(rows, starts, whole, lang),
        total=max((start + step.days for start, step in zip(starts, rows, strict=True)), default=0),
        marks=[(round(100 * day / whole, 2), day) for day in range(0, whole + 1, MARK_DAYS)],
    )


def serial_chart(steps: Iterable[Any], lang: str) -> Chart:
    """改革前: one step after another."""
    rows = list(steps)
    starts, day = [], 0
    for step in rows:
        starts.append(day)
        day += step.days
    return _chart(rows, starts, lang)


def parallel_chart(steps: Iterable[Any], lang: str) -> Chart:
    """改革后: each step as soon as what it needs is there."""
    rows = sorted(steps, key=lambda step: (step.starts, step.ends))
    return _chart(rows, [step.starts for step in rows], lang)
