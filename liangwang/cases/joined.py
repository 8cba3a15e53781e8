"""Who else is in a case: assisting offices (协办), demands (督办单) with their replies, counts of how incidents went."""

from datetime import datetime
from typing import TypedDict, cast

from django.db.models import Count, F, Q, QuerySet

from .history import cases_in
from .models import Assisting, Case, CaseEvent, Supervision, Task

__all__ = ["Assisting", "Counts", "Supervision"]


def assisting_of(case: Case) -> list[Assisting]:
    """Offices that were asked to assist, in the order of asking."""
    return list(case.assisting.select_related("office").order_by("id"))


def assisting_by_ref(case: Case, ref: str) -> Assisting | None:
    """One asking of a case."""
    return case.assisting.select_related("office").filter(ref=ref).first()


def supervisions_of(case: Case) -> list[Supervision]:
    """Demands of a case, the newest first."""
    return list(case.supervisions.select_related("office", "task").order_by("-id"))


def supervision_by_ref(case: Case, ref: str) -> Supervision | None:
    """One demand of a case."""
    return case.supervisions.select_related("office", "task").filter(ref=ref).first()


def unanswered(code: str) -> QuerySet[Supervision]:
    """Demands in a place without a reply, the first due first."""
    rows = Supervision.objects.filter(replied_at=None, case__place__code__startswith=code)
    return rows.select_related("case", "office", "task").order_by("due_at", "id")


def resting(code: str) -> QuerySet[Task]:
    """Tasks of live incidents of a place that rest (缓办 挂账) or for which that or more time was asked."""
    rows = Task.objects.filter(
        case__kind="incident", case__state="accepted", case__place__code__startswith=code
    )
    rows = rows.filter(Q(state="deferred") | Q(defer_asked__isnull=False))
    return rows.select_related("case__place", "office", "crew_office").order_by("deferred_until", "id")


class Counts(TypedDict):
    """How many incidents of a place and time came how far; see operations/rates.py for what is made of them."""

    reported: int
    reported_filed: int
    filed: int
    dispatched: int
    should_handle: int
    handled: int
    in_time: int
    should_close: int
    closed: int
    reworked: int
    reopened: int
    declined: int
    deferred: int


def counts(code: str, since: datetime, until: datetime, pack: str = "") -> Counts:
    """Counts over incidents opened in [since, until), as they stand at `until`; merged ones count with their own."""
    rows = cases_in("incident", code, pack).filter(opened_at__gte=since, opened_at__lt=until)
    rows = rows.exclude(state="merged")
    by_people = Q(source="report")
    filed = Q(accepted_at__isnull=False, accepted_at__lt=until)
    handled = filed & Q(handled_at__isnull=False, handled_at__lt=until)
    over = Q(due_at__lt=until)
    closed = Q(state="closed", closed_at__lt=until)
    found = rows.aggregate(
        reported=Count("pk", filter=by_people),
        reported_filed=Count("pk", filter=filed & by_people),
        filed=Count("pk", filter=filed),
        dispatched=Count("pk", filter=filed & Q(assigned_at__isnull=False)),
        should_handle=Count("pk", filter=filed & (over | handled)),
        handled=Count("pk", filter=handled),
        in_time=Count("pk", filter=handled & (Q(due_at=None) | Q(handled_at__lte=F("due_at")))),
        should_close=Count("pk", filter=filed & (over | closed)),
        closed=Count("pk", filter=closed),
    )
    events = CaseEvent.objects.filter(case__in=rows.values("pk"))
    noted = {
        row["what"]: row["n"]
        for row in events.filter(what__in=("task.failed", "case.reopened", "task.declined", "task.deferred"))
        .order_by()
        .values("what")
        .annotate(n=Count("case_id", distinct=True))
    }
    again = events.filter(what__in=("task.failed", "case.reopened"))
    found |= {
        "reworked": again.values("case_id").distinct().count(),
        "reopened": noted.get("case.reopened", 0),
        "declined": noted.get("task.declined", 0),
        "deferred": noted.get("task.deferred", 0),
    }
    return cast("Counts", found)
