"""What the kernel remembers of recent readings: one ring of slots per thing for each window function."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import RuleError
from .language import Window

Int = NDArray[np.int64]
Float = NDArray[np.float64]

NEVER: Final = -(2**62)
MOST_SLOTS: Final = 1024


def slots_for(call: Window, every_us: int) -> int:
    """Return how many readings a window must remember, one each `every_us`. Raises RuleError over 1024."""
    if call.function == "silent":
        return 0
    if call.ring:
        return 1
    slots = call.us // max(every_us, 1) + 2
    if slots > MOST_SLOTS:
        raise RuleError("window", call.column, text=call.text, slots=slots, most=MOST_SLOTS)
    return int(slots)


@cache
def polygon(ring: tuple[tuple[float, float], ...]) -> shapely.Polygon:
    """Return an area's polygon, prepared for many points."""
    found = shapely.Polygon(ring)
    shapely.prepare(found)
    return found


@dataclass(slots=True)
class Ring:
    """The last readings of each thing for one window: times and values [n_things, slots]."""

    at: Int
    value: Float
    next: NDArray[np.int32]

    @classmethod
    def empty(cls, things: int, slots: int) -> "Ring":
        """Return a ring that remembers nothing."""
        return cls(
            np.full((things, slots), NEVER, dtype=np.int64),
            np.full((things, slots), np.nan),
            np.zeros(things, dtype=np.int32),
        )

    def push(self, things: NDArray[np.integer], at: Int, value: Float) -> None:
        """Remember one reading for each of some distinct things; the oldest slot is overwritten."""
        slots = self.at.shape[1]
        if not slots:
            return
        where = self.next[things]
        self.at[things, where] = at
        self.value[things, where] = value
        self.next[things] = (where + 1) % slots

    def oldest_since(self, things: NDArray[np.integer], start: Int) -> tuple[Float, NDArray[np.bool_]]:
        """Return the value of the oldest reading at or after `start`, and whether at least two are there."""
        at = self.at[things]
        inside = at >= start[:, None]
        first = np.where(inside, at, np.iinfo(np.int64).max).argmin(axis=1)
        return self.value[things, first], inside.sum(axis=1) >= 2

    def count_after(self, things: NDArray[np.integer], start: Int) -> Float:
        """Return how many remembered readings lie after `start`: float[n]."""
        return np.asarray((self.at[things] > start[:, None]).sum(axis=1), dtype=np.float64)
