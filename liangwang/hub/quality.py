"""How good sources and attributes are, as plain numbers: contract, agreement, freshness, who was right."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db.models import Max, Q, Sum

from liangwang.base.packs import Declared
from liangwang.base.units import duration

from . import store
from .models import Batch, Disagreement, Partition
from .orders import acting
from .settled import CONFLICT, MAJORITY, SINGLE, VERIFIED
from .sources import is_emergency, sources
from .statements import ROUTINE, domain_of

STATES = (VERIFIED, SINGLE, MAJORITY, CONFLICT)
Cell = tuple[str, str]


@dataclass(frozen=True)
class SourceQuality:
    """One source; each share is 0..1, and None where there is nothing to measure it by.

    `contract` = good rows / delivered rows. `agreement` = settled cells in which its statement won / those in which it
    and another voice spoke. `freshness` = 1 while the last delivery is not older than promised, then promised age /
    age. `right` = ended disagreements in which it was right / those in which it spoke. `score` = the product of those
    that can be measured: a source is as good as all of them together allow.
    """

    declared: Declared
    contract: float | None
    agreement: float | None
    freshness: float | None
    right: float | None
    rows: int
    bad: int
    compared: int
    disputes: int

    @property
    def score(self) -> float | None:
        found = [x for x in (self.contract, self.agreement, self.freshness, self.right) if x is not None]
        total = 1.0
        for share in found:
            total *= share
        return total if found else None


@dataclass(frozen=True)
class AttributeQuality:
    """One attribute: settled cells by state, and disagreements; shares are 0..1, None without cells.

    `known` = (verified + single + majority) / cells: those with a value that no equal voice denies. `verified` =
    verified / cells. `agreement` = statements that won / statements in cells where more than one voice spoke.
    """

    attribute: str
    cells: dict[str, int]
    agreement: float | None
    open_disputes: int
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.cells.values())

    @property
    def verified(self) -> float | None:
        return self.cells[VERIFIED] / self.total if self.total else None

    @property
    def known(self) -> float | None:
        return 1 - self.cells[CONFLICT] / self.total if self.total else None


def by_source(at: datetime) -> list[SourceQuality]:
    """Every declared source that may be shown at `at`, by its key; one pass over the settled files."""
    won, lost = Counter[str](), Counter[str]()
    for part in _chunks(at):
        for key, counter in (("support", won), ("against", lost)):
            for (_, source), count in _spoken(part, key).items():
                counter[source] += count
    right, wrong = _outcomes()
    taken = {
        (row["pack"], row["source"]): (row["all_rows"], row["all_bad"], row["came"])
        for row in Batch.objects.exclude(state=Batch.State.ERASED)
        .values("pack", "source")
        .annotate(
            all_rows=Sum("rows"),
            all_bad=Sum("bad"),
            came=Max("received_at", filter=Q(state=Batch.State.LOADED)),
        )
    }
    return [
        _source(one, taken.get((one.pack, one.key)), (won, lost), (right, wrong), at) for one in _shown(at)
    ]


def _shown(at: datetime) -> list[Declared]:
    """The sources of packs that may act at `at`, in one query."""
    live = acting(at)
    return [one for one in sources() if not is_emergency(one.pack) or one.pack in live]


def _source(
    one: Declared,
    taken: tuple[int, int, datetime | None] | None,
    spoken: tuple[Counter[str], Counter[str]],
    disputes: tuple[Counter[str], Counter[str]],
    at: datetime,
) -> SourceQuality:
    rows, bad, came = taken or (0, 0, None)
    won, lost = (counter[one.ref] for counter in spoken)
    right, wrong = (counter[one.ref] for counter in disputes)
    return SourceQuality(
        declared=one,
        contract=_share(rows - bad, rows),
        agreement=_share(won, won + lost),
        freshness=_freshness(one, came, at),
        right=_share(right, right + wrong),
        rows=rows,
        bad=bad,
        compared=won + lost,
        disputes=right + wrong,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _freshness(one: Declared, came: datetime | None, at: datetime) -> float | None:
    """1 while fresh, then falling as promised age / age; None for a source that never came."""
    if came is None:
        return None
    age, promised = at - came, duration(one.value.fresh_within)
    return 1.0 if age <= promised else promised / age


def by_attribute(at: datetime) -> list[AttributeQuality]:
    """Every attribute of which something is settled and may be shown at `at`, by its key."""
    states, won, lost = Counter[Cell](), Counter[str](), Counter[str]()
    for part in _chunks(at):
        pairs = pa.table({"attribute": part["attribute"], "state": part["state"]})
        counted = pairs.group_by(["attribute", "state"]).aggregate([([], "count_all")]).to_pylist()
        for row in counted:
            states[(row["attribute"], row["state"])] += row["count_all"]
        for key, counter in (("support", won), ("against", lost)):
            for (attribute, _), count in _spoken(part, key).items():
                counter[attribute] += count
    open_ones, ended = Counter[str](), Counter[Cell]()
    for row in Disagreement.objects.values("attribute", "ended_by", "ended_at"):
        if row["ended_at"] is None:
            open_ones[row["attribute"]] += 1
        else:
            ended[(row["attribute"], row["ended_by"])] += 1
    return [
        AttributeQuality(
            attribute=name,
            cells={state: states[(name, state)] for state in STATES},
            agreement=_share(won[name], won[name] + lost[name]),
            open_disputes=open_ones[name],
            ended={how: count for (attribute, how), count in sorted(ended.items()) if attribute == name},
        )
        for name in sorted({attribute for attribute, _ in states})
    ]


def _outcomes() -> tuple[Counter[str], Counter[str]]:
    """In how many ended disagreements each source was right, and in how many wrong."""
    right, wrong = Counter[str](), Counter[str]()
    for said in Disagreement.objects.exclude(ended_at=None).values_list("said", flat=True).iterator():
        right.update(said.get("right", ()))
        wrong.update(said.get("wrong", ()))
    return right, wrong


def _chunks(at: datetime) -> Iterator[pa.Table]:
    """The settled cells of every domain that may act, a row group at a time: of a subject the newest layer only."""
    domains = {domain_of(one.pack) for one in _shown(at)} | {ROUTINE}
    columns = ["subject_id", "attribute", "state", "support", "against"]
    layers = [part for part in store.in_force(Partition.Kind.SETTLED) if part.pack in domains]
    # Nothing lies under the lowest layer of a shard, so its subjects need not be kept in mind.
    lowest = {(part.pack, part.shard): part.pk for part in reversed(layers)}
    covered: dict[tuple[str, int], list[pa.Array]] = {}
    for part in sorted(layers, key=lambda part: (part.pack, -part.pk)):
        over = covered.setdefault((part.pack, part.shard), [])
        found = pq.ParquetFile(store.paths([part])[0])
        for batch in found.iter_batches(columns=columns):
            table = pa.Table.from_batches([batch])
            for ids in over:
                table = table.filter(pc.invert(pc.is_in(table["subject_id"], ids)))
            yield table.filter(pc.is_valid(table["attribute"]))
        if part.pk != lowest[part.pack, part.shard]:
            over.append(found.read(columns=["subject_id"])["subject_id"].combine_chunks())


def _spoken(table: pa.Table, key: str) -> Counter[Cell]:
    """How often each source spoke, by (attribute, source), in the cells in which more than one voice did."""
    voices = pc.add(pc.list_value_length(table["support"]), pc.list_value_length(table["against"]))
    table = table.filter(pc.greater(voices, 1))
    column = table[key].combine_chunks()
    parents = pc.list_parent_indices(column)
    said = pa.table(
        {
            "attribute": table["attribute"].combine_chunks().take(parents),
            "source": pc.struct_field(column.flatten(), "source"),
        }
    )
    counted = said.group_by(["attribute", "source"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({(row["attribute"], row["source"]): row["count_all"] for row in counted})
