"""Invented deliveries: right in form, wrong in the stated ways only, and the same for the same seed."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from liangwang.hub import contract
from liangwang.hub.declare import Source
from liangwang.hub.generate import SHARE, Made, Recipe, made, most_rows
from liangwang.hub.generate_faults import faults_of
from liangwang.hub.generate_files import shares, write_all, write_register
from liangwang.hub.generate_patterns import letters_of, parts_of
from liangwang.hub.generate_people import MOST_PEOPLE, People, texts
from liangwang.hub.sources import source_of, sources
from tests.tries import tries

PLACES = {"district": ["310105"], "street": ["310105002"], "neighbourhood": ["310105002001", "310105002002"]}
PEOPLE = People(50_000, seed=3, division="310199")
RECIPE = Recipe(PEOPLE, seed=3, today=date(2020, 4, 12), places=lambda level: PLACES[level or "street"])
EVERY = [one.ref for one in sources()]


def delivery(ref: str, rows: int = tries(20_000), recipe: Recipe = RECIPE) -> tuple[Source, Made]:
    source = source_of(ref).value
    rows = min(rows, most_rows(source, recipe.people) or rows)
    pieces = list(made(source, rows, recipe, chunk=8_000))
    return source, Made(
        pa.concat_tables([piece.rows for piece in pieces]),
        pa.concat_tables([piece.truth for piece in pieces]),
    )


def test_at_least_the_twenty_categories_of_the_article_are_declared() -> None:
    found = {one.value.category["zh"] for one in sources()}
    assert len(found) >= 20
    assert {one.value.about for one in sources()} == {"person", "company", "place"}


@pytest.mark.parametrize("ref", EVERY)
def test_the_contract_finds_what_was_spoiled_and_nothing_else(ref: str) -> None:
    source, given = delivery(ref)
    rows = given.rows.append_column("row", given.truth["row"])
    found = reasons_of(rows, source)
    key = f"{source.key[0]}:double_key"
    for row, expected in enumerate(given.truth["reasons"].to_pylist()):
        # two rows with the same wrong key are doubles of each other besides
        extra = {key} if any(reason.split(":")[0] in source.key for reason in expected) else set()
        assert set(expected) <= found[row] <= set(expected) | extra, (
            row,
            given.rows.slice(row, 1).to_pylist(),
        )


def reasons_of(rows: pa.Table, source: Source) -> list[set[str]]:
    """What the contract says of each row."""
    context = contract.Context(
        datetime(2020, 4, 12, 12, tzinfo=UTC),
        ZoneInfo("Asia/Shanghai"),
        lambda level: frozenset(PLACES[level]),
    )
    return checked_reasons(rows, source, context)


def checked_reasons(rows: pa.Table, source: Source, context: contract.Context) -> list[set[str]]:
    key = pc.binary_join_element_wise(*(rows[name] for name in source.key), "\x1f").combine_chunks()
    _, first = np.unique(pc.dictionary_encode(key).indices.to_numpy(), return_index=True)
    doubled = np.ones(rows.num_rows, bool)
    doubled[first] = False
    table = ibis.memtable(rows.append_column("doubled", pa.array(doubled)))
    found = ibis.duckdb.connect().to_pyarrow(contract.checked(table, source, context)).sort_by("row")
    return [set(reasons or ()) for reasons in found["reasons"].to_pylist()]


@pytest.mark.parametrize("ref", EVERY)
def test_each_way_to_go_wrong_occurs(ref: str) -> None:
    source, given = delivery(ref, 20_000, Recipe(PEOPLE, 3, RECIPE.today, RECIPE.places, bad=0.3))
    counts = Counter(reason for reasons in given.truth["reasons"].to_pylist() for reason in reasons)
    assert {f"{fault.column}:{fault.code}" for fault in faults_of(source)} == set(counts)


def test_the_same_seed_makes_the_same_rows_and_another_seed_others() -> None:
    ref = "emergency_travel:rail"
    assert delivery(ref)[1].rows.equals(delivery(ref)[1].rows)
    other = Recipe(People(50_000, 4, "310199"), 4, RECIPE.today, RECIPE.places)
    assert not delivery(ref)[1].rows.equals(delivery(ref, recipe=other)[1].rows)


def test_the_truth_says_whose_number_a_row_carries() -> None:
    _, given = delivery("emergency_stays:lodging", 20_000)
    truth = given.truth
    good = pc.and_(pc.is_valid(truth["person"]), pc.equal(pc.list_value_length(truth["reasons"]), 0))
    numbers = given.rows["identity"].filter(good)
    own = texts(PEOPLE.identities(truth["person"].filter(good).to_numpy()))
    right = np.asarray(pc.equal(numbers.combine_chunks(), own)).mean()
    assert 1 - 5 * SHARE["mistaken"] < right < 1


def test_strangers_are_not_in_the_register() -> None:
    _, given = delivery("emergency_travel:flights", 20_000)
    numbers = given.rows["identity"].filter(pc.is_null(given.truth["person"]))
    known = texts(PEOPLE.identities(np.arange(PEOPLE.size)))
    met = np.asarray(pc.is_in(numbers, known)).mean()
    assert len(numbers) > 200
    assert met < 0.01  # the few are mistaken numbers


def test_some_rows_have_no_identifier_where_the_contract_allows_it() -> None:
    _, given = delivery("emergency_contacts:self_declarations")
    assert np.asarray(given.truth["named"]).mean() == pytest.approx(1 - SHARE["unnamed"], abs=0.02)


def test_numbers_of_people_and_companies_are_all_different() -> None:
    who = np.arange(PEOPLE.size)
    for letters in (PEOPLE.identities(who), PEOPLE.phones(who), PEOPLE.credit_codes(who)):
        assert len(np.unique(letters.view(f"S{letters.shape[1]}"))) == PEOPLE.size


def test_a_register_has_a_most() -> None:
    with pytest.raises(ValueError, match="a register has"):
        People(MOST_PEOPLE + 1, 1, "310199")


def test_a_source_that_names_each_subject_once_has_a_most() -> None:
    source = source_of("public_security:residents").value
    with pytest.raises(ValueError, match="at most 50000 rows"):
        next(made(source, 50_001, RECIPE))


def test_patterns() -> None:
    random = np.random.default_rng(1)
    pattern = r"[GDCZ]?\d{1,4}-[A-C\d]{2}"
    found = letters_of(pattern, 500, random)
    assert pc.all(pc.match_substring_regex(found, f"^{pattern}$")).as_py()
    assert len(pc.unique(found)) > 400
    with pytest.raises(ValueError, match="no text can be made"):
        parts_of("(a|b)+")


def test_files_hold_what_was_made(tmp_path: Path) -> None:
    chosen = [source_of("market_regulation:companies"), source_of("emergency_supplies:medicine")]
    counts = write_all(tmp_path, chosen, 3_000, RECIPE)
    assert counts == {"market_regulation:companies": 1_500, "emergency_supplies:medicine": 1_500}
    for ref, rows in counts.items():
        name = ref.replace(":", ".")
        parquet = pq.read_table(tmp_path / f"{name}.parquet")
        sheet = pacsv.read_csv(
            tmp_path / f"{name}.csv",
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(parquet.column_names, pa.string())
            ),
        )
        assert (
            parquet.num_rows
            == sheet.num_rows
            == pq.read_metadata(tmp_path / "truth" / f"{name}.parquet").num_rows
        )
        assert sheet.equals(parquet)
        assert rows == parquet.num_rows
    write_register(tmp_path / "people.parquet", People(1_000, 3, "310199"))
    register = pq.read_table(tmp_path / "people.parquet")
    assert register["subject_id"].to_pylist() == list(range(1, 1_001))


def test_rows_are_spread_and_what_is_too_much_for_one_goes_to_others() -> None:
    small = People(700, 1, "310199")
    chosen = [source_of("market_regulation:companies"), source_of("emergency_supplies:medicine")]
    assert shares(chosen, 1_000, small) == {
        "market_regulation:companies": 100,
        "emergency_supplies:medicine": 900,
    }
