"""Which stored rows stand: those of the right subject that no later delivery replaced and nobody withdrew."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

import ibis
import numpy as np
import pyarrow as pa

from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import merges, store
from .declare import Source
from .link import LATE, key_of, resolved
from .models import LateLink, Partition, Recall
from .schema import rows_schema

FEW = 2_000  # up to as many subjects are looked up by row groups; more are joined
REPLACED = pa.schema(
    [
        ("batch", pa.int64()),
        ("row", pa.int32()),
        ("subject_id", pa.int64()),
        ("by_batch", pa.int64()),
        ("by_row", pa.int32()),
    ]
)
ROW = pa.schema([("batch", pa.int64()), ("row", pa.int32())])


@dataclass(frozen=True)
class Scope:
    """Of whom rows are wanted: everybody, some subjects (ids ascend), or a span of ids [low, high)."""

    ids: np.ndarray | None = None
    span: tuple[int, int] | None = None

    def cut(self, table: ibis.Table) -> ibis.Table:
        """The rows of the wanted subjects; a few ids or a span are compared, so that row groups can be skipped."""
        if self.span is not None:
            return table.filter(table.subject_id >= self.span[0], table.subject_id < self.span[1])
        if self.ids is None:
            return table.filter(table.subject_id.notnull())
        if len(self.ids) <= FEW:
            return table.filter(table.subject_id.isin(self.ids.tolist()))
        return table.semi_join(ibis.memtable(pa.table({"subject_id": self.ids})), "subject_id")

    def holds(self, ids: np.ndarray) -> np.ndarray:
        """Which of some ids are wanted: bool[n]."""
        if self.span is not None:
            return (ids >= self.span[0]) & (ids < self.span[1])
        return np.ones(len(ids), bool) if self.ids is None else np.isin(ids, self.ids)


EVERYBODY = Scope()


class Reader:
    """One look at the manifest, the merges and the withdrawn rows; what it reads later is of that instant."""

    def __init__(self, con: "ibis.BaseBackend") -> None:
        self.con = con
        self.partitions: dict[tuple[str, str, str], list[Partition]] = {}
        kinds = [Partition.Kind.ROWS, Partition.Kind.REPLACED]
        for part in Partition.objects.filter(kind__in=kinds, ended_at=None).order_by("id"):
            self.partitions.setdefault((part.kind, part.pack, part.source), []).append(part)
        merged = np.array(list(merges.aliases().items()), np.int64).reshape(-1, 2)
        self.merged, self.kept = merged[:, 0], merged[:, 1]
        self.recalls = list(Recall.objects.filter(undone_at=None).select_related("batch"))
        self.late = list(LateLink.objects.filter(ended_at=None).select_related("batch"))

    def rows(self, one: Declared, scope: Scope = EVERYBODY) -> ibis.Table:
        """The standing rows of a source, linked, of the subjects in scope."""
        late = self._late(one)
        found = scope.cut(resolved(self._stored(one, scope, late), late_table(late), self._aliases()))
        gone = self._gone(one)
        return found if gone is None else found.anti_join(gone, ["batch", "row"])

    def held(self, one: Declared) -> list[Partition]:
        """The rows partitions of a source that are in force, oldest first."""
        return self.partitions.get((Partition.Kind.ROWS, one.pack, one.key), [])

    def kept_ids(self, ids: np.ndarray) -> np.ndarray:
        """The subjects as whom some ids are read today, each once, ascending: int64[n]."""
        if not len(self.merged) or not len(ids):
            return np.unique(ids)
        order = np.argsort(self.merged)
        merged, kept = self.merged[order], self.kept[order]
        at = np.minimum(np.searchsorted(merged, ids), len(merged) - 1)
        return np.unique(np.where(merged[at] == ids, kept[at], ids))

    def _stored(self, one: Declared, scope: Scope, late: list[LateLink]) -> ibis.Table:
        """A superset of what is in scope, small where the scope is: the subjects' own rows, aliases', late ones."""
        schema = rows_schema(one.value)
        partitions = self.held(one)
        table = store.scan(self.con, partitions, schema)
        if scope.ids is None and scope.span is None:
            return table
        if scope.ids is not None and len(scope.ids) > FEW:
            return table
        also = self.merged[scope.holds(self.kept)]
        also = also[~scope.holds(also)]
        found = [scope.cut(table)]
        if len(also):
            found.append(table.filter(table.subject_id.isin(also.tolist())))
        if late:
            inside = np.union1d(also, scope.ids) if scope.ids is not None else also
            batches = {link.batch_id for link in late}
            near = store.scan(self.con, [p for p in partitions if p.batch_id in batches], schema)
            near = near.semi_join(
                ibis.memtable(_rows((link.batch_id, link.row) for link in late)), ["batch", "row"]
            )
            own = near.subject_id.isin(inside.tolist()) if len(inside) else ibis.literal(False)
            if scope.span is not None:
                own = own | ((near.subject_id >= scope.span[0]) & (near.subject_id < scope.span[1]))
            found.append(near.filter(~own.fill_null(False)))
        return reduce(ibis.union, found)

    def _late(self, one: Declared) -> list[LateLink]:
        return [link for link in self.late if (link.batch.pack, link.batch.source) == (one.pack, one.key)]

    def _aliases(self) -> ibis.Table | None:
        if not len(self.merged):
            return None
        return ibis.memtable(pa.table({"merged_id": self.merged, "kept_id": self.kept}))

    def _gone(self, one: Declared) -> ibis.Table | None:
        """`batch, row` of the rows that do not stand: withdrawn ones, and those replaced by one that stands."""
        withdrawn = self._withdrawn(one)
        parts = [p for p in self.partitions.get((Partition.Kind.REPLACED, one.pack, one.key), []) if p.rows]
        if not parts:
            return withdrawn
        pairs = store.scan(self.con, parts, REPLACED)
        if withdrawn is None:
            return pairs.select("batch", "row")
        by = withdrawn.select(by_batch=withdrawn.batch, by_row=withdrawn.row)
        return ibis.union(pairs.anti_join(by, ["by_batch", "by_row"]).select("batch", "row"), withdrawn)

    def _withdrawn(self, one: Declared) -> ibis.Table | None:
        mine = [r for r in self.recalls if (r.batch.pack, r.batch.source) == (one.pack, one.key)]
        if not mine:
            return None
        listed = _rows((r.batch_id, row) for r in mine if r.rows is not None for row in r.rows)
        found = [ibis.memtable(listed)]
        whole = {r.batch_id for r in mine if r.rows is None}
        parts = [p for p in self.held(one) if p.batch_id in whole]
        if parts:
            found.append(store.scan(self.con, parts, rows_schema(one.value)).select("batch", "row"))
        return reduce(ibis.union, found)


def late_table(late: list[LateLink]) -> ibis.Table | None:
    """Late links as `link.resolved` wants them; None where there are none."""
    if not late:
        return None
    rows = [
        {
            "late_batch": link.batch_id,
            "late_row": link.row,
            "late_id": link.subject_id,
            "late_method": link.method,
            "late_score": link.score,
        }
        for link in late
    ]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=LATE))


def _rows(pairs: Iterable[tuple[int, int]]) -> pa.Table:
    listed = list(pairs)
    return pa.table({"batch": [b for b, _ in listed], "row": [r for _, r in listed]}, schema=ROW)


# --- replaced rows -------------------------------------------------------------------------------------


def note_replaced(con: "ibis.BaseBackend", declared: Iterable[Declared], at: datetime) -> None:
    """Writes down, once per rows partition, which rows a key delivered again replaces: the later batch stands.

    A window over a whole source at each read would cost more than everything else; a source of one batch has none.
    A crash before this act only delays it: it is made up for before the next settle or derive.
    """
    reader = Reader(con)
    for one in declared:
        held = reader.held(one)
        noted = {p.batch_id for p in reader.partitions.get((Partition.Kind.REPLACED, one.pack, one.key), [])}
        for n, part in enumerate(held[1:], start=1):
            if part.batch_id not in noted:
                _note(con, one, part, held[:n], at)


def _note(
    con: "ibis.BaseBackend", one: Declared, part: Partition, before: list[Partition], at: datetime
) -> None:
    source: Source = one.value
    keys = [key_of(source, name) for name in source.key]
    schema = rows_schema(source)
    columns = ["batch", "row", "subject_id", *keys]
    mine = store.scan(con, [part], schema).select(columns)
    theirs = store.scan(con, before, schema).select(columns)
    found = con.to_pyarrow(replaced(mine, theirs, keys)).cast(REPLACED)
    name = f"{one.pack}/{one.key}/{part.batch.ref if part.batch else part.pk}.replaced"
    written = store.write_table(found, name)
    with write():
        store.publish(
            written, kind=Partition.Kind.REPLACED, pack=one.pack, source=one.key, at=at, batch=part.batch
        )


def replaced(mine: ibis.Table, theirs: ibis.Table, keys: list[str]) -> ibis.Table:
    """`batch, row, subject_id, by_batch, by_row` of every row of either table that a later batch of the other replaces."""
    other = theirs.rename({f"other_{name}": name for name in theirs.columns})
    pairs = mine.join(other, [mine[key] == other[f"other_{key}"] for key in keys])
    pairs = pairs.filter(pairs.batch != pairs.other_batch)
    later = pairs.batch > pairs.other_batch
    return pairs.select(
        batch=ibis.ifelse(later, pairs.other_batch, pairs.batch),
        row=ibis.ifelse(later, pairs.other_row, pairs.row),
        subject_id=ibis.ifelse(later, pairs.other_subject_id, pairs.subject_id),
        by_batch=ibis.ifelse(later, pairs.batch, pairs.other_batch),
        by_row=ibis.ifelse(later, pairs.row, pairs.other_row),
    )


def subjects_of(
    con: "ibis.BaseBackend", one: Declared, batch_id: int, rows: list[int] | None = None
) -> np.ndarray:
    """Whose values a batch (or some rows of it) can change: its subjects and those of rows that it replaces: int64[n].

    Both the subject that a row got when it was stored and the one as whom it is read today are in it.
    """
    reader = Reader(con)
    parts = [p for p in reader.held(one) if p.batch_id == batch_id]
    stored = store.scan(con, parts, rows_schema(one.value)).select("batch", "row", "subject_id")
    pairs = [p for p in reader.partitions.get((Partition.Kind.REPLACED, one.pack, one.key), []) if p.rows]
    over = store.scan(con, pairs, REPLACED)
    over = over.filter((over.by_batch == batch_id) | (over.batch == batch_id))
    if rows is not None:
        stored = stored.filter(stored.row.isin(rows))
        mine = ibis.ifelse(over.by_batch == batch_id, over.by_row, over.row)
        over = over.filter(mine.isin(rows))
    ids = [np.empty(0, np.int64)]
    for table in (stored, over):
        column = con.to_pyarrow(table.select("subject_id").distinct())["subject_id"]
        ids.append(column.drop_null().to_numpy())
    late = [
        link.subject_id
        for link in reader.late
        if link.batch_id == batch_id and link.subject_id and (rows is None or link.row in rows)
    ]
    own = np.unique(np.concatenate([*ids, np.array(late, np.int64)]))
    return np.union1d(own, reader.kept_ids(own))
