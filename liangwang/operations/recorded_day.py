"""A recorded day of a place, to be dragged back and forth: what stood at its beginning and everything that changed.

It is loaded once; a browser then shows any second of it without asking again. Incidents come from their timelines,
alarms from the signals, where units were from their positions as readings and from their arrivals.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from liangwang.base.labels import Label
from liangwang.base.models import Event
from liangwang.base.working_days import end_of_day, local_day
from liangwang.cases import course, history
from liangwang.cases.queries import STAGE_LABELS, Case
from liangwang.hub import queries as hub
from liangwang.rules.declare import LEVELS

from . import signals, unit_tracks
from .history_models import HistoryFile
from .intake_models import WarningIn
from .models import Signal
from .report_models import ShiftHandover

SLOT_S: Final = 600
SLOTS: Final = 144
MOST_MARKS: Final = 60
KEYS_AT_ONCE: Final = 5_000  # a statement of SQLite takes some tens of thousands of values


@dataclass(frozen=True, slots=True)
class IncidentThen:
    """An incident that was on the board in the day, with its moments; those before the day are folded into one."""

    case: Case
    moments: list[course.Moment]


@dataclass(frozen=True, slots=True)
class AlarmThen:
    """A signal that stood: for which thing, from when to before when (s of the day; None: on after it), its level."""

    number: int
    since_s: float
    until_s: float | None
    level: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a slider marks: at which second of the day; shift, order, order_over or warning; its words."""

    at_s: float
    kind: str
    label: Label


@dataclass(slots=True)
class RecordedDay:
    """A day of a place from `start` to `end`; `until` is where the record ends: now, while the day is not over.

    `things` are lon and lat by number of those that had an alarm; `slots` are incidents opened in each ten minutes.
    """

    day: date
    start: datetime
    end: datetime
    until: datetime
    incidents: list[IncidentThen] = field(default_factory=list)
    alarms: list[AlarmThen] = field(default_factory=list)
    things: dict[int, tuple[float, float]] = field(default_factory=dict)
    units: list[unit_tracks.UnitThen] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def bounds(day: date) -> tuple[datetime, datetime]:
    """A day of the city as two instants: its beginning and the next one's.

    >>> bounds(date(2026, 11, 22))[0].isoformat()
    '2026-11-21T16:00:00+00:00'
    """
    end = end_of_day(day) + timedelta(seconds=1)
    return end - timedelta(days=1), end


def recorded_day(code: str, day: date, at: datetime) -> RecordedDay:
    """The record of a day in a place, by its division code; a number of statements that does not grow with the day."""
    start, end = bounds(day)
    found = RecordedDay(day, start, end, min(end, max(at, start)))
    found.incidents = list(_incidents(code, start, found.until))
    found.alarms, found.things = _alarms(code, start, found.until)
    found.units = unit_tracks.units(
        code, [(one.case, one.moments) for one in found.incidents], start, found.until
    )
    found.slots = _slots((one.case.opened_at for one in found.incidents), start, found.until)
    found.marks = sorted(_marks(code, start, found.until), key=lambda mark: mark.at_s)[:MOST_MARKS]
    return found


# --- incidents ------------------------------------------------------------------------------------------


def _incidents(code: str, start: datetime, until: datetime) -> Iterator[IncidentThen]:
    """Incidents that were on the board at some time between two instants, the oldest first."""
    over = Q(closed_at__gte=start) | Q(closed_at=None)
    rows = history.cases_in("incident", code).filter(over, opened_at__lt=until)
    cases = list(rows.select_related("place").defer("place__polygon").order_by("id"))
    moments = course.courses(cases)
    for case in cases:
        seen = _within(moments[case.pk], start, until)
        if any(moment.live for moment in seen):
            yield IncidentThen(case, seen)


def _within(moments: Sequence[course.Moment], start: datetime, until: datetime) -> list[course.Moment]:
    """The moments before `until`; of those up to `start` only the last, which held then."""
    before = [moment for moment in moments if moment.at <= start][-1:]
    return [*before, *(moment for moment in moments if start < moment.at < until)]


def running(one: IncidentThen, moment: course.Moment) -> tuple[datetime, float | None]:
    """Since when the clock of an incident ran at a moment, and its limit in seconds; without one, since it was opened."""
    if moment.clock is None or moment.clock[2] <= moment.clock[1]:
        return one.case.opened_at, None
    _node, since, until = moment.clock
    return since, (until - since).total_seconds()


def stage(one: IncidentThen, moment: course.Moment) -> Label:
    """What an incident waited for at a moment: the task whose clock ran, else the stage it had reached."""
    if moment.clock is None:
        return STAGE_LABELS[moment.stage]  # type: ignore[return-value]
    return course.label_of(one.case, moment.clock[0])


def _slots(opened: Iterable[datetime], start: datetime, until: datetime) -> list[int]:
    counts = [0] * SLOTS
    for at in opened:
        if start <= at < until:
            counts[int((at - start).total_seconds() // SLOT_S)] += 1
    return counts


def slots_of(code: str, day: date, at: datetime) -> list[int]:
    """Incidents opened in each ten minutes of a day up to `at`."""
    start, end = bounds(day)
    rows = history.cases_in("incident", code).filter(opened_at__gte=start, opened_at__lt=end)
    return _slots(rows.values_list("opened_at", flat=True), start, min(end, at))


# --- alarms ---------------------------------------------------------------------------------------------


def _alarms(
    code: str, start: datetime, until: datetime
) -> tuple[list[AlarmThen], dict[int, tuple[float, float]]]:
    """Signals that stood between two instants by their levels then, and where their things are."""
    stood = Signal.objects.filter(asset__place__code__startswith=code, at__lt=until)
    rows = stood.filter(Q(cleared_at__gt=start) | Q(cleared_at=None)).values_list(
        "ref", "key", "rule", "level", "at", "cleared_at", "asset_id", "asset__lon", "asset__lat"
    )
    kept = list(rows.order_by("at", "id"))
    climbs = _climbs(kept)
    alarms, things = [], {}
    for ref, _key, _rule, level, at, cleared_at, number, lon, lat in kept:
        things[number] = (lon, lat)
        steps = climbs.get(ref, [(at, level)])
        ends = [moment for moment, _ in steps[1:]] + [
            cleared_at if cleared_at and cleared_at < until else None
        ]
        for (moment, had), ended in zip(steps, ends, strict=True):
            if moment < until and (ended is None or ended > start):
                until_s = None if ended is None or ended >= until else _second(ended, start)
                alarms.append(AlarmThen(number, max(0.0, _second(moment, start)), until_s, had))
    return sorted(alarms, key=lambda alarm: alarm.since_s), things


def _climbs(rows: Sequence[Any]) -> dict[str, list[tuple[datetime, str]]]:
    """When signals of rules with several levels had which, by ref: from what was told of them, each under its own key."""
    rising = _rising()
    found: dict[str, list[tuple[datetime, str]]] = {}
    of_key: dict[str, str] = {}
    for ref, key, rule, _level, *_ in rows:
        if rule in rising:
            of_key[f"signal.raised/{key}"] = ref
            of_key |= {f"signal.climbed/{ref}/{level}": ref for level in LEVELS}
    keys = list(of_key)
    told: list[Event] = []
    for begins in range(0, len(keys), KEYS_AT_ONCE):
        told += Event.objects.filter(key__in=keys[begins : begins + KEYS_AT_ONCE])
    for event in sorted(told, key=lambda one: (one.at, one.pk)):
        found.setdefault(of_key[event.key], []).append((event.at, str(event.body["level"])))
    return found


def _rising() -> set[str]:
    """Rules whose signals can climb from one level to another."""
    return {one.program.key for one in signals.ruleset() if len(one.program.levels) > 1}


def _second(at: datetime, start: datetime) -> float:
    return round((at - start).total_seconds(), 1)


# --- marks ----------------------------------------------------------------------------------------------


def _marks(code: str, start: datetime, until: datetime) -> Iterator[Mark]:
    """What a day is told by: shifts handed over in this place, emergency orders, warnings of others."""
    shifts = ShiftHandover.objects.filter(office__place__code=code, given_at__gte=start, given_at__lt=until)
    for row in shifts.select_related("office"):
        yield Mark(_second(row.given_at, start), "shift", row.office.name)
    for order in hub.orders().exclude(signed_at=None).filter(starts_at__lt=until, ends_at__gte=start):
        over = min(filter(None, (order.ends_at, order.ended_at)))
        if start <= order.starts_at:
            yield Mark(_second(order.starts_at, start), "order", order.title)
        if start <= over < until:
            yield Mark(_second(over, start), "order_over", order.title)
    for warning in WarningIn.objects.filter(test=False, starts_at__gte=start, starts_at__lt=until)[
        :MOST_MARKS
    ]:
        yield Mark(_second(warning.starts_at, start), "warning", warning.headline)


# --- the calendar ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DayCount:
    """What a day has: incidents opened in the place, and whether readings of it are kept, so that it can be run again."""

    incidents: int = 0
    readings: bool = False


def days(code: str, first: date, last: date) -> dict[date, DayCount]:
    """The days between two (both inside) that have a record: two statements."""
    start, end = bounds(first)[0], bounds(last)[1]
    opened = history.cases_in("incident", code).filter(opened_at__gte=start, opened_at__lt=end)
    counts: dict[date, int] = {}
    for at in opened.values_list("opened_at", flat=True).iterator():
        counts[local_day(at)] = counts.get(local_day(at), 0) + 1
    readings = days_with_readings(start, end)
    return {
        day: DayCount(counts.get(day, 0), day in readings)
        for day in sorted({*counts, *readings})
        if first <= day <= last
    }


def days_with_readings(start: datetime, end: datetime) -> set[date]:
    """Days of the city in which readings arrived that are still kept one by one, so that rules can judge them again."""
    low, high = (round(at.timestamp() * 1e6) for at in (start, end))
    steps = HistoryFile.objects.filter(tier="steps", ended_at=None, first_at__lt=high, last_at__gte=low)
    kept = HistoryFile.objects.filter(tier="raw", ended_at=None, first_at__lt=high, last_at__gte=low).exists()
    spans = list(steps.values_list("first_at", "last_at")) if kept else []
    found: set[date] = set()
    for one, other in spans:
        day, last = local_day(signals.instant(one)), local_day(signals.instant(other))
        found |= {day + timedelta(days=n) for n in range((last - day).days + 1)}
    return found


def first_day(code: str) -> date | None:
    """The day on which the record of a place begins; None where nothing has happened yet."""
    first = (
        history.cases_in("incident", code).order_by("opened_at").values_list("opened_at", flat=True).first()
    )
    return local_day(first) if first else None
