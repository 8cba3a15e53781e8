"""Judging many at once: the until-date found where a comparison crosses equals the one found day by day."""

from collections.abc import Mapping
from datetime import date, timedelta

import ibis
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.hub import engine, judge
from liangwang.rules.decide import Case, Decision
from liangwang.rules.parse import parse_condition
from tests.tries import tries

TODAY = date(2020, 4, 12)
WORDS = {"zh": "因", "en": "why"}


def decision(*cases: tuple[str, str], otherwise: str = "green") -> Decision:
    made = [Case(parse_condition(when, None, {}), then, WORDS) for when, then in cases]  # type: ignore[arg-type]
    return Decision((*made, Case(None, otherwise, WORDS)))  # type: ignore[arg-type]


def facts(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Days since and days until two dates of each person; a third fact that bends: never above ten."""
    people, said = tables["people"], tables["said"]
    joined = people.left_join(said, "subject_id").drop("subject_id_right")
    since = joined.today.delta(joined.since_on, unit="day")
    return joined.select(
        "subject_id",
        "today",
        since=since,
        left=joined.until_on.delta(joined.today, unit="day").fill_null(-1),
        bent=ibis.least(since, 10),
        word=joined.word.fill_null("none"),
    )


RULES = (
    decision(("since < 14", "red"), ("left >= 0", "yellow")),
    decision(("word == 'a' and since <= 7", "red"), ("since == 20 or left == 3", "yellow")),
    decision(("since * 2 > 30", "red"), ("left == 2 or left == 5", "yellow")),
    decision(("left / 3 > 1", "red"), ("not since > 5", "red")),
    decision(("bent < 10", "red"), ("left > 4", "yellow")),
    decision(("since > 3 and left < 9 and since - left < 12", "red")),
)
PERSON = st.tuples(
    st.one_of(st.none(), st.integers(-3, 80)),
    st.one_of(st.none(), st.integers(-5, 80)),
    st.sampled_from(["a", "b", None]),
)


def said(people: list[tuple[int | None, int | None, str | None]]) -> pa.Table:
    return pa.table(
        {
            "subject_id": pa.array(range(1, len(people) + 1), pa.int64()),
            "since_on": pa.array(
                [None if s is None else TODAY - timedelta(days=s) for s, _, _ in people], pa.date32()
            ),
            "until_on": pa.array(
                [None if u is None else TODAY + timedelta(days=u) for _, u, _ in people], pa.date32()
            ),
            "word": pa.array([w for _, _, w in people], pa.string()),
        }
    )


def day_by_day(made: Decision, table: pa.Table) -> list[tuple[int, date | None]]:
    """The definition: the case today, and the day before the first on which the verdict is another."""
    con = ibis.duckdb.connect()
    ids = table["subject_id"].to_numpy()
    days = [TODAY + timedelta(days=n) for n in range(judge.HORIZON + 1)]
    tables = {"said": ibis.memtable(table)}
    found = judge._decided(con, made, facts, tables, judge._people(ids, days))["case"].to_numpy()
    answers: list[tuple[int, date | None]] = []
    for row in found.reshape(len(ids), len(days)).tolist():
        verdicts = [made.cases[case].then if case >= 0 else None for case in row]
        first = next((n for n, verdict in enumerate(verdicts) if verdict != verdicts[0]), None)
        strict = 0 <= row[0] < len(made.cases) - 1
        answers.append((row[0], days[first - 1] if strict and first else None))
    return answers


@settings(max_examples=tries(40), deadline=None)
@given(st.sampled_from(RULES), st.lists(PERSON, min_size=1, max_size=12))
def test_the_until_date_is_that_of_the_rule_itself(
    made: Decision, people: list[tuple[int | None, int | None, str | None]]
) -> None:
    table = said(people)
    con = ibis.duckdb.connect()
    ids = table["subject_id"].to_numpy()
    found = judge.judged(con, made, facts, {"said": ibis.memtable(table)}, ids, TODAY).rows()
    assert list(zip(found["case"].to_pylist(), found["until"].to_pylist(), strict=True)) == day_by_day(
        made, table
    )


def test_arrow_allocates_as_before_once_the_last_load_has_ended() -> None:
    usual = pa.default_memory_pool().backend_name
    with engine.bulk():
        with engine.bulk():
            assert pa.default_memory_pool().backend_name == "jemalloc"
        assert pa.default_memory_pool().backend_name == "jemalloc"
    assert pa.default_memory_pool().backend_name == usual != "jemalloc"


def test_nobody_strict_asks_for_no_second_query() -> None:
    made = RULES[0]
    found = judge.judged(
        ibis.duckdb.connect(),
        made,
        facts,
        {"said": ibis.memtable(said([(30, None, None)]))},
        np.array([1]),
        TODAY,
    )
    assert (found.cases.tolist(), found.until.tolist()) == ([2], [0])
