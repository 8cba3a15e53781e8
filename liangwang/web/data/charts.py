"""Small pictures of the data desk as numbers for SVG: day strips, volumes against bounds, stacked bars, curves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

CELL, GAP = 8, 2


@dataclass(frozen=True)
class Cell:
    """One day of a strip: where it stands and what it says."""

    x: int
    state: str
    on: date
    batches: int
    rows: int


def strip(days: Sequence[Any]) -> dict[str, Any]:
    """The cells of a strip of days, oldest first, with counts by state."""
    cells = [
        Cell(i * (CELL + GAP), day.state, day.on, day.batches, day.rows)
        for i, day in enumerate(days)
        if day.state != "before"
    ]
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.state] = counts.get(cell.state, 0) + 1
    return {"cells": cells, "counts": counts, "width": len(days) * (CELL + GAP) - GAP}


def nice(top: float) -> float:
    """The next round number at or above `top` (1, 2, 2.5, 5 × 10ⁿ), for the end of an axis.

    >>> nice(73)
    100
    """
    if top <= 0:
        return 1
    power = 1.0
    while power * 10 <= top:
        power *= 10
    while power > top:
        power /= 10
    step = next(s for s in (1, 2, 2.5, 5, 10) if s * power >= top)
    made = step * power
    return int(made) if made == int(made) else made


WIDTH, HEIGHT, DATE_WIDTH = 720.0, 150.0, 110.0


def volume(deliveries: Sequence[Any], low: int, high: int) -> dict[str, Any] | None:
    """Rows of each delivery as a column (good below, quarantined above) and the agreed bounds that lie in the picture."""
    if not deliveries:
        return None
    top = nice(max(max(one.rows for one in deliveries), 1))
    slot = WIDTH / max(len(deliveries), 12)
    bars = []
    for i, one in enumerate(deliveries):
        good, bad = one.good * HEIGHT / top, one.bad * HEIGHT / top
        whole = one.rows * HEIGHT / top
        refused = one.state == "refused"
        bars.append(
            {
                "x": round(i * slot + slot * 0.15, 1),
                "width": round(slot * 0.7, 1),
                "middle": round(i * slot + slot / 2, 1),
                "good_y": round(HEIGHT - good, 1),
                "good": round(good, 1),
                "bad_y": round(HEIGHT - whole, 1),
                "bad": round(whole if refused else bad, 1),
                "refused": refused,
                "outside": not refused and not low <= one.good <= high,
                "batch": one,
            }
        )
    lines = [
        {"y": round(HEIGHT - value * HEIGHT / top, 1), "value": value, "name": name}
        for name, value in (("low", low), ("high", high))
        if 0 < value <= top
    ]
    ticks = [{"y": round(HEIGHT - part * HEIGHT, 1), "value": _whole(top * part)} for part in (0.0, 0.5, 1.0)]
    return {
        "bars": bars, "lines": lines, "ticks": ticks, "width": WIDTH, "height": HEIGHT,
        "ends": [{"x": bars[i]["middle"], "at": deliveries[i].received_at} for i in _dated(len(bars), slot)],
        "above": high > top, "slot": slot,
    }  # fmt: skip


def _dated(count: int, slot: float) -> list[int]:
    """Which columns are dated: the first, and the last where it stands far enough from it."""
    return [0, count - 1] if (count - 1) * slot >= DATE_WIDTH else [0]


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def parts(pairs: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    """One bar from (name, word, count): each part with its start and width in percent; tiny parts stay visible."""
    rows = [(name, word, count) for name, word, count in pairs if count]
    total = sum(count for _, _, count in rows)
    if not total:
        return {"parts": [], "total": 0}
    widths = [max(count * 100 / total, 0.6) for _, _, count in rows]
    scale = 100 / sum(widths)
    made, start = [], 0.0
    for (name, word, count), width in zip(rows, widths, strict=True):
        wide = width * scale
        made.append(
            {"name": name, "word": word, "count": count, "x": round(start, 3), "width": round(wide, 3)}
        )
        start += wide
    return {"parts": made, "total": total}


def curve(values: Sequence[float | None], low: float = 0.0, high: float = 1.0) -> dict[str, Any]:
    """A curve in a box of 100 × 32 over equal steps; gaps where a value is missing."""
    span = (high - low) or 1.0
    step = 100 / max(1, len(values) - 1)
    lines: list[list[str]] = [[]]
    dots = []
    for i, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        x, y = i * step, 30 - (min(max(value, low), high) - low) / span * 28
        lines[-1].append(f"{x:.1f},{y:.1f}")
        dots.append({"x": round(x, 1), "y": round(y, 1)})
    return {"lines": [" ".join(line) for line in lines if len(line) > 1], "dots": dots}


def heat(deliveries: Sequence[Any], most: int = 8) -> list[dict[str, Any]]:
    """Reasons over time: for each of the commonest reasons, its count at each delivery and a step 0..4 of darkness."""
    totals: dict[str, int] = {}
    for one in deliveries:
        for key, count in one.reasons.items():
            totals[key] = totals.get(key, 0) + count
    top = sorted(totals, key=lambda key: (-totals[key], key))[:most]
    peak = max((one.reasons.get(key, 0) for one in deliveries for key in top), default=0)
    rows = []
    for key in top:
        cells = [
            {"count": count, "step": _step(count, peak), "batch": one, "x": i * (CELL + GAP)}
            for i, one in enumerate(deliveries)
            for count in (one.reasons.get(key, 0),)
        ]
        rows.append({"key": key, "total": totals[key], "cells": cells})
    return rows


def _step(count: int, peak: int) -> int:
    """0 for none, else 1..4 by the share of the peak."""
    return 0 if not count else min(4, 1 + int(3.999 * count / peak))
