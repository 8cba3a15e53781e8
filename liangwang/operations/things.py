"""Things and units on a map: where they stand, which of them are in alarm, and what a card says of one."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, QuerySet, Sum

from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.cases import history
from liangwang.cases.queries import Case, busy_crew_ids
from liangwang.rules.declare import SignalRule

from . import curves, datastreams
from .dispatch_models import Crew
from .models import Asset, Datastream, Signal
from .panels import UNIT_SIGNS

Place3 = tuple[int, float, float]
ORDER = ("blue", "yellow", "orange", "red")


def _standing_still(code: str) -> QuerySet[Asset]:
    """Living things of a place, without the units of crews: those move, and are drawn where their crew is."""
    moving = {stream.things for stream in datastreams.stream_sources().values() if stream.moves}
    return Asset.objects.filter(ended_at=None, place__code__startswith=code).exclude(kind__in=moving)


def version(code: str) -> str:
    """Changes when a thing of a place comes, goes or is moved: one statement, no row read."""
    found = _standing_still(code).aggregate(n=Count("pk"), last=Max("pk"), east=Sum("lon"), north=Sum("lat"))
    return f"{found['n']}.{found['last'] or 0}.{found['east'] or 0:.5f}.{found['north'] or 0:.5f}"


def positions(code: str) -> list[Place3]:
    """Number, lon and lat of every thing of a place."""
    return list(_standing_still(code).order_by("pk").values_list("pk", "lon", "lat"))


@dataclass(frozen=True, slots=True)
class Alarm:
    """A thing with a standing signal: the highest level of those that stand."""

    number: int
    lon: float
    lat: float
    level: str


def alarms(code: str) -> list[Alarm]:
    """The things of a place with a standing signal."""
    rows = Signal.objects.filter(cleared_at=None, asset__place__code__startswith=code, asset__ended_at=None)
    found: dict[int, Alarm] = {}
    for pk, lon, lat, level in rows.values_list("asset_id", "asset__lon", "asset__lat", "level"):
        one = found.get(pk)
        if one is None or _rank(level) > _rank(one.level):
            found[pk] = Alarm(pk, lon, lat, level)
    return list(found.values())


def _rank(level: str) -> int:
    return ORDER.index(level) if level in ORDER else -1


@dataclass(frozen=True, slots=True)
class Unit:
    """A crew on shift that can repair; `busy` while it has something in hand."""

    ref: str
    name: Label
    lon: float
    lat: float
    busy: bool


def units(code: str) -> list[Unit]:
    """The crews with tools that are on shift in a place."""
    rows = Crew.objects.filter(on_shift=True, repairs=True, office__place__code__startswith=code)
    found = list(rows.values_list("ref", "office_id", "office__name", "lon", "lat"))
    busy = busy_crew_ids()
    return [Unit(ref, name, lon, lat, office in busy) for ref, office, name, lon, lat in found]


def unit_marks() -> dict[str, tuple[int, float]]:
    """By place, what changes when a unit of it comes, goes or moves: one statement, for the stream that tells pages."""
    rows = Crew.objects.filter(on_shift=True, repairs=True).order_by().values_list("office__place__code")
    found = rows.annotate(n=Count("pk"), sum=Sum(F("lon") + 2 * F("lat")))
    return {code: (n, round(total, 6)) for code, n, total in found}


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of one quantity of a thing; `number` leads to its curve."""

    number: int
    label: Label
    value: float | None
    unit: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A signal that stands."""

    label: Label
    level: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Card:
    """What a map says of one thing."""

    asset: Asset
    standing: list[Standing]
    latest: list[Latest]
    incident: Case | None


def asset_by_number(number: int) -> Asset | None:
    """The living thing of a number."""
    return Asset.objects.select_related("place", "subject").filter(pk=number, ended_at=None).first()


def latest_of(asset: Asset) -> list[Latest]:
    """The newest value of each quantity of a thing."""
    rows = Datastream.objects.filter(asset=asset, ended_at=None).order_by("id")
    found = [(row, curves.about(row)) for row in rows]
    return [
        Latest(row.pk, known.label, row.last_value, UNIT_SIGNS.get(known.unit, known.unit), row.last_at)
        for row, known in found
    ]


def card(asset: Asset) -> Card:
    """Name, standing signals, latest values and the live incident of a thing."""
    labels = {
        one.ref: one.value.label for one in declarations("rules.yaml") if isinstance(one.value, SignalRule)
    }
    rows = Signal.objects.filter(asset=asset, cleared_at=None).order_by("-at")
    standing = [
        Standing(labels.get(row.rule, {"zh": row.rule, "en": row.rule}), row.level, row.at) for row in rows
    ]
    about = history.live(history.cases_in("incident", "")).filter(subject_id=asset.subject_id)
    return Card(asset, standing, latest_of(asset), about.order_by("-id").first())


def of_subject(subject_id: int | None) -> Asset | None:
    """The thing that an incident is about; None where it is about no thing."""
    return Asset.objects.filter(subject_id=subject_id).first() if subject_id is not None else None
