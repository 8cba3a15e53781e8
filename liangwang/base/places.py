"""Places: reads a city's folder into rows, and answers what contains a point, what is near, and who is on duty."""

import csv
import json
import time
import tomllib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, Model, QuerySet
from shapely.geometry.base import BaseGeometry

from .errors import NotFound, Refusal
from .geo import AreaIndex, PointIndex, area_of, cell, cells_around, degrees_of, haversine_m
from .labels import Label
from .models import Place
from .subjects import new_subjects

GOVERNED = ("street", "town")
LEVELS = ("city", "district", "street", "neighbourhood", "grid")
# How long one process may go on with an index that another process has made stale.
INDEX_KEPT_S = 30.0

Row = TypeVar("Row", bound=Model)


class NoDutyPlace(Refusal):
    """A statistical unit for which the city's folder names nobody."""

    status, code = 409, "no_duty_place"
    template: ClassVar[Label] = {
        "zh": "{place}是统计用地块，没有管理机构，城市目录的 duty_places.csv 也没有写明由谁负责，请补上一行",
        "en": "{place} is a statistical unit without a government, and duty_places.csv of the city folder names nobody"
        " for it: add a row",
    }


class OutsideCity(Refusal):
    status, code = 422, "outside_city"
    template: ClassVar[Label] = {
        "zh": "位置（{lon}，{lat}）不在本市范围内，请核对经纬度",
        "en": "The point ({lon}, {lat}) is outside the city; check longitude and latitude",
    }


# --- reading a city's folder ---------------------------------------------------------------------------


class PlaceRow(NamedTuple):
    """One place as the folder states it."""

    code: str
    kind: str
    level: str
    parent: str | None
    name: Label
    lon: float
    lat: float
    polygon: str | None
    approximate: bool


def city_settings(city_dir: Path) -> dict[str, Any]:
    """The content of city.toml."""
    return tomllib.loads((city_dir / "city.toml").read_text(encoding="utf-8"))


def load_places(city_dir: Path, *, at: datetime) -> int:
    """Brings the place table to what the folder says; returns how many rows were made or changed.

    Places that the folder no longer names get an `ended_at`; none is ever deleted. Call it inside a write.
    """
    rows = {row.code: row for row in place_rows(city_dir)}
    kept = {place.code: place for place in Place.objects.all()}
    changed = 0
    for level in LEVELS:
        changed += _write_level([r for r in rows.values() if r.level == level], kept, at)
    gone = [place for code, place in kept.items() if code not in rows and place.ended_at is None]
    for place in gone:
        place.ended_at = at
    Place.objects.bulk_update(gone, ["ended_at"], batch_size=500)
    forget_index()
    return changed + len(gone)


def place_rows(city_dir: Path) -> Iterator[PlaceRow]:
    """Every place of the folder, parents first."""
    city = city_settings(city_dir)
    code = city["code"]
    lon, lat = city["centre"]
    yield PlaceRow(code, "city", "city", None, city["name"], lon, lat, None, False)
    outlines = _areas(city_dir / "districts.geojson")
    for r in _table(city_dir / "districts.csv"):
        yield _row(r, "district", "district", code, outlines, approximate=False)
    outlines = _areas(city_dir / "streets.geojson")
    for r in _table(city_dir / "streets.csv"):
        yield _row(r, r["kind"], "street", r["code"][:6], outlines, approximate=True)
    for r in _table(city_dir / "committees.csv"):
        yield _row(r, r["kind"], "neighbourhood", r["code"][:9], {}, approximate=True)
    for code, polygon in _areas(city_dir / "grids.geojson").items():
        at = area_of(polygon).representative_point()
        name: Label = {"zh": f"责任网格 {code[-2:]}", "en": f"Duty grid {code[-2:]}"}
        yield PlaceRow(code, "duty_grid", "grid", code[:-3], name, at.x, at.y, polygon, True)


def _row(
    r: dict[str, str], kind: str, level: str, parent: str, outlines: dict[str, str], *, approximate: bool
) -> PlaceRow:
    name: Label = {"zh": r["zh"], "en": r["en"]}
    lon, lat = float(r["lon"]), float(r["lat"])
    return PlaceRow(r["code"], kind, level, parent, name, lon, lat, outlines.get(r["code"]), approximate)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def _areas(path: Path) -> dict[str, str]:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return {f["properties"]["code"]: json.dumps(f["geometry"], separators=(",", ":")) for f in features}


FIELDS = (
    "kind",
    "level",
    "parent_id",
    "name",
    "lon",
    "lat",
    "h3_7",
    "h3_9",
    "polygon",
    "approximate",
    "ended_at",
)


def _write_level(rows: Sequence[PlaceRow], kept: dict[str, Place], at: datetime) -> int:
    """Makes or updates the rows of one level and adds them to `kept`, so that the next level finds its parents."""
    fresh = [row for row in rows if row.code not in kept]
    changed = []
    for row in rows:
        if row.code in kept:
            place, wanted = kept[row.code], _columns(row, kept)
            if any(getattr(place, field) != wanted[field] for field in FIELDS):
                for field in FIELDS:
                    setattr(place, field, wanted[field])
                changed.append(place)
    Place.objects.bulk_update(changed, FIELDS, batch_size=200)
    subjects = new_subjects("place", len(fresh), at=at)
    made = [
        Place(subject=s, code=row.code, **_columns(row, kept)) for s, row in zip(subjects, fresh, strict=True)
    ]
    kept |= {place.code: place for place in Place.objects.bulk_create(made, batch_size=1000)}
    return len(fresh) + len(changed)


def _columns(row: PlaceRow, kept: dict[str, Place]) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "level": row.level,
        "parent_id": kept[row.parent].pk if row.parent else None,
        "name": dict(row.name),
        "lon": row.lon,
        "lat": row.lat,
        "h3_7": cell(row.lon, row.lat, 7),
        "h3_9": cell(row.lon, row.lat, 9),
        "polygon": row.polygon,
        "approximate": row.approximate,
        "ended_at": None,
    }


# --- asking --------------------------------------------------------------------------------------------


def place_by_code(code: str) -> Place:
    """The place with this code; raises NotFound."""
    place = Place.objects.filter(code=code).first()
    if place is None:
        raise NotFound
    return place


def duty_place(place: Place) -> Place:
    """The place whose government acts here: itself, or for a statistical unit and all in it the governed one.

    Raises NoDutyPlace where the city's folder names none.
    """
    unit = next((p for p in _upwards(place) if p.level == "street" and p.kind not in GOVERNED), None)
    if unit is None:
        return place
    code = _duty_codes(settings.CITY_DIR).get(unit.code)
    if code is None:
        raise NoDutyPlace(place=unit.name["zh"])
    return place_by_code(code)


def _upwards(place: Place) -> Iterator[Place]:
    here: Place | None = place
    while here is not None:
        yield here
        here = here.parent


@cache
def _duty_codes(city_dir: Path) -> dict[str, str]:
    return {r["code"]: r["duty_code"] for r in _table(city_dir / "duty_places.csv")}


def containing(lon: float, lat: float, level: str = "street") -> Place:
    """The place of a level that contains the point; a street or town is always one with a government.

    A neighbourhood has no outline: it is the nearest one of the same street. Raises OutsideCity.
    """
    code = containing_code(lon, lat, level)
    if code is None:
        raise OutsideCity(lon=round(lon, 5), lat=round(lat, 5))
    return place_by_code(code)


def containing_code(lon: float, lat: float, level: str = "street") -> str | None:
    """The code of `containing`, without touching the database when the index is warm; None outside the city."""
    return codes_containing([lon], [lat], level)[0]


def codes_containing(lon: Sequence[float], lat: Sequence[float], level: str = "street") -> list[str | None]:
    """For many points at once: the code of the place of a level that contains each, None outside the city."""
    if level == "neighbourhood":
        streets = codes_containing(lon, lat, "street")
        return [_nearest_neighbourhood(s, (x, y)) for s, x, y in zip(streets, lon, lat, strict=True)]
    index = _index().areas.get(level)
    return index.first_of(np.asarray(lon), np.asarray(lat)) if index else [None] * len(lon)


def _nearest_neighbourhood(street: str | None, point: tuple[float, float]) -> str | None:
    members = _index().neighbourhoods.get(street or "", [])
    return min(members, key=lambda m: haversine_m(point, (m[1], m[2])))[0] if members else None


def outlines(level: str) -> dict[str, BaseGeometry]:
    """The outline of every place of a level that has one, by code."""
    index = _index().areas.get(level)
    return dict(zip(index.keys, index.areas, strict=True)) if index else {}


def near(lon: float, lat: float, rows: "QuerySet[Row] | str", metres: float) -> list[tuple[Row, float]]:
    """(row, metres) of every row within `metres`, nearest first.

    `rows` is a kind of place, or any queryset whose model has lon and lat (and h3_9, which makes it fast).
    """
    found: QuerySet[Any] = Place.objects.filter(kind=rows, ended_at=None) if isinstance(rows, str) else rows
    columns = {field.name for field in found.model._meta.get_fields()}
    if "h3_9" in columns and metres <= 2000:
        found = found.filter(h3_9__in=cells_around(lon, lat, metres))
    else:
        east, north = degrees_of(metres * 1.01, lat)
        found = found.filter(lon__range=(lon - east, lon + east), lat__range=(lat - north, lat + north))
    by_key = {row.pk: row for row in found.exclude(lon=None)}
    index = PointIndex((key, row.lon, row.lat) for key, row in by_key.items())
    return [(by_key[key], distance) for key, distance in index.near(lon, lat, metres)]


# --- the index in this process -------------------------------------------------------------------------


class _Index(NamedTuple):
    stamp: tuple[Any, ...]
    areas: dict[str, AreaIndex]
    neighbourhoods: dict[str, list[tuple[str, float, float]]]


_kept: tuple[_Index, float] | None = None


def forget_index() -> None:
    """Makes the next question build the index anew."""
    global _kept
    _kept = None


def _stamp() -> tuple[Any, ...]:
    found = Place.objects.aggregate(n=Count("id"), last=Max("id"), ended=Count("ended_at"))
    return tuple(found.values())


def _index() -> _Index:
    global _kept
    if _kept is not None and time.monotonic() < _kept[1]:
        return _kept[0]
    stamp = _stamp()
    index = _kept[0] if _kept is not None and _kept[0].stamp == stamp else _built(stamp)
    # An empty table is about to be filled: ask again at once.
    _kept = index, time.monotonic() + (INDEX_KEPT_S if stamp[0] else 0)
    return index


def _built(stamp: tuple[Any, ...]) -> _Index:
    areas: dict[str, list[tuple[str, Any]]] = {}
    outlined = Place.objects.filter(ended_at=None).exclude(polygon=None).order_by("code")
    for code, level, polygon in outlined.values_list("code", "level", "polygon"):
        assert polygon is not None
        areas.setdefault(level, []).append((code, area_of(polygon)))
    members: dict[str, list[tuple[str, float, float]]] = {}
    committees = Place.objects.filter(ended_at=None, level="neighbourhood").exclude(kind="statistical_unit")
    for code, street, lon, lat in committees.values_list("code", "parent__code", "lon", "lat"):
        assert lon is not None
        assert lat is not None
        members.setdefault(street, []).append((code, lon, lat))
    return _Index(stamp, {level: AreaIndex(rows) for level, rows in areas.items()}, members)
