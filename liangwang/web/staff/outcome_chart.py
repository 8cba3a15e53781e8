"""Two outcomes of a replayed day as pictures: how many incidents were open when, and in how many minutes somebody was there."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

WIDTH: Final = 720.0
HEIGHT: Final = 200.0
HOURS: Final = (0, 6, 12, 18, 24)
SHARES: Final = (0, 25, 50, 75, 100)


def charts(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Paths and axes of both pictures; a picture is None where an outcome has nothing to draw (or was kept before it had)."""
    return {
        "open": _open(a.get("course"), b.get("course")),
        "arrive": _arrive(a.get("arrivals"), b.get("arrivals")),
    }


def _open(a: Sequence[int] | None, b: Sequence[int] | None) -> dict[str, Any] | None:
    """Open incidents over the day, in steps of ten minutes."""
    if not a or not b or not max(*a, *b):
        return None
    top = _round_up(max(*a, *b))
    hours = len(a) / 6
    return {
        "a": _steps(a, top), "b": _steps(b, top),
        "x": [{"at": round(WIDTH * hour / 24, 1), "word": f"{hour}:00"} for hour in HOURS] if hours == 24 else [],
        "y": _values(top), "width": WIDTH, "height": HEIGHT, "most_a": max(a), "most_b": max(b),
    }  # fmt: skip


def _steps(values: Sequence[int], top: float) -> str:
    step = WIDTH / len(values)
    heights = [round(HEIGHT * (1 - value / top), 1) for value in values]
    path = f"M0,{heights[0]}H{step:.1f}"
    for n, (before, now) in enumerate(pairwise(heights), start=1):
        path += f"V{now}H{(n + 1) * step:.1f}" if now != before else f"H{(n + 1) * step:.1f}"
    return path


def _arrive(a: Sequence[float | None] | None, b: Sequence[float | None] | None) -> dict[str, Any] | None:
    """The share of incidents at which somebody was within so many minutes; `arrivals` are percentiles in steps of five."""
    both = [[value for value in side or () if value is not None] for side in (a, b)]
    if not all(len(side) > 1 for side in both):
        return None
    top = _round_up(max(max(side) for side in both))
    return {
        "a": _shares(both[0], top), "b": _shares(both[1], top),
        "x": [{"at": round(WIDTH * n / 4, 1), "word": f"{top * n / 4:g}"} for n in range(5)],
        "y": [{"at": round(HEIGHT * (1 - share / 100), 1), "word": f"{share}%"} for share in SHARES],
        "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip


def _shares(percentiles: Sequence[float], top: float) -> str:
    last = len(percentiles) - 1
    points = [
        f"{WIDTH * value / top:.1f},{HEIGHT * (1 - n / last):.1f}" for n, value in enumerate(percentiles)
    ]
    return "M" + "L".join(points) + f"H{WIDTH:g}"


def _values(top: float) -> list[dict[str, Any]]:
    return [{"at": round(HEIGHT * (1 - n / 4), 1), "word": f"{top * n / 4:g}"} for n in range(5)]


def _round_up(value: float) -> float:
    """The next value that divides well by four.

    >>> [_round_up(v) for v in (3, 11, 17, 61)]
    [3.2, 12.0, 20.0, 80.0]
    """
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(n * power for n in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 4.8, 6, 8, 10) if n * power >= value)
