"""Sends crews through a replayed day as live would: competence first, then the least time; who is busy comes later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from liangwang.engines.assignment import assign
from liangwang.engines.routing import Router

from . import competence, solving
from .dispatch_models import Crew

KMH: Final = 20.0
NOBODY: Final = -1
PAUSE_S: Final = 60.0
WAITS_S: Final = 86_400.0


@dataclass(slots=True)
class Job:
    """A piece of work of an incident: who may do it, from when, by when (s since the day began), and who went."""

    task: str
    by: dict[str, Any]
    ready_s: float
    within_s: float
    needs: list[int]
    work_s: float
    crew: int = NOBODY
    sent_s: float = np.nan
    arrived_s: float = np.nan
    done_s: float = np.nan
    metres: float = 0.0


@dataclass(slots=True)
class Incident:
    """What a rule opened: for which thing, since when its condition held, when it was raised (s since the day began)."""

    rule: str
    thing: int
    since_s: float
    raised_s: float
    level: str
    owner: str
    street: str
    lon: float
    lat: float
    label: Mapping[str, str]
    jobs: list[Job] = field(default_factory=list)


def forces(share: float, seed: int) -> list[Crew]:
    """Return the crews of a variant: all, a fixed choice of them, or some of them twice."""
    every = list(Crew.objects.filter(on_shift=True).select_related("office__place").order_by("pk"))
    whole, part = int(share), share - int(share)
    picked = np.random.default_rng([seed, 7]).permutation(len(every))[: round(part * len(every))]
    return every * whole + [every[i] for i in sorted(picked.tolist())]


def sent(incidents: Sequence[Incident], crews: Sequence[Crew], way: Router | None) -> None:
    """Send crews as live would: competence first, then the least time; who is busy comes later; once a minute."""
    if way is None or not crews:
        return
    free_at = np.zeros(len(crews))
    where = [_base(crew) for crew in crews]
    waiting: list[tuple[Incident, Job]] = []
    queue = sorted(
        ((one, job) for one in incidents for job in one.jobs),
        key=lambda p: (p[1].ready_s, p[0].thing, p[1].task),
    )
    now, place = (queue[0][1].ready_s if queue else 0.0), 0
    while place < len(queue) or waiting:
        while place < len(queue) and queue[place][1].ready_s <= now:
            waiting.append(queue[place])
            place += 1
        ready = [pair for pair in waiting if _may_start(*pair, now)]
        for pair in _round(ready, crews, where, free_at, way, now):
            waiting.remove(pair)
        if not waiting and place < len(queue):
            now = queue[place][1].ready_s
        elif waiting:
            late = [pair for pair in waiting if now > pair[1].ready_s + max(pair[1].within_s, WAITS_S)]
            for pair in late:
                waiting.remove(pair)
            now += PAUSE_S


def _base(crew: Crew) -> tuple[float, float]:
    """Where a crew begins the day: at its base, for where it is now would make another outcome of every run."""
    office = crew.office
    return (crew.lon, crew.lat) if office.lon is None or office.lat is None else (office.lon, office.lat)


def _may_start(one: Incident, job: Job, now: float) -> bool:
    """Tell whether the tasks before this one are done."""
    return all(one.jobs[i].done_s <= now for i in job.needs)


def _round(
    ready: Sequence[tuple[Incident, Job]], crews: Sequence[Crew], where: list[tuple[float, float]],
    free_at: Any, way: Router, now: float,
) -> list[tuple[Incident, Job]]:  # fmt: skip
    """Send the free crews once; returns the jobs that got one."""
    free = np.flatnonzero(free_at <= now)
    if not len(ready) or not len(free):
        return []
    seconds = way.matrix(
        [(one.lon, one.lat) for one, _ in ready], [where[i] for i in free], competence.LIMIT_S
    )
    cost = np.full(seconds.shape, np.inf)
    for row, (one, job) in enumerate(ready):
        weight = solving.SEVERITY.get(one.level, 1.0)
        for column, place in enumerate(free):
            rank = rank_of(job.by, one.owner, one.street, crews[int(place)])
            if rank is not None:
                cost[row, column] = rank * competence.RANK_S + weight * seconds[row, column]
    severe = np.array([solving.SEVERITY.get(one.level, 1.0) for one, _ in ready])
    done = []
    for row, column in enumerate(assign(cost, solving.UNSERVED_S * severe)):
        if column < 0:
            continue
        one, job = ready[row]
        number, took = int(free[column]), float(seconds[row, column])
        job.crew, job.sent_s, job.arrived_s = number, now, now + took
        job.done_s = job.arrived_s + job.work_s
        job.metres = took / 3600.0 * KMH * 1000.0
        free_at[number], where[number] = job.done_s, (one.lon, one.lat)
        done.append((one, job))
    return done


def rank_of(by: Mapping[str, Any], owner: str, street: str, crew: Crew) -> int | None:
    """Return a crew's rank of competence for a task as `competence.ranks` has it, None where it may not go."""
    if by.get("anyone"):
        return 0
    wanted = by["crew"]
    if wanted["skill"] not in crew.skills:
        return None
    of_owner = wanted.get("of") == "asset_owner"
    if of_owner and owner and owner in crew.owners:
        return 0
    if "*" in crew.owners and street.startswith(crew.office.place.code):
        return 1
    return None if of_owner else 2
