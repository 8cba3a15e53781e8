"""Who may go to a task: competence before distance, then travel time on the street graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Q

from liangwang.base.geo import degrees_of
from liangwang.base.labels import Label
from liangwang.cases.queries import Task

from .crews import VEHICLES
from .dispatch_models import Crew

if TYPE_CHECKING:
    from liangwang.engines.routing import Router

RANK_S = 1e6  # a lower rank of competence always outweighs travel time
SPARE_TOOLS_S = 300.0  # a crew with tools guards only if no patrol is there within five minutes more
LOAD_S = 60.0  # for each task of the last hours: of two that are as near, the one goes that has done less
LIMIT_S = 3600.0  # farther crews are not sent: the street's own is sooner there
NEXT_BEST = 3

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
        spared = SPARE_TOOLS_S if self.spared else 0.0
        return self.rank * RANK_S + weight * (self.seconds + spared + LOAD_S * self.load)

    @property
    def spared(self) -> bool:
        """Whether its tools are better kept for repairs."""
        return self.why == "anyone" and self.crew.repairs

    def said(self) -> dict[str, Any]:
        office = self.crew.office
        return {
            "crew": office.key,
            "name": office.name,
            "minutes": round(self.seconds / 60, 1),
            "why": RANKS[self.why],
            "load": self.load,
        }


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
