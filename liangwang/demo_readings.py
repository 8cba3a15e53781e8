"""Readings of the demo day: covers at rest, and what happens to one of them now and then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

TICK_S = 15.0
ROUND_S = 240.0  # every cover reports once in this time
MISHAP_EVERY_S = 150.0  # something happens to a cover about as often
AT_HOME_SHARE = 0.5  # so many mishaps are in the demo street, where the hats are
KEPT_S = 20 * 60.0  # it ends by itself after this, whoever came
MISHAPS = {  # share; quantities with their range; a lorry is over before the rule's `lasting`
    "displaced": (0.55, {"tilt": (24.0, 70.0)}),
    "lorry": (0.20, {"tilt": (18.0, 30.0)}),
    "missing": (0.10, {"open": (1.0, 1.0), "tilt": (85.0, 95.0)}),
    "flooded": (0.15, {"water_depth": (255.0, 330.0)}),
}
AT_REST = {"tilt": (0.2, 2.4), "open": (0.0, 0.0), "water_depth": (20.0, 90.0), "battery": (60.0, 100.0)}


class Mishap(NamedTuple):
    """What is wrong with a cover until `until`: its readings by quantity."""

    cover: str
    until: datetime
    values: dict[str, float]


@dataclass
class Covers:
    """Every cover by key, those in the demo street, and what happens to which now."""

    keys: list[str]
    at_home: list[str]
    random: np.random.Generator
    ticks: int = 0
    mishaps: dict[str, Mishap] = field(default_factory=dict)
    next_mishap: datetime | None = None


def readings(covers: Covers, at: datetime) -> Iterator[dict[str, Any]]:
    """A slice of all covers at rest (the first time all of them), and every cover to which something happens."""
    _happen(covers, at)
    slices = round(ROUND_S / TICK_S) if covers.ticks else 1
    for cover in covers.keys[covers.ticks % slices :: slices]:
        if cover not in covers.mishaps:
            yield from _reported(cover, _drawn(covers, AT_REST), at)
    for mishap in list(covers.mishaps.values()):
        over = mishap.until <= at
        if over:
            del covers.mishaps[mishap.cover]
        yield from _reported(mishap.cover, _drawn(covers, AT_REST) | ({} if over else mishap.values), at)


def _drawn(covers: Covers, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    return {quantity: float(covers.random.uniform(*bounds)) for quantity, bounds in ranges.items()}


def _reported(cover: str, values: Mapping[str, float], at: datetime) -> Iterator[dict[str, Any]]:
    for quantity, value in values.items():
        micros = round(at.timestamp() * 1e6)
        yield {"datastream": f"{cover}.{quantity}", "at": micros, "value": round(value, 2)}


def _happen(covers: Covers, at: datetime) -> None:
    """Now and then something happens to a cover that was at rest."""
    if covers.next_mishap is not None and at < covers.next_mishap:
        return
    first = covers.next_mishap is None  # whoever watches should not wait for the first one, nor go far
    wait_s = float(covers.random.exponential(MISHAP_EVERY_S))
    covers.next_mishap = at + timedelta(seconds=min(max(wait_s, MISHAP_EVERY_S / 4), 3 * MISHAP_EVERY_S))
    pool = (
        covers.at_home
        if covers.at_home and (first or covers.random.random() < AT_HOME_SHARE)
        else covers.keys
    )
    resting = [cover for cover in pool if cover not in covers.mishaps]
    if resting:
        cover = resting[int(covers.random.integers(len(resting)))]
        drawn = str(covers.random.choice(list(MISHAPS), p=[share for share, _ in MISHAPS.values()]))
        kind = "displaced" if first else drawn
        kept_s = TICK_S if kind == "lorry" else KEPT_S
        values = _drawn(covers, MISHAPS[kind][1])
        covers.mishaps[cover] = Mishap(cover, at + timedelta(seconds=kept_s), values)
