"""The way of a crew to its task, for the maps of the field and of the duty desk."""

from datetime import datetime
from typing import TYPE_CHECKING

from liangwang.cases import queries
from liangwang.cases.queries import Case, Task

from .crews import crew_of
from .road import router

if TYPE_CHECKING:
    from liangwang.engines.routing import Way


TRAVELLING = ("assigned", "accepted")


def ways_of(case: Case, *, at: datetime) -> "list[tuple[Task, Way]]":
    """The ways of the crews that were sent to an incident and have not arrived."""
    found = []
    for task in queries.next_steps(case):
        task.case = case
        if task.state in TRAVELLING and task.crew_office and (way := way_to(task, at=at)):
            found.append((task, way))
    return found


def way_to(task: Task, *, at: datetime) -> "Way | None":
    """The quickest way by the streets open at an instant; None where there is no crew, place or way."""
    crew, case = crew_of(task.crew_office_id), task.case
    found = router(at) if crew is not None and case.lon is not None else None
    if found is None or crew is None or case.lon is None or case.lat is None:
        return None
    return found.way((crew.lon, crew.lat), (case.lon, case.lat))
