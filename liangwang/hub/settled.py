"""The settled values on disk: a file for each span of subjects, and small files over it with what changed since."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liangwang.base.models import new_ref

from . import store
from .models import Partition
from .statements import Book

SHARD_BITS = 18  # subjects of one settled file: 262,144
SMALL_ROWS = 50_000  # a file of this size is written anew at once; over a larger one a small file is laid
MOST_LAYERS = 12  # so many small files over a large one are then made into one
VERIFIED, SINGLE, MAJORITY, CONFLICT = "verified", "single", "majority", "conflict"

STATEMENT = pa.struct([("source", pa.string()), ("batch", pa.int64()), ("row", pa.int32())])
SETTLED = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("attribute", pa.string()),  # null: nothing stands of this subject any more
        ("value", pa.string()),
        ("state", pa.string()),
        ("at", pa.timestamp("us")),
        ("support", pa.list_(STATEMENT)),
        ("against", pa.list_(STATEMENT)),
    ]
)
Figures = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def gathered(flat: pa.Table, book: Book, state: Figures) -> pa.Table:
    """Weighed statements as cells, one row each, with the statements for and against it: SETTLED, by subject."""
    if not flat.num_rows:
        return SETTLED.empty_table()
    keys = ("subject_id", "attribute", "wins", "at", "source", "batch", "row")
    down = {"wins": "descending", "at": "descending"}
    flat = flat.combine_chunks().sort_by([(key, down.get(key, "ascending")) for key in keys])
    subject, attribute = (flat[name].to_numpy() for name in ("subject_id", "attribute"))
    starts = np.flatnonzero(np.r_[True, (np.diff(subject) != 0) | (np.diff(attribute) != 0)])
    ends = np.r_[starts[1:], flat.num_rows]
    wins = flat["wins"].to_numpy()
    for_it = np.add.reduceat(wins.astype(np.int64), starts)
    said = _statements(flat, book)
    figures = (flat[name].to_numpy()[starts] for name in ("agree", "voices", "trust", "all_trust"))
    first = pa.array(starts)
    return pa.table(
        {
            "subject_id": subject[starts],
            "attribute": pa.array(book.attributes).take(pa.array(attribute[starts])),
            "value": flat["value"].take(first),
            "state": pa.array(state(*figures), pa.string()),
            "at": flat["at"].take(first),
            "support": _lists(said, starts, starts + for_it),
            "against": _lists(said, starts + for_it, ends),
        }
    ).cast(SETTLED)


def _statements(flat: pa.Table, book: Book) -> pa.StructArray:
    sources = pa.array(book.sources).take(flat["source"].combine_chunks())
    columns = [sources, flat["batch"].combine_chunks(), flat["row"].combine_chunks()]
    return pa.StructArray.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, STATEMENT, strict=True)],
        fields=list(STATEMENT),
    )


def _lists(said: pa.StructArray, low: np.ndarray, high: np.ndarray) -> pa.ListArray:
    """The slices [low, high) of a flat array as lists."""
    sizes = high - low
    offsets = np.r_[0, np.cumsum(sizes)]
    take = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + np.repeat(low, sizes)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), said.take(pa.array(take)))


# --- writing -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A written file that waits for its manifest row, and the partitions of its shard that it makes void."""

    shard: int
    file: store.Written | None
    ends: list[Partition]


def written(table: pa.Table, touched: np.ndarray | None, domain: str, at: datetime) -> list[Layer]:
    """Writes the cells of the touched subjects (None: of everybody) shard by shard; nothing counts yet."""
    held = layers(domain)
    shards = table["subject_id"].to_numpy() >> SHARD_BITS
    affected = set(held) | set(shards.tolist()) if touched is None else set((touched >> SHARD_BITS).tolist())
    found = []
    for shard in sorted(affected):
        part = table.filter(pa.array(shards == shard))
        before = held.get(shard, [])
        if touched is None:
            found.append(_layer(part, shard, before, domain, at))
            continue
        mine = touched[touched >> SHARD_BITS == shard]
        if before and (sum(p.rows for p in before) <= SMALL_ROWS or len(before) > MOST_LAYERS):
            found.append(_layer(merged([*map(store.read, before)], part, mine), shard, before, domain, at))
        elif before or part.num_rows:
            found.append(_layer(_with_gone(part, mine), shard, [], domain, at))
    return found


def _layer(part: pa.Table, shard: int, ends: list[Partition], domain: str, at: datetime) -> Layer:
    part = part.sort_by([("subject_id", "ascending"), ("attribute", "ascending")])
    name = f"{domain or 'routine'}/settled/{shard}-{at:%Y%m%dT%H%M%S%f}-{new_ref()[:6]}"
    return Layer(shard, store.write_table(part, name) if part.num_rows else None, ends)


def merged(before: list[pa.Table], part: pa.Table, touched: np.ndarray) -> pa.Table:
    """Layers, oldest first, made into one, without subjects of whom nothing stands; `part` is of the touched."""
    newest, covered = [part], touched
    for table in reversed(before):
        newest.append(table.filter(pc.invert(pc.is_in(table["subject_id"], pa.array(covered)))))
        covered = np.union1d(covered, table["subject_id"].to_numpy())
    found = pa.concat_tables(newest)
    return found.filter(pc.is_valid(found["attribute"]))


def _with_gone(part: pa.Table, touched: np.ndarray) -> pa.Table:
    """The cells of a small file, and an empty row for each touched subject of whom nothing stands any more."""
    gone = np.setdiff1d(touched, part["subject_id"].to_numpy())
    empty = {f.name: pa.nulls(len(gone), f.type) for f in SETTLED}
    return pa.concat_tables([part, pa.table({**empty, "subject_id": gone}).cast(SETTLED)])


def published(files: list[Layer], domain: str, at: datetime) -> None:
    """Makes written layers count and ends what they replace. Inside a transaction."""
    ends = [part.pk for layer in files for part in layer.ends]
    Partition.objects.filter(pk__in=ends).update(ended_at=at)
    for layer in files:
        if layer.file:
            store.publish(
                layer.file, kind=Partition.Kind.SETTLED, pack=domain, source="", at=at, shard=layer.shard
            )


# --- reading -------------------------------------------------------------------------------------------


def layers(domain: str) -> dict[int, list[Partition]]:
    """The settled files of a domain by shard, oldest first: of a subject the newest that has it counts."""
    found: dict[int, list[Partition]] = {}
    for part in store.in_force(Partition.Kind.SETTLED, domain):
        found.setdefault(part.shard, []).append(part)
    return found


def cells_of(subject_id: int, domain: str) -> list[dict[str, Any]]:
    """The settled cells of one subject, with `version`, the file that says so, and since when it does."""
    for part in reversed(store.in_force_of_shard(Partition.Kind.SETTLED, domain, subject_id >> SHARD_BITS)):
        rows = cells_in(part, subject_id)
        if rows:
            return [row for row in rows if row["attribute"] is not None]
    return []


def cells_in(part: Partition, subject_id: int) -> list[dict[str, Any]]:
    """What one settled file holds of a subject."""
    table = pq.read_table(store.paths([part])[0], filters=[("subject_id", "=", subject_id)])
    return [{**row, "version": part.pk, "since": part.at} for row in table.to_pylist()]


def everything(domain: str) -> pa.Table:
    """All cells of a domain that count."""
    tables = [
        merged([*map(store.read, parts)], SETTLED.empty_table(), np.empty(0, np.int64))
        for parts in layers(domain).values()
    ]
    return pa.concat_tables([SETTLED.empty_table(), *tables])
