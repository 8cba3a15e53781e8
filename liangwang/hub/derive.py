"""Derives an attribute: the pack's rule over all changed subjects at once, published as a new memory map."""

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
from django.conf import settings

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.events import emit
from liangwang.base.hats import platform
from liangwang.base.models import Person, new_ref
from liangwang.base.packs import Declared, declarations, declared, packs
from liangwang.base.transactions import write
from liangwang.rules.decide import Decision, decide_one
from liangwang.rules.declare import DecisionRule
from liangwang.rules.program import compile_decision, limits_of

from . import attributes, judge, merges, standing, store
from .declare import Source
from .judge import Judged
from .models import AttributeVersion, Order
from .orders import order_in_force, require_in_force
from .sources import sources


@dataclass(frozen=True)
class Rule:
    """A decision rule of a pack, compiled, with the function of logic.py that makes its facts."""

    declared: Declared
    decision: Decision
    version: str

    @property
    def name(self) -> str:
        return self.declared.ref

    @property
    def verdicts(self) -> list[str]:
        """The verdicts from the mildest (the last case) to the strictest (the first)."""
        return list(dict.fromkeys(case.then for case in reversed(self.decision.cases)))


def rule_of(name: str) -> Rule:
    """The rule called `pack:rule`, with the limits in force; raises NotFound."""
    one = declared("rules.yaml", name)
    limits = [limit for limit in declarations("limits.yaml") if limit.pack == one.pack]
    version = ".".join([one.version_hash[:16], *(limit.version_hash[:8] for limit in limits)])[:64]
    return Rule(one, compile_decision(one.value, None, limits_of(limit.value for limit in limits)), version)


def rules_of(pack: str) -> list[Rule]:
    """Every attribute rule of a pack."""
    found = [one for one in declarations("rules.yaml") if one.pack == pack]
    return [rule_of(one.ref) for one in found if isinstance(one.value, DecisionRule) and one.value.says]


def run(name: str, subject_ids: Iterable[int] | None, at: datetime) -> AttributeVersion | None:
    """Judges the subjects (None: everybody) and publishes the next version of the attribute.

    Raises OutsideOrder for an emergency pack in routine; None when nobody was to be judged.
    """
    rule = rule_of(name)
    require_in_force(rule.declared.pack, at)
    ids = _people(subject_ids)
    if not len(ids):
        return None
    found = judged(rule, ids, at, whole=subject_ids is None)
    return _publish(rule, found, at, whole=subject_ids is None)


def _people(subject_ids: Iterable[int] | None) -> np.ndarray:
    if subject_ids is None:
        rows = Person.objects.filter(subject__ended_at=None).values_list("pk", flat=True)
        return np.fromiter(rows.iterator(chunk_size=50_000), dtype=np.int64)
    return np.unique(np.fromiter(subject_ids, dtype=np.int64))


# --- judging -------------------------------------------------------------------------------------------


def judged(rule: Rule, ids: np.ndarray, at: datetime, *, whole: bool = False) -> Judged:
    """The deciding case and the until-date of each subject; `ids` ascend. `whole`: they are everybody."""
    con = store.connect()
    tables = tables_of(con, rule.declared.pack, standing.EVERYBODY if whole else standing.Scope(ids=ids), at)
    return judge.judged(con, rule.decision, facts_of(rule), relevant(rule, tables), ids, _today(at))


def _today(at: datetime) -> date:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def facts_of(rule: Rule) -> judge.Facts:
    """The pack's `logic.py: <rule>(tables) -> table`: one row for each of `people`, from that person's rows alone."""
    found: judge.Facts = getattr(logic(rule.declared.pack), rule.declared.key)
    return found


def relevant(rule: Rule, tables: Mapping[str, ibis.Table]) -> Mapping[str, ibis.Table]:
    """The rows and columns that can matter, by the pack's `logic.py: <rule>_rows(tables) -> tables` if it has one."""
    narrowed = getattr(logic(rule.declared.pack), f"{rule.declared.key}_rows", None)
    found: Mapping[str, ibis.Table] = narrowed(tables) if narrowed else tables
    return found


def logic(pack: str) -> ModuleType:
    """The pack's logic.py, loaded once for its content."""
    path = next(one.path for one in packs() if one.key == pack) / "logic.py"
    return _module(path, path.stat().st_mtime_ns)


@cache
def _module(path: Path, _changed: int) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"pack_{path.parent.name}_logic", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables_of(
    con: "ibis.BaseBackend", pack: str, scope: standing.Scope, at: datetime
) -> dict[str, ibis.Table]:
    """Each source of a pack as one table of the standing rows of the subjects in scope."""
    mine = [one for one in sources() if one.pack == pack]
    standing.note_replaced(con, mine, at)
    reader = standing.Reader(con)
    return {one.key: reader.rows(one, scope) for one in mine}


# --- publishing ----------------------------------------------------------------------------------------


def _publish(rule: Rule, found: Judged, at: datetime, *, whole: bool) -> AttributeVersion:
    order = order_in_force(rule.declared.pack, at)
    before = attributes.current(rule.name)
    usable = before is not None and before.meta.rule_hash == rule.version and not whole
    old = before.values() if before is not None else np.empty(0, attributes.RECORD)
    values, worse = patched(rule, found, old, keep=usable)
    _carried(values)
    version = f"{at:%Y%m%dT%H%M%S%f}-{new_ref()[:6]}"
    meta = _meta(rule, version, order, at)
    attributes.write_version(meta, values, worse)
    codes = np.bincount(values["verdict"], minlength=len(rule.verdicts) + 1)
    counts = {verdict: int(codes[code]) for code, verdict in enumerate(rule.verdicts, start=1)}
    with write():
        row = AttributeVersion.objects.create(
            name=rule.name,
            version=version,
            rule_hash=rule.version,
            order=order,
            at=at,
            changed=len(found.ids),
            counts=counts,
        )
        body = {"rule": rule.version, "order": order.number if order else None, "counts": counts}
        thing = Thing(kind="attribute", ref=version)
        audit.record(platform(rule.declared.pack), "decide", thing, at=at, purpose="order", body=body)
        told = {"name": rule.name, "version": version, "worse": len(worse)}
        emit("attribute.published", version, at, told, key=f"attribute.published/{version}")
    attributes.point(rule.name, version)
    attributes.remove_old(rule.name)
    return row


def patched(rule: Rule, found: Judged, old: np.ndarray, *, keep: bool) -> tuple[np.ndarray, np.ndarray]:
    """The next map, and the subjects whose verdict became stricter: RECORD[max id + 1], int64[n]."""
    ids = found.ids
    size = max(int(ids[-1]) + 1 if len(ids) else 0, len(old) if keep else 0)
    values = np.zeros(size, attributes.RECORD)
    if keep:
        values[: len(old)] = old
    codes = np.array([*(rule.verdicts.index(case.then) + 1 for case in rule.decision.cases), 0], dtype="u1")
    values["verdict"][ids] = codes[
        found.cases
    ]  # undecided is case -1, the last code: no verdict, a person decides
    values["case"][ids] = np.maximum(found.cases, 0)
    values["until"][ids] = found.until
    inside = ids[ids < len(old)]
    worse = inside[values["verdict"][inside] > np.maximum(old["verdict"][inside], 1)]
    return values, worse


def _carried(values: np.ndarray) -> None:
    """A merged subject has the value of the one that is kept, so that a look-up needs no database."""
    for merged, kept in merges.aliases().items():
        if max(merged, kept) < len(values):
            values[merged] = values[kept]


def _meta(rule: Rule, version: str, order: Order | None, at: datetime) -> dict[str, Any]:
    return {
        "name": rule.name,
        "version": version,
        "rule_hash": rule.version,
        "at": at,
        "order": order.number if order else None,
        "starts_at": order.starts_at if order else None,
        "ends_at": order.ends_at if order else None,
        "verdicts": rule.verdicts,
        "because": [case.because for case in rule.decision.cases],
    }


# --- why -----------------------------------------------------------------------------------------------


def why(name: str, subject_id: int, at: datetime) -> dict[str, Any]:
    """One subject's verdict traced: the deciding case, each condition with its values, and the rows behind them."""
    rule = rule_of(name)
    require_in_force(rule.declared.pack, at)
    con = store.connect()
    one = standing.Scope(ids=np.array([subject_id]))
    tables = tables_of(con, rule.declared.pack, one, at)
    people = ibis.memtable(pa.table({"subject_id": [subject_id], "today": [_today(at)]}))
    facts = con.to_pyarrow(facts_of(rule)({**relevant(rule, tables), "people": people})).to_pylist()[0]
    case, trace = decide_one(rule.decision, facts)
    return {
        "verdict": case.then if case else None,
        "because": case.because if case else None,
        "trace": trace,
        "records": _records(con, tables, rule.declared.pack),
    }


def _records(con: "ibis.BaseBackend", tables: Mapping[str, ibis.Table], pack: str) -> list[dict[str, Any]]:
    """The source rows of one subject, without their sealed columns, newest first."""
    rows = []
    by_key = {one.key: one for one in sources() if one.pack == pack}
    for key, table in tables.items():
        source: Source = by_key[key].value
        shown = [name for name, column in source.columns.items() if not column.sealed]
        whose = {"source": key, "label": source.label, "office": source.office}
        records = con.to_pyarrow(table.select("batch", "row", *shown)).to_pylist()
        rows += [{**whose, "on": record[source.observed], **record} for record in records]
    return sorted(rows, key=lambda row: str(row["on"]), reverse=True)
