"""What the command screen shows: open incidents, minutes, running clocks, drill-down, the feed."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any, TypedDict

from liangwang.base.labels import Label
from liangwang.base.models import Event, Place
from liangwang.cases import actions, history
from liangwang.cases import queries as cases
from liangwang.cases.queries import STAGE_LABELS, Case, Minutes

from . import decisions

MOST = 2000
DEEPER = {2: 6, 6: 9, 9: 12}  # length of a division code -> of the codes below it
FEED_TYPES = (
    "case.opened", "case.accepted", "case.level", "task.assigned", "task.accepted", "task.arrived", "task.reported",
    "task.failed", "task.declined", "task.done", "task.overdue", "task.deferred", "task.supervised", "case.closed",
    "case.rated",
)  # fmt: skip
WINDOW = timedelta(hours=24)


class Row(TypedDict):
    """One incident on the board."""

    ref: str
    number: str
    title: Label
    level: str
    stage: str
    stage_label: Label
    place: Label
    place_code: str
    lon: float | None
    lat: float | None
    opened_at: datetime
    closed_at: datetime | None
    clock: "Running | None"
    minutes: Minutes
    supervised: bool
    climbed: str
    resting: Label | None  # 缓办 or 挂账: it stays on the board
    kind: str  # pack:kind, or the pack alone where it names no kind
    waits_for: str  # the decision of a duty officer that is due (decisions.DECISIONS), or ""
    unassigned: bool  # a step wants a crew and has none
    lead_level: str  # city, district or street: whose operations centre leads


class Running(TypedDict):
    """The clock that is nearest to its end: share used (over 1 = late), seconds left (negative = late)."""

    task: str
    label: Label
    due_at: datetime
    left_s: float
    share: float
    whole_s: float


class Medians(TypedDict):
    """Median minutes over incidents of the last day; None where there are none."""

    detect: float | None
    assign: float | None
    arrive: float | None
    close: float | None
    cases: int


def running_clock(case: Case, at: datetime) -> Running | None:
    """The open task of an incident with the least time left; None where none has a limit."""
    timed = [task for task in case.tasks.all() if task.due_at and task.ready_at and _is_open(task.state)]
    if not timed:
        return None
    task = min(timed, key=lambda t: t.due_at or at)
    assert task.due_at is not None
    assert task.ready_at is not None
    whole = (task.due_at - task.ready_at).total_seconds()
    used = (at - task.ready_at).total_seconds()
    return Running(
        task=task.ref, label=task.label, due_at=task.due_at, left_s=(task.due_at - at).total_seconds(),
        share=round(used / whole, 3) if whole > 0 else 1.0, whole_s=whole,
    )  # fmt: skip


def _is_open(state: str) -> bool:
    return state in {"ready", "assigned", "accepted", "arrived", "reported"}


def incident_row(case: Case, at: datetime) -> Row:
    """One incident as the screen lists it."""
    tasks = list(case.tasks.all())
    climbed = [task.climbed for task in tasks if task.climbed and _is_open(task.state)]
    return Row(
        ref=case.ref, number=case.number, title=case.title, level=case.level, stage=case.stage,
        stage_label=STAGE_LABELS[case.stage], place=case.place.name if case.place else {"zh": "", "en": ""},  # type: ignore[typeddict-item]
        place_code=case.place.code if case.place else "", lon=case.lon, lat=case.lat, opened_at=case.opened_at,
        closed_at=case.closed_at, clock=running_clock(case, at), minutes=cases.incident_minutes(case),
        supervised=case.supervised, resting=_resting(case),
        climbed=max(climbed, key=("street", "district", "city").index, default=""),
        kind=case.facts.get("kind") or case.pack, waits_for=decisions.due(case, tasks),
        unassigned=any(decisions.wants_crew(task) for task in tasks),
        lead_level=case.lead_office.level if case.lead_office else "",
    )  # fmt: skip


def _resting(case: Case) -> Label | None:
    """How a task of an incident rests, by its approved deferral; None while nothing rests."""
    for task in case.tasks.all():
        if task.state == "deferred":
            return actions.DEFERRALS.get((task.defer_asked or {}).get("how", "shelve"))
    return None


def open_incidents(code: str, at: datetime, limit: int = MOST) -> list[Row]:
    """Open incidents of a place, those with the least time left first: what is overdue comes before all."""
    found = [incident_row(case, at) for case in history.on_the_board(code)[:limit]]
    return sorted(found, key=lambda row: row["clock"]["left_s"] if row["clock"] else float("inf"))


def recent_incidents(code: str, at: datetime, limit: int = 50) -> list[Row]:
    """Incidents of a place closed within the last day, the newest first, with their minutes."""
    rows = cases.incidents_in(code).filter(state="closed", closed_at__gt=at - WINDOW, closed_at__lte=at)
    return [incident_row(case, at) for case in rows.prefetch_related("tasks").order_by("-closed_at")[:limit]]


def medians(rows: Iterable[Minutes]) -> Medians:
    """Medians of minutes, each over the incidents that have got so far."""
    kept = list(rows)

    def middle(name: str) -> float | None:
        values = [row[name] for row in kept if row[name] is not None]  # type: ignore[literal-required]
        return round(median(values), 1) if values else None

    return Medians(
        detect=middle("detect"),
        assign=middle("assign"),
        arrive=middle("arrive"),
        close=middle("close"),
        cases=len(kept),
    )


class Below(TypedDict):
    """One place of the next level down."""

    code: str
    name: Label
    open: int
    red: int
    late: int
    lon: float | None
    lat: float | None


def drill_down(code: str, at: datetime) -> list[Below]:
    """The places directly below one (city → districts → streets), with their open, red and late incidents."""
    length = DEEPER.get(len(code))
    if length is None:
        return []
    counts: dict[str, Counter[str]] = {}
    for own, (n, red, late) in history.tally(code, at).items():
        counts.setdefault(own[:length], Counter()).update({"open": n, "red": red, "late": late})
    places = Place.objects.filter(parent__code=code, ended_at=None).exclude(kind="statistical_unit")
    return [
        Below(
            code=place.code, name=place.name, open=counts.get(place.code, Counter())["open"],
            red=counts.get(place.code, Counter())["red"], late=counts.get(place.code, Counter())["late"],
            lon=place.lon, lat=place.lat,
        )
        for place in places.defer("polygon").order_by("code")
    ]  # fmt: skip


class Feed(TypedDict):
    """One line of the live feed; `id` grows, so that a screen asks for what came after."""

    id: int
    at: datetime
    type: str
    ref: str
    place_code: str
    body: dict[str, Any]


def feed(code: str, *, after: int = 0, limit: int = 50) -> list[Feed]:
    """What has happened in a place after event `after`, oldest first; the newest `limit` when `after` is 0."""
    rows = Event.objects.filter(type__in=FEED_TYPES, place_code__startswith=code)
    picked = (
        rows.filter(id__gt=after).order_by("id")[:limit] if after else reversed(rows.order_by("-id")[:limit])
    )
    return [
        Feed(id=e.pk, at=e.at, type=e.type, ref=e.ref, place_code=e.place_code, body=e.body)
        for e in picked
        if e.body.get("kind", "incident") == "incident"
    ]


class Board(TypedDict):
    """Everything that a screen of one place needs at once."""

    code: str
    at: datetime
    by_level: dict[str, int]
    by_stage: dict[str, int]
    open: list[Row]
    closed: list[Row]
    medians: Medians
    below: list[Below]
    feed: list[Feed]


def board(code: str, at: datetime) -> Board:
    """The command screen of a city, district or street, by its division code."""
    rows, done = open_incidents(code, at), recent_incidents(code, at)
    return Board(
        code=code, at=at, by_level=dict(Counter(row["level"] for row in rows)),
        by_stage=dict(Counter(row["stage"] for row in rows)), open=rows, closed=done,
        medians=medians(row["minutes"] for row in [*rows, *done]), below=drill_down(code, at), feed=feed(code),
    )  # fmt: skip
