"""What packs put on the screen (board.yaml): measures by dimension, the course of the day, crews on duty."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, TypedDict

import msgspec
from django.db.models import QuerySet

from liangwang.base import packs
from liangwang.base.declare import declaration_file
from liangwang.base.labels import Label
from liangwang.base.working_days import end_of_day, local_day
from liangwang.cases import history
from liangwang.cases.queries import Case, Task, incident_minutes

from .boards import Medians, medians
from .dispatch_models import Crew
from .models import Asset, Datastream, Signal

DIMENSIONS: dict[str, Label] = {
    "dynamics": {"zh": "城市动态", "en": "City dynamics"},
    "environment": {"zh": "城市环境", "en": "Environment"},
    "traffic": {"zh": "城市交通", "en": "Traffic"},
    "supply": {"zh": "保障供应", "en": "Supply"},
    "infrastructure": {"zh": "基础设施", "en": "Infrastructure"},
}
SILENT = timedelta(minutes=15)
SERIES_HOURS = 12


class Measure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number of a pack on the screen; the first of a pack's board is its headline."""

    measure: str
    label: Label
    show: Literal[
        "assets", "assets_silent", "signals_standing", "incidents_open", "incidents_today", "incidents_late",
        "applications_open", "applications_today",
    ]  # fmt: skip


declaration_file("board.yaml", owner="operations", tuple_of=Measure)


class Metric(TypedDict):
    """A number to show; `series` counts the last hours, oldest first, where the measure has a course."""

    label: Label
    value: int
    series: list[int]


class Panel(TypedDict):
    """One dimension: its headline metric first; no metrics where no pack feeds it."""

    dimension: str
    label: Label
    metrics: list[Metric]


def start_of_day(at: datetime) -> datetime:
    """Midnight in the city's zone, as an instant."""
    return end_of_day(local_day(at)) + timedelta(seconds=1) - timedelta(days=1)


def panels(code: str, at: datetime) -> list[Panel]:
    """The five dimensions of a place, each with what its packs declare."""
    dimension = {pack.key: pack.meta.dimension for pack in packs.packs()}
    found: dict[str, list[Metric]] = {key: [] for key in DIMENSIONS}
    for row in packs.declarations("board.yaml"):
        where = dimension[row.pack]
        if where is not None:
            found[where].append(_metric(row.value, row.pack, code, at))
    return [Panel(dimension=key, label=label, metrics=found[key]) for key, label in DIMENSIONS.items()]


def _metric(measure: Measure, pack: str, code: str, at: datetime) -> Metric:
    rows = _MEASURES[measure.show](pack, code, at)
    kind = measure.show.removesuffix("s_today")
    series = _by_hour(history.cases_in(kind, code, pack), at) if kind != measure.show else []
    return Metric(label=measure.label, value=rows.count(), series=series)


Rows = Callable[[str, str, datetime], "QuerySet[Asset] | QuerySet[Signal] | QuerySet[Case]"]


def _assets(pack: str, code: str, at: datetime) -> QuerySet[Asset]:
    return Asset.objects.filter(pack=pack, ended_at=None, place__code__startswith=code)


def _silent(pack: str, code: str, at: datetime) -> QuerySet[Asset]:
    heard = Datastream.objects.filter(pack=pack, last_at__gte=at - SILENT).values("asset_id")
    return _assets(pack, code, at).exclude(pk__in=heard)


def _standing(pack: str, code: str, at: datetime) -> QuerySet[Signal]:
    return Signal.objects.filter(asset__pack=pack, cleared_at=None, asset__place__code__startswith=code)


def _open(kind: str) -> Rows:
    return lambda pack, code, at: history.live(history.cases_in(kind, code, pack))


def _today(kind: str) -> Rows:
    return lambda pack, code, at: history.cases_in(kind, code, pack).filter(opened_at__gte=start_of_day(at))


def _late(pack: str, code: str, at: datetime) -> QuerySet[Case]:
    return history.late(history.cases_in("incident", code, pack), at)


_MEASURES: dict[str, Rows] = {
    "assets": _assets,
    "assets_silent": _silent,
    "signals_standing": _standing,
    "incidents_open": _open("incident"),
    "incidents_today": _today("incident"),
    "incidents_late": _late,
    "applications_open": _open("application"),
    "applications_today": _today("application"),
}


def _by_hour(rows: QuerySet[Case], at: datetime) -> list[int]:
    """How many cases were opened in each of the last hours."""
    start = at - timedelta(hours=SERIES_HOURS)
    counts = [0] * SERIES_HOURS
    for opened in rows.filter(opened_at__gte=start).values_list("opened_at", flat=True):
        counts[min(SERIES_HOURS - 1, int((opened - start) / timedelta(hours=1)))] += 1
    return counts


# --- the day and the crews -------------------------------------------------------------------------------


def opened_by_slot(code: str, start: datetime, at: datetime, slots: int) -> list[int]:
    """Incidents opened since `start`, in `slots` equal parts of a day; parts to come are 0."""
    counts = [0] * slots
    rows = history.cases_in("incident", code).filter(opened_at__gte=start)
    for opened in rows.filter(opened_at__lte=at).values_list("opened_at", flat=True):
        counts[min(slots - 1, int((opened - start) / timedelta(days=1) * slots))] += 1
    return counts


def last_day_medians(code: str, at: datetime) -> Medians:
    """Median minutes to detect, assign, arrive and close, over incidents opened in the last 24 hours."""
    rows = history.cases_in("incident", code).filter(opened_at__gte=at - timedelta(days=1))
    return medians(incident_minutes(case) for case in rows)


class OnDuty(TypedDict):
    """A crew on shift: what it has in hand, if anything, and how many minutes away that was when it was sent."""

    name: Label
    task: Task | None
    minutes: float | None


def on_duty(code: str, limit: int) -> list[OnDuty]:
    """Crews on shift in a place, those with something in hand first, at most `limit`."""
    offices = [crew.office for crew in _crews_at(code).order_by("office__key")]
    held = {task.crew_office_id: task for task in history.in_hand([office.pk for office in offices])}
    found = [
        OnDuty(
            name=office.name,
            task=held.get(office.pk),
            minutes=held[office.pk].because.get("minutes") if office.pk in held else None,
        )
        for office in offices
    ]
    return sorted(found, key=lambda row: row["task"] is None)[:limit]


def _crews_at(code: str) -> QuerySet[Crew]:
    rows = Crew.objects.filter(on_shift=True, office__place__code__startswith=code, office__ended_at=None)
    return rows.select_related("office")


class Choice(TypedDict):
    """A crew that could be sent; minutes of travel where they were worked out."""

    key: str
    name: Label
    minutes: float | None


def crews_for(task: Task) -> list[Choice]:
    """The crews that a duty officer may name for a task: the nearest found at dispatch first, then others around."""
    offered = [task.because, *task.because.get("others", [])] if task.because.get("crew") else []
    found = {
        row["crew"]: Choice(key=row["crew"], name=row["name"], minutes=row["minutes"]) for row in offered
    }
    wanted = (task.by.get("crew") or {}).get("skill")
    place = task.case.place
    rows = Crew.objects.filter(on_shift=True, repairs=wanted is not None).select_related("office")
    if place is not None:
        rows = rows.filter(office__place__code__startswith=place.code[:6])
    for crew in rows.order_by("office__key"):
        if wanted is None or wanted in crew.skills:
            found.setdefault(
                crew.office.key, Choice(key=crew.office.key, name=crew.office.name, minutes=None)
            )
    return list(found.values())


class Reason(TypedDict):
    """One line of why a rule fired: what it looked at, and what it saw."""

    label: Label
    value: Label


def why(case: Case) -> list[Reason]:
    """What the rule saw when it fired, by the names of the quantities and limits; empty for a person's report."""
    names = _names(case.pack)
    found = []
    for step in case.facts.get("because") or []:
        name, value, unit = str(step["expression"]), step.get("value"), step.get("unit") or ""
        if name.startswith("warned(") and step.get("verdict"):
            found.append(Reason(label=WARNING, value=WARNED[name.removeprefix("warned(").removesuffix(")")]))
        if value is None or name not in names:
            continue
        shown = (
            f"{value:g} {UNIT_SIGNS.get(unit, unit)}".strip()
            if isinstance(value, float | int)
            else str(value)
        )
        found.append(Reason(label=names[name], value={"zh": shown, "en": shown}))
    return found


WARNING: Label = {"zh": "外来预警", "en": "Warning in force"}
WARNED: dict[str, Label] = {
    "blue": {"zh": "蓝色及以上", "en": "blue or above"},
    "yellow": {"zh": "黄色及以上", "en": "yellow or above"},
    "orange": {"zh": "橙色及以上", "en": "orange or above"},
    "red": {"zh": "红色", "en": "red"},
}
UNIT_SIGNS = {"deg": "°", "1": "", "percent": "%"}


def _names(pack: str) -> dict[str, Label]:
    """Names of quantities (vocabulary) and of the pack's limits, by key."""
    quantities = {
        row.key: Label(zh=row.value.zh, en=row.value.en) for row in packs.declarations("quantities.csv")
    }
    limits = {row.key: row.value.label for row in packs.declarations("limits.yaml") if row.pack == pack}
    return {**quantities, **limits}
