"""What new subjects change for rows that are stored already: links that were missing, and likely doubles to look at."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.packs import Declared
from liangwang.base.transactions import write
from liangwang.engines import linkage

from . import link, link_model, live, register, review, store
from .models import LateLink, Partition
from .orders import may_act
from .schema import rows_schema
from .sources import sources

ALWAYS_A_PERSON = 2.0  # no score reaches it: subjects are merged by people only


def relink(about: str, new: Iterable[int], at: datetime) -> list[int]:
    """Gives stored rows without a subject the one that has their identifier now; returns the subjects that got rows.

    Only the keys of the `new` subjects are looked for, and only among rows without a subject. A name is not enough
    here: whether it is one person's alone only the whole register knows. Runs any number of times.
    """
    con = store.connect()
    ids = ibis.memtable(pa.table({"subject_id": pa.array(new, pa.int64())}))
    fresh = con.to_pyarrow(register.register(con, about).semi_join(ids, "subject_id"))
    touched: set[int] = set()
    for one in sources():
        if one.value.about == about and one.value.identifiers and may_act(one.pack, at):
            touched |= _relink_source(con, one, fresh, at)
    return sorted(touched)


def _relink_source(con: "ibis.BaseBackend", one: Declared, fresh: pa.Table, at: datetime) -> set[int]:
    parts = store.in_force(Partition.Kind.ROWS, one.pack, one.key)
    if not parts:
        return set()
    rows = store.scan(con, parts, rows_schema(one.value))
    rows = rows.filter(rows.subject_id.isnull())
    found = link.linked(rows.drop("subject_id", "method", "score"), ibis.memtable(fresh), one.value)
    sure = found.subject_id.notnull() & (found.method != link.NAME_BIRTH_PHONE)
    late = con.to_pyarrow(
        found.filter(sure).select("batch", "row", "subject_id", "method", "score")
    ).to_pylist()
    with write():
        known = set(
            LateLink.objects.filter(batch__in={line["batch"] for line in late}, ended_at=None).values_list(
                "batch_id", "row"
            )
        )
        made = [line for line in late if (line["batch"], line["row"]) not in known]
        LateLink.objects.bulk_create(
            [
                LateLink(
                    batch_id=line["batch"],
                    row=line["row"],
                    subject_id=line["subject_id"],
                    method=line["method"],
                    score=line["score"],
                    at=at,
                )
                for line in made
            ],
            batch_size=1000,
        )
    return {line["subject_id"] for line in made}


def find_duplicates(subject_ids: Iterable[int], at: datetime) -> int:
    """Opens a review for each new person who is likely somebody the register holds already; returns how many.

    People with different numbers are never proposed. Nobody is merged without a person's decision.
    """
    model = link_model.current()
    if model is None:
        return 0
    con = store.connect()
    ids = pa.array(subject_ids, pa.int64())
    people = register.register(con).rename(id="subject_id", identity=link.KEY)
    fresh = con.to_pyarrow(
        _without_a_number(people, people.semi_join(ibis.memtable(pa.table({"id": ids})), "id"))
    )
    if not fresh.num_rows:
        return 0
    near = con.to_pyarrow(live.touched_by(people, ibis.memtable(fresh)))
    old = near.filter(pc.invert(pc.is_in(near["id"], ids)))
    pairs = linkage.candidates(fresh, old, model, register.size("person"))
    _, doubts = live.sorted_out(pairs, model, accept=ALWAYS_A_PERSON)
    found = [replace(doubt, left=doubt.row, row=None) for doubt in doubts]
    within, _ = linkage.dedupe(fresh, model)
    found += [live.doubt_of(pair, model, left=pair["left_id"]) for pair in within.to_pylist()]
    with write():
        return review.open_for_pairs(found, at)


def _without_a_number(people: ibis.Table, new: ibis.Table) -> ibis.Table:
    """The new people without a number, and those with one who share a blocking key with somebody without.

    Two numbers are two people, so of a million new people with numbers nobody else need be compared.
    """
    bare = people.filter(people.identity.isnull())
    met = live.touched_by(new.filter(new.identity.notnull()), bare)
    return ibis.union(new.filter(new.identity.isnull()), met).order_by("id")
