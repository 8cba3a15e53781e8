"""派遣: competence before distance, then travel time on the street graph; several tasks at once by assignment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Q

from liangwang.base.geo import degrees_of
from liangwang.base.hats import platform
from liangwang.base.labels import Label
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task
from liangwang.engines.assignment import assign as least_cost

from . import sendings
from .crews import VEHICLES
from .dispatch_models import Crew
from .road import router

if TYPE_CHECKING:
    from liangwang.engines.routing import Router

RANK_S = 1e6  # a lower rank of competence always outweighs travel time
UNSERVED_S = 1e8  # and leaving a task unserved outweighs both
SEVERITY = {"red": 4.0, "orange": 3.0, "yellow": 2.0, "blue": 1.0}
SPARE_TOOLS_S = 300.0  # a crew with tools guards only if no patrol is there within five minutes more
LOAD_S = 60.0  # for each task of the last hours: of two that are as near, the one goes that has done less
SWITCH_S = 600.0  # whoever is on the way without having answered is moved only if that saves more than this
LATE_AGAIN = 1.0  # a task weighs its severity, and once more when the whole of its limit has been waited away
KEPT_S = 1e12  # a task that has a crew is never left without one
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
    """A crew that may go: its rank of competence (0 first) with its name, seconds to the place, tasks of late."""

    crew: Crew
    rank: int
    why: str
    seconds: float
    load: int = 0

    def cost(self, weight: float = 1.0) -> float:
        """What sending this crew costs: competence first, then time, dearer for what is severe."""
        spared = SPARE_TOOLS_S if self.why == "anyone" and self.crew.repairs else 0.0
        return self.rank * RANK_S + weight * (self.seconds + spared + LOAD_S * self.load)

    def said(self) -> dict[str, Any]:
        office = self.crew.office
        return {
            "crew": office.key,
            "name": office.name,
            "minutes": round(self.seconds / 60, 1),
            "why": RANKS[self.why],
        }


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


def candidates(
    task: Task, crews: Sequence[Crew], way: "Router", *, loads: Mapping[int, int] | None = None, most: int = 1
) -> list[Candidate]:
    """Who may do a task and can be there within the hour, the best first; `most` tasks compete for the same crews."""
    from liangwang.engines.routing import widening_seconds

    case = task.case
    allowed = ranks(task, crews)
    if case.lon is None or case.lat is None or not allowed:
        return []
    rank = np.array([r for _, r, _ in allowed])
    seconds = widening_seconds(
        way, (case.lon, case.lat), [(crew.lon, crew.lat) for crew, _, _ in allowed],
        lambda found: enough(rank, found, NEXT_BEST + most), limit_s=LIMIT_S,
        slower=np.array([VEHICLES[crew.vehicle].slower for crew, _, _ in allowed]),
    )  # fmt: skip
    lately = loads or {}
    found = [
        Candidate(crew, r, why, float(s), lately.get(crew.office_id, 0))
        for (crew, r, why), s in zip(allowed, seconds, strict=True)
        if np.isfinite(s)
    ]
    return sorted(found, key=lambda c: (c.cost(), c.crew.pk))


def enough(rank: "np.ndarray[Any, Any]", found: "np.ndarray[Any, Any]", wanted: int) -> bool:
    """Whether those found so far hold the best `wanted`: competence first, so a far owner still beats a near stranger.

    >>> enough(np.array([0, 1, 1]), np.array([False, True, True]), 2)
    False
    """
    have = 0
    for one in np.unique(rank):
        here = rank == one
        have += int(found[here].sum())
        if have >= wanted:
            return True
        if not found[here].all():
            return False
    return True


def _in_reach(task: Task, reach_m: float) -> Q:
    """Crews worth looking at for a task: those with tools wherever they are, anyone else only near by."""
    if not task.by.get("anyone"):
        return Q(repairs=True)
    return near(task, reach_m)


def near(task: Task, reach_m: float) -> Q:
    """Crews within a box about the place of a task."""
    case = task.case
    if case.lon is None or case.lat is None:
        return Q(pk__in=[])
    east, north = degrees_of(reach_m, case.lat)
    return Q(lon__range=(case.lon - east, case.lon + east), lat__range=(case.lat - north, case.lat + north))


def at_work(at: datetime) -> Q:
    """Crews whose shift is running."""
    return Q(on_shift=True) & (Q(shift_until=None) | Q(shift_until__gt=at))


def free_crews(tasks: Iterable[Task], reach_m: float, at: datetime) -> list[Crew]:
    """Crews on shift that may do one of the tasks and have nothing in hand; held until the transaction ends."""
    worth = reduce(or_, (_in_reach(task, reach_m) for task in tasks), Q(pk__in=[]))
    rows = Crew.objects.select_for_update(of=("self",)).filter(worth, at_work(at), office__ended_at=None)
    busy = cases.busy_crew_ids()
    return [
        crew for crew in rows.select_related("office__place").order_by("pk") if crew.office_id not in busy
    ]


# --- sending -------------------------------------------------------------------------------------------


def dispatch_ready(*, at: datetime, tasks: Iterable[Task] | None = None) -> list[Task]:
    """Sends free crews to tasks that wait for one (all of the city's by default); returns those that got one.

    One task takes the best; several are solved together. A task for which nobody is free stays on the board as ready
    and is tried again at the next tick.
    """
    waiting = list(cases.pending_dispatch() if tasks is None else tasks)
    way = router(at) if waiting else None
    sent: list[Task] = []
    for reach_m in REACHES_M if way else ():
        assert way is not None
        crews = free_crews(waiting, reach_m, at)
        loads = sendings.loads([crew.office_id for crew in crews], at)
        found = [candidates(task, crews, way, loads=loads, most=len(waiting)) for task in waiting]
        chosen = solved(waiting, found, at)
        if any(best is None and task.by.get("crew") for task, best in zip(waiting, chosen, strict=True)):
            chosen = _with_moves(waiting, crews, way, at) or chosen
        left = []
        for task, best, options in zip(waiting, chosen, found, strict=True):
            if best is None:
                left.append(task)
            else:
                sent.append(send(task, best, options, at))
        waiting = [task for task in left if task.by.get("anyone")]
        if not waiting:
            break
    return sent


def _with_moves(
    waiting: Sequence[Task], crews: Sequence[Crew], way: "Router", at: datetime
) -> list[Candidate | None] | None:
    """Solves again with those who were sent but have not answered yet, and moves them where that serves more.

    Whoever has accepted is on the way and is never moved. None where nobody can be moved.
    """
    rows = sendings.not_yet_answered(at)
    held = {row.crew_id: row for row in rows}
    movable = Crew.objects.select_for_update(of=("self",)).filter(at_work(at), office_id__in=held)
    others = [
        crew
        for crew in movable.select_related("office__place")
        if any(ranks(task, [crew]) for task in waiting)
    ]
    if not others:
        return None
    asked = [held[crew.office_id].task for crew in others]
    tasks, everyone = [*waiting, *asked], [*crews, *others]
    found = [candidates(task, everyone, way, most=len(tasks)) for task in tasks]
    holding = {len(waiting) + place: crew.pk for place, crew in enumerate(others)}
    chosen = solved(tasks, found, at, holding)
    for place, crew in enumerate(others):
        best = chosen[len(waiting) + place]
        if best is not None and best.crew.pk != crew.pk:
            sendings.end(held[crew.office_id], "moved")
            send(asked[place], best, found[len(waiting) + place], at)
    # A task whose own crew can no longer get there keeps it all the same, so nobody else may be given that crew.
    kept = {crew.pk for place, crew in enumerate(others) if chosen[len(waiting) + place] is None}
    return [best if best is None or best.crew.pk not in kept else None for best in chosen[: len(waiting)]]


def weight_of(task: Task, at: datetime) -> float:
    """How much a second of a task weighs: its severity, growing by as much again for each limit's length waited."""
    severe = SEVERITY.get(task.case.level, 1.0)
    if task.ready_at is None or task.due_at is None or task.due_at <= task.ready_at:
        return severe
    waited = max((at - task.ready_at) / (task.due_at - task.ready_at), 0.0)
    return severe * (1 + LATE_AGAIN * waited)


def solved(
    tasks: Sequence[Task],
    found: Sequence[Sequence[Candidate]],
    at: datetime,
    holding: Mapping[int, int] | None = None,
) -> list[Candidate | None]:
    """For each task its crew or None, at the least total cost; no crew is given two tasks.

    `holding` names the crew (its key) of each task (its place in `tasks`) that has one already: that task keeps a crew,
    and is given another only where that saves more than SWITCH_S.
    """
    held = holding or {}
    if len(tasks) == 1 and not held:
        return [found[0][0] if found[0] else None]
    column: dict[int, int] = {}
    for options in found:
        for option in options:
            column.setdefault(option.crew.pk, len(column))
    cost = np.full((len(tasks), len(column)), np.inf)
    by_cell: dict[tuple[int, int], Candidate] = {}
    weights = np.array([weight_of(task, at) for task in tasks])
    for row, options in enumerate(found):
        for option in options:
            cell = row, column[option.crew.pk]
            moved = SWITCH_S if row in held and held[row] != option.crew.pk else 0.0
            cost[cell] = option.cost(float(weights[row])) + weights[row] * moved
            by_cell[cell] = option
    if not column:
        return [None] * len(tasks)
    unserved = np.where([row in held for row in range(len(tasks))], KEPT_S, UNSERVED_S * weights)
    units = least_cost(cost, unserved)
    return [by_cell.get((row, int(unit))) for row, unit in enumerate(units)]


def send(task: Task, best: Candidate, options: Sequence[Candidate], at: datetime) -> Task:
    """Sends a crew and keeps why: the three next-best with their minutes, and why nearer ones were not chosen."""
    others = [option.said() for option in options if option.crew.pk != best.crew.pk][:NEXT_BEST]
    because = {**best.said(), "others": others, "not": passed_over(task, options, at), "by": "travel_time"}
    sendings.keep(task, best.crew.office_id, best.seconds, at)
    return actions.assign_task(
        actor=platform(task.case.pack), at=at, task=task, crew_office=best.crew.office, because=because
    )


REASONS: dict[str, Label] = {
    "off_shift": {"zh": "不在班", "en": "off shift"},
    "full": {"zh": "手上有任务", "en": "has a task in hand"},
    "no_answer": {"zh": "派过，没有应答", "en": "was asked and did not answer"},
    "no_skill": {"zh": "没有这项技能", "en": "lacks the skill"},
    "no_duty": {"zh": "不属其权属或辖区", "en": "not its asset or street"},
    "no_way": {"zh": "一小时内到不了", "en": "cannot be there within the hour"},
}


def passed_over(task: Task, options: Sequence[Candidate], at: datetime) -> list[dict[str, Any]]:
    """The nearest crews that were no candidates, each with the reason; as the crow flies, at most NEXT_BEST."""
    case = task.case
    if case.lon is None or case.lat is None:
        return []
    east, north = degrees_of(1.0, case.lat)
    taken = {option.crew.pk for option in options}
    worth = near(task, REACHES_M[0]) & (Q() if task.by.get("anyone") else Q(repairs=True))
    rows = (
        Crew.objects.filter(worth, office__ended_at=None)
        .exclude(pk__in=taken)
        .select_related("office__place")
    )
    metres = sorted(
        ((float(np.hypot((c.lon - case.lon) / east, (c.lat - case.lat) / north)), c.pk, c) for c in rows),
        key=lambda one: one[:2],
    )
    busy, silent = cases.busy_crew_ids(), sendings.silent(task)
    return [
        {
            "crew": crew.office.key,
            "name": crew.office.name,
            "why": REASONS[_why_not(task, crew, at, busy, silent)],
        }
        for _, _, crew in metres[:NEXT_BEST]
    ]


def _why_not(task: Task, crew: Crew, at: datetime, busy: set[int], silent: set[int]) -> str:
    if not crew.on_shift or (crew.shift_until is not None and crew.shift_until <= at):
        return "off_shift"
    if crew.office_id in silent:
        return "no_answer"
    if crew.office_id in busy:
        return "full"
    if ranks(task, [crew]):
        return "no_way"
    skill = task.by.get("crew", {}).get("skill")
    return "no_skill" if skill and skill not in crew.skills else "no_duty"


# --- no answer -----------------------------------------------------------------------------------------


def send_next(*, at: datetime) -> list[Task]:
    """Who was sent and has not answered in time is passed over, and the next best is sent; returns those tasks.

    Where nobody else is free the task stays with its crew and is asked about again: never two, never none.
    """
    moved: list[Task] = []
    late = sendings.unanswered(at)
    way = router(at) if late else None
    for row in late if way else ():
        assert way is not None
        task, silent = row.task, sendings.silent(row.task) | {row.crew_id}
        crews = [
            c
            for reach_m in REACHES_M[1:]
            for c in free_crews([task], reach_m, at)
            if c.office_id not in silent
        ]
        found = candidates(task, crews, way, loads=sendings.loads([c.office_id for c in crews], at))
        if found:
            sendings.end(row, "no_answer")
            moved.append(send(task, found[0], found, at))
        else:
            sendings.ask_again(row, at)
    return moved
