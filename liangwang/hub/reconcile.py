"""Weighs what sources say of a subject: one settled value for each attribute, with its state and every statement."""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce

import ibis
import numpy as np
import pyarrow as pa
from django.db.models import Max

from liangwang.base.models import Subject
from liangwang.base.transactions import write

from . import disagree, settled, standing, store
from .settled import CONFLICT, MAJORITY, SHARD_BITS, SINGLE, VERIFIED
from .standing import Reader, Scope
from .statements import NEWEST, SEPARATOR, Book, book_of, domain_of, heard, rulings, statements, with_rulings

MAJORITY_SHARE = 0.7  # share of the trust weight that makes one of several values the majority
CELL = 1024  # a cell is subject_id * CELL + attribute: one integer to sort by

WEIGHED = (
    "subject_id", "attribute", "value", "source", "at", "batch", "row", "wins", "agree", "voices", "trust", "all_trust"
)  # fmt: skip


def heard_out(said: ibis.Table) -> ibis.Table:
    """One statement for each voice and cell: of its most trusted source, the newest; ties end by value, then by row."""
    said = said.mutate(cell=said.subject_id * CELL + said.attribute.cast("int64"))
    best_first = ibis.window(
        group_by=["cell", "voice"],
        order_by=[ibis.desc("weight"), ibis.desc("at"), "value", ibis.desc("batch"), ibis.desc("row")],
    )
    return said.mutate(rank=ibis.row_number().over(best_first)).filter(lambda t: t.rank == 0).drop("rank")


def weighed(said: ibis.Table, rejected: ibis.Table | None = None) -> ibis.Table:
    """Each voice's statement with what became of it: `wins`, and of its cell `agree, voices, trust, all_trust`.

    The value of a cell is, in this order: the source office's where the rule says so (its newest word), the newest
    where the rule says so, the one with most trust, the later one, the lesser text. Where the newest counts, older
    statements of another value are no contradiction. `agree` of `voices` voices say the value.
    """
    cells = heard_out(said)
    if rejected is not None:
        cells = cells.anti_join(rejected, ["subject_id", "attribute", "value"])
    by_value, by_cell = ibis.window(group_by=["cell", "value"]), ibis.window(group_by="cell")
    never = ibis.timestamp("1900-01-01 00:00:00")
    votes = cells.mutate(
        first=ibis.ifelse((cells.rule == NEWEST) | (cells.prefer == 1), cells["at"], never),
        value_trust=cells.weight.sum().over(by_value),
        value_at=cells["at"].max().over(by_value),
    )
    best_first = ibis.window(
        group_by="cell",
        order_by=[
            *(ibis.desc(name) for name in ("prefer", "first", "value_trust", "value_at")),
            *("value", ibis.desc("batch"), ibis.desc("row")),
        ],
    )
    chosen = votes.mutate(
        best=votes.value.first().over(best_first), best_at=votes["at"].first().over(best_first)
    )
    wins = chosen.value == chosen.best
    counts = wins | (chosen.rule != NEWEST) | (chosen["at"] >= chosen.best_at)
    judged = chosen.mutate(wins=wins, counts=counts)
    return judged.mutate(
        agree=judged.wins.cast("int32").sum().over(by_cell),
        voices=judged.counts.cast("int32").sum().over(by_cell),
        trust=ibis.ifelse(judged.wins, judged.weight, 0).sum().over(by_cell),
        all_trust=ibis.ifelse(judged.counts, judged.weight, 0).sum().over(by_cell),
    )


def in_step(judged: ibis.Table, book: Book) -> ibis.Table:
    """The weighed statements, with attributes that go together taken from the one statement that won for their leader.

    A follower's own statements count only where nobody says anything of the leader. Its voices are those that won for
    the leader and say something of it, and against it those that lost.
    """
    leaders = {n: names for n, names in book.leaders().items() if n in book.attributes}
    if not leaders:
        return judged.select(*WEIGHED)
    alone = judged
    found = []
    for leader, followers in leaders.items():
        code = book.attributes.index(leader)
        won = judged.filter((judged.attribute == code) & judged.wins & judged.along.notnull())
        codes = [book.attributes.index(name) for name in followers]
        led = won.select("subject_id").distinct()
        own = alone.attribute.isin(codes)
        alone = ibis.union(alone.filter(~own), alone.filter(own).anti_join(led, "subject_id"))
        for n, follower in enumerate(codes):
            found.append(_along_with(won, n, follower))
    return reduce(ibis.union, [alone.select(*WEIGHED), *found])


def _along_with(won: ibis.Table, n: int, attribute: int) -> ibis.Table:
    """The statements of the n-th follower that came with the winning ones of its leader."""
    best_first = ibis.window(
        group_by="cell",
        order_by=[
            ibis.desc("prefer"),
            ibis.desc("at"),
            ibis.desc("weight"),
            ibis.desc("batch"),
            ibis.desc("row"),
        ],
    )
    part = won.along.split(SEPARATOR)[n].nullif("")
    parts = won.mutate(part=part, rank=ibis.row_number().over(best_first))
    by_cell = ibis.window(group_by="cell")
    led = parts.mutate(
        lead=ibis.ifelse(parts["rank"] == 0, parts.part, ibis.null("string")).max().over(by_cell)
    )
    said = led.filter(led.part.notnull() & led.lead.notnull())
    said = said.mutate(wins=said.part == said.lead, lost=said.all_trust - said.trust)
    votes = said.mutate(
        agree=said.wins.cast("int32").sum().over(by_cell),
        voices=said.part.count().over(by_cell) + said.voices - said.agree,
        trust=ibis.ifelse(said.wins, said.weight, 0).sum().over(by_cell),
        all_trust=said.weight.sum().over(by_cell) + said.lost,
    )
    return votes.mutate(attribute=ibis.literal(attribute, "int16"), value=votes.part).select(*WEIGHED)


def state(agree: np.ndarray, voices: np.ndarray, trust: np.ndarray, all_trust: np.ndarray) -> np.ndarray:
    """The state of each cell as words: verified (two voices or more, none differs), single, majority, conflict.

    >>> state(np.array([2, 1, 2, 1]), np.array([2, 1, 3, 2]), np.array([3, 1, 3, 1]), np.array([3, 1, 4, 2])).tolist()
    ['verified', 'single', 'majority', 'conflict']
    """
    alone = np.where(agree >= 2, VERIFIED, SINGLE)
    differs = np.where(trust >= MAJORITY_SHARE * all_trust, MAJORITY, CONFLICT)
    return np.where(agree == voices, alone, differs)


def settle(subject_ids: Iterable[int] | None, at: datetime, pack: str = "") -> int:
    """Settles the subjects anew (None: everybody of whom anything is said) and returns how many values stand.

    Files are written first; one transaction makes them count, with the disagreements that they open and close.
    """
    con = store.connect()
    domain = domain_of(pack)
    declared = heard(domain)
    standing.note_replaced(con, declared, at)
    reader, book = Reader(con), book_of(declared)
    if subject_ids is None:
        return _publish(domain, at, None, [_cells(reader, book, domain, s) for s in _spans()])
    touched = reader.kept_ids(np.fromiter(subject_ids, dtype=np.int64))
    given = np.union1d(touched, np.fromiter(subject_ids, dtype=np.int64))
    if not len(given):
        return 0
    return _publish(domain, at, given, [_cells(reader, book, domain, Scope(ids=given))])


def _spans() -> list[Scope]:
    """Everybody in spans of one shard each, so that memory stays that of a shard."""
    last = Subject.objects.aggregate(last=Max("id"))["last"] or 0
    size = 1 << SHARD_BITS
    return [Scope(span=(low, low + size)) for low in range(0, last + 1, size)]


def _cells(reader: Reader, book: Book, domain: str, scope: Scope) -> pa.Table:
    """The settled cells of the subjects in scope."""
    said = statements(reader, heard(domain), book, scope)
    if said is None:
        return settled.SETTLED.empty_table()
    decided = rulings(domain, book, scope)
    rejected = None
    if decided is not None:
        said, rejected = with_rulings(said, decided[0], book), decided[1]
    flat = reader.con.to_pyarrow(_settling(reader.con, said, rejected, book))
    return settled.gathered(flat, book, state)


def _settling(
    con: "ibis.BaseBackend", said: ibis.Table, rejected: ibis.Table | None, book: Book
) -> ibis.Table:
    """`in_step(weighed(…))`; on DuckDB by a text that is kept: writing it takes half a second, which one ruling waits for."""
    if con.name != "duckdb":  # whose views would be everybody's
        return in_step(weighed(said, rejected), book)
    asked = book.attributes, str(book.leaders()), rejected is not None
    if asked not in _texts:
        turned_down = None if rejected is None else ibis.table(rejected.schema(), name="rejected")
        found = in_step(weighed(ibis.table(said.schema(), name="said"), turned_down), book)
        _texts[asked] = con.compile(found), found.schema()
    con.create_view("said", said, overwrite=True)
    if rejected is not None:
        con.create_view("rejected", rejected, overwrite=True)
    text, schema = _texts[asked]
    return con.sql(text, schema=schema)


_texts: dict[tuple[tuple[str, ...], str, bool], tuple[str, ibis.Schema]] = {}


def _publish(domain: str, at: datetime, touched: np.ndarray | None, parts: list[pa.Table]) -> int:
    table = pa.concat_tables(parts) if parts else settled.SETTLED.empty_table()
    files = settled.written(table, touched, domain, at)
    with write():
        settled.published(files, domain, at)
        disagree.compared(table, touched, domain, at)
    return int(table.num_rows)
