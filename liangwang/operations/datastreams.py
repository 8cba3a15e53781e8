"""The index of datastreams in memory: key to dense id for ingest, and arrays by id for the kernel."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray

from liangwang.base import packs
from liangwang.hub.declare import Stream
from liangwang.rules.durations import microseconds
from liangwang.rules.state import Datastreams

from .models import Datastream

LOOK_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Index:
    """Datastreams as of one moment; `keys` by "pack:source". Arrays are indexed by the datastream's id.

    `source` gives each datastream the place of its source in `sources`, -1 = none.
    """

    newest: int
    keys: Mapping[str, Mapping[str, int]]
    streams: Datastreams
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    sources: tuple[str, ...] = ()
    source: NDArray[np.int32] = field(default_factory=lambda: np.full(1, -1, dtype=np.int32))
    merged: dict[tuple[str, ...], Mapping[str, int]] = field(default_factory=dict)

    def for_scope(self, scope: tuple[str, ...]) -> Mapping[str, int]:
        """Return key -> id of the sources that a machine may send ("pack:source", "pack:*" or "*")."""
        found = self.merged.get(scope)
        if found is None:
            names = [name for name in self.keys if _covers(scope, name)]
            found = {key: number for name in names for key, number in self.keys[name].items()}
            self.merged[scope] = found
        return found


_lock = threading.Lock()
_index: Index | None = None
_looked = 0.0


def known_index() -> Index | None:
    """Return the index if it was loaded, without looking at the database."""
    return _index


def index() -> Index:
    """Return the index, loaded at the first use."""
    global _index
    with _lock:
        if _index is None:
            _index = load()
        return _index


def refreshed() -> Index:
    """Return the index after a look whether datastreams were added; looks at most once a second."""
    global _index, _looked
    with _lock:
        if _index is not None and time.monotonic() - _looked < LOOK_AGAIN_S:
            return _index
        _looked = time.monotonic()
        newest = Datastream.objects.aggregate(newest=Max("id"))["newest"] or 0
        if _index is None or _index.newest != newest:
            _index = load()
        return _index


def forget() -> None:
    """Load anew at the next use (after registering, and in tests)."""
    global _index, _looked
    with _lock:
        _index, _looked = None, 0.0


def load() -> Index:
    """Read every datastream with what its source declares."""
    declared = stream_sources()
    rows = list(
        Datastream.objects.filter(ended_at=None)
        .order_by("id")
        .values_list("id", "asset_id", "pack", "source", "quantity", "key", "asset__kind")
    )
    size = (rows[-1][0] if rows else 0) + 1
    thing, source_of = np.full(size, -1, dtype=np.int32), np.full(size, -1, dtype=np.int32)
    place = {ref: number for number, ref in enumerate(declared)}
    every, reorder, stale = (np.zeros(size, dtype=np.int64) for _ in range(3))
    least, most = np.full(size, -np.inf), np.full(size, np.inf)
    quantity, kind = [""] * size, [""] * size
    keys: dict[str, dict[str, int]] = {}
    times_of = {name: times(stream) for name, stream in declared.items()}
    for number, asset, pack, source, name, key, asset_kind in rows:
        ref = f"{pack}:{source}"
        stream = declared.get(ref)
        if stream is None or name not in stream.quantities:
            continue
        source_of[number] = place[ref]
        thing[number], quantity[number], kind[number] = asset, name, f"{pack}:{asset_kind}"
        every[number], reorder[number], stale[number] = times_of[ref]
        bounds = stream.quantities[name]
        least[number] = -np.inf if bounds.min is None else bounds.min
        most[number] = np.inf if bounds.max is None else bounds.max
        keys.setdefault(ref, {})[key] = number
    streams = Datastreams(thing, quantity, kind, every, reorder, stale)
    newest = rows[-1][0] if rows else 0
    return Index(newest, keys, streams, least, most, tuple(declared), source_of)


def stream_sources() -> dict[str, Any]:
    """Return the declared streams of readings by "pack:source"."""
    return {one.ref: one.value for one in packs.declarations("sources.yaml") if isinstance(one.value, Stream)}


def times(stream: Stream) -> tuple[int, int, int]:
    """Return every how long a stream speaks, how long its readings may overtake each other, when it is stale, in µs."""
    return microseconds(stream.every), microseconds(stream.reorder), microseconds(stream.stale_after)


def _covers(scope: tuple[str, ...], name: str) -> bool:
    return "*" in scope or name in scope or f"{name.partition(':')[0]}:*" in scope
