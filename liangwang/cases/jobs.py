"""What cases do by themselves: silence accepts, deferred tasks wake, holidays re-date, bad ratings open a case."""

from datetime import datetime

from liangwang.base.events import subscribe
from liangwang.base.hats import platform
from liangwang.base.models import Event
from liangwang.base.transactions import write

from .actions import accept_case, wake_task
from .actions.lacking import tell_late
from .calls import ask_due, recall_over
from .escalate import climb_late
from .models import Case, Lacking, Task
from .rectify import BAD_SCORE, open_rectification
from .redate import redate_open_cases
from .tickets import close_ticket, open_ticket


@subscribe("calendar.changed", name="cases.redate")
def redate(event: Event) -> None:
    """A holiday was announced or edited: the due days of all open cases are worked out again."""
    redate_open_cases()


@subscribe("case.rated", name="cases.rectify")
def rectify(event: Event) -> None:
    """A rating of 1 or 2 opens a case; a good one does not. A bad word on an incident is reviewed by operations."""
    score = int(event.body["score"])
    if score <= BAD_SCORE and event.body.get("kind") != "incident":
        rated = Case.objects.select_related("place", "subject", "lead_office").get(ref=event.ref)
        open_rectification(rated, score=score, at=event.at)


@subscribe("hub.conflict", name="cases.ticket")
def ask_source_office(event: Event) -> None:
    """Sources disagree: the source office gets a ticket."""
    open_ticket(event.ref, at=event.at)


@subscribe("hub.agreed", name="cases.ticket")
def end_ticket(event: Event) -> None:
    """The disagreement is over: so is its ticket."""
    close_ticket(event.ref, ended_by=str(event.body["ended_by"]), at=event.at)


def accept_silent(at: datetime, limit: int = 200) -> int:
    """Accepts, from their receipt, applications that nobody answered within five working days; returns how many."""
    silent = Case.objects.filter(state=Case.State.OPEN, kind="application", accept_by__lt=at).order_by(
        "accept_by"
    )
    done = 0
    for case in silent[:limit]:
        with write():
            fresh = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
            if fresh.state == Case.State.OPEN and fresh.accept_by and fresh.accept_by < at:
                accept_case(actor=platform(case.pack), at=at, case=fresh, since=received_at(fresh))
                done += 1
    return done


def received_at(case: Case) -> datetime:
    """When the application was received in full: at opening, or when a supplement was supplied."""
    last = case.events.filter(what="case.supplied").order_by("-id").first()
    return last.at if last else case.opened_at


def wake_deferred(at: datetime, limit: int = 200) -> int:
    """Deferred tasks whose day has come go on; returns how many."""
    due = Task.objects.filter(state=Task.State.DEFERRED, deferred_until__lte=at).select_related("case")[
        :limit
    ]
    for task in due:
        with write():
            wake_task(actor=platform(task.case.pack), at=at, task=task)
    return len(due)


def tell_lacking(at: datetime, limit: int = 200) -> int:
    """Materials that were promised for a day that has passed: applicant and office are told once; returns how many."""
    late = Lacking.objects.filter(
        supplied_at=None, told_late_at=None, due_at__lt=at, case__state=Case.State.ACCEPTED
    ).select_related("case")
    done = 0
    for row in late.order_by("due_at")[:limit]:
        with write():
            done += tell_late(actor=platform(row.case.pack), at=at, row=row)
    return done


def tick(at: datetime) -> None:
    """What the clock does to cases; called by the worker every minute."""
    accept_silent(at)
    wake_deferred(at)
    tell_lacking(at)
    climb_late(at)
    ask_due(at)
    recall_over(at)
