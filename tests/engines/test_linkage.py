"""Linkage without numbers: what is joined, what never is, and that order and hashing change nothing."""

from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangwang.engines import linkage
from liangwang.engines.linkage import PHONE_WINDOWS, Model
from liangwang.engines.linkage.clusters import components, joined

SURNAMES, GIVEN = (
    "王李张刘陈杨黄赵吴周",
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红建国文志海晓春梅玲斌鹏飞宇浩",
)
READINGS = {
    c: f"r{number % 37}" for number, c in enumerate(GIVEN)
}  # a few characters sound alike, as in life


def person(number: int, random: np.random.Generator) -> dict:
    surname, first, second = random.choice(list(SURNAMES)), *random.choice(list(GIVEN), 2)
    lane, building, room = random.integers(1, 200), random.integers(1, 30), random.integers(101, 120)
    return {
        "person": number,
        "surname": str(surname),
        "given": f"{first}{second}",
        "birth": np.datetime64("1940-01-01") + int(random.integers(0, 25_000)),
        "sex": "mf"[number % 2],
        "phone": f"13{random.integers(10**8, 10**9)}",
        "address": (f"路{lane % 20}", f"{lane}弄", f"{lane}弄{building}号", f"{lane}弄{building}号{room}"),
    }


def record(one: dict, random: np.random.Generator, dirty: bool) -> dict:
    lost = {name for name in ("given", "birth", "phone", "address") if dirty and random.random() < 0.1}
    given_name, phone = one["given"], one["phone"]
    if dirty and random.random() < 0.05:
        given_name = given_name[0] + str(random.choice(list(GIVEN)))
    if dirty and random.random() < 0.05:
        phone = phone[:5] + phone[6] + phone[5] + phone[7:]
    named = "given" not in lost
    road, lane, building, room = one["address"] if "address" not in lost else (None,) * 4
    return {
        "name": one["surname"] + given_name if named else None,
        "surname": one["surname"] if named else None,
        "pinyin": " ".join([one["surname"], *(READINGS[c] for c in given_name)]) if named else None,
        "birth": None if "birth" in lost else one["birth"].astype(object),
        "sex": one["sex"],
        "phone": None if "phone" in lost else phone,
        "road": road,
        "lane": lane,
        "building": building,
        "room": room,
    }


def table(rows: list[dict], hashed: bool = False) -> pa.Table:
    made = pa.table({"id": pa.array(range(len(rows)), pa.int64())})
    for name in (
        "source", "identity", "name", "surname", "pinyin", "birth", "sex", "phone", "road", "lane", "building", "room"
    ):  # fmt: skip
        made = made.append_column(
            name, pa.array([row.get(name) for row in rows], pa.date32() if name == "birth" else pa.string())
        )
    for name, column in linkage.phone_windows(made["phone"].combine_chunks()).items():
        made = made.append_column(name, column)
    for name in ("phone", *PHONE_WINDOWS, "road", "lane", "building", "room") if hashed else ():
        tokens = [
            None if text is None else sha256(f"{name}{text}".encode()).hexdigest()
            for text in made[name].to_pylist()
        ]
        made = made.set_column(made.column_names.index(name), name, pa.array(tokens, pa.string()))
    return made


@pytest.fixture(scope="module")
def people() -> list[dict]:
    random = np.random.default_rng(5)
    return [person(number, random) for number in range(1500)]


@pytest.fixture(scope="module")
def rows(people: list[dict]) -> list[dict]:
    random = np.random.default_rng(6)
    return [
        record(one, random, dirty=True) | {"source": source, "person": one["person"]}
        for source in ("police", "health", "transport")
        for one in people
        if random.random() < 0.8
    ]


@pytest.fixture(scope="module")
def model(rows: list[dict]) -> Model:
    return linkage.train(table(rows))


def clusters(found: pa.Table) -> dict[int, int]:
    return dict(zip(found["id"].to_pylist(), found["cluster"].to_pylist(), strict=True))


def test_duplicates_are_found(rows: list[dict], model: Model) -> None:
    _, found = linkage.dedupe(table(rows), model)
    cluster = clusters(found)
    said = {(a, b) for a, b in combinations(range(len(rows)), 2) if cluster[a] == cluster[b]}
    true = {(a, b) for a, b in combinations(range(len(rows)), 2) if rows[a]["person"] == rows[b]["person"]}
    assert len(said & true) / len(said) > 0.995
    assert len(said & true) / len(true) > 0.95


def test_order_and_hashing_change_nothing(rows: list[dict], model: Model) -> None:
    some = rows[::3]
    pairs, found = linkage.dedupe(table(some), model)
    shuffled = table(some, hashed=True).take(pa.array(np.random.default_rng(1).permutation(len(some))))
    again = linkage.dedupe(shuffled, model)
    assert pairs.num_rows > 100
    assert again[0].equals(pairs)
    assert again[1].equals(found)
    assert linkage.train(table(some)) == linkage.train(shuffled) != model


def test_two_numbers_are_two_people(model: Model, people: list[dict]) -> None:
    """A record without a number fits both; it goes to one, and the two stay apart."""
    same = record(people[0], np.random.default_rng(1), dirty=False)
    numbers = ["A", None, "B"]
    rows = [same | {"identity": number, "source": f"s{at}"} for at, number in enumerate(numbers)]
    cluster = clusters(linkage.dedupe(table(rows), replace(model, once=False))[1])
    assert cluster[0] != cluster[2]
    assert cluster[1] in (cluster[0], cluster[2])


def test_a_family_is_not_one_person(model: Model, people: list[dict]) -> None:
    """Father and daughter: one phone, one home, one surname; her birth date is missing."""
    father = record(people[0], np.random.default_rng(1), dirty=False) | {"source": "police", "sex": None}
    surname = people[0]["surname"]
    sounds = f"{surname} x y"
    daughter = father | {
        "name": surname + "慧颖",
        "pinyin": sounds,
        "birth": None,
        "source": "health",
    }
    cluster = clusters(linkage.dedupe(table([father, daughter]), model)[1])
    assert cluster[0] != cluster[1]


def test_a_source_that_never_repeats_has_one_record_a_person(model: Model, people: list[dict]) -> None:
    assert model.once
    same = record(people[3], np.random.default_rng(1), dirty=False) | {"source": "police"}
    cluster = clusters(linkage.dedupe(table([same, same]), model)[1])
    assert cluster[0] != cluster[1]
    cluster = clusters(linkage.dedupe(table([same, same | {"source": "health"}]), model)[1])
    assert cluster[0] == cluster[1]


@pytest.fixture(scope="module")
def register(people: list[dict]) -> pa.Table:
    return table([record(one, np.random.default_rng(1), dirty=False) for one in people])


def test_rows_find_their_subjects(people: list[dict], register: pa.Table, model: Model) -> None:
    random = np.random.default_rng(9)
    left = table([record(one, random, dirty=True) for one in people[:500]])
    absent = register.slice(100)  # the first hundred are not in the register
    found = linkage.link(left, absent, model).to_pylist()
    links = {row["left_id"]: row["right_id"] for row in found if row["score"] >= model.accept}
    assert all(row["rank"] == 1 for row in found if row["score"] >= model.accept)
    wrong = [pair for pair in links.items() if pair[0] != pair[1]]
    assert len(wrong) <= 2
    assert len(links) > 340


def test_a_live_batch_reads_touched_blocks_only(people: list[dict], register: pa.Table, model: Model) -> None:
    left = table([record(one, np.random.default_rng(9), dirty=True) for one in people[700:720]])
    keys = set(linkage.blocking_keys(left)["key"].to_pylist())
    touched = {line["row"] for line in linkage.blocking_keys(register).to_pylist() if line["key"] in keys}
    assert len(touched) < register.num_rows / 5
    some = register.filter(pa.array([row in touched for row in register["id"].to_pylist()]))
    found = linkage.candidates(left, some, model, population=register.num_rows).to_pylist()
    whole = linkage.link(left, register, model).to_pylist()
    accepted = [
        {(row["left_id"], row["right_id"]) for row in rows if row["score"] >= model.accept}
        for rows in (found, whole)
    ]
    assert len(accepted[0]) >= 15
    assert accepted[0] == accepted[1]


def test_a_namesake_with_the_same_fields_halves_the_score(model: Model, people: list[dict]) -> None:
    one = record(people[5], np.random.default_rng(1), dirty=False)
    alone = linkage.link(
        table([one]), table([one, record(people[6], np.random.default_rng(1), False)]), model
    )
    twice = linkage.link(table([one]), table([one, one]), model)
    assert alone["score"].to_pylist()[0] > model.accept
    assert max(twice["score"].to_pylist()) <= 0.5


def test_findings_are_told_by_level(model: Model, people: list[dict]) -> None:
    one = record(people[5], np.random.default_rng(1), dirty=False)
    other = one | {"phone": one["phone"][:10] + "x", "room": None, "sex": None}
    (found,) = linkage.link(table([one]), table([other]), model).to_pylist()
    assert {name: found[name] for name in ("name", "birth", "phone", "address", "sex")} == {
        "name": 5, "birth": 6, "phone": 2, "address": 3, "sex": None
    }  # fmt: skip


@given(st.integers(10**9, 10**10 - 1), st.integers(1, 9), st.integers(0, 9))
def test_a_wrong_digit_or_two_changed_over_leave_a_window(number: int, at: int, digit: int) -> None:
    right = f"1{number}"
    wrong = right[:at] + str(digit) + right[at + 1 :]
    over = right[:at] + right[at + 1] + right[at] + right[at + 2 :]
    windows = linkage.phone_windows(pa.array([right, wrong, over]))
    for other in (1, 2):
        assert any(column[0] == column[other] for column in windows.values())


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] != p[1]), max_size=6),
)
def test_clusters_hold_no_contradiction(edges: list[tuple[int, int]], against: list[tuple[int, int]]) -> None:
    as_arrays = lambda pairs: tuple(np.array(pairs, dtype=np.int32).reshape(-1, 2).T)  # noqa: E731
    rows = np.arange(8, dtype=np.int32)
    found = joined(rows, as_arrays(edges), as_arrays(against))
    assert all(found[a] != found[b] for a, b in against)
    free = joined(rows, as_arrays(edges), as_arrays([]))
    assert free.tolist() == components(8, *as_arrays(edges)).tolist()
    assert set(zip(free.tolist(), found.tolist(), strict=True)) >= {(free[c], c) for c in found}


def test_a_model_names_itself_and_weighs_the_same_when_read_again(model: Model, rows: list[dict]) -> None:
    text = model.dumps()
    assert Model.loads(text) == model
    again = [found.to_pylist() for found in linkage.dedupe(table(rows), Model.loads(text))]
    assert again == [found.to_pylist() for found in linkage.dedupe(table(rows), model)]
    assert replace(model, accept=0.8).version != model.version
    with pytest.raises(ValueError, match="version"):
        Model.loads(text.replace('"accept": 0.9', '"accept": 0.5'))


def test_the_engine_is_well() -> None:
    assert linkage.check() == []
