"""Quality of readings: outside the usual range, a leap, a value that stands still, a clock that is wrong; a bit each.

A flagged reading is kept and judged as any other: the flag says to people and to later analysis what is odd about it.
The memory is this process's own: after a restart it begins with the latest values in the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liangwang.base.labels import Label
from liangwang.rules.state import Batch

RANGE, CHANGE, FLAT, CLOCK = 1, 2, 4, 8
FLAG_LABELS: Final[dict[int, Label]] = {
    RANGE: {"zh": "超出常见范围", "en": "Outside the usual range"},
    CHANGE: {"zh": "跳变", "en": "A leap"},
    FLAT: {"zh": "长时间不变", "en": "Stands still"},
    CLOCK: {"zh": "设备时钟不准", "en": "Device clock wrong"},
}
CLOCK_BEHIND_US: Final = 12 * 3_600_000_000
"""A reading so much older than its arrival comes from a wrong clock, or was kept long without a connection."""
CLOCK_AHEAD_US: Final = 60_000_000
NEVER: Final = np.iinfo(np.int64).min


class Checks(NamedTuple):
    """What is declared, by datastream: usual range, most change (per µs over at least `within`), longest standstill."""

    usual_least: NDArray[np.float64]
    usual_most: NDArray[np.float64]
    change: NDArray[np.float64]
    within: NDArray[np.int64]
    flat: NDArray[np.int64]

    @classmethod
    def none(cls, size: int) -> "Checks":
        """Checks that flag nothing, for `size` datastreams."""
        return cls(
            np.full(size, -np.inf),
            np.full(size, np.inf),
            np.full(size, np.inf),
            np.ones(size, dtype=np.int64),
            np.full(size, np.iinfo(np.int64).max, dtype=np.int64),
        )


@dataclass
class Memory:
    """The last reading of each datastream as this process saw it, and since when its value has not moved."""

    at: NDArray[np.int64]
    value: NDArray[np.float64]
    since: NDArray[np.int64]

    @classmethod
    def empty(cls, size: int) -> "Memory":
        """A memory that knows nothing of `size` datastreams."""
        return cls(np.full(size, NEVER), np.zeros(size), np.full(size, NEVER))

    def grown(self, size: int) -> "Memory":
        """The same memory for at least `size` datastreams."""
        more = size - len(self.at)
        if more <= 0:
            return self
        blank = Memory.empty(more)
        return Memory(
            np.concatenate([self.at, blank.at]),
            np.concatenate([self.value, blank.value]),
            np.concatenate([self.since, blank.since]),
        )


def flags_of(batch: Batch, checks: Checks, memory: Memory, now: int) -> NDArray[np.uint8]:
    """Return the flags of each reading: uint8[n]; `memory` goes along. `now` in µs.

    Readings of one datastream are compared in the order of their time; one that is older than what is remembered
    is not compared, and is not remembered.
    """
    flags = np.zeros(len(batch.at), dtype=np.uint8)
    if not len(flags):
        return flags
    stream = batch.datastream
    flags[(batch.value < checks.usual_least[stream]) | (batch.value > checks.usual_most[stream])] |= RANGE
    flags[(batch.at < now - CLOCK_BEHIND_US) | (batch.at > now + CLOCK_AHEAD_US)] |= CLOCK
    limited = np.isfinite(checks.change[stream]) | (checks.flat[stream] < np.iinfo(np.int64).max)
    if limited.any():
        places = np.flatnonzero(limited)
        flags[places] |= _compared(batch.pick(limited), checks, memory)
    return flags


def _compared(batch: Batch, checks: Checks, memory: Memory) -> NDArray[np.uint8]:
    """Compare each reading with the one before it, in rounds: a datastream has one reading in a round."""
    flags = np.zeros(len(batch.at), dtype=np.uint8)
    for places in _rounds(batch):
        stream, at, value = batch.datastream[places], batch.at[places], batch.value[places]
        newer = at > memory.at[stream]
        known = newer & (memory.at[stream] != NEVER)
        span = np.where(known, at - memory.at[stream], 1)
        allowed = checks.change[stream] * np.maximum(span / checks.within[stream], 1.0)
        leap = known & (np.abs(value - memory.value[stream]) > allowed)
        same = known & (value == memory.value[stream])
        since = np.where(same, memory.since[stream], at)
        flat = same & (at - since >= checks.flat[stream])
        flags[places] |= (leap * CHANGE + flat * FLAT).astype(np.uint8)
        kept = stream[newer]
        memory.at[kept], memory.value[kept], memory.since[kept] = at[newer], value[newer], since[newer]
    return flags


def _rounds(batch: Batch) -> Iterator[NDArray[np.int64]]:
    """Yield positions so that each datastream occurs once in a round, its readings in the order of time."""
    if once_each(batch.datastream):
        yield np.arange(len(batch.at))
        return
    order = np.lexsort((batch.at, batch.datastream))
    stream = batch.datastream[order]
    first = np.flatnonzero(np.r_[True, stream[1:] != stream[:-1]])
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
    by_rank = np.argsort(rank, kind="stable")
    for part in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]):
        yield order[part]


def once_each(stream: NDArray[np.int32]) -> bool:
    """Return whether no datastream has two readings: the usual batch of a gateway, which needs no order then."""
    ordered = np.sort(stream)
    return not (ordered[1:] == ordered[:-1]).any()


def counts(flags: NDArray[np.uint8]) -> dict[int, int]:
    """Return how many readings have each flag; flags that nobody has are left out."""
    if not flags.any():
        return {}
    found = {bit: int(np.count_nonzero(flags & bit)) for bit in FLAG_LABELS}
    return {bit: n for bit, n in found.items() if n}
