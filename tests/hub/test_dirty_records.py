"""The dirty records: the errors that are published are those that are there, and the truth is kept apart."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks import dirty_records, invented_people
from benchmarks.dirty_records import ERRORS, SOURCES
from liangwang.hub.normalise import column, identity

N = 40_000


@pytest.fixture(scope="module")
def folk() -> invented_people.People:
    return invented_people.people(16_000, seed=7)


@pytest.fixture(scope="module")
def found(folk: invented_people.People) -> dirty_records.Records:
    return dirty_records.records(folk, SOURCES, N, seed=7)


def share(mask: pa.ChunkedArray | pa.Array) -> float:
    return float(pc.mean(pc.cast(mask, pa.int8())).as_py())


def test_people_hold_valid_numbers_of_their_own(folk: invented_people.People) -> None:
    said = identity.details(folk.identity)
    assert pc.all(said["check_holds"]).as_py()
    assert pc.count_distinct(folk.identity).as_py() == len(folk)
    assert said["born_on"].combine_chunks().equals(pa.array(folk.born_on, pa.date32()))
    assert pc.all(pc.equal(pc.equal(said["sex"], "m"), pa.array(folk.male))).as_py()
    assert not pc.any(said["division_known"]).as_py(), (
        "the division was never assigned, so the number is nobody's"
    )


def test_names_repeat_as_often_as_the_published_numbers_say() -> None:
    names, count = np.unique(invented_people.people(200_000, seed=3).name, return_counts=True)
    top = np.sort(count)[-10:].sum() / count.sum()
    assert 0.0015 < top < 0.0035, "the ten commonest names were held by 0.197 % of the people in 2007"
    assert {"张伟", "王芳", "李娜"} <= set(names[np.argsort(-count)[:30]].tolist())


def test_households_share_a_home(folk: invented_people.People) -> None:
    homes = len(np.unique(folk.home))
    assert homes == len(np.unique(folk.household)) < 0.55 * len(folk)


def test_missing_values_are_as_published(found: dirty_records.Records, folk: invented_people.People) -> None:
    for name, key in (("name", "name_missing"), ("born_on", "birth_missing"), ("address", "address_missing")):
        assert share(pc.is_null(found.table[name])) == pytest.approx(ERRORS[key], rel=0.1)
    for source in SOURCES:
        own = found.table.filter(pc.equal(found.table["source"], source.name))
        assert share(pc.is_null(own["identity"])) == pytest.approx(source.identity_missing, abs=0.02)


def test_wrong_values_are_as_published_and_some_are_copied(
    found: dirty_records.Records, folk: invented_people.People
) -> None:
    true_names = pa.array(folk.name[found.truth], pa.string())
    names = column("name", found.table["name"])
    made = ERRORS["name_homophone"] + ERRORS["name_wrong_character"]
    wrong = share(pc.drop_null(pc.not_equal(names, true_names)))
    assert made * 0.9 < wrong < (made + ERRORS["name_dropped_character"]) * 1.3
    births = pa.array(folk.born_on[found.truth], pa.date32())
    assert share(pc.drop_null(pc.not_equal(found.table["born_on"], births))) == pytest.approx(
        0.025 * 1.1, rel=0.2
    )
    phones = pa.array(folk.phone[folk.carer][found.truth].astype("U11"), pa.string())
    phone_wrong = share(pc.drop_null(pc.not_equal(column("phone", found.table["phone"]), phones)))
    made = sum(ERRORS[f"phone_{kind}"] for kind in ("old", "transposed", "digit"))
    assert made * 0.9 < phone_wrong < made * 1.25
    numbers = pc.drop_null(pc.not_equal(found.table["identity"], folk.identity.take(found.truth)))
    assert share(numbers) == pytest.approx(0.01 * 1.1, rel=0.25)


def test_the_same_seed_gives_the_same_records(
    found: dirty_records.Records, folk: invented_people.People
) -> None:
    again = dirty_records.records(folk, SOURCES, N, seed=7)
    other = dirty_records.records(folk, SOURCES, N, seed=8)
    assert again.table.equals(found.table) and (again.truth == found.truth).all()
    assert not other.table.equals(found.table)


def test_a_register_misses_a_fifth_of_the_people() -> None:
    register, delivered = dirty_records.link_exam(seed=1, persons=5_000, n=3_000)
    assert register.num_rows == 4_000 and delivered.table.num_rows == 3_000
    unknown = 1 - share(pc.is_in(pa.array(delivered.truth), register["person"]))
    assert unknown == pytest.approx(0.2, abs=0.03)
    assert "person" not in delivered.table.column_names
