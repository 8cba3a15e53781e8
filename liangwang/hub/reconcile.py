"""Weighs what sources say of a subject: one settled value for each attribute, with its state and its sources."""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.events import emit
from liangwang.base.models import Subject
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import store
from .derive import newest
from .models import Disagreement, Partition
from .schema import rows_schema
from .sources import is_emergency, sources

ROUTINE = ""
SHARD_BITS = 18  # subjects of one settled file: 262,144
MAJORITY = 0.7  # share of the trust weight that makes one of several values the majority
VERIFIED, SINGLE, MAJORITY_STATE, CONFLICT = "verified", "single", "majority", "conflict"

SETTLED = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("attribute", pa.string()),
        ("value", pa.string()),
        ("state", pa.string()),
        ("sources", pa.string()),
        ("at", pa.timestamp("us")),
        ("batch", pa.int64()),
        ("row", pa.int32()),
    ]
)


def statements(con: "ibis.BaseBackend", declared: Iterable[Declared]) -> ibis.Table | None:
    """Who says what of whom, when and where it is written: one row for each filled column that `says` something."""
    found = []
    for one in declared:
        saying = {name: column for name, column in one.value.columns.items() if column.says}
        partitions = store.in_force(Partition.Kind.ROWS, one.pack, one.key)
        if not saying or not partitions:
            continue
        rows = newest(store.scan(con, partitions, rows_schema(one.value)), one.value)
        for name, column in saying.items():
            value = rows[f"{name}_hash"] if column.sealed else rows[name].cast("string")
            found.append(
                rows.select(
                    "subject_id",
                    "batch",
                    "row",
                    attribute=ibis.literal(column.says),
                    value=value.nullif(""),
                    source=ibis.literal(one.ref),
                    weight=ibis.literal(one.value.weight),
                    at=rows[one.value.observed].cast("timestamp"),
                )
            )
    return reduce(ibis.union, found).filter(lambda t: t.value.notnull()) if found else None


def settled(said: ibis.Table) -> ibis.Table:
    """The value of each (subject, attribute): the one with most trust, and whether it is verified, single, … .

    Only the newest statement of a source counts. Equal trust is decided by recency, then by the value itself,
    so that every engine gives the same rows.
    """
    cell = ["subject_id", "attribute"]
    newest_first = ibis.window(
        group_by=[*cell, "source"], order_by=[ibis.desc("at"), ibis.desc("batch"), ibis.desc("row")]
    )
    latest = said.mutate(rank=ibis.row_number().over(newest_first)).filter(lambda t: t.rank == 0)
    votes = latest.group_by([*cell, "value"]).agg(
        trust=latest.weight.sum(),
        agree=latest.count(),
        sources=latest.source.group_concat(",", order_by=latest.source),
        at=latest.at.max(),
        batch=latest.batch.max(),
        row=latest.row.argmax(latest.batch),
    )
    by_cell = ibis.window(group_by=cell)
    best_first = ibis.window(group_by=cell, order_by=[ibis.desc("trust"), ibis.desc("at"), ibis.asc("value")])
    weighed = votes.mutate(
        rank=ibis.row_number().over(best_first),
        values_n=votes.count().over(by_cell),
        all_trust=votes.trust.sum().over(by_cell),
    ).filter(lambda t: t.rank == 0)
    state = ibis.cases(
        ((weighed.values_n == 1) & (weighed.agree >= 2), VERIFIED),
        (weighed.values_n == 1, SINGLE),
        (weighed.trust >= weighed.all_trust * MAJORITY, MAJORITY_STATE),
        else_=CONFLICT,
    )
    return weighed.mutate(state=state).select(*SETTLED.names)


def domain_of(pack: str) -> str:
    """Whose settled values a pack's rows go into: an emergency pack has its own, so that they end with it."""
    return pack if is_emergency(pack) else ROUTINE


def heard(domain: str) -> list[Declared]:
    """The sources that are weighed in a domain: routine ones always, an emergency pack's in its own only."""
    return [one for one in sources() if domain_of(one.pack) in {ROUTINE, domain}]


def settle(subject_ids: Iterable[int] | None, at: datetime, pack: str = "") -> int:
    """Settles the subjects anew (None: everybody of whom anything is said) and returns how many values stand."""
    con = store.connect()
    domain = domain_of(pack)
    said = statements(con, heard(domain))
    touched = None if subject_ids is None else np.unique(np.fromiter(subject_ids, dtype=np.int64))
    if touched is not None and not len(touched):
        return 0
    table = SETTLED.empty_table()
    if said is not None:
        if touched is not None:
            said = said.semi_join(ibis.memtable(pa.table({"subject_id": touched})), "subject_id")
        table = con.to_pyarrow(settled(said)).cast(SETTLED)
    _publish(table, touched, domain, at)
    return int(table.num_rows)


def _publish(table: pa.Table, touched: np.ndarray | None, domain: str, at: datetime) -> None:
    """Replaces the settled files of the touched shards, and opens or closes disagreements, in one transaction."""
    before = {one.shard: one for one in store.in_force(Partition.Kind.SETTLED, domain)}
    shards = _shards(table["subject_id"].to_numpy())
    affected = set(before) if touched is None else set(_shards(touched).tolist())
    written = {}
    for shard in sorted(affected | set(shards.tolist())):
        part = table.filter(pa.array(shards == shard))
        if touched is not None and shard in before:
            old = store.read(before[shard])
            kept = old.filter(pc.invert(pc.is_in(old["subject_id"], pa.array(touched))))
            part = pa.concat_tables([kept, part])
        if part.num_rows:
            part = part.sort_by([("subject_id", "ascending"), ("attribute", "ascending")])
            written[shard] = store.write_table(
                part, f"{domain or 'routine'}/settled/{shard}-{at:%Y%m%dT%H%M%S%f}"
            )
    with write():
        replaced = [before[shard].pk for shard in before if shard in affected | set(written)]
        Partition.objects.filter(pk__in=replaced).update(ended_at=at)
        for shard, file in written.items():
            store.publish(file, kind=Partition.Kind.SETTLED, pack=domain, source="", at=at, shard=shard)
        _disagreements(table, touched, domain, at)


def _shards(ids: np.ndarray) -> np.ndarray:
    return np.unique(ids >> SHARD_BITS) if ids.ndim and not len(ids) else ids >> SHARD_BITS


def _disagreements(table: pa.Table, touched: np.ndarray | None, domain: str, at: datetime) -> None:
    """A new conflict is an event, on which a ticket goes to the source office; one that is settled is closed."""
    conflicts = table.filter(pc.equal(table["state"], CONFLICT)).to_pylist()
    now = {(row["subject_id"], row["attribute"]): row for row in conflicts}
    rows = Disagreement.objects.filter(ended_at=None, pack=domain)
    if touched is not None:
        ids = set(touched.tolist())
        known = {(r.subject_id, r.attribute): r for r in rows if r.subject_id in ids}
    else:
        known = {(r.subject_id, r.attribute): r for r in rows}
    settled_now = [row.pk for key, row in known.items() if key not in now]
    Disagreement.objects.filter(pk__in=settled_now).update(ended_at=at)
    living = set(Subject.objects.filter(pk__in={s for s, _ in now}).values_list("pk", flat=True))
    for key, row in now.items():
        if key not in known and key[0] in living:
            said = {"preferred": row["sources"], "on": str(row["at"])}
            opened = Disagreement.objects.create(
                pack=domain, subject_id=key[0], attribute=key[1], said=said, opened_at=at
            )
            emit("hub.conflict", opened.ref, at, {"attribute": key[1]}, key=f"hub.conflict/{opened.ref}")
