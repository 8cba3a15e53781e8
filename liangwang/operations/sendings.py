"""Whom we sent when, who did not answer in time, and how much each crew has had of late."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from liangwang.base.places import city_settings
from liangwang.cases.queries import Task

from .dispatch_models import Sending

ANSWER_MINUTES = {"red": 2.0, "orange": 3.0, "yellow": 5.0, "blue": 10.0}
"""Minutes to answer by level, where city.toml says nothing under `answer_minutes`: the house's own, no legal basis."""
LATELY = timedelta(hours=8)


def answer_within(level: str) -> timedelta:
    """How long a crew has to accept or decline before the next is sent."""
    declared = city_settings(settings.CITY_DIR).get("answer_minutes", {})
    minutes = declared.get(level, ANSWER_MINUTES.get(level, ANSWER_MINUTES["yellow"]))
    return timedelta(minutes=float(minutes))


def keep(task: Task, crew_id: int, eta_s: float, at: datetime) -> Sending:
    """One more sending of a task; a second one with the same number breaks the unique key, and with it its transaction."""
    number = Sending.objects.filter(task_id=task.pk).count() + 1
    return Sending.objects.create(
        task_id=task.pk, number=number, crew_id=crew_id, at=at, eta_s=eta_s,
        answer_by=at + answer_within(task.case.level),
    )  # fmt: skip


def unanswered(at: datetime, most: int = 200) -> list[Sending]:
    """Sendings whose time to answer is over while their crew still has the task and has not accepted it."""
    late = Sending.objects.filter(ended="", answer_by__lt=at)
    rows = late.filter(task__state=Task.State.ASSIGNED, task__declined=0).select_related("task__case__place")
    waiting = [row for row in rows.order_by("answer_by")[:most] if row.task.crew_office_id == row.crew_id]
    late.exclude(pk__in=[row.pk for row in waiting]).exclude(task__state=Task.State.ASSIGNED).update(
        ended="answered"
    )
    return waiting


def not_yet_answered(at: datetime, most: int = 200) -> list[Sending]:
    """The newest sendings whose crew has the task and may still answer."""
    rows = Sending.objects.filter(
        ended="", answer_by__gte=at, task__state=Task.State.ASSIGNED, task__declined=0
    )
    found = rows.select_related("task__case__place").order_by("-at", "-pk")[:most]
    return [row for row in found if row.task.crew_office_id == row.crew_id]


def end(row: Sending, how: str) -> None:
    """A sending is over; only once."""
    Sending.objects.filter(pk=row.pk, ended="").update(ended=how)


def ask_again(row: Sending, at: datetime) -> None:
    """Nobody else is free: the crew keeps the task for as long again."""
    Sending.objects.filter(pk=row.pk, ended="").update(answer_by=at + answer_within(row.task.case.level))


def silent(task: Task) -> set[int]:
    """Offices of crews that were sent to a task and did not answer."""
    return set(Sending.objects.filter(task_id=task.pk, ended="no_answer").values_list("crew_id", flat=True))


def loads(crew_ids: Sequence[int], at: datetime) -> dict[int, int]:
    """How many tasks each crew office was sent to in the last hours."""
    if not crew_ids:
        return {}
    rows = Sending.objects.filter(at__gt=at - LATELY, at__lte=at).values("crew_id")
    wanted = set(crew_ids)
    return {row["crew_id"]: row["n"] for row in rows.annotate(n=Count("pk")) if row["crew_id"] in wanted}
