"""Where the crews of a place were in a day, and what they had in hand: by their positions, arrivals and proofs.

A position is known at a moment and holds until the next; before the first of a day a crew is drawn where it is based.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db.models import Q

from liangwang.base.labels import Label
from liangwang.cases import course, history
from liangwang.cases.queries import Case

from . import datastreams
from .dispatch_models import Crew
from .history import engine
from .history_models import HistoryFile
from .models import Datastream

STEP_S: Final = (60, 120, 300, 600, 900, 1800)
MOST_FIXES: Final = 60_000
MOVED_DEG: Final = 0.0003  # about 30 m; a smaller step is the noise of a phone
COLUMNS: Final = ("office__key", "ref", "office__name", "office__lon", "office__lat", "lon", "lat")
Fix = tuple[float, float, float]  # second of the day, lon, lat
Hand = tuple[float, float | None, str]  # from, to (None: on after the day), the incident's ref
Courses = Sequence[tuple[Case, Sequence[course.Moment]]]


@dataclass(slots=True)
class UnitThen:
    """A crew with tools: where it is based, where it was seen when, and which incident it had in hand from when to when."""

    ref: str
    name: Label
    lon: float
    lat: float
    fixes: list[Fix] = field(default_factory=list)
    hands: list[Hand] = field(default_factory=list)


def units(code: str, incidents: Courses, start: datetime, until: datetime) -> list[UnitThen]:
    """The crews of a place that are on shift now or had something in hand then, with their tracks."""
    hands = _hands(incidents, start, until)
    rows = Crew.objects.filter(repairs=True, office__place__code__startswith=code).order_by("pk")
    crews = list(rows.filter(Q(on_shift=True) | Q(office__key__in=list(hands))).values_list(*COLUMNS))
    known = {key for key, *_ in crews}
    fixes = _seen(start, until)
    _add(fixes, _arrivals(incidents, start))
    _add(fixes, _proofs(incidents, known, start, until))
    return [
        UnitThen(
            ref, name, last_lon if lon is None else lon, last_lat if lat is None else lat,
            sorted(fixes.get(key, [])), hands.get(key, []),
        )
        for key, ref, name, lon, lat, last_lon, last_lat in crews
    ]  # fmt: skip


def _add(fixes: dict[str, list[Fix]], more: Iterator[tuple[str, Fix]]) -> None:
    for key, fix in more:
        fixes.setdefault(key, []).append(fix)


def _hands(incidents: Courses, start: datetime, until: datetime) -> dict[str, list[Hand]]:
    """What each crew had in hand, by its office's key."""
    found: dict[str, list[Hand]] = {}
    for case, moments in incidents:
        open_now: dict[str, float] = {}
        for moment in moments:
            at = max(0.0, (moment.at - start).total_seconds())
            holding = {key for key, _ in moment.hands}
            for key in [key for key in open_now if key not in holding]:
                found.setdefault(key, []).append((open_now.pop(key), at, case.ref))
            for key in holding - open_now.keys():
                open_now[key] = at
        for key, since in open_now.items():
            found.setdefault(key, []).append((since, None, case.ref))
    return {key: sorted(rows, key=lambda hand: hand[0]) for key, rows in found.items()}


def _arrivals(incidents: Courses, start: datetime) -> Iterator[tuple[str, Fix]]:
    """A crew that has arrived is where the incident is."""
    for case, moments in incidents:
        if case.lon is None or case.lat is None:
            continue
        there: set[str] = set()
        for moment in moments:
            now = {key for key, state in moment.hands if state == "arrived"}
            for key in now - there:
                yield key, (max(0.0, (moment.at - start).total_seconds()), case.lon, case.lat)
            there = now


def _proofs(
    incidents: Courses, known: set[str], start: datetime, until: datetime
) -> Iterator[tuple[str, Fix]]:
    """Where a crew's photos of the day were taken."""
    for key, at, lon, lat in history.proof_places([case for case, _ in incidents], start, until):
        if key in known:
            yield key, ((at - start).total_seconds(), lon, lat)


# --- positions as readings ------------------------------------------------------------------------------


def _seen(start: datetime, until: datetime, data: Path | None = None) -> dict[str, list[Fix]]:
    """Positions that the crews' phones and trackers sent, thinned: one in a step of time, and only where it moved."""
    sources = [ref for ref, stream in datastreams.stream_sources().items() if stream.moves == "crew"]
    low, high = (round(at.timestamp() * 1e6) for at in (start, until))
    paths = _files(sources, low, high, data)
    if not paths:
        return {}
    of_stream = _streams(sources)
    step_s = next((s for s in STEP_S if len(of_stream) / 2 * 86_400 / s <= MOST_FIXES), STEP_S[-1])
    with engine() as con:
        rows = con.execute(
            _POSITIONS.format(value="value" if paths[0] == "raw" else "total / n"),
            {"paths": paths[1], "start": low, "end": high, "step": step_s * 1_000_000},
        ).fetchnumpy()
    return _tracks(of_stream, rows, step_s)


_POSITIONS: Final = """
SELECT datastream, ("at" - $start) // $step AS step, arg_max({value}, "at") AS value
FROM read_parquet($paths) WHERE "at" >= $start AND "at" < $end GROUP BY 1, 2 ORDER BY 1, 2"""


def _files(sources: Sequence[str], low: int, high: int, data: Path | None) -> tuple[str, list[str]] | None:
    """The tier that still has the positions of a time (µs), the finest first, and its files."""
    folder = (data or settings.DATA) / "history"
    for tier in ("raw", "minute"):
        files = HistoryFile.objects.filter(
            tier=tier, source__in=sources, ended_at=None, first_at__lt=high, last_at__gte=low
        )
        if paths := [str(folder / path) for path in files.values_list("path", flat=True)]:
            return tier, paths
    return None


def _streams(sources: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Key of the crew's office and quantity (lon, lat) by the number of the datastream."""
    rows = Datastream.objects.filter(
        quantity__in=("lon", "lat"), pack__in={ref.partition(":")[0] for ref in sources}
    )
    found = rows.values_list("id", "asset__facts", "quantity")
    return {number: (facts["crew"], name) for number, facts, name in found if facts.get("crew")}


def _tracks(of_stream: dict[int, tuple[str, str]], rows: dict[str, Any], step_s: int) -> dict[str, list[Fix]]:
    """Fixes by crew from columns (datastream, step, value): a step counts where both lon and lat are known."""
    sides: dict[str, dict[str, dict[int, float]]] = {}
    for stream in np.unique(rows["datastream"]).tolist():
        if stream not in of_stream:
            continue
        key, name = of_stream[stream]
        mine = rows["datastream"] == stream
        values = dict(zip(rows["step"][mine].tolist(), rows["value"][mine].tolist(), strict=True))
        sides.setdefault(key, {})[name] = values
    return {key: list(_moved(of["lon"], of["lat"], step_s)) for key, of in sides.items() if len(of) == 2}


def _moved(lons: dict[int, float], lats: dict[int, float], step_s: int) -> Iterator[Fix]:
    last: tuple[float, float] | None = None
    for step in sorted(lons.keys() & lats.keys()):
        here = lons[step], lats[step]
        if last is None or max(abs(here[0] - last[0]), abs(here[1] - last[1])) >= MOVED_DEG:
            last = here
            yield float(step * step_s), round(here[0], 5), round(here[1], 5)
