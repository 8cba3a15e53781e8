"""Two flow charts on one scale: the steps of a bundle end to end, and as the compiler lays them."""

from collections.abc import Iterable
from typing import Any, TypedDict

from liangwang.base.labels import Label, pick


class Bar(TypedDict):
    """One step: where it starts and how long it is, in percent of the longer chart."""

    label: str
    department: str
    x: float
    width: float
    days: int


def _bars(steps: Iterable[Any], starts: Iterable[int], whole: int, lang: str) -> list[Bar]:
    return [
        Bar(
            label=pick(_label(step), lang),
            department=step.department,
            x=round(100 * start / whole, 2),
            width=round(max(1.2, 100 * step.days / whole), 2),
            days=step.days,
        )
        for step, start in zip(steps, starts, strict=True)
    ]


def _label(step: Any) -> Label:
    label: Label = step.label
    return label


def _whole(steps: list[Any]) -> int:
    return max(1, sum(step.days for step in steps))


def serial_chart(steps: Iterable[Any], lang: str) -> list[Bar]:
    """改革前: one step after another."""
    rows = list(steps)
    starts, day = [], 0
    for step in rows:
        starts.append(day)
        day += step.days
    return _bars(rows, starts, _whole(rows), lang)


def parallel_chart(steps: Iterable[Any], lang: str) -> list[Bar]:
    """改革后: each step as soon as what it needs is there."""
    rows = sorted(steps, key=lambda step: (step.starts, step.ends))
    return _bars(rows, [step.starts for step in rows], _whole(rows), lang)
