"""The demo city: people valid in form and nobody's, loaded once, with every hat wearable."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.conf import settings
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st
from stdnum import numdb
from stdnum.cn import ric, uscc

from liangwang import demo, demo_covers, demo_day, demo_readings, demo_records
from liangwang.base.hats import wear
from liangwang.base.models import Company, Guardian, Mandate, Office, Party, Person, Place, Post
from liangwang.base.subjects import identity_of, person_by_identity
from liangwang.demo_hats import cast, demo_hats
from liangwang.demo_offices import names, office_kinds
from liangwang.demo_people import Human, Numbers, Street, credit_code, firms, identity_number, people
from liangwang.engines.street_graph import synthetic_streets

ON = date(2026, 11, 23)
STREETS = [
    Street("上海市长宁区", ["江苏路", "愚园路"], ["310105002002", "310105002003"]),
    Street("上海市静安区", ["曹家渡路"], ["310106014001"]),
]
CITIES = ["shanghai", "testville"]


def invented(n: int, seed: int = 1) -> list[Human]:
    return people(n, seed=seed, on=ON, streets=STREETS, numbers=Numbers("310199"))


# --- people --------------------------------------------------------------------------------------------


@given(st.dates(date(1900, 1, 1), ON), st.integers(0, 999))
def test_the_check_digit_is_that_of_an_independent_reading_of_the_standard(born: date, sequence: int) -> None:
    number = identity_number("310105", born, sequence)
    assert ric.validate(number) == number
    assert ric.get_birth_date(number) == born


@given(st.integers(0, 99_999_999))
def test_credit_codes_are_valid_in_form(number: int) -> None:
    assert uscc.is_valid(credit_code("310199", number))


def test_no_division_holds_the_fictitious_numbers() -> None:
    """An independent table of divisions, past ones included, knows nothing under 310199."""
    table = numdb.get("cn/loc")

    def counties(division: str) -> list[str]:
        return [str(found["county"]) for _, found in table.info(division) if "county" in found]

    assert counties("310105")
    assert not counties("310199")


def test_people_are_unique_and_live_in_households_that_make_sense() -> None:
    found = invented(4000)
    assert len({human.identity for human in found}) == 4000
    assert sum(human.home.place.startswith("310105") for human in found) > 2000
    for i, human in enumerate(found):
        assert human.birth_on <= ON
        assert int(human.identity[16]) % 2 == (human.sex == "m")
        if human.spouse is not None:
            assert found[human.spouse].spouse == i
        for parent in human.parents:
            assert found[parent].household == human.household
            assert 18 * 365 < (human.birth_on - found[parent].birth_on).days < 60 * 366
    shares = Counter(human.name[0] for human in found)
    assert [name for name, _ in shares.most_common(2)] in (["王", "李"], ["李", "王"])


def test_more_people_of_one_seed_begin_with_the_same_ones() -> None:
    small, large = invented(500), invented(1500)
    assert [h._replace(spouse=None) for h in small] == [h._replace(spouse=None) for h in large[:500]]
    assert invented(500, seed=2) != small


def test_owners_of_companies_are_adults() -> None:
    found = invented(800)
    for firm in firms(40, seed=1, humans=found, on=ON, division="310199", city="上海"):
        assert (ON - found[firm.owner].birth_on).days >= 18 * 365


# --- the city's tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize("city", CITIES)
def test_every_post_and_login_of_the_cast_exists(city: str) -> None:
    folder: Path = settings.ROOT / "cities" / city
    play = cast(folder)
    logins = {row["login"] for row in [*play["people"], *play["staff"]]}
    assert len(logins) == len(play["people"]) + len(play["staff"])
    assert {hat["login"] for group in play["groups"] for hat in group["hats"]} == logins
    kinds = {(kind.key, kind.kind == "crew") for kind in office_kinds(folder)}
    for row in play["staff"]:
        for post in row["posts"]:
            key = post.partition("@")[2].split(".")
            assert (key[1], True) in kinds if key[0] == "crew" else (key[0], False) in kinds


def test_both_cities_have_the_same_cast() -> None:
    first, second = (cast(settings.ROOT / "cities" / city) for city in CITIES)
    assert [r["login"] for r in first["people"] + first["staff"]] == [
        r["login"] for r in second["people"] + second["staff"]
    ]


# --- loading -------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(transactional_db: None, at: datetime) -> dict[str, int]:
    return demo.load_demo(people=300, seed=1, at=at, covers=60)


def test_loading_again_makes_nothing_and_more_people_keep_the_first(
    loaded: dict[str, int], at: datetime
) -> None:
    before = set(Person.objects.values_list("subject_id", flat=True))
    assert len(before) == 300 + 5
    later = at + timedelta(days=400)
    assert set(demo.load_demo(people=300, seed=1, at=later, covers=60).values()) == {0}
    demo.load_demo(people=400, seed=1, at=later, covers=60)
    after = set(Person.objects.values_list("subject_id", flat=True))
    assert before < after
    assert len(after) == 405


@pytest.mark.usefixtures("loaded")
def test_every_hat_on_the_login_page_can_be_worn(at: datetime) -> None:
    hats = [hat for group in demo_hats() for hat in group.hats]
    assert len(hats) == len(cast(settings.CITY_DIR)["people"]) + len(cast(settings.CITY_DIR)["staff"])
    roles = set()
    for hat in hats:
        party = Party.objects.get(login_name=hat.login_name)
        assert not party.has_usable_password()
        roles.add(wear(party, hat.key, at).role)
    assert roles >= {
        "resident", "clerk", "approver", "counter", "crew", "supervisor", "duty_officer", "committee",
        "gatekeeper", "data_engineer", "reform_officer", "system_admin", "security_admin", "auditor",
    }  # fmt: skip


@pytest.mark.usefixtures("loaded")
def test_people_are_sealed_marked_and_found_by_their_number() -> None:
    mother = Person.objects.get(subject__parties__login_name="linxiao")
    number = identity_of(mother)
    assert number is not None
    assert number.startswith("31019919940518")
    assert person_by_identity(number) == mother
    assert not Person.objects.exclude(demo=True).exists()
    assert Guardian.objects.count() > 20
    for row in Guardian.objects.select_related("ward__person", "guardian__person"):
        assert row.guardian.person.birth_on < row.ward.person.birth_on
    assert {m.taker.login_name for m in Mandate.objects.all()} == {"zhoumin"}
    assert {m.giver.kind for m in Mandate.objects.all()} == {"person", "company"}  # her mother, and the café
    assert Company.objects.count() == 300 // demo.PEOPLE_PER_COMPANY + 1


@pytest.mark.usefixtures("loaded")
def test_offices_of_each_level_and_none_in_a_statistical_unit() -> None:
    for kind in office_kinds(settings.CITY_DIR):
        here = Place.objects.filter(level=kind.level, ended_at=None).exclude(kind="statistical_unit")
        named = Q(key__startswith=f"{kind.key}.") | Q(key__contains=f".{kind.key}.")
        found = Office.objects.filter(named, place__level=kind.level, kind=kind.kind)
        assert found.count() == len(here) * max(1, kind.times)
    assert not Office.objects.filter(place__kind="statistical_unit").exists()
    street = Place.objects.get(code="900101001")
    assert Office.objects.get(key="subdistrict.900101001").name["zh"] == "试城市湖东区湖滨街道办事处"
    assert names(Place.objects.get(code="900102101"))["government"] == "试城市湖西区溪口镇人民政府"
    assert Office.objects.get(key="crew.fallback.900101001-1").owner_of == ["*"]
    assert Post.objects.filter(office__place=street, role="duty_officer").count() == 1


# --- covers and the day --------------------------------------------------------------------------------


def test_covers_stand_beside_streets_in_their_grid() -> None:
    grids = {
        "900101001-01": shapely.box(122.46, 30.48, 122.48, 30.50),
        "900101002-01": shapely.box(122.48, 30.48, 122.50, 30.50),
    }
    graph = synthetic_streets({"900101": shapely.box(122.46, 30.48, 122.50, 30.50)}, dense=["900101"])
    roads = {"900101001": ["湖滨路", "书院路"], "900101002": ["石桥路"]}
    weights = {"900101001-01": 3.0, "900101002-01": 1.0}
    found = demo_covers.covers(400, seed=1, graph=graph, grids=grids, weights=weights, roads=roads)
    assert found == demo_covers.covers(400, seed=1, graph=graph, grids=grids, weights=weights, roads=roads)
    assert len({cover.key for cover in found}) == 400
    share = Counter(cover.grid for cover in found)["900101001-01"] / 400
    assert share == pytest.approx(0.75, abs=0.08)
    assert {cover.owner for cover in found} == {"rain", "sewage", "water", "power", "telecom", "gas", ""}
    near = shapely.STRtree(shapely.points(graph.lon, graph.lat))
    for cover in found:
        assert grids[cover.grid].distance(shapely.Point(cover.lon, cover.lat)) < 0.0002
        assert near.query_nearest(shapely.Point(cover.lon, cover.lat), return_distance=True)[1][0] < 0.0002
        assert cover.address.startswith(tuple(roads[cover.grid[:9]]))


def covers_of(n: int) -> demo_readings.Covers:
    keys = [f"M{i}" for i in range(n)]
    return demo_readings.Covers(keys, keys[:10], np.random.default_rng(4))


def test_every_cover_reports_within_a_round_and_mishaps_outlast_a_lorry() -> None:
    covers, at = covers_of(40), datetime(2026, 11, 23, tzinfo=UTC)
    seen: dict[str, datetime] = {}
    tilted: Counter[str] = Counter()
    for tick in range(960):  # four hours
        rows = list(demo_readings.readings(covers, at))
        covers.ticks += 1
        assert len({row["datastream"] for row in rows}) == len(rows)
        seen |= {row["datastream"]: at for row in rows if row["datastream"].endswith(".tilt")}
        assert len(seen) == (40 if tick else len(seen))
        assert at - min(seen.values()) <= timedelta(seconds=demo_readings.ROUND_S)
        tilted.update(
            row["datastream"] for row in rows if row["datastream"].endswith("tilt") and row["value"] > 15
        )
        at += timedelta(seconds=demo_readings.TICK_S)
    assert max(tilted.values()) * demo_readings.TICK_S > 600
    assert 1 in tilted.values()
    assert all(m.until > at - timedelta(seconds=demo_readings.TICK_S) for m in covers.mishaps.values())


def test_a_tick_posts_to_the_doors_that_devices_and_offices_use(loaded: dict[str, int], at: datetime) -> None:
    posted: list[tuple[str, str, bytes]] = []

    def send(path: str, body: bytes, kind: str, headers: dict[str, str]) -> dict[str, Any]:
        posted.append((path, kind, body))
        return {"accepted": body.count(b"\n") + 1}

    people = list(Person.objects.values_list("pk", flat=True))
    day = demo_day.Day(covers_of(40), np.random.default_rng(4), people)
    turns = len(demo_records.MAKERS) + 1
    for i in range(turns):
        demo_day.step(day, at=at + timedelta(seconds=i * demo_day.RECORDS_EVERY_S), send=send)
    batches = [(path, body) for path, kind, body in posted if kind == "text/csv"]
    assert [path.rpartition("/")[2] for path, _ in batches] == [
        *(source for source, _ in demo_records.MAKERS),
        "city_code:fever_clinics",
    ]
    assert all(person_by_identity(line.split(b",")[1].decode()) for line in batches[0][1].splitlines()[1:])
    unknown = [
        not person_by_identity(line.split(b",")[1].decode()) for line in batches[1][1].splitlines()[1:]
    ]
    assert sum(unknown) == 1
    assert sum(path == "/api/v1/readings" for path, _, _ in posted) == turns


def test_some_vaccinations_are_left_to_people_to_link(loaded: dict[str, int], at: datetime) -> None:
    people, turn = list(Person.objects.values_list("pk", flat=True)), 2
    source, rows = demo_records.records(people, turn, np.random.default_rng(4), at)
    assert source == "health:inoculations"
    bare = [row for row in rows if not row["identity"]]
    assert 0 < len(bare) < len(rows) / 2
    for row in bare:
        namesakes = Person.objects.filter(name=row["name"])
        assert date.fromisoformat(row["birth_date"]) not in namesakes.values_list("birth_on", flat=True)
