"""A city's status derived: 14.41 M people against 35 M events, 100,000 of them again, and look-ups by subject."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.test import override_settings

from liangwang.bench import Figures, figure
from liangwang.hub import attributes, derive, judge, store
from liangwang.hub.judge import Judged, Tables
from liangwang.rules.decide import decide_one

NAME = "city_code:health_status"
TODAY = date(2020, 4, 12)
AT = datetime(2020, 4, 12, 4, 0, tzinfo=UTC)
PEOPLE = 14_410_000  # holders of the code, as the article has it
VISITS, TRIPS, WATCHED = 3_000_000, 30_000_000, 2_000_000  # 35 M events of three sources
CHANGED = 100_000
LOOKUPS = 1_000_000
ROW_BY_ROW = 20_000  # people of the baseline, extrapolated to everybody
POINTS = 2_000  # look-ups of the baseline
SEED = 20200412


def figures() -> Figures:
    """`derive_full_s`, `derive_100k_s` (equal to the full result, asserted) and `lookups_per_s`."""
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as name, override_settings(DATA=Path(name)):
        yield from measured(Path(name), PEOPLE)


def measured(folder: Path, people: int) -> Figures:
    """The figures for a city of so many people, with events in proportion."""
    rule = derive.rule_of(NAME)
    tables = fixtures(folder, people)
    ids = np.arange(1, people + 1)
    full, wall, cpu = _timed(lambda: _judged(rule, tables, ids))
    _, publish_s, _ = _timed(lambda: _published(rule, full))
    one_s = row_by_row_s(rule, tables, ids)
    yield (
        "derive_full_s",
        figure(
            value=round(wall, 2),
            unit="s",
            baseline=round(one_s * people, 1),
            baseline_is=f"the rule asked row by row in Python, {ROW_BY_ROW:,} people extrapolated, facts given",
            less_is_better=True,
            cpu_s=round(cpu, 2),
            people=people,
            events=sum(int(con_rows) for con_rows in _sizes(folder)),
            not_mildest=int((full.cases != len(rule.decision.cases) - 1).sum()),
            with_until=int((full.until > 0).sum()),
            publish_s=round(publish_s, 2),
        ),
    )
    some = np.sort(np.random.default_rng(SEED).choice(ids, min(CHANGED, people // 10), replace=False))
    part, part_wall, part_cpu = _timed(lambda: _judged(rule, _of(tables, some), some))
    assert np.array_equal(part.cases, full.cases[some - 1])
    assert np.array_equal(part.until, full.until[some - 1])
    yield (
        "derive_100k_s",
        figure(
            value=round(part_wall, 2),
            unit="s",
            baseline=round(wall, 2),
            baseline_is="everybody judged again",
            less_is_better=True,
            cpu_s=round(part_cpu, 2),
            changed=len(some),
        ),
    )
    yield "lookups_per_s", lookups(full, ids)


def _judged(rule: derive.Rule, tables: Callable[[Any], Tables], ids: np.ndarray) -> Judged:
    con = store.connect()
    return judge.judged(
        con, rule.decision, derive.facts_of(rule), derive.relevant(rule, tables(con)), ids, TODAY
    )


def _of(tables: Callable[[Any], Tables], ids: np.ndarray) -> Callable[[Any], Tables]:
    return lambda con: judge.tables_of(tables(con), ids)


def _published(rule: derive.Rule, found: Judged) -> None:
    values, worse = derive.patched(rule, found, np.empty(0, attributes.RECORD), keep=False)
    attributes.write_version(_meta(rule), values, worse)
    attributes.point(NAME, "bench")


def _meta(rule: derive.Rule) -> dict[str, Any]:
    return {
        "name": NAME, "version": "bench", "rule_hash": rule.version, "at": AT, "order": None, "starts_at": None,
        "ends_at": None, "verdicts": rule.verdicts, "because": [case.because for case in rule.decision.cases],
    }  # fmt: skip


def _timed(do: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = do()
    return found, time.perf_counter() - wall, time.process_time() - cpu


# --- look-ups ------------------------------------------------------------------------------------------


def lookups(found: Judged, ids: np.ndarray) -> dict[str, Any]:
    """Single look-ups of verdict codes in the memory map, beside single look-ups in an indexed DuckDB table."""
    held = attributes.current(NAME)
    assert held is not None
    asked = np.random.default_rng(SEED).choice(ids, LOOKUPS).tolist()
    _, _, cpu = _timed(lambda: [held.lookup(subject) for subject in asked])
    _, _, whole = _timed(lambda: [held.value(subject) for subject in asked[: LOOKUPS // 10]])
    con = duckdb.connect(config={"threads": 1})
    rows = pa.table({"subject_id": found.ids, "verdict": found.cases})  # noqa: F841 (read by name below)
    con.execute("CREATE TABLE held (subject_id BIGINT PRIMARY KEY, verdict TINYINT)")
    con.execute("INSERT INTO held SELECT * FROM rows LIMIT 1000000")
    points = [subject % 1_000_000 + 1 for subject in asked[:POINTS]]
    ask = "SELECT verdict FROM held WHERE subject_id = ?"
    _, _, point = _timed(lambda: [con.execute(ask, [subject]).fetchone() for subject in points])
    for subject in asked[:POINTS]:
        assert held.lookup(subject) == held.meta.verdicts.index(_verdict(held, found, subject)) + 1
    return figure(
        value=round(LOOKUPS / cpu),
        unit="/CPU-s",
        baseline=round(POINTS / point),
        baseline_is="a point query on a primary key in DuckDB in memory (1 M rows)",
        with_reason_and_until_per_s=round(LOOKUPS / 10 / whole),
    )


def _verdict(held: attributes.AttributeMap, found: Judged, subject: int) -> str:
    return derive.rule_of(NAME).decision.cases[int(found.cases[subject - 1])].then


def row_by_row_s(rule: derive.Rule, tables: Callable[[Any], Tables], ids: np.ndarray) -> float:
    """Seconds of CPU that one person costs when the rule is asked of each row of facts by itself."""
    some = ids[:ROW_BY_ROW]
    con = store.connect()
    people = ibis.memtable(
        pa.table({"subject_id": some, "today": pa.array([TODAY] * len(some), pa.date32())})
    )
    rows = derive.relevant(rule, judge.tables_of(tables(con), some))
    facts = con.to_pyarrow(derive.facts_of(rule)({**rows, "people": people})).to_pylist()
    _, _, cpu = _timed(lambda: [decide_one(rule.decision, row) for row in facts])
    return float(cpu / len(facts))


# --- fixtures ------------------------------------------------------------------------------------------


def fixtures(folder: Path, people: int) -> Callable[[Any], Tables]:
    """Rows partitions of the three sources, sorted by subject as loads write them; returns how to open them."""
    rng = np.random.default_rng(SEED)
    scale = people / PEOPLE
    made = {
        "fever_clinics": _visits(rng, people, int(VISITS * scale)),
        "travel": _trips(rng, people, int(TRIPS * scale)),
        "community": _watched(rng, people, int(WATCHED * scale)),
    }
    for name, table in made.items():
        text = [field.name for field in table.schema if pa.types.is_string(field.type)]
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", use_dictionary=text, row_group_size=store.ROW_GROUP)
    return lambda con: {name: con.read_parquet(str(folder / f"{name}.parquet")) for name in made}


def _sizes(folder: Path) -> list[int]:
    return [pq.ParquetFile(path).metadata.num_rows for path in folder.glob("*.parquet")]


def _base(rng: np.random.Generator, people: int, n: int) -> dict[str, Any]:
    rows = np.arange(1, n + 1)
    return {
        "batch": np.ones(n, np.int64),
        "row": pa.array(rows, pa.int32()),
        "subject_id": np.sort(rng.integers(1, people + 1, n)),
    }


def _days_ago(rng: np.random.Generator, n: int, most: int) -> pa.Array:
    today = np.datetime64(TODAY, "D")
    return pa.array(today - rng.integers(0, most, n).astype("timedelta64[D]"), pa.date32())


def _pick(rng: np.random.Generator, n: int, shares: dict[str, float]) -> pa.Array:
    words = pa.array(list(shares))
    return words.take(pa.array(rng.choice(len(shares), n, p=list(shares.values()))))


def _visits(rng: np.random.Generator, people: int, n: int) -> pa.Table:
    base = _base(rng, people, n)
    results = {"positive": 0.004, "pending": 0.1, "negative": 0.896}
    return pa.table(
        {
            **base,
            "visit_no": base["row"].cast(pa.string()),
            "visited_on": _days_ago(rng, n, 60),
            "result": _pick(rng, n, results),
        }
    )


def _trips(rng: np.random.Generator, people: int, n: int) -> pa.Table:
    risks = {"high": 0.01, "medium": 0.05, "low": 0.94}
    return pa.table(
        {**_base(rng, people, n), "arrived_on": _days_ago(rng, n, 60), "risk": _pick(rng, n, risks)}
    )


def _watched(rng: np.random.Generator, people: int, n: int) -> pa.Table:
    ahead = np.datetime64(TODAY, "D") + rng.integers(-30, 14, n).astype("timedelta64[D]")
    until = pa.array(ahead, pa.date32(), mask=rng.random(n) < 0.5)
    released = _pick(rng, n, {"observing": 0.8, "released": 0.2})
    return pa.table({**_base(rng, people, n), "observed_until": until, "released": released})
