"""Places of the test city, and the counts of Shanghai's."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings

from liangwang.base import places
from liangwang.base.errors import NotFound
from liangwang.base.models import Place, Subject
from liangwang.base.places import (
    NoDutyPlace,
    OutsideCity,
    codes_containing,
    containing,
    containing_code,
    duty_place,
    load_places,
    near,
    place_by_code,
    place_rows,
)

SHANGHAI: Path = settings.ROOT / "cities" / "shanghai"
TESTVILLE: Path = settings.ROOT / "cities" / "testville"


@pytest.fixture
def loaded(db: None, at: datetime) -> None:
    load_places(TESTVILLE, at=at)


@pytest.mark.usefixtures("loaded")
def test_loading_twice_changes_nothing(at: datetime) -> None:
    before = set(Place.objects.values_list("pk", "subject_id"))
    assert load_places(TESTVILLE, at=at) == 0
    assert set(Place.objects.values_list("pk", "subject_id")) == before
    assert Subject.objects.filter(kind="place").count() == len(before)


@pytest.mark.usefixtures("loaded")
def test_a_changed_row_is_updated_and_a_missing_one_ends(at: datetime) -> None:
    street = place_by_code("900101001")
    street.name = {"zh": "旧名", "en": "Old name"}
    street.save()
    extra = Place.objects.create(
        subject=Subject.objects.create(kind="place", created_at=at),
        code="900101099", kind="street", level="street", name={"zh": "撤", "en": "gone"},
    )  # fmt: skip
    assert load_places(TESTVILLE, at=at) == 2
    assert place_by_code("900101001").name["en"] == "Hubin Subdistrict"
    extra.refresh_from_db()
    assert extra.ended_at == at


@pytest.mark.usefixtures("loaded")
def test_every_level_contains_its_own_points() -> None:
    for place in Place.objects.filter(kind__in=["district", "street", "town", "duty_grid"]):
        assert containing_code(place.lon, place.lat, place.level) == place.code
    for place in Place.objects.filter(kind__in=["residents_committee", "villagers_committee"]):
        assert containing(place.lon, place.lat, "neighbourhood") == place
        assert containing(place.lon, place.lat) == place.parent


@pytest.mark.usefixtures("loaded")
def test_outside_the_city_is_said_and_never_guessed() -> None:
    assert codes_containing([122.48, 100.0], [30.5, 30.5], "district") == ["900101", None]
    with pytest.raises(OutsideCity):
        containing(100.0, 30.5)
    with pytest.raises(NotFound):
        place_by_code("999")


@pytest.mark.usefixtures("loaded")
def test_a_statistical_unit_has_no_ground_and_another_is_on_duty(tmp_path: Path) -> None:
    unit, inside = place_by_code("900102501"), place_by_code("900102501498")
    assert unit.polygon is None
    assert unit.kind == inside.kind == "statistical_unit"
    assert duty_place(unit).code == duty_place(inside).code == "900102101"
    assert duty_place(place_by_code("900101001001")).code == "900101001001"
    places._duty_codes.cache_clear()
    (tmp_path / "duty_places.csv").write_text("code,duty_code,unverified,note\n", encoding="utf-8")
    before, settings.CITY_DIR = settings.CITY_DIR, tmp_path
    try:
        with pytest.raises(NoDutyPlace, match="湖西工业园区"):
            duty_place(inside)
    finally:
        settings.CITY_DIR = before


@pytest.mark.usefixtures("loaded")
def test_near_takes_a_kind_or_any_rows() -> None:
    here = place_by_code("900101001001")
    kinds = near(here.lon, here.lat, "residents_committee", 1500)
    assert kinds[0] == (here, 0.0)
    wide = near(here.lon, here.lat, Place.objects.filter(level="street", polygon__isnull=False), 20_000)
    assert len(wide) == 4
    assert [d for _, d in wide] == sorted(d for _, d in wide)


def test_shanghai_is_complete() -> None:
    rows = {row.code: row for row in place_rows(SHANGHAI)}
    kinds = Counter((row.level, row.kind) for row in rows.values())
    assert kinds["district", "district"] == 16
    assert kinds["street", "street"] + kinds["street", "town"] == 215
    assert kinds["street", "statistical_unit"] == 19
    assert kinds["neighbourhood", "residents_committee"] == 4941
    assert kinds["neighbourhood", "villagers_committee"] == 1555
    assert kinds["neighbourhood", "statistical_unit"] == 13
    assert all(row.parent in rows for row in rows.values() if row.parent)
    assert all(
        (row.polygon is None) == (row.kind == "statistical_unit")
        for row in rows.values()
        if row.level == "street"
    )
    assert sum(row.parent == "310105002" and row.level == "neighbourhood" for row in rows.values()) == 13
    assert rows["310105002"].name == {"zh": "江苏路街道", "en": "Jiangsu Road Subdistrict"}


def test_every_statistical_unit_of_shanghai_has_a_governed_street_on_duty() -> None:
    rows = {row.code: row for row in place_rows(SHANGHAI)}
    units = {r.code for r in rows.values() if (r.level, r.kind) == ("street", "statistical_unit")}
    duty = places._duty_codes(SHANGHAI)
    assert set(duty) == units
    assert {rows[code].kind for code in duty.values()} <= {"street", "town"}
