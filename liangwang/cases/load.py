"""How much each office has before it and how much of it is late; what climbed; what a new holiday would move."""

from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Case as If
from django.db.models import Count, IntegerField, Q, QuerySet, Sum, Value, When

from liangwang.base.access import may_ever
from liangwang.base.calendar import DayKind, WorkingDays
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.base.working_days import local_day, working_days

from .inbox import SOON
from .models import OPEN_TASK_STATES, Case, Task
from .plans import graph_of

LISTED = 200


class Load(NamedTuple):
    """One office: open tasks, those late, those due within two days, and applications that wait to be accepted."""

    office: Office
    open: int
    late: int
    soon: int
    to_accept: int

    @property
    def in_time(self) -> int:
        return self.open - self.late - self.soon


def loads(actor: Actor, at: datetime) -> list[Load]:
    """Offices in the actor's territory that have something before them, the latest first; no person is named.

    An office sees itself and its own department below it; the reform office and duty officers see every office there.
    """
    offices = {office.pk: office for office in _offices(actor)}
    counts = _counted(
        Task.objects.filter(office_id__in=list(offices), state__in=OPEN_TASK_STATES), "office_id", at
    )
    opened = _waiting(list(offices))
    rows = [
        Load(office, *counts.get(pk, (0, 0, 0)), opened.get(pk, 0))
        for pk, office in offices.items()
        if pk in counts or pk in opened
    ]
    return sorted(rows, key=lambda row: (-row.late, -row.open))[:LISTED]


def _offices(actor: Actor) -> QuerySet[Office]:
    rows = Office.objects.filter(place__code__startswith=actor.place_code, ended_at=None).exclude(kind="crew")
    if may_ever(actor, "read", "board") or may_ever(actor, "configure", "item"):
        return rows.select_related("place")
    return rows.filter(Q(pk=actor.office_id) | Q(department=actor.department)).select_related("place")


def _counted(rows: QuerySet[Task], column: str, at: datetime) -> dict[int, tuple[int, int, int]]:
    """(open, late, soon) by office, from one index of the open tasks alone."""

    def number(condition: Q) -> Sum:
        return Sum(If(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField()))

    found = (
        rows.order_by()
        .values(column)
        .annotate(n=Count("id"), late=number(Q(due_at__lt=at)), soon=number(Q(due_at__range=(at, at + SOON))))
    )
    return {row[column]: (row["n"], row["late"], row["soon"]) for row in found}


def _waiting(offices: list[int]) -> dict[int, int]:
    rows = Case.objects.filter(lead_office_id__in=offices, state=Case.State.OPEN, kind="application")
    return dict(rows.order_by().values_list("lead_office_id").annotate(Count("id")))


def late_tasks(office: Office, at: datetime) -> QuerySet[Task]:
    """The late tasks of an office, the longest first: what stands behind its bar."""
    rows = Task.objects.filter(office=office, state__in=OPEN_TASK_STATES, due_at__lt=at)
    return rows.select_related("case__place", "assignee__party", "office").order_by("due_at", "id")


class Moved(NamedTuple):
    """What a change of the calendar would do to open cases: how many, and how many of them each way, with examples."""

    checked: int
    moved: int
    later: int
    earlier: int
    examples: list[tuple[Case, date, date]]


EXAMPLES = 5


def preview_day(day: date, *, works: bool, name: Label) -> Moved:
    """Which due days would move if `day` were announced as a holiday or an adjusted working day; nothing is written.

    Only cases whose clock runs across the day can move: accepted on or before it and due on or after it.
    """
    before = working_days()
    after = WorkingDays({**before.days, day: DayKind(works, name)})
    open_cases = Case.objects.filter(state=Case.State.ACCEPTED, kind="application", accepted_at__isnull=False)
    columns = ("id", "plan_id", "accepted_at", "extended_days")
    moved = later = checked = 0
    examples: list[tuple[int, date, date]] = []
    known: dict[tuple[str, date, int], tuple[date, date] | None] = {}
    stopped = set(open_cases.filter(clock_stops__isnull=False).values_list("id", flat=True))
    for pk, plan_id, accepted_at, extended in open_cases.values_list(*columns).iterator():
        checked += 1
        if pk in stopped:
            continue
        key = (plan_id, local_day(accepted_at), extended)
        if key not in known:
            known[key] = _shift(before, after, *key)
        shift = known[key]
        if shift is None:
            continue
        moved += 1
        later += shift[1] > shift[0]
        if len(examples) < EXAMPLES:
            examples.append((pk, *shift))
    rows = Case.objects.in_bulk([pk for pk, _, _ in examples])
    return Moved(checked, moved, later, moved - later, [(rows[pk], was, will) for pk, was, will in examples])


def _shift(
    before: WorkingDays, after: WorkingDays, plan_id: str, accepted: date, extended: int
) -> tuple[date, date] | None:
    """The due day before and after; None where it stays or there is no limit. Dates of cases under a stop are not told."""
    body = graph_of(plan_id).body
    limit = body.promised_days if body.promised_days is not None else body.legal_days
    if limit is None:
        return None
    was, will = before.due_on(accepted, limit + extended), after.due_on(accepted, limit + extended)
    return (was, will) if was and will and was != will else None
