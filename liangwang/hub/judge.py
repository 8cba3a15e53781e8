"""Judges many subjects at once by a decision rule, and finds for each the last day on which its verdict holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.rules.decide import Decision, decide, decision_expression
from liangwang.rules.language import Comparison, Name, Node, walk
from liangwang.rules.numpy_backend import Column, evaluate

HORIZON = (
    60  # days ahead that are judged; a verdict that would hold longer without a new record has no until-date
)
EPOCH = date(1970, 1, 1)
NOBODY = -1  # a subject without any row
CHUNK = 122_880  # people of one piece, so that the engine reads the pieces on all cores
Tables = Mapping[str, ibis.Table]
Facts = Callable[[Tables], ibis.Table]  # a pack's logic: one row for each of `people` (subject_id, today)


@dataclass(frozen=True)
class Judged:
    """What came of it: `ids` ascend; `cases` is the deciding case, -1 undecided; `until` days since 1970, 0 for none."""

    ids: np.ndarray
    cases: np.ndarray
    until: np.ndarray

    def rows(self) -> pa.Table:
        """As a table `subject_id, case, until`."""
        days = pa.array(self.until, pa.int32(), mask=self.until == 0)
        return pa.table({"subject_id": self.ids, "case": self.cases, "until": days.cast(pa.date32())})


def judged(
    con: "ibis.BaseBackend", decision: Decision, facts: Facts, tables: Tables, ids: np.ndarray, today: date
) -> Judged:
    """Each subject's deciding case today and the last day on which its verdict holds if no record arrives.

    `tables` hold only rows that can matter. Whoever has none is in the case of someone without any, which is asked
    once; of the others only those in another case come out of the engine. The until-date is that of the rule itself,
    judged on the days on which one of its comparisons changes.
    """
    read = {key: con.to_pyarrow(table) for key, table in tables.items()}  # once, asked twice
    none = {key: ibis.memtable(table.schema.empty_table()) for key, table in read.items()}
    nobody = _decided(con, decision, facts, none, _people(np.array([NOBODY]), [today]))
    usual = int(nobody["case"][0].as_py())
    said = _of_whom(read.values(), ids)
    tables = {key: ibis.memtable(table) for key, table in read.items()}
    found = _decided(con, decision, facts, tables, _people(said, [today]), but=usual)
    cases = np.full(len(ids), usual, np.int8)
    until = np.zeros(len(ids), np.int32)
    at = np.searchsorted(ids, found["subject_id"].to_numpy())
    cases[at] = found["case"].to_numpy()
    mildest = len(decision.cases) - 1
    if 0 <= usual < mildest:  # even of those without a record a strict verdict may end on a day
        found = _decided(con, decision, facts, tables, _people(ids, [today]), but=mildest)
    strict = found.filter(pc.and_(pc.greater_equal(found["case"], 0), pc.not_equal(found["case"], mildest)))
    if strict.num_rows:
        left = _untils(con, decision, facts, tables, strict, today)
        until[np.searchsorted(ids, strict["subject_id"].to_numpy())] = left
    return Judged(ids, cases, until)


def _of_whom(tables: Iterable[pa.Table], ids: np.ndarray) -> np.ndarray:
    """Those of the subjects of whom any row says anything, ascending: int64[n]."""
    marks = np.zeros(int(ids[-1]) + 1 if len(ids) else 1, bool)
    for table in tables:
        said = table["subject_id"].drop_null().to_numpy()
        marks[said[said < len(marks)]] = True
    found: np.ndarray = ids[marks[ids]]
    return found


def _people(ids: np.ndarray, days: list[date]) -> pa.Table:
    everyone = np.tile(ids, len(days))
    each = pa.array(np.repeat(np.array(days, dtype="datetime64[D]"), len(ids)), pa.date32())
    table = pa.table({"subject_id": everyone, "today": each})
    return pa.Table.from_batches(table.to_batches(CHUNK), table.schema)


def _decided(
    con: "ibis.BaseBackend",
    decision: Decision,
    facts: Facts,
    tables: Tables,
    people: pa.Table,
    *,
    but: int | None = None,
) -> pa.Table:
    """`subject_id, today, case` and the facts that the rule reads, by subject and day; without those in case `but`."""
    table = facts({**tables, "people": ibis.memtable(people)})
    shown = table.select("subject_id", "today", *_names(decision), case=decision_expression(decision, table))
    if but is not None:
        shown = shown.filter(shown["case"] != but)
    return con.to_pyarrow(shown).sort_by([("subject_id", "ascending"), ("today", "ascending")])


def _names(decision: Decision) -> list[str]:
    """The facts that a decision reads, each once."""
    nodes = [node for case in decision.cases if case.when is not None for node in walk(case.when)]
    return list(dict.fromkeys(node.name for node in nodes if isinstance(node, Name)))


# --- until ---------------------------------------------------------------------------------------------


def _untils(
    con: "ibis.BaseBackend", decision: Decision, facts: Facts, tables: Tables, strict: pa.Table, today: date
) -> np.ndarray:
    """The until-date of each strict subject as days since 1970, 0 for none: int32[n].

    Facts count days, so tomorrow's and those at the horizon tell whether each runs in a straight line; then only the
    days on which a comparison crosses its limit need to be judged. Whoever has a fact that bends is judged each day.
    """
    ids = strict["subject_id"].to_numpy()
    ahead = [today + timedelta(days=n) for n in (1, HORIZON)]
    mine = tables_of(tables, ids)
    later = _decided(con, decision, facts, mine, _people(ids, ahead))
    last = pc.equal(later["today"], pa.scalar(ahead[1], pa.date32()))
    names = _names(decision)
    line = Line(
        _columns(strict, names),
        _columns(later.filter(pc.invert(last)), names),
        _columns(later.filter(last), names),
    )
    days, bent = line.first_change(decision, strict["case"].to_numpy())
    if bent.any():
        days[bent] = _each_day(con, decision, facts, mine, strict.filter(pa.array(bent)), today)
    start = (today - EPOCH).days
    return np.where(days > 0, start + days - 1, 0).astype(np.int32)


def tables_of(tables: Tables, ids: np.ndarray) -> Tables:
    """Tables with the rows of some subjects only."""
    wanted = ibis.memtable(pa.table({"subject_id": ids}))
    return {key: table.semi_join(wanted, "subject_id") for key, table in tables.items()}


def _columns(table: pa.Table, names: list[str]) -> dict[str, Column]:
    """Facts as columns of the rule language: numbers as float64, text as unicode, what is missing masked."""
    found = {}
    for name in names:
        values = table[name].combine_chunks()
        null = np.asarray(pc.is_null(values)) if values.null_count else None
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            plain = values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        elif pa.types.is_boolean(values.type):
            plain = values.fill_null(False).to_numpy(zero_copy_only=False)
        else:
            plain = np.asarray(values.fill_null("").to_numpy(zero_copy_only=False), dtype=str)
        found[name] = Column(plain, null)
    return found


@dataclass(frozen=True)
class Line:
    """The facts of some subjects today, tomorrow and at the horizon, and what follows for the days between."""

    now: Mapping[str, Column]
    next: Mapping[str, Column]
    last: Mapping[str, Column]

    def first_change(self, decision: Decision, cases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first day ahead on which the verdict is another, 0 for none, and who must be judged each day: int, bool[n]."""
        n = len(cases)
        bent = np.zeros(n, bool)
        for name in self.now:
            bent |= self._bends(self.now[name], self.next[name], self.last[name])
        crossings = []
        for case in decision.cases:
            for node, other in _compared(case.when) if case.when is not None else ():
                now, tomorrow, last = (
                    _gap(node, other, facts, n) for facts in (self.now, self.next, self.last)
                )
                if now is None or tomorrow is None or last is None:
                    continue
                slope = tomorrow - now
                bent |= ~np.isclose(last, now + HORIZON * slope, rtol=0, atol=1e-9) & ~np.isnan(last)
                with np.errstate(divide="ignore", invalid="ignore"):
                    crossings.append(np.floor(-now / slope))
        days = np.zeros(n, np.int64)
        if not crossings:
            return days, bent
        candidates = np.concatenate([np.stack(crossings), np.stack(crossings) + 1])
        candidates[~((candidates >= 1) & (candidates <= HORIZON))] = HORIZON + 1
        candidates.sort(axis=0)
        verdicts = {case.then: n for n, case in enumerate(decision.cases)}
        then = np.array([*(verdicts[case.then] for case in decision.cases), -1])
        for row in candidates:
            at = np.flatnonzero((row <= HORIZON) & (days == 0) & ~bent)
            if len(at):
                changed = then[decide(decision, self._on(row, at), len(at))] != then[cases[at]]
                days[at[changed]] = row[at[changed]].astype(np.int64)
        return days, bent

    def _on(self, day: np.ndarray, at: np.ndarray) -> dict[str, Column]:
        """The facts of the subjects `at`, each on its own day ahead."""
        found = {}
        for name, now in self.now.items():
            null = None if now.null is None else now.null[at]
            values = now.values[at]
            if values.dtype.kind == "f":
                values = values + (self.next[name].values[at] - values) * day[at]
            found[name] = Column(values, null)
        return found

    @staticmethod
    def _bends(now: Column, tomorrow: Column, last: Column) -> np.ndarray:
        """Where a fact is not a straight line from today to the horizon, or is known on some days only: bool[n]."""
        none = np.zeros(len(now.values), bool)
        nulls = [none if column.null is None else column.null for column in (now, tomorrow, last)]
        bent = (nulls[0] != nulls[1]) | (nulls[0] != nulls[2])
        if now.values.dtype.kind == "f":
            reached = now.values + HORIZON * (tomorrow.values - now.values)
            off = ~np.isclose(last.values, reached, rtol=0, atol=1e-9)
        else:
            off = (now.values != tomorrow.values) | (now.values != last.values)
        return np.asarray(bent | (off & ~nulls[0]))


def _compared(node: Node) -> Iterator[tuple[Node, Node]]:
    """Every pair of numbers that a condition compares."""
    for part in walk(node):
        if isinstance(part, Comparison) and "text" not in {part.left.kind, part.right.kind}:
            yield part.left, part.right


def _gap(left: Node, right: Node, facts: Mapping[str, Column], n: int) -> np.ndarray | None:
    """left - right as float64[n], NaN where unknown; None where they are no numbers."""
    sides = [evaluate(left, facts), evaluate(right, facts)]
    values = [np.asarray(side.values) for side in sides]
    if any(value.dtype.kind not in "fiu" for value in values):
        return None
    gap = np.broadcast_to(values[0].astype(float) - values[1].astype(float), (n,)).copy()
    for side in sides:
        if side.null is not None:
            gap[np.broadcast_to(side.null, (n,))] = np.nan
    return gap


def _each_day(
    con: "ibis.BaseBackend", decision: Decision, facts: Facts, tables: Tables, strict: pa.Table, today: date
) -> np.ndarray:
    """The first day ahead on which the verdict is another, 0 for none, judged day by day: int64[n]."""
    ids, cases = strict["subject_id"].to_numpy(), strict["case"].to_numpy()
    then = [case.then for case in decision.cases]
    first = {verdict: then.index(verdict) for verdict in then}
    codes = np.array([*(first[verdict] for verdict in then), -1])
    days = [today + timedelta(days=n) for n in range(1, HORIZON + 1)]
    found = _decided(con, decision, facts, tables_of(tables, ids), _people(ids, days))
    differs = codes[found["case"].to_numpy().reshape(len(ids), HORIZON)] != codes[cases][:, None]
    return np.where(differs.any(axis=1), differs.argmax(axis=1) + 1, 0)
