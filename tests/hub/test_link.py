"""Linking as tables: by each identifier, by name only where one person fits, through late links, and by the model."""

from datetime import date, timedelta
from typing import Any

import ibis
import msgspec
import pyarrow as pa
import pytest

from liangwang.base import clock
from liangwang.engines.linkage.findings import KEYS, KEYS_SHARED
from liangwang.engines.linkage.model import Model
from liangwang.hub import actions, link, link_model, live, queries, register, relink, store
from liangwang.hub.declare import Column, Source
from liangwang.hub.models import Batch, LinkReview
from liangwang.hub.sources import source_of

from . import factories as make

pytestmark = pytest.mark.django_db
PACK = "city_code"
LABEL = {"zh": "列", "en": "column"}
BORN = date(1990, 5, 15)


@pytest.fixture(autouse=True)
def under_order(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.order()


def source(about: str, **columns: tuple[str, str | None]) -> Source:
    """A source with these columns: name -> (type, what it says)."""
    made = {
        name: Column(label=LABEL, type=kind, says=says, optional=True)
        for name, (kind, says) in columns.items()
    }  # type: ignore[arg-type]
    base = source_of("travel").value
    on = Column(label=LABEL, type="date")
    return msgspec.structs.replace(base, about=about, key=("on",), observed="on", columns={**made, "on": on})


def linked(rows: list[dict[str, Any]], people: list[dict[str, Any]], by: Source) -> list[tuple[Any, ...]]:
    """`(subject, method, score)` of each row, in order."""
    names = ("subject_id", link.KEY, "name", "birth", "phone")
    known = pa.Table.from_pylist(
        people,
        schema=pa.schema(
            [
                (names[0], pa.int64()),
                *((n, pa.string()) for n in names[1:3]),
                ("birth", pa.date32()),
                ("phone", pa.string()),
            ]
        ),
    )
    numbered = pa.Table.from_pylist([{"row": n, **row} for n, row in enumerate(rows)])
    found = link.linked(ibis.memtable(numbered), ibis.memtable(known), by).order_by("row")
    return [
        (row["subject_id"], row["method"], row["score"])
        for row in store.connect().to_pyarrow(found).to_pylist()
    ]


def test_the_surest_identifier_comes_first_and_an_unknown_number_is_another_person() -> None:
    by = source("person", number=("identity", "identity_number"), paper=("document", None))
    people = [
        {"subject_id": 7, link.KEY: "a"},
        {"subject_id": 8, link.KEY: "b"},
        {"subject_id": 9, link.KEY: None},
    ]
    rows = [
        {"number_hash": "a", "paper_hash": "b"},
        {"number_hash": None, "paper_hash": "b"},
        {"number_hash": "zz", "paper_hash": None},
        {"number_hash": None, "paper_hash": None},
    ]
    assert linked(rows, people, by) == [
        (7, "identity", 1.0),
        (8, "document", 1.0),
        (None, None, None),
        (None, None, None),
    ]


def test_companies_by_credit_code_and_places_by_division_code() -> None:
    code = "91310000MA1FL00001"
    by = source("company", code=("credit_code", None))
    assert linked([{"code": code}, {"code": "x"}], [{"subject_id": 3, link.KEY: code}], by) == [
        (3, "credit_code", 1.0),
        (None, None, None),
    ]
    by = source("place", where=("place", None))
    assert linked([{"where": "310105"}], [{"subject_id": 4, link.KEY: "310105"}], by) == [(4, "place", 1.0)]


def test_a_name_links_only_where_one_person_fits_and_no_number_is_given() -> None:
    by = source(
        "person",
        number=("identity", "identity_number"),
        name=("name", "name"),
        born=("date", "birth_date"),
        phone=("phone", "phone"),
    )
    one = {"name": "张一", "birth": BORN, "phone": "p"}
    people = [
        {"subject_id": 1, **one},
        {"subject_id": 2, **one, "phone": "q"},
        {"subject_id": 3, **one, "phone": "q"},
    ]
    row = {"number_hash": None, "name": "张一", "born": BORN, "phone_hash": "p"}
    rows = [
        row,
        {**row, "phone_hash": "q"},
        {**row, "number_hash": "zz"},
        {**row, "name": "张二"},
        {**row, "phone_hash": None},
    ]
    assert linked(rows, people, by) == [(1, link.NAME_BIRTH_PHONE, 1.0), *[(None, None, None)] * 4]


def test_rows_are_read_through_late_links_and_merges() -> None:
    rows = pa.table(
        {
            "batch": [1, 1, 1, 2],
            "row": pa.array([1, 2, 3, 1], pa.int32()),
            "subject_id": [10, None, 12, 11],
            "method": ["identity", None, "identity", "identity"],
            "score": [1.0, None, 1.0, 1.0],
            "said": ["a", "b", "c", "d"],
        }
    )
    late = pa.table([[1, 1], [2, 3], [11, None], ["review", "review"], [0.5, None]], schema=link.LATE)
    aliases = pa.table([[11], [10]], schema=link.ALIASES)
    found = link.resolved(ibis.memtable(rows), ibis.memtable(late), ibis.memtable(aliases)).order_by("said")
    assert found.columns == tuple(rows.column_names)
    assert [tuple(row.values())[2:] for row in store.connect().to_pyarrow(found).to_pylist()] == [
        (10, "identity", 1.0, "a"),
        (10, "review", 0.5, "b"),
        (None, "review", None, "c"),
        (10, "identity", 1.0, "d"),
    ]
    plain = ibis.memtable(rows)
    assert link.resolved(plain, None, None) is plain


# --- the model in a load -------------------------------------------------------------------------------


def in_force() -> Model:
    """A model made by hand: the finest finding of each field is strong evidence, everything else weak against."""
    rates = {
        name: {key: (0.9, 0.00001) if n == 0 else (0.02, 0.1) for n, key in enumerate(keys)}
        for name, keys in KEYS.items()
    }
    alone = dict.fromkeys(KEYS_SHARED, 0.0)
    model = Model(rates=rates, partners=1.0, once=False, household=alone, names={}, rare=1e-4, accept=0.6)
    link_model.put_in_force(model)
    return model


def loaded(*rows: list[Any]) -> tuple[Batch, list[tuple[int, int | None, str | None]]]:
    batch = make.delivered("community", make.sheet("community", *rows))
    table = store.read(batch.partitions.get(kind="rows")).to_pylist()
    return batch, sorted((row["row"], row["subject_id"], row["method"]) for row in table)


def test_rows_without_a_number_are_linked_left_to_a_person_or_left_alone() -> None:
    model = in_force()
    sure = make.person(1, name="欧阳娜娜")
    twins = [make.person(n, name="李伟", birth_on=date(1980, 1, 2)) for n in (2, 3)]
    bare = {"identity": "", "phone": "13900000000"}
    batch, rows = loaded(
        make.registration(1, name="欧阳娜娜", **bare),
        make.registration(2, name="李伟", born="1980-01-02", **bare),
        make.registration(4, name="王不见", born="1955-03-04", **bare),
    )
    assert rows == [(1, sure.pk, f"model:{model.version}"), (2, None, None), (3, None, None)]
    review = LinkReview.objects.get()
    assert (review.row, review.model, review.state, review.batch_id) == (2, model.version, "open", batch.pk)
    assert {review.right_id, *(other["subject_id"] for other in review.others)} == {one.pk for one in twins}
    assert review.agreement["name"] == [len(KEYS["name"]) - 1, len(KEYS["name"])]
    assert review.agreement["phone"] == [0, len(KEYS["phone"])]
    assert batch.linked == 1


def test_the_shipped_model_links_leaves_to_a_person_or_leaves_alone() -> None:
    version = link_model.shipped().version
    people = [make.person(n, name=name) for n, name in enumerate(("欧阳娜娜", "李伟", "李伟"), 1)]
    for n in range(4, 8):
        make.person(n, name=f"赵{'一二三四五六七八'[n]}", birth_on=date(1950 + n, n, n))
    strange = {"identity": "", "phone": "13900000000"}
    _, rows = loaded(
        make.registration(1, name="欧阳娜娜", born="", identity="", phone=make.phone_number(1)),
        make.registration(2, name="李伟", **strange),
        make.registration(3, name="孙不在", born="1971-02-03", **strange),
    )
    assert rows == [(1, people[0].pk, f"model:{version}"), (2, None, None), (3, None, None)]
    review = LinkReview.objects.get()
    assert (review.row, review.model, review.score) == (2, version, pytest.approx(0.5, abs=0.01))
    assert {review.right_id, review.others[0]["subject_id"]} == {one.pk for one in people[1:]}


def test_a_model_that_is_switched_off_guesses_nothing() -> None:
    link_model.switch_off()
    make.person(1, name="欧阳娜娜")
    _, rows = loaded(make.registration(1, name="欧阳娜娜", identity="", phone="13900000000"))
    assert rows == [(1, None, None)]
    assert not LinkReview.objects.exists()


def test_a_model_that_is_not_what_it_says_is_refused() -> None:
    model = in_force()
    path = link_model.folder() / f"{model.version}.json"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(ValueError, match=model.version):
        link_model.current()


def test_only_people_who_share_a_blocking_key_are_looked_at() -> None:
    in_force()
    for n in range(1, 9):
        make.person(n, name=f"赵{'一二三四五六七八'[n - 1]}", birth_on=date(1950 + n, n, n))
    con = store.connect()
    people = register.register(con).rename(id="subject_id", identity=link.KEY)
    plain = {"name": ["赵三"], "birth": [date(1953, 3, 9)], "sex": ["f"], "phone": [None], "address": [None]}
    rows = live.features(pa.table(plain, schema=live.PLAIN)).add_column(0, "id", [[1]])
    near = con.to_pyarrow(live.touched_by(people, ibis.memtable(rows)))
    assert near["name"].to_pylist() == ["赵三"]


def test_a_key_that_many_people_share_touches_nobody() -> None:
    for n in range(1, 64):
        make.person(n, name="李伟", birth_on=date(1950 + n % 50, 1 + n % 12, 1 + n % 28))
    con = store.connect()
    people = register.register(con).rename(id="subject_id", identity=link.KEY)
    plain = {"name": ["李伟"], "birth": [date(1951, 2, 2)], "sex": [None], "phone": [None], "address": [None]}
    rows = live.features(pa.table(plain, schema=live.PLAIN)).add_column(0, "id", [[1]])
    near = con.to_pyarrow(live.touched_by(people, ibis.memtable(rows)))
    assert 0 < near.num_rows < 10


def test_likely_doubles_among_new_people_are_left_to_a_person() -> None:
    model = in_force()
    old = make.person(1, name="欧阳娜娜", identity=None)
    register.refresh("person", make.AT)
    new = make.person(2, name="欧阳娜娜", identity=None, phone=make.phone_number(1))
    other = make.person(3, name="欧阳娜娜", phone=make.phone_number(1))
    register.refresh("person", make.AT + timedelta(minutes=1))
    assert relink.find_duplicates([new.pk], make.AT) == 1
    assert relink.find_duplicates([new.pk], make.AT) == 0
    review = LinkReview.objects.get()
    assert review.left_id in {old.pk, new.pk} and review.right_id in {old.pk, new.pk, other.pk}
    assert review.model == model.version
    assert old.subject.merged_into is None


def test_new_people_with_numbers_are_compared_with_those_without_only() -> None:
    in_force()
    bare = make.person(1, name="欧阳娜娜", identity=None)
    met = make.person(2, name="欧阳娜娜")
    twin, stranger = (make.person(n, name="李伟", birth_on=date(1950, n, n), phone=None) for n in (3, 4))
    people = register.register(store.connect()).rename(id="subject_id", identity=link.KEY)
    new = people.filter(people.id.isin([met.pk, twin.pk, stranger.pk]))
    asked = store.connect().to_pyarrow(relink._without_a_number(people, new))
    assert asked["id"].to_pylist() == [met.pk]
    assert relink.find_duplicates([met.pk, twin.pk, stranger.pk], make.AT) == 1
    assert {LinkReview.objects.get().left_id, LinkReview.objects.get().right_id} == {bare.pk, met.pk}


def test_a_late_link_reaches_values_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    in_force()
    twins = [make.person(n, name="李伟", birth_on=BORN) for n in (2, 3)]
    loaded(
        make.registration(
            2, name="李伟", identity="", phone="13900000000", until=make.TODAY + timedelta(days=3)
        )
    )
    one = LinkReview.objects.get()
    actions.decide_review(one, "same", actor=make.officer("e", "data_engineer"), at=make.AT)
    actions.settle_and_derive(PACK, [one.right_id], make.AT)
    seen = {person.pk: queries.status_of("city_code:health_status", person.pk, make.AT) for person in twins}
    assert {pk for pk, status in seen.items() if status and status.verdict == "red"} == {one.right_id}
