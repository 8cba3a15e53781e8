"""The demo city: loads invented people, offices and things; the day itself is in demo_day.py."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Min

from liangwang.base import clock
from liangwang.base.keys import blind
from liangwang.base.models import Company, CompanyRole, Guardian, Person, Place
from liangwang.base.places import city_settings, load_places, outlines
from liangwang.base.subjects import new_subjects, person_row
from liangwang.base.transactions import write
from liangwang.base.working_days import load_calendar, local_day
from liangwang.engines.street_graph import cached_streets
from liangwang.operations import actions
from liangwang.operations.crews import enlist_crews
from liangwang.operations.datastreams import stream_sources
from liangwang.operations.gps import enlist_units

from . import demo_covers, demo_day
from .demo_day import COVER_PACK
from .demo_hats import demo_hats, load_named
from .demo_offices import load_offices, names
from .demo_papers import load_gates, load_papers
from .demo_people import ADULT, Firm, Human, Numbers, Street, firms, people
from .demo_registers import load_registers

__all__ = ["day", "demo_hats", "load", "load_demo"]

COVERS = 5_000
PEOPLE_PER_COMPANY = 20
# Where the covers are: the demo street, the rest of its district, the dense districts, everywhere else.
COVER_SHARES = (0.10, 0.25, 0.40, 0.25)
BATCH = 2_000


def load(people: int = 20_000, seed: int = 1) -> int:
    """The command `liangwang demo`: loads, and says what and how long."""
    began = time.perf_counter()
    found = load_demo(people=people, seed=seed, at=clock.now(), say=_say)
    _say("完成 · done", time.perf_counter() - began, found)
    return 0


def day() -> int:
    """The command `liangwang demo-day`: readings, applications and records arrive until it is stopped."""
    return demo_day.run()


Say = Callable[[str, float, object], None]


def _say(what: str, seconds: float, result: object) -> None:
    sys.stdout.write(f"  {what}: {result} ({seconds:.1f} s)\n")
    sys.stdout.flush()


def _silent(what: str, seconds: float, result: object) -> None:
    pass


def load_demo(
    *, people: int = 20_000, seed: int = 1, at: datetime, covers: int = COVERS, say: Say = _silent
) -> dict[str, int]:
    """Brings the demo city to `people` people and `covers` covers; what is there already stays. Own transactions.

    Returns how many rows of each kind were made or changed; a second call with the same numbers makes none.
    """
    city = city_settings(settings.CITY_DIR)
    anchor = _anchor(at)
    numbers = Numbers(city["demo"]["division"])
    found: dict[str, int] = {}
    with _step("地点 · places", found, say) as done:
        done(load_places(settings.CITY_DIR, at=at))
    with _step("日历 · calendar", found, say) as done:
        done(load_calendar(at=at))
    with _step("机构 · offices", found, say) as done:
        done(load_offices(settings.CITY_DIR, at=at) + enlist_crews(at=at) + enlist_units(at=at))
    with _step("人物 · named people", found, say) as done:
        done(load_named(settings.CITY_DIR, numbers, at=at))
    with _step("证照与门岗 · papers and gates", found, say) as done:
        done(load_papers(settings.CITY_DIR, at=at) + load_gates(city["demo"]["street"]))
    with _step("居民 · residents", found, say) as done:
        humans = _humans(people, seed, anchor, city, numbers)
        done(_load_people(humans, anchor, at))
    with _step("企业 · companies", found, say) as done:
        division, name = city["demo"]["division"], city["name"]["zh"].removesuffix("市")
        seeded = firms(
            people // PEOPLE_PER_COMPANY, seed=seed, humans=humans, on=anchor, division=division, city=name
        )
        done(_load_companies(seeded, humans, at))
    with _step("登记 · registers", found, say) as done:
        done(load_registers(at))
    with _step("井盖 · covers", found, say) as done:
        done(_load_covers(covers, seed, city, at))
    return found


@contextmanager
def _step(what: str, found: dict[str, int], say: Say) -> Iterator[Callable[[int], None]]:
    """One transaction and one line of the log."""
    began = time.perf_counter()
    with write():
        yield lambda n: found.__setitem__(what, n)
    say(what, time.perf_counter() - began, found[what])


def _anchor(at: datetime) -> date:
    """The day from which ages are counted: that of the first load, so that a later one makes the same people."""
    first = Person.objects.filter(demo=True).aggregate(first=Min("subject__created_at"))["first"]
    return local_day(first or at)


# --- people --------------------------------------------------------------------------------------------


def _humans(n: int, seed: int, on: date, city: dict[str, Any], numbers: Numbers) -> list[Human]:
    streets = _streets(city)
    home = city["demo"]["street"]
    streets.sort(key=lambda pair: (pair[0] != home, pair[0]))
    return people(n, seed=seed, on=on, streets=[street for _, street in streets], numbers=numbers)


def _streets(city: dict[str, Any]) -> list[tuple[str, Street]]:
    """Where people live, by code of the street: the demo district's streets, and every street's neighbourhoods."""
    by_street: dict[str, list[Place]] = {}
    members = Place.objects.filter(ended_at=None, level="neighbourhood").exclude(kind="statistical_unit")
    for place in members.defer("polygon").order_by("code"):
        by_street.setdefault(place.code[:9], []).append(place)
    governed = Place.objects.filter(ended_at=None, kind__in=["street", "town"]).select_related(
        "parent__parent"
    )
    found = []
    for street in governed.defer("polygon", "parent__polygon", "parent__parent__polygon").order_by("code"):
        words = names(street)
        roads = _roads(street, by_street.get(street.code, []), city)
        codes = [member.code for member in by_street.get(street.code, [])]
        if codes:
            found.append((street.code, Street(words["city"] + words["district"], roads, codes)))
    return found


def _roads(street: Place, members: list[Place], city: dict[str, Any]) -> list[str]:
    """Roads of a street: the city's list for the demo street, else those that its own and its committees' names tell."""
    if street.code == city["demo"]["street"]:
        return list(city["demo"]["roads"])
    told = [match[0] for m in [street, *members] if (match := re.match(r".{1,4}?路", m.name["zh"]))]
    return list(dict.fromkeys(told)) or [f"{names(street)['stem']}路"]


def _load_people(humans: list[Human], on: date, at: datetime) -> int:
    """Inserts whoever is missing, and the guardianship of parents over children; returns how many people."""
    known = Person.objects.filter(demo=True).exclude(identity_blind=None).count()
    there = _by_identity(humans) if known else {}
    missing = [i for i, human in enumerate(humans) if i not in there]
    subjects = dict(zip(missing, new_subjects("person", len(missing), at=at), strict=True))
    homes = {p.code: p for p in Place.objects.filter(level="neighbourhood").only("id", "code")}
    for start in range(0, len(missing), BATCH):
        Person.objects.bulk_create(
            person_row(
                subjects[i],
                name=humans[i].name,
                sex=humans[i].sex,
                birth_on=humans[i].birth_on,
                identity=humans[i].identity,
                phone=humans[i].phone,
                address=humans[i].home.address,
                home=homes[humans[i].home.place],
                demo=True,
            )
            for i in missing[start : start + BATCH]
        )
    ids = there | {i: subject.pk for i, subject in subjects.items()}
    guardians = [
        Guardian(guardian_id=ids[parent], ward_id=ids[i], since=at)
        for i in missing
        if (on - humans[i].birth_on).days < ADULT * 365
        for parent in humans[i].parents
    ]
    Guardian.objects.bulk_create(guardians, batch_size=BATCH, ignore_conflicts=True)
    return len(missing)


def _by_identity(humans: list[Human]) -> dict[int, int]:
    """The subject id of each of these people who is there already, by position."""
    kept = dict(Person.objects.filter(demo=True).values_list("identity_blind", "subject_id"))
    blinds = ((i, blind(human.identity, "identity")) for i, human in enumerate(humans))
    return {i: kept[index] for i, index in blinds if index in kept}


def _load_companies(seeded: list[Firm], humans: list[Human], at: datetime) -> int:
    there = set(Company.objects.values_list("credit_code", flat=True))
    missing = [firm for firm in seeded if firm.credit_code not in there]
    owners = _by_identity([humans[firm.owner] for firm in missing])
    streets = {p.code: p.pk for p in Place.objects.filter(level="street").only("id", "code")}
    subjects = new_subjects("company", len(missing), at=at)
    Company.objects.bulk_create(
        (
            Company(
                subject=subject, name=firm.name, credit_code=firm.credit_code,
                legal_person_id=owners[i], place_id=streets[firm.place], demo=True,
            )
            for i, (firm, subject) in enumerate(zip(missing, subjects, strict=True))
        ),
        batch_size=BATCH,
    )  # fmt: skip
    CompanyRole.objects.bulk_create(
        [CompanyRole(company=subject, person_id=owners[i]) for i, subject in enumerate(subjects)],
        batch_size=BATCH,
    )
    return len(missing)


# --- things --------------------------------------------------------------------------------------------


def _load_covers(n: int, seed: int, city: dict[str, Any], at: datetime) -> int:
    """Registers covers with the pack that watches them; none where this deployment has no such pack."""
    kind = next((s.things for ref, s in stream_sources().items() if ref.startswith(f"{COVER_PACK}:")), None)
    if kind is None:
        return 0
    graph = cached_streets(settings.DATA / "graph", outlines("district"), dense=city["dense"])
    grids = outlines("grid")
    roads = {code: street.roads for code, street in _streets(city)}
    invented = demo_covers.covers(
        n, seed=seed, graph=graph, grids=grids, weights=_weights(grids, city), roads=roads
    )
    streets = {p.code: p for p in Place.objects.filter(kind__in=["street", "town"]).defer("polygon")}
    rows = [
        actions.NewAsset(
            key=cover.key,
            kind=kind,
            lon=cover.lon,
            lat=cover.lat,
            owner=cover.owner,
            label=cover.label,
            place=streets[cover.grid.partition("-")[0]],
            facts={"address": cover.address, "grid": cover.grid},
        )
        for cover in invented
    ]
    return len(actions.register_assets(COVER_PACK, rows, at=at))


def _weights(grids: dict[str, Any], city: dict[str, Any]) -> dict[str, float]:
    """How many covers a duty grid gets in proportion to others, by the four shares."""
    home = city["demo"]["street"]

    def share(code: str) -> int:
        if code.startswith(home):
            return 0
        if code.startswith(home[:6]):
            return 1
        return 2 if code[:6] in city["dense"] else 3

    counts = [sum(share(code) == i for code in grids) for i in range(len(COVER_SHARES))]
    return {code: COVER_SHARES[share(code)] / counts[share(code)] for code in grids}
