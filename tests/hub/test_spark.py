"""The hub's transformations on Spark: row for row what DuckDB gives, from the same files."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from liangwang.hub import collect, contract, derive, judge, link, live, reconcile, standing, store
from liangwang.hub.declare import Source
from liangwang.hub.doubles import Doubles
from liangwang.hub.features import FEATURES, features
from liangwang.hub.generate import Recipe, made, most_rows
from liangwang.hub.generate_people import People, texts
from liangwang.hub.sources import source_of, sources
from liangwang.hub.statements import _said_by, book_of, voice_of

from . import factories as make

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
        reason="Spark needs the [spark] extra and Java 17",
    ),
]
PLACES = {"district": ["310105"], "street": ["310105002"], "neighbourhood": ["310105002001", "310105002002"]}
TODAY = date(2020, 4, 12)
PEOPLE = People(20_000, seed=5, division="310199")
RECIPE = Recipe(PEOPLE, seed=5, today=TODAY, places=lambda level: PLACES[level or "street"], bad=0.1)
CONTEXT = contract.Context(
    datetime(2020, 4, 12, 12, tzinfo=UTC),
    ZoneInfo("Asia/Shanghai"),
    lambda level: (
        frozenset(code for codes in PLACES.values() for code in codes)
        if level is None
        else frozenset(PLACES[level])
    ),
)
ROWS, LARGE = 2_000, 100_000
EVERY = [one.ref for one in sources()]
PERSONAL = ["emergency_travel:rail", "city_code:community", "city_code:travel", "city_code:fever_clinics"]
Table = Callable[[str, pa.Table], ibis.Table]


class Twin:
    """Both engines over one folder of Parquet files."""

    def __init__(self, folder: Path) -> None:
        from liangwang.engines.spark import connected

        self.folder = folder
        self.engines = [ibis.duckdb.connect(threads=2), connected("local[2]")]
        self.number = 0

    def same(self, expression: Callable[..., ibis.Table], **tables: pa.Table) -> pa.Table:
        """What DuckDB makes of the tables, after Spark has made the same rows of them."""
        self.number += 1
        paths = {}
        for name, table in tables.items():
            paths[name] = str(self.folder / f"{self.number}.{name}.parquet")
            pq.write_table(table, paths[name], row_group_size=10_000)
        found = [
            con.to_pyarrow(expression(**{name: con.read_parquet(path) for name, path in paths.items()}))
            for con in self.engines
        ]
        duck, spark = (canonical(table) for table in found)
        assert duck.column_names == spark.column_names
        assert duck.num_rows == spark.num_rows
        for name in duck.column_names:
            if not duck[name].equals(spark[name]):
                left, right = duck[name].to_pylist(), spark[name].to_pylist()
                apart = [n for n in range(len(left)) if left[n] != right[n]]
                raise AssertionError(
                    f"{name} differs in {len(apart)} of {len(left)} rows, first: "
                    f"{duck.slice(apart[0], 1).to_pylist()} but Spark {spark.slice(apart[0], 1).to_pylist()}"
                )
        return found[0]


def canonical(table: pa.Table) -> pa.Table:
    """The rows in one order, in the widest of the types that engines choose differently."""
    wide = []
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_integer(field.type):
            column = column.cast(pa.int64())
        elif pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("us"))
        elif pa.types.is_large_string(field.type):
            column = column.cast(pa.string())
        elif pa.types.is_list(field.type):
            column = pa.chunked_array(
                [pa.array([None if v is None else "|".join(v) for v in column.to_pylist()], pa.string())]
            )
        wide.append(column.combine_chunks())
    flat = pa.table(wide, names=table.column_names)
    return flat.sort_by([(name, "ascending") for name in flat.column_names])


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """One Spark session for all tests: it takes ten seconds to start."""
    made = Twin(tmp_path_factory.mktemp("spark"))
    yield made
    made.engines[1].disconnect()


def test_a_difference_between_the_engines_is_found(twin: Twin) -> None:
    """The twin itself: an expression that says which engine computes it is not the same on both."""
    table = pa.table({"x": [1, 2]})
    with pytest.raises(AssertionError, match="engine differs in 2 of 2 rows"):
        twin.same(lambda t: t.mutate(engine=ibis.literal(t.get_backend().name)), t=table)
    with pytest.raises(AssertionError):
        twin.same(lambda t: t.filter(t.x > (1 if t.get_backend().name == "duckdb" else 0)), t=table)


# --- deliveries -----------------------------------------------------------------------------------------


def delivered(source: Source, rows: int) -> pa.Table:
    """A generated delivery as the contract meets it: normalised text, some of it null, `row` and `doubled`."""
    rows = min(rows, most_rows(source, PEOPLE) or rows)
    whole = pa.concat_tables([piece.rows for piece in made(source, rows, RECIPE, chunk=50_000)])
    text = collect.normalised(whole.combine_chunks(), source)
    nulls = pa.array(np.arange(rows) % 53 == 0)
    text = pa.table({name: pc.if_else(nulls, None, text[name]) for name in text.column_names})
    filled = [pc.fill_null(text[name].combine_chunks(), "") for name in source.key]
    text = text.append_column("row", pa.array(np.arange(1, rows + 1), pa.int32()))
    return text.append_column("doubled", pa.array(Doubles().among(filled)))


def kept(twin: Twin, ref: str, rows: int, batch: int = 1) -> pa.Table:
    """Good rows of a delivery with their hashes, as they go to be linked."""
    source = source_of(ref).value
    checked = duck(twin, lambda t: contract.checked(t, source, CONTEXT), t=delivered(source, rows))
    good = checked.filter(pc.equal(pc.list_value_length(checked["reasons"]), 0)).drop_columns(["reasons"])
    hashed = duck(twin, lambda t: contract.hashed(t, source), t=good)
    return hashed.append_column("batch", pa.array(np.full(hashed.num_rows, batch), pa.int64()))


def duck(twin: Twin, expression: Callable[..., ibis.Table], **tables: pa.Table) -> pa.Table:
    return twin.engines[0].to_pyarrow(expression(**{n: ibis.memtable(t) for n, t in tables.items()}))


def register_of(twin: Twin) -> pa.Table:
    """Half of the people as a register, two of them under one number, some without one."""
    from liangwang.base.keys import blind

    who = np.arange(0, PEOPLE.size, 2)
    identity = [blind(text, "identity") for text in texts(PEOPLE.identities(who)).to_pylist()]
    identity[3] = None
    phones = [blind(text, "phone") for text in texts(PEOPLE.phones(who)).to_pylist()]
    return pa.table(
        {
            "subject_id": pa.array(who + 1, pa.int64()),
            link.KEY: pa.array(identity, pa.string()),
            "name": PEOPLE.names(who),
            "birth": pa.array(PEOPLE.births(who), pa.date32()),
            "phone": pa.array(phones, pa.string()),
        }
    )


@pytest.fixture(scope="session")
def linked_rows(twin: Twin) -> dict[str, pa.Table]:
    """The linked rows of four sources, in two batches each."""
    register = register_of(twin)
    found = {}
    for ref in PERSONAL:
        source = source_of(ref).value
        rows = pa.concat_tables([kept(twin, ref, ROWS, batch) for batch in (1, 2)])
        found[ref] = duck(twin, lambda t, r, s=source: link.linked(t, r, s), t=rows, r=register)
    return found


@pytest.mark.parametrize("ref", EVERY)
def test_the_check_of_every_source(twin: Twin, ref: str, data_dir: Path) -> None:
    source = source_of(ref).value
    found = twin.same(lambda t: contract.checked(t, source, CONTEXT), t=delivered(source, ROWS))
    wrong = pc.sum(pc.greater(pc.list_value_length(found["reasons"]), 0)).as_py()
    assert 0 < wrong < found.num_rows


def test_the_check_and_the_hashes_of_a_large_delivery(twin: Twin) -> None:
    source = source_of("emergency_travel:rail").value

    def whole(t: ibis.Table) -> ibis.Table:
        return contract.hashed(contract.checked(t, source, CONTEXT), source)

    found = twin.same(whole, t=delivered(source, LARGE))
    assert found.num_rows == LARGE
    hashes = [name for name in found.column_names if name.endswith("_hash")]
    assert hashes and all(len(pc.unique(found[name])) > 1_000 for name in hashes)


@pytest.mark.parametrize("ref", PERSONAL)
def test_links_by_number_and_by_name(twin: Twin, ref: str) -> None:
    source = source_of(ref).value
    found = twin.same(
        lambda t, r: link.linked(t, r, source), t=kept(twin, ref, 5 * ROWS), r=register_of(twin)
    )
    assert 0 < found["subject_id"].null_count < found.num_rows


def test_late_links_and_merges(twin: Twin, linked_rows: dict[str, pa.Table]) -> None:
    rows = linked_rows["city_code:travel"]
    some = rows.filter(pc.is_valid(rows["subject_id"])).slice(0, 60)
    late = pa.table(
        [
            some["batch"],
            some["row"],
            pc.if_else(pa.array(np.arange(60) % 3 == 0), None, 77),
            ["review"] * 60,
            [0.5] * 60,
        ],
        names=link.LATE.names,
    ).cast(link.LATE)
    ids = pc.unique(rows["subject_id"].drop_null()).sort()
    aliases = pa.table([ids.slice(0, 100), ids.slice(100, 100)], schema=link.ALIASES)
    found = twin.same(link.resolved, rows=rows, late=late, aliases=aliases)
    assert pc.sum(pc.equal(found["subject_id"], 77)).as_py() == 40


def test_rows_that_a_later_delivery_replaces(twin: Twin, linked_rows: dict[str, pa.Table]) -> None:
    source = source_of("city_code:travel").value
    rows = linked_rows["city_code:travel"]
    keys = [link.key_of(source, name) for name in source.key]
    columns = ["batch", "row", "subject_id", *keys]
    first, second = (rows.filter(pc.equal(rows["batch"], n)).select(columns) for n in (1, 2))
    found = twin.same(lambda m, t: standing.replaced(m, t, keys), m=second, t=first)
    assert found.num_rows > 100


def test_statements_weighed_and_in_step(twin: Twin, linked_rows: dict[str, pa.Table]) -> None:
    declared = [source_of(ref) for ref in PERSONAL]
    book = book_of(declared)
    among = {one.ref: one for one in declared}

    def said(tables: dict[str, ibis.Table]) -> ibis.Table:
        parts = []
        for one in declared:
            rows = tables[one.ref.replace(":", "_")]
            parts += _said_by(one, voice_of(one, among), rows.filter(rows.subject_id.notnull()), book)
        whole = reduce(ibis.union, parts)
        return whole.filter(whole.value.notnull())

    files = {ref.replace(":", "_"): rows for ref, rows in linked_rows.items()}
    statements = twin.same(lambda **tables: said(tables), **files)
    rejected = pa.table(statements.slice(0, 200).select(["subject_id", "attribute", "value"]).to_pydict())
    rejected = rejected.cast(pa.schema([statements.schema.field(n) for n in rejected.column_names]))
    found = twin.same(lambda s, r: reconcile.in_step(reconcile.weighed(s, r), book), s=statements, r=rejected)
    assert found.num_rows > 1_000
    assert len(pc.unique(found["agree"])) > 1


def test_the_rule_of_the_city_code(twin: Twin, linked_rows: dict[str, pa.Table]) -> None:
    rule = derive.rule_of("city_code:health_status")
    logic = derive.logic("city_code")
    files = {
        ref.partition(":")[2]: rows.filter(pc.is_valid(rows["subject_id"]))
        for ref, rows in linked_rows.items()
        if ref.startswith("city_code")
    }
    ids = np.arange(1, PEOPLE.size + 1)
    people = judge._people(ids, [TODAY])

    def decided(**tables: ibis.Table) -> ibis.Table:
        facts = logic.health_status(tables)
        return facts.mutate(case=derive.judge.decision_expression(rule.decision, facts))

    found = twin.same(decided, people=people, **files)
    assert len(pc.unique(found["case"])) > 2
    answers = []
    for con in twin.engines:
        tables = {name: ibis.memtable(rows) for name, rows in files.items()}
        answers.append(judge.judged(con, rule.decision, logic.health_status, tables, ids, TODAY).rows())
    assert answers[0].equals(answers[1])


def test_whom_a_live_batch_touches(twin: Twin) -> None:
    who = np.arange(PEOPLE.size)
    plain = pa.table(
        {
            "name": PEOPLE.names(who),
            "birth": pa.array(PEOPLE.births(who), pa.date32()),
            "sex": pc.if_else(pa.array(PEOPLE.women(who)), "f", "m"),
            "phone": texts(PEOPLE.phones(who)),
            "address": PEOPLE.addresses(who),
        }
    )
    register = features(plain).add_column(0, "id", pa.array(who + 1, pa.int64()))
    asking = register.slice(100, 300).select(["id", *FEATURES.names])
    found = twin.same(live.touched_by, people=register, rows=asking)
    assert 300 <= found.num_rows < PEOPLE.size


# --- the switch -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_city_on_spark_settles_and_derives_the_same(
    twin: Twin, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liangwang.base import clock
    from liangwang.hub import attributes
    from liangwang.hub.models import Partition

    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    for n in (1, 2, 3):
        make.person(n)
    make.order()
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high"), make.trip(2, name="张错")))
    make.delivered("community", make.sheet("community", make.registration(1), make.registration(2)))
    answers: list[Any] = []
    for name in ("duckdb", "spark"):
        monkeypatch.setattr("django.conf.settings.HUB_ENGINE", name)
        assert store.connect().name == {"duckdb": "duckdb", "spark": "pyspark"}[name]
        reconcile.settle(None, make.AT, "city_code")
        derive.run("city_code:health_status", None, make.AT)
        settled = store.in_force(Partition.Kind.SETTLED, "city_code")
        cells = [row for part in settled for row in store.read(part).to_pylist()]
        held = attributes.current("city_code:health_status")
        assert held is not None
        answers.append((cells, held.values().tolist()))
    assert answers[0] == answers[1]
    assert answers[0][0] and answers[0][1]
