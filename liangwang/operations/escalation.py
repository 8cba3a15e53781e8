"""超时升级: what is late climbs street → district → city, each level told once."""

from datetime import datetime

from liangwang.base.hats import platform
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task

LEVELS = ("street", "district", "city")


def level_due(task: Task, at: datetime) -> str | None:
    """The level that should know by now: the street when the time is up, then one level for each further term.

    A task that was given 15 minutes is the district's concern after 30 and the city's after 45.
    """
    if task.due_at is None or at < task.due_at:
        return None
    term = task.due_at - task.ready_at if task.ready_at else None
    if term is None or term.total_seconds() <= 0:
        return "city"
    return LEVELS[min(int((at - task.due_at) / term), len(LEVELS) - 1)]


def climb(at: datetime, limit: int = 500) -> int:
    """Lets every late task of an incident climb to where it should be; levels between are told too. Returns how many."""
    climbed = 0
    for task in cases.late_incident_tasks(at)[:limit]:
        wanted = level_due(task, at)
        if wanted is None:
            continue
        told = LEVELS.index(task.climbed) + 1 if task.climbed in LEVELS else 0
        for level in LEVELS[told : LEVELS.index(wanted) + 1]:
            office = cases.centre_of(task.case, level)
            offices = [office] if office else []
            climbed += actions.escalate_task(
                actor=platform(task.case.pack), at=at, task=task, level=level, offices=offices
            )
    return climbed
