"""The same rules over parts of a city: things are dealt to shards, each is judged alone, the transitions are joined.

A rule looks at one thing at a time, so the parts need nothing of each other; Spark's groups are these same shards.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .state import Batch, Datastreams, Params
from .stream import TRANSITION, Transitions

SALT = np.uint64(0x9E3779B97F4A7C15)


def shard_of(thing: NDArray[np.integer], shards: int) -> NDArray[np.int64]:
    """Return the shard of each thing, evenly and always the same: int64[n]."""
    mixed = thing.astype(np.uint64) * SALT
    return ((mixed >> np.uint64(33)) % np.uint64(shards)).astype(np.int64)


def part_of(streams: Datastreams, shards: int, shard: int) -> Datastreams:
    """Return the datastreams with those of other shards taken from their things; indices stay."""
    mine = (streams.thing >= 0) & (shard_of(np.maximum(streams.thing, 0), shards) == shard)
    thing = np.where(mine, streams.thing, -1).astype(np.int32)
    return Datastreams(
        thing, streams.quantity, streams.kind, streams.every, streams.reorder, streams.stale_after
    )


def rows_of(params: Params, batch: Batch) -> Batch:
    """Return the readings of the things that these parameters judge."""
    return batch.pick(params.thing[batch.datastream] >= 0)


def joined(parts: Iterable[Transitions]) -> Transitions:
    """Return the transitions of all shards in the order in which one kernel gives them."""
    found: Sequence[Transitions] = [part for part in parts if len(part)]
    if not found:
        return np.zeros(0, dtype=TRANSITION)
    every = np.concatenate(found)
    return every[np.lexsort((every["kind"], every["thing"], every["rule"], every["at"]))]
