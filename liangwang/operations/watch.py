"""What each declared stream wants watched, as arrays over the index of datastreams: quality checks and priority."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liangwang.rules.durations import microseconds
from liangwang.rules.state import Batch

from . import datastreams, pressure, quality
from .models import Datastream
from .quality import Checks, Memory


@dataclass
class Watch:
    """Checks, priority (0 low, 1 normal, 2 alarm) and the memory of the last readings, for one index."""

    index: datastreams.Index
    checks: Checks
    priority: NDArray[np.int8]
    memory: Memory


_lock = threading.Lock()
_watch: Watch | None = None


def watch_of(index: datastreams.Index) -> Watch:
    """Return what is watched over an index; the memory outlives the index, so that new devices forget no old ones."""
    global _watch
    with _lock:
        if _watch is None or _watch.index is not index:
            memory = _watch.memory if _watch is not None else remembered(len(index.least))
            _watch = _built(index, memory.grown(len(index.least)))
        return _watch


def is_ready(index: datastreams.Index) -> bool:
    """Return whether `watch_of` needs no look at the database."""
    return _watch is not None and _watch.index is index


def forget() -> None:
    """Begin anew (in tests)."""
    global _watch
    with _lock:
        _watch = None


def flags(watch: Watch, batch: Batch, now: int) -> NDArray[np.uint8]:
    """Return the quality flags of readings that are taken: uint8[n]."""
    with _lock:
        return quality.flags_of(batch, watch.checks, watch.memory, now)


def turned_away(watch: Watch, stream: NDArray[np.int32], level: int) -> NDArray[np.bool_]:
    """Return which rows are not taken under this pressure; rows of unknown datastreams (-1) are not judged here."""
    if level == 0:
        return np.zeros(len(stream), dtype=bool)
    return (watch.priority[stream] < level) & (stream >= 0)


def _built(index: datastreams.Index, memory: Memory) -> Watch:
    size = len(index.least)
    checks, priority = Checks.none(size), np.ones(size, dtype=np.int8)
    declared = datastreams.stream_sources()
    quantity = np.array(index.streams.quantity, dtype=object)
    for place, ref in enumerate(index.sources):
        stream = declared.get(ref)
        if stream is None:
            continue
        here = index.source == place
        priority[here] = pressure.LEAST[stream.priority]
        for name, one in stream.quantities.items():
            if one.usual or one.change or one.flat:
                _declare(checks, here & (quantity == name), one)
    return Watch(index, checks, priority, memory)


def _declare(checks: Checks, rows: NDArray[np.bool_], one: Any) -> None:
    if one.usual:
        checks.usual_least[rows], checks.usual_most[rows] = one.usual
    if one.change:
        checks.change[rows], checks.within[rows] = one.change.most, microseconds(one.change.within)
    if one.flat:
        checks.flat[rows] = microseconds(one.flat)


def remembered(size: int) -> Memory:
    """Return a memory that begins with the latest values in the database; since when they stand is not known."""
    memory = Memory.empty(size)
    rows = Datastream.objects.filter(last_at__isnull=False, id__lt=size).values_list(
        "id", "last_at", "last_value"
    )
    for number, at, value in rows:
        assert at is not None  # as filtered
        memory.at[number] = memory.since[number] = round(at.timestamp() * 1e6)
        memory.value[number] = value
    return memory
