"""派遣: competence before distance, then travel time on the street graph; several tasks at once by assignment."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db.models import Q

from liangwang.base.geo import area_of, degrees_of
from liangwang.base.hats import platform
from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.base.places import city_settings
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task
from liangwang.engines.assignment import assign as least_cost

from .dispatch_models import Crew

if TYPE_CHECKING:
    from liangwang.engines.routing import Router

log = logging.getLogger(__name__)

RANK_S = 1e6  # a lower rank of competence always outweighs travel time
UNSERVED_S = 1e8  # and leaving a task unserved outweighs both
SEVERITY = {"red": 4.0, "orange": 3.0, "yellow": 2.0, "blue": 1.0}
SPARE_TOOLS_S = 300.0  # a crew with tools guards only if no patrol is there within five minutes more
LIMIT_S = 3600.0  # farther crews are not sent: the street's own is sooner there
NEXT_BEST = 3
REACHES_M = (3_000.0, 30_000.0)  # a patrol is looked for near by first: a city has thousands

RANKS: dict[str, Label] = {
    "owner": {"zh": "权属单位的队伍", "en": "the asset owner's crew"},
    "fallback": {"zh": "街镇应急维修队", "en": "the street's fallback crew"},
    "skilled": {"zh": "有此技能的其他队伍", "en": "another crew with the skill"},
    "anyone": {"zh": "最近的在岗人员", "en": "the nearest on duty"},
}


@dataclass(frozen=True)
class Candidate:
    """A crew that may go, its rank of competence (0 first) with its name, and its seconds to the place."""

    crew: Crew
    rank: int
    why: str
    seconds: float

    def cost(self, weight: float = 1.0) -> float:
        """What sending this crew costs: competence first, then time, dearer for what is severe."""
        spared = SPARE_TOOLS_S if self.why == "anyone" and self.crew.repairs else 0.0
        return self.rank * RANK_S + weight * (self.seconds + spared)

    def said(self) -> dict[str, Any]:
        office = self.crew.office
        return {
            "crew": office.key,
            "name": office.name,
            "minutes": round(self.seconds / 60, 1),
            "why": RANKS[self.why],
        }


# --- the street graph ----------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _router(folder: str, codes: tuple[str, ...]) -> "Router":
    from liangwang.engines.routing import Router  # late: half a second that only live need spend
    from liangwang.engines.street_graph import cached_streets

    districts = Place.objects.filter(code__in=codes)
    outlines = {p.code: area_of(p.polygon) for p in districts if p.polygon}
    dense = city_settings(settings.CITY_DIR).get("dense", [])
    return Router(cached_streets(settings.DATA / "graph", outlines, dense=dense))


def router() -> "Router | None":
    """The city's street graph, ready; None where no district has an outline (then nobody can be sent by time)."""
    rows = Place.objects.filter(level="district", ended_at=None, polygon__isnull=False).order_by("code")
    codes = tuple(rows.values_list("code", flat=True))
    return _router(str(settings.DATA), codes) if codes else None


# --- who may go ----------------------------------------------------------------------------------------


def ranks(task: Task, crews: Sequence[Crew]) -> list[tuple[Crew, int, str]]:
    """The crews that may do a task, with their rank of competence.

    Anyone may guard. A repair goes to the owner's crew, then the street's fallback crew, then another with the skill;
    where the owner is unknown the fallback crew comes first.
    """
    if task.by.get("anyone"):
        return [(crew, 0, "anyone") for crew in crews]
    wanted = task.by["crew"]
    skilled = [crew for crew in crews if wanted["skill"] in crew.skills]
    street = task.case.place.code if task.case.place else ""
    owner = task.case.facts.get("owner") or "" if wanted.get("of") == "asset_owner" else ""
    found = []
    for crew in skilled:
        home = crew.office.place.code
        if owner and owner in crew.owners:
            found.append((crew, 0, "owner"))
        elif "*" in crew.owners and street.startswith(home):
            found.append((crew, 1, "fallback"))
        elif wanted.get("of") != "asset_owner":
            found.append((crew, 2, "skilled"))
    return found


def candidates(task: Task, crews: Sequence[Crew], way: "Router") -> list[Candidate]:
    """Who may do a task and can be there within the hour, the best first."""
    case = task.case
    if case.lon is None or case.lat is None:
        return []
    allowed = ranks(task, crews)
    seconds = way.seconds_to((case.lon, case.lat), [(crew.lon, crew.lat) for crew, _, _ in allowed], LIMIT_S)
    found = [
        Candidate(crew, rank, why, float(s))
        for (crew, rank, why), s in zip(allowed, seconds, strict=True)
        if np.isfinite(s)
    ]
    return sorted(found, key=lambda c: (c.cost(), c.crew.pk))


def _in_reach(task: Task, reach_m: float) -> Q:
    """Crews worth looking at for a task: those with tools wherever they are, anyone else only near by."""
    case = task.case
    if not task.by.get("anyone"):
        return Q(repairs=True)
    if case.lon is None or case.lat is None:
        return Q(pk__in=[])
    east, north = degrees_of(reach_m, case.lat)
    return Q(lon__range=(case.lon - east, case.lon + east), lat__range=(case.lat - north, case.lat + north))


def free_crews(tasks: Iterable[Task], reach_m: float) -> list[Crew]:
    """Crews on shift that may do one of the tasks and have nothing in hand; held until the transaction ends."""
    worth = reduce(or_, (_in_reach(task, reach_m) for task in tasks), Q(pk__in=[]))
    rows = Crew.objects.select_for_update(of=("self",)).filter(worth, on_shift=True, office__ended_at=None)
    busy = cases.busy_crew_ids()
    return [
        crew for crew in rows.select_related("office__place").order_by("pk") if crew.office_id not in busy
    ]


# --- sending -------------------------------------------------------------------------------------------


def dispatch_ready(*, at: datetime, tasks: Iterable[Task] | None = None) -> list[Task]:
    """Sends free crews to tasks that wait for one (all of the city's by default); returns those that got one.

    One task takes the best; several are solved together, severe ones weighing more. A task for which nobody is free
    stays on the board as ready and is tried again at the next tick.
    """
    waiting = list(cases.pending_dispatch() if tasks is None else tasks)
    way = router() if waiting else None
    sent: list[Task] = []
    for reach_m in REACHES_M if way else ():
        crews = free_crews(waiting, reach_m)
        found = [candidates(task, crews, way) for task in waiting] if way else []
        chosen = _chosen(waiting, found)
        left = []
        for task, best, options in zip(waiting, chosen, found, strict=True):
            if best is None:
                left.append(task)
            else:
                sent.append(_send(task, best, options, at))
        waiting = [task for task in left if task.by.get("anyone")]
        if not waiting:
            break
    return sent


def _chosen(tasks: list[Task], found: list[list[Candidate]]) -> list[Candidate | None]:
    """For each task its crew or None; no crew is given two tasks."""
    if len(tasks) == 1:
        return [found[0][0] if found[0] else None]
    column: dict[int, int] = {}
    for options in found:
        for option in options:
            column.setdefault(option.crew.pk, len(column))
    cost = np.full((len(tasks), len(column)), np.inf)
    by_cell: dict[tuple[int, int], Candidate] = {}
    for row, options in enumerate(found):
        weight = SEVERITY.get(tasks[row].case.level, 1.0)
        for option in options:
            cell = row, column[option.crew.pk]
            cost[cell] = option.cost(weight)
            by_cell[cell] = option
    if not column:
        return [None] * len(tasks)
    severe = np.array([SEVERITY.get(task.case.level, 1.0) for task in tasks])
    units = least_cost(cost, UNSERVED_S * severe)
    return [by_cell.get((row, int(unit))) for row, unit in enumerate(units)]


def _send(task: Task, best: Candidate, options: list[Candidate], at: datetime) -> Task:
    others = [option.said() for option in options if option.crew.pk != best.crew.pk][:NEXT_BEST]
    because = {**best.said(), "others": others, "by": "travel_time"}
    return actions.assign_task(
        actor=platform(task.case.pack), at=at, task=task, crew_office=best.crew.office, because=because
    )
