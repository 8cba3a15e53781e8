"""Readings wait here until they cannot be overtaken inside `reorder`; they leave in order, each once."""

import numpy as np
from numpy.typing import NDArray

from .held import merged
from .state import Batch, Params, State

Things = NDArray[np.int32]


def take(state: State, params: Params, batch: Batch, now: int) -> None:
    """Put a batch beside the readings that wait; count those that come after their moment was judged."""
    if not len(batch.at):
        return
    thing = params.thing[batch.datastream]
    late = (thing < 0) | (batch.at <= state.floor[thing])
    if late.any():
        stream, at = batch.datastream[late], batch.at[late]
        # The newest judged reading coming again is a repetition, not a late one.
        np.add.at(state.late, stream[at != state.last_at[stream]], 1)
        keep = ~late
        batch, thing = batch.pick(keep), thing[keep]
    np.maximum.at(state.top, thing, batch.at)
    state.held.add(params, batch, np.full(len(batch.at), now, dtype=np.int64))


def release(state: State, params: Params, now: int) -> Batch:
    """Take out the readings that cannot be overtaken any more, sorted by thing and time, each once."""
    chunks = state.held.sorted_in(params)
    if not chunks:
        return Batch.empty()
    for one in chunks:
        if one.least_due <= now:
            waited = one.due <= now
            np.maximum.at(state.floor, one.thing[waited], one.batch.at[waited])
    floor = state.floor[: params.things]
    np.maximum(floor, state.top[: params.things] - params.thing_reorder, out=floor)
    newest = int(floor.max())
    stays, leaves = [], []
    for one in chunks:
        out = one.batch.at <= floor[one.thing] if one.least_at <= newest else None
        if out is None or not out.any():
            stays.append(one)
        elif out.all():
            leaves.append(one)
        else:
            stays.append(one.pick(~out))
            leaves.append(one.pick(out))
    state.held.chunks = merged(stays)
    if not leaves:
        return Batch.empty()
    batch = Batch(*(np.concatenate(column) for column in zip(*(one.batch for one in leaves), strict=True)))
    return sorted_once(batch, np.concatenate([one.thing for one in leaves]))


def sorted_once(batch: Batch, thing: Things) -> Batch:
    """Sort by (thing, at, datastream, seq, value) and drop repetitions of (datastream, at, seq)."""
    if len(thing) < 2:
        return batch
    start = int(batch.at.min())
    span = int(batch.at.max()) - start
    # One integer key sorts several times faster than a lexsort; ties are few and sorted out after.
    if span < 2**42 and int(thing.max()) < 2**21:
        key = (thing.astype(np.int64) << 42) | (batch.at - start)
        order = np.argsort(key)
        key = key[order]
        same = key[1:] == key[:-1]
        if not same.any():
            return batch.pick(order)
        tied = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
        few = batch.pick(order[tied])
        order[tied] = order[tied][np.lexsort((few.value, few.seq, few.datastream, key[tied]))]
    else:
        order = np.lexsort((batch.value, batch.seq, batch.datastream, batch.at, thing))
    batch = batch.pick(order)
    again = (
        (batch.datastream[1:] == batch.datastream[:-1])
        & (batch.at[1:] == batch.at[:-1])
        & (batch.seq[1:] == batch.seq[:-1])
    )
    keep = np.concatenate([[True], ~again])
    return batch if keep.all() else batch.pick(keep)


def rounds(params: Params, batch: Batch) -> list[Batch]:
    """Cut a sorted batch into rounds in which each thing appears at most once."""
    if not len(batch.at):
        return []
    thing = params.thing[batch.datastream]
    first = np.concatenate([[True], thing[1:] != thing[:-1]])
    if first.all():
        return [batch]
    starts = np.flatnonzero(first)
    rank = np.arange(len(thing)) - np.repeat(starts, np.diff(np.append(starts, len(thing))))
    order = np.argsort(rank, kind="stable")
    cuts = np.cumsum(np.bincount(rank))[:-1]
    return [batch.pick(part) for part in np.split(order, cuts)]
