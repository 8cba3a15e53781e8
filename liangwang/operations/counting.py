"""Gaps in what devices count: a device numbers its reports, and a number that nobody saw was lost on the way."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_GAPS = 500
"""How many new gaps one step tells of: after that, the sum alone counts."""
WIDEST = 1_000_000
"""A jump farther than this is a counter that was set anew, not a loss."""


class Gap(NamedTuple):
    """Numbers missing between two that came from a thing."""

    thing: int
    after: int
    before: int


class Count:
    """The last number of each thing, and the gaps that are still open; numbers start at 1, 0 = does not count."""

    def __init__(self, size: int = 0) -> None:
        self.last = np.zeros(size, dtype=np.int64)
        self.last_at = np.zeros(size, dtype=np.int64)
        self.open: dict[int, list[tuple[int, int]]] = {}

    def see(
        self, thing: NDArray[np.int64], seq: NDArray[np.int64], at: NDArray[np.int64]
    ) -> tuple[list[Gap], list[Gap]]:
        """Take numbers as they came; return the gaps that are new, and the single numbers that came after all.

        A thing whose quantities share a number, or that numbers each of them, is counted alike. A smaller number of a
        later time is a counter that began anew.
        """
        counted = (seq > 0) & (thing >= 0)
        if not counted.any():
            return [], []
        thing, seq, at = thing[counted], seq[counted], at[counted]
        self._grow(int(thing.max()) + 1)
        keys = sort_keys(thing, seq)
        order = np.lexsort((seq, thing)) if keys is None else np.argsort(keys)
        thing, seq, at = thing[order], seq[order], at[order]
        fresh = np.r_[True, (thing[1:] != thing[:-1]) | (seq[1:] != seq[:-1])]
        thing, seq, at = thing[fresh], seq[fresh], at[fresh]
        before = np.where(np.r_[True, thing[1:] != thing[:-1]], self.last[thing], np.r_[0, seq[:-1]])
        anew = (seq < self.last[thing]) & (at > self.last_at[thing])
        self.last[thing[anew]] = 0
        jumps = (
            (before > 0) & (seq > before + 1) & (seq - before <= WIDEST) & ~anew & (seq > self.last[thing])
        )
        found = [Gap(int(thing[n]), int(before[n]), int(seq[n])) for n in np.flatnonzero(jumps)[:MOST_GAPS]]
        filled = self._fill(thing, seq)
        for gap in found:
            self.open.setdefault(gap.thing, []).append((gap.after, gap.before))
        np.maximum.at(self.last, thing, seq)
        np.maximum.at(self.last_at, thing, at)
        return found, filled

    def _fill(self, thing: NDArray[np.int64], seq: NDArray[np.int64]) -> list[Gap]:
        """Return the numbers that lie in a gap that was open before."""
        if not self.open:
            return []
        late = np.flatnonzero(seq <= self.last[thing])
        filled = []
        for n in late:
            for after, end in self.open.get(int(thing[n]), ()):
                if after < seq[n] < end:
                    filled.append(Gap(int(thing[n]), after, int(seq[n])))
        return filled

    def _grow(self, size: int) -> None:
        more = size - len(self.last)
        if more > 0:
            self.last = np.r_[self.last, np.zeros(more, dtype=np.int64)]
            self.last_at = np.r_[self.last_at, np.zeros(more, dtype=np.int64)]


def sort_keys(first: NDArray[Any], second: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return one integer for each pair that orders as the pairs do, None where they are too far apart for that.

    One key sorts several times faster than a lexsort.
    """
    least = int(second.min())
    if int(second.max()) - least >= 2**42 or int(first.max()) >= 2**21 or int(first.min()) < 0:
        return None
    return (first.astype(np.int64) << 42) | (second - least)
