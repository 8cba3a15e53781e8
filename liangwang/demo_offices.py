"""Offices and crews of the demo city, made from the city's tables of kinds by level."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from liangwang.base.geo import degrees_of
from liangwang.base.models import Office, Place
from liangwang.base.places import city_settings

STREET_ENDINGS = ("街道", "镇", "乡")
DUTY_LEVELS = {"neighbourhood": "street"}  # a city has three duty levels; a committee is of the lowest
BESIDE_M = 60.0  # offices of one place stand apart, so that none hides another on a map
FIELDS = (
    "name",
    "department",
    "kind",
    "level",
    "place_id",
    "parent_id",
    "owner_of",
    "lon",
    "lat",
    "ended_at",
)


class Kind(NamedTuple):
    """One line of offices.csv or crews.csv: an office that every place of a level has; crews `times` times."""

    level: str
    key: str
    department: str
    kind: str
    zh: str
    en: str
    owner_of: list[str]
    parent: str
    times: int


def office_kinds(city_dir: Path) -> list[Kind]:
    """Kinds of office first, then of crew, which name an office as parent."""
    return [*_kinds(city_dir / "offices.csv"), *_kinds(city_dir / "crews.csv")]


def _kinds(path: Path) -> Iterator[Kind]:
    with path.open(encoding="utf-8", newline="") as f:
        for r in csv.DictReader(f):
            yield Kind(
                r["level"], r["key"], r["department"], r.get("kind") or "crew", r["zh"], r["en"],
                r["owner_of"].split(), r.get("parent", ""), int(r.get("count") or 0),
            )  # fmt: skip


def load_offices(city_dir: Path, *, at: datetime) -> int:
    """Makes or updates every office of the city's tables; returns how many rows were made or changed.

    Keys are `kind.place`, with `-n` for crews: operations.310105, counter.310105002, crew.rain.310105-1.
    """
    kinds = office_kinds(city_dir)
    home = city_settings(city_dir)["demo"]["street"]
    places = _governed_places()
    kept = {office.key: office for office in Office.objects.all()}
    changed = 0
    for crews in (False, True):
        rows = [row for kind in kinds if (kind.kind == "crew") is crews for row in _rows(kind, places, home)]
        changed += _write(rows, kept)
    return changed


Places = dict[str, list[Place]]


def _governed_places() -> Places:
    found: Places = {level: [] for level in ("city", "district", "street", "neighbourhood")}
    rows = list(Place.objects.filter(ended_at=None).order_by("code").defer("polygon"))
    by_id = {place.pk: place for place in rows}
    for place in rows:
        if place.parent_id:
            place.parent = by_id[place.parent_id]  # spares a query for each parent
        if place.level in found and place.kind != "statistical_unit":
            found[place.level].append(place)
    return found


def _rows(kind: Kind, places: Places, home: str) -> Iterator[dict[str, Any]]:
    for place in places[kind.level]:
        words = names(place)
        for n in range(1, kind.times + 1) if kind.times else (0,):
            lon, lat = _point(kind, place, n, places, home)
            yield {
                "key": f"crew.{kind.key}.{place.code}-{n}" if n else f"{kind.key}.{place.code}",
                "name": {"zh": kind.zh.format(n=n, **words), "en": kind.en.format(n=n, **words)},
                "department": kind.department,
                "kind": kind.kind,
                "level": DUTY_LEVELS.get(kind.level, kind.level),
                "place_id": place.pk,
                "parent": f"{kind.parent}.{place.code}" if kind.parent else None,
                "owner_of": kind.owner_of,
                "lon": lon,
                "lat": lat,
            }


def names(place: Place) -> dict[str, str]:
    """The words that the tables may use: zh, en, stem (江苏路), stem_en, city, district, government."""
    chain = [place]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    zh, en = place.name["zh"], place.name["en"]
    city = chain[-1].name["zh"]
    district = chain[-2].name["zh"] if len(chain) > 1 else ""
    ending = next((e for e in STREET_ENDINGS if zh.endswith(e)), "区")
    # A subdistrict office is an agency of the district; a town or township has a people's government.
    office = "办事处" if ending == "街道" else "人民政府"
    return {
        "zh": zh,
        "en": en,
        "stem": zh.removesuffix(ending),
        "stem_en": en.rpartition(" ")[0] or en,
        "city": city,
        "district": district,
        "government": f"{city}{district}{zh}{office}",
    }


def _point(kind: Kind, place: Place, n: int, places: Places, home: str) -> tuple[float | None, float | None]:
    """Where an office stands: near its place's point; crews of a district stand in different streets of it.

    The first crew stands in the `home` street of the demo, whose crews have people to play them. A committee has no
    point: where its office is is not known, and dispatch sends who has one.
    """
    if place.level == "neighbourhood":
        return None, None
    base = place
    random = np.random.default_rng([sum(kind.key.encode()), n, *place.code.encode()])
    if kind.kind == "crew" and place.level == "district":
        streets = [street for street in places["street"] if street.code.startswith(place.code)]
        at_home = [street for street in streets if street.code == home]
        base = at_home[0] if n == 1 and at_home else streets[int(random.integers(len(streets)))]
    assert base.lon is not None
    assert base.lat is not None
    east, north = degrees_of(BESIDE_M, base.lat)
    angle, reach = random.uniform(0, 2 * np.pi), random.uniform(0.5, 3)
    lon, lat = base.lon + reach * east * np.cos(angle), base.lat + reach * north * np.sin(angle)
    return round(float(lon), 6), round(float(lat), 6)


def _write(rows: Sequence[dict[str, Any]], kept: dict[str, Office]) -> int:
    fresh, changed = [], []
    for row in rows:
        parent = row.pop("parent")
        row["parent_id"] = kept[parent].pk if parent else None
        row["ended_at"] = None
        office = kept.get(row["key"])
        if office is None:
            fresh.append(Office(**row))
        elif any(getattr(office, field) != row[field] for field in FIELDS):
            for field in FIELDS:
                setattr(office, field, row[field])
            changed.append(office)
    kept |= {office.key: office for office in Office.objects.bulk_create(fresh, batch_size=1000)}
    Office.objects.bulk_update(changed, FIELDS, batch_size=200)
    return len(fresh) + len(changed)
