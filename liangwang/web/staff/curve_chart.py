"""The geometry of a curve over time: the band between least and most, the mean, gaps, marks, ticks; drawn as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from liangwang.operations.curves import Mark, Threshold
from liangwang.operations.series import Series

WIDTH, HEIGHT = 1000.0, 300.0
STEPS_H = (1 / 12, 1 / 4, 1 / 2, 1, 3, 6, 12, 24, 48, 168)
TICKS = 8
ROOM = 0.06
LABEL_GAP = 14.0


@dataclass(frozen=True)
class Frame:
    """The range of a chart: moments in µs, values in the quantity's unit."""

    start: int
    end: int
    low: float
    high: float

    def x(self, at: float) -> float:
        """Where a moment stands, inside the picture."""
        share = (at - self.start) / max(self.end - self.start, 1)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 2)

    def y(self, value: float) -> float:
        """Where a value stands."""
        return round(HEIGHT - (value - self.low) / (self.high - self.low or 1.0) * HEIGHT, 2)


def chart(curve: Series, frame: Frame, gap_us: int) -> dict[str, Any]:
    """The paths of a curve and where nothing came for longer than `gap_us`."""
    pieces = _pieces(curve, max(gap_us, curve.bucket * 2))
    half = curve.bucket / 2
    bands, lines = [], []
    for piece in pieces:
        x = [frame.x(float(at) + half) for at in curve.at[piece]]
        tops = [f"{a},{frame.y(float(v))}" for a, v in zip(x, curve.most[piece], strict=True)]
        bottoms = [f"{a},{frame.y(float(v))}" for a, v in zip(x, curve.least[piece], strict=True)]
        means = [f"{a},{frame.y(float(v))}" for a, v in zip(x, curve.mean[piece], strict=True)]
        bands.append("M" + "L".join(tops + bottoms[::-1]) + "Z")
        lines.append("M" + "L".join(means if len(means) > 1 else means * 2))
    return {
        "bands": bands,
        "lines": lines,
        "gaps": _gaps(curve, frame, pieces),
        "odd": [
            {"x": frame.x(float(at)), "y": frame.y(float(value)), "value": value}
            for at, value in zip(curve.odd_at, curve.odd_value, strict=True)
        ],
    }


def _pieces(curve: Series, gap_us: int) -> list[slice]:
    if not len(curve.at):
        return []
    cuts = np.flatnonzero(np.diff(curve.at) > gap_us) + 1
    edges = [0, *cuts.tolist(), len(curve.at)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _gaps(curve: Series, frame: Frame, pieces: Sequence[slice]) -> list[dict[str, Any]]:
    """Where the curve is broken, between its first and its last reading."""
    found = []
    for before, after in pairwise(pieces):
        start, end = int(curve.at[before.stop - 1]) + curve.bucket, int(curve.at[after.start])
        x = frame.x(start)
        found.append({"x": x, "width": round(max(frame.x(end) - x, 1.5), 2), "from": start, "to": end})
    return found


def frame_of(curve: Series, limits: Sequence[Threshold], start: int, end: int) -> Frame:
    """The range that shows the curve; a limit is in the picture where it does not flatten the curve."""
    if len(curve.at):
        low, high = float(curve.least.min()), float(curve.most.max())
    else:
        low, high = 0.0, 1.0
    span = high - low or abs(high) or 1.0
    for one in limits:
        if low - span < one.value < high + span:
            low, high = min(low, one.value), max(high, one.value)
    room = (high - low or 1.0) * ROOM
    return Frame(start, end, low - room, high + room)


def value_ticks(frame: Frame) -> list[dict[str, Any]]:
    """Round values on the left axis."""
    step = _round((frame.high - frame.low) / 5)
    first = math.ceil(frame.low / step) * step
    values = [first + n * step for n in range(12) if first + n * step <= frame.high]
    return [{"y": frame.y(v), "word": f"{round(v, 6):g}"} for v in values]


def _round(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(n * power for n in (1, 2, 5, 10) if n * power >= step)


def time_ticks(frame: Frame, zone: Any) -> list[dict[str, Any]]:
    """Moments that people count by - hours, midnights, first days of a month or year - with their words."""
    start = datetime.fromtimestamp(frame.start / 1e6, zone)
    end = datetime.fromtimestamp(frame.end / 1e6, zone)
    hours = (end - start).total_seconds() / 3600
    step = next((h for h in STEPS_H if hours / h <= TICKS), None)
    moments = _months(start, end) if step is None else _hours(start, end, step)
    return [{"x": frame.x(m.timestamp() * 1e6), "word": _word(m, step)} for m in moments]


def _hours(start: datetime, end: datetime, step: float) -> list[datetime]:
    at = start.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while at < end:
        if at >= start:
            found.append(at)
        at += timedelta(hours=step)
    return found


def _months(start: datetime, end: datetime) -> list[datetime]:
    months = (end.year - start.year) * 12 + end.month - start.month
    every = next((n for n in (1, 2, 3, 6, 12, 24, 60) if months / n <= TICKS), 120)
    found = []
    for n in range(months + 1):
        year, month = divmod(start.month - 1 + n, 12)
        at = datetime(start.year + year, month + 1, 1, tzinfo=start.tzinfo)
        if start <= at < end and (at.year * 12 + month) % every == 0:
            found.append(at)
    return found


def _word(at: datetime, step: float | None) -> str:
    if step is None:
        return at.strftime("%Y-%m")
    if step >= 24 or (at.hour == 0 and at.minute == 0):
        return at.strftime("%m-%d")
    return at.strftime("%H:%M")


def limit_lines(limits: Sequence[Threshold], frame: Frame) -> list[dict[str, Any]]:
    """The limits inside the picture; names that would lie on each other move apart."""
    found: list[dict[str, Any]] = []
    for one in sorted(limits, key=lambda each: -each.value):
        if frame.low <= one.value <= frame.high:
            y = frame.y(one.value)
            word_y = y - 4
            if found and word_y - found[-1]["word_y"] < LABEL_GAP:
                word_y = found[-1]["word_y"] + LABEL_GAP
            found.append({"y": y, "word_y": word_y, "one": one})
    return found


def signal_bars(found: Sequence[Mark], frame: Frame) -> list[dict[str, Any]]:
    """Each signal as a bar above the picture, at least as wide as can be hit."""
    bars = []
    for mark in found:
        start = frame.x(mark.at.timestamp() * 1e6)
        end = frame.x(mark.cleared_at.timestamp() * 1e6) if mark.cleared_at else WIDTH
        bars.append({"x": min(start, WIDTH - 3), "width": round(max(end - start, 3.0), 2), "mark": mark})
    return bars
