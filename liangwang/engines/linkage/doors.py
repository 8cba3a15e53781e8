"""The doors of the engine: link two tables, find the duplicates of one, propose links for a live batch."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from .clusters import clusters
from .columns import block, coded
from .findings import COMPARISONS, KEYS, KEYS_SHARED
from .model import Model, connected
from .score import agreement, contradiction, frequencies, weigh

FLOOR = -8.0  # bits below which a pair is not looked at again
PRESENT = 0.5  # the share of the rows of a batch whose person is taken to be in the register
LEAST_SCORE = 0.01


def dedupe(records: pa.Table, model: Model) -> tuple[pa.Table, pa.Table]:
    """The pairs of records and the clusters: `(left_id, right_id, score, name … source)` and `(id, cluster)`.

    `score` is the probability that the pair alone gives; a cluster is named by its smallest id and holds no contradiction.
    """
    con = connected(coded(records))
    prior = min(model.partners / max(records.num_rows - 1, 1), 0.5)
    frequencies(con, model, "true")
    block(con, between=False)
    weigh(con, model, prior, "scored", FLOOR)
    labels = clusters(con, model)
    ids = con.execute("select id from records order by row").to_arrow_table()["id"].combine_chunks()
    return _pairs(con, model), pa.table({"id": ids, "cluster": ids.take(pa.array(labels))})


def _pairs(con: duckdb.DuckDBPyConnection, model: Model) -> pa.Table:
    return con.execute(
        f"select a.id as left_id, b.id as right_id, round(1 / (1 + pow(2, -w)), 6) as score, {agreement()} "
        "from scored join records a on a.row = l join records b on b.row = r "
        f"where score >= {model.review} and not ({contradiction(model)}) order by left_id, right_id"
    ).to_arrow_table()


def link(left: pa.Table, right: pa.Table, model: Model) -> pa.Table:
    """The candidates of each left row in a whole register: `(left_id, right_id, score, rank, name … source)`.

    `score` is the probability that this one is the person, given that at most one of the candidates is: a namesake
    with the same fields halves it. Rank 1 from `model.accept` is a link, from `model.review` a matter for a person.
    """
    return _linked(left, right, model, population=right.num_rows, counted="side = 1")


def candidates(rows: pa.Table, register_rows: pa.Table, model: Model, population: int) -> pa.Table:
    """The same for a live batch, against those register rows that share a blocking key with it.

    `population` is the number of subjects in the whole register; the frequency of names is the model's.
    """
    return _linked(rows, register_rows, model, population=population, counted=None)


def _linked(
    left: pa.Table, right: pa.Table, model: Model, *, population: int, counted: str | None
) -> pa.Table:
    con = connected(coded(left, right))
    frequencies(con, model, counted)
    block(con, between=True)
    weigh(con, model, min(PRESENT / max(population, 1), 0.5), "scored", FLOOR)
    return con.execute(
        "with odds as ("
        f"select a.id as left_id, b.id as right_id, pow(2, least(w, 60)) as odds, {agreement()} "
        "from scored join records a on a.row = l join records b on b.row = r "
        f"where not ({contradiction(model)})), "
        "shares as (select *, round(odds / (1 + sum(odds) over (partition by left_id)), 6) as score from odds), "
        "ranked as (select *, row_number() over (partition by left_id order by score desc, right_id) as rank from shares) "
        f"select left_id, right_id, score, rank::int as rank, {', '.join(COMPARISONS)} from ranked "
        f"where score >= {LEAST_SCORE} order by left_id, rank"
    ).to_arrow_table()


def check() -> list[str]:
    """What keeps this engine from working; empty when nothing does."""
    try:
        _self_test()
    except Exception as error:
        return [
            f"linkage: {type(error).__name__}: {error}; reinstall Splink and DuckDB (pip install -r requirements/base.txt)"
        ]
    return []


def _self_test() -> None:
    """Two records of one person and a stranger, under a model made by hand."""
    rates = {
        name: {
            key: (0.9 if number == 0 else 0.01, 0.001 if number == 0 else 0.1)
            for number, key in enumerate(keys)
        }
        for name, keys in KEYS.items()
    }
    model = Model(
        rates=rates,
        partners=1.0,
        once=False,
        household=dict.fromkeys(KEYS_SHARED, 0.0),
        names={},
        rare=1e-4,
    )
    people = pa.table(
        {
            "id": [1, 2, 3],
            "name": ["王建国", "王建国", "李芳"],
            "surname": ["王", "王", "李"],
            "pinyin": ["wang jian guo", "wang jian guo", "li fang"],
            "phone": ["a", "a", "b"],
        }
    )
    _, found = dedupe(people, model)
    if found["cluster"].to_pylist() != [1, 1, 3]:
        raise ValueError(f"three records fall into the clusters {found['cluster'].to_pylist()}")
