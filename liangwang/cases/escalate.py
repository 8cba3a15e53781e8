"""超时升级 of applications: the office that has a late step is told when the time is up, then its department a level higher."""

from datetime import datetime

from django.db.models import QuerySet

from liangwang.base.hats import platform
from liangwang.base.models import Office
from liangwang.base.transactions import write

from .actions.decline import escalate_task
from .models import OPEN_TASK_STATES, Case, Task

LEVELS = ("street", "district", "city")


def level_due(task: Task, at: datetime) -> str | None:
    """The level that should know by now: the office's own when the time is up, one more for each further term.

    A district's step that was given three days is the city's concern when it is three days late.
    """
    if task.due_at is None or task.office is None or at < task.due_at:
        return None
    own = LEVELS.index(task.office.level) if task.office.level in LEVELS else 0
    term = (task.due_at - task.ready_at).total_seconds() if task.ready_at else 0.0
    terms = int((at - task.due_at).total_seconds() / term) if term > 0 else 0
    return LEVELS[min(own + terms, len(LEVELS) - 1)]


def climb_late(at: datetime, limit: int = 200) -> int:
    """Lets every late step of an application climb to where it should be; each level is told once. Returns how many.

    What nobody knows of yet goes first, so that a long list of known ones never keeps a new one waiting.
    """
    done = 0
    for rows in (_late(at).filter(climbed=""), _late(at).filter(climbed__in=LEVELS[:-1])):
        for task in rows[:limit]:
            wanted = level_due(task, at)
            told = LEVELS.index(task.climbed) if task.climbed in LEVELS else -1
            if wanted is None or LEVELS.index(wanted) <= told:
                continue
            with write():
                offices = _offices(task, wanted)
                actor = platform(task.case.pack)
                done += escalate_task(actor=actor, at=at, task=task, level=wanted, offices=offices)
    return done


def _late(at: datetime) -> QuerySet[Task]:
    rows = Task.objects.filter(state__in=OPEN_TASK_STATES, due_at__lt=at, office__isnull=False)
    rows = rows.filter(case__kind="application", case__state=Case.State.ACCEPTED)
    return rows.select_related("case", "office__place").order_by("due_at", "id")


def _offices(task: Task, level: str) -> list[Office]:
    """Whom a level's turn tells: the office itself at its own level, above it the department's office around it."""
    office = task.office
    assert office is not None  # _late asks for tasks that an office has
    if level == office.level:
        return [office]
    rows = Office.objects.filter(
        department=office.department, level=level, kind=Office.Kind.DEPARTMENT, ended_at=None
    )
    return [row for row in rows.select_related("place") if office.place.code.startswith(row.place.code)][:1]
