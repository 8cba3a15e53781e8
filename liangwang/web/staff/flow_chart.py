"""Two flow charts on one scale: the items of a bundle end to end, and its steps as the compiler lays them."""

from collections.abc import Sequence
from typing import TypedDict

from liangwang.base.labels import pick
from liangwang.services.reform import Span, Study, parallel, serial

MARKS = 8


class Bar(TypedDict):
    """One bar: where it starts and how long it is, in percent of the longer chart."""

    label: str
    item: str
    x: float
    width: float
    end: float
    days: int
    start: int
    critical: bool


class Chart(TypedDict):
    """Bars of one flow, its working days from first to last, and marks of its axis (percent, day)."""

    bars: list[Bar]
    total: int
    marks: list[tuple[float, int]]


def charts(study: Study, lang: str) -> tuple[Chart, Chart]:
    """改革前 and 改革后: the serial chart, and the parallel one, drawn on the same days."""
    whole = max(study.report.before.days, study.report.after.days, 1)
    return _chart(serial(study), whole, lang), _chart(parallel(study), whole, lang)


def _chart(spans: Sequence[Span], whole: int, lang: str) -> Chart:
    every = max(1, -(-whole // MARKS))
    return Chart(
        bars=[_bar(span, whole, lang) for span in spans],
        total=max((span.start + span.days for span in spans), default=0),
        marks=[(round(100 * day / whole, 2), day) for day in range(0, whole + 1, every)],
    )


def _bar(span: Span, whole: int, lang: str) -> Bar:
    return Bar(
        label=pick(span.label, lang),
        item=pick(span.item, lang),
        x=round(100 * span.start / whole, 2),
        width=round(max(1.2, 100 * span.days / whole), 2),
        end=round(100 * (span.start + span.days) / whole, 2),
        days=span.days,
        start=span.start,
        critical=span.critical,
    )
