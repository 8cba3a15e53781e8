"""Cases as lists: of a place, of a hat, live, late, done of late; and what a check found."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from liangwang.base.access import visible
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from .access import tasks_seen
from .models import LIVE_CASE_STATES, OPEN_TASK_STATES, Case, CaseEvent, Proof, Task
from .plans import graph_of
from .queries import TASK_WITH, task_by_ref

RECENT = 50


def cases_in(kind: str, code: str, pack: str = "") -> QuerySet[Case]:
    """Cases of a kind in a place, by its division code; of one pack where it is named."""
    rows = Case.objects.filter(kind=kind, place__code__startswith=code)
    return rows.filter(pack=pack) if pack else rows


def cases_seen(actor: Actor, kind: str) -> QuerySet[Case]:
    """Every case of a kind that the hat may read, the newest first."""
    return visible(actor, "read", kind, Case.objects.select_related("place")).order_by("-id")


def live(rows: QuerySet[Case]) -> QuerySet[Case]:
    """Those of some cases that are not over."""
    return rows.filter(state__in=LIVE_CASE_STATES)


def on_the_board(code: str) -> QuerySet[Case]:
    """Live incidents of a place, the oldest first, each with those of its tasks that are open or rest.

    Outlines of places and bodies of plans stay in the database: a board of hundreds is read at every event.
    """
    tasks = Task.objects.filter(state__in=(*OPEN_TASK_STATES, Task.State.DEFERRED)).order_by("id")
    rows = live(cases_in("incident", code)).select_related("place", "lead_office")
    rows = rows.defer("place__polygon", "limits").order_by("id")
    return rows.prefetch_related(Prefetch("tasks", queryset=tasks.defer("result", "because")))


def tally(code: str, at: datetime) -> dict[str, tuple[int, int, int]]:
    """Live incidents of a place by the code of their own: how many, how many red, in how many a time has run out."""
    over = Task.objects.filter(case=OuterRef("pk"), state__in=OPEN_TASK_STATES, due_at__lt=at)
    rows = live(cases_in("incident", code)).annotate(over=Exists(over)).order_by().values("place__code")
    counted = rows.annotate(
        n=Count("pk"), red=Count("pk", filter=Q(level="red")), late=Count("pk", filter=Q(over=True))
    )
    return {row["place__code"]: (row["n"], row["red"], row["late"]) for row in counted}


def told_level(refs: list[str], level: str) -> dict[str, datetime]:
    """When a level was told that some cases are late, by their refs; the first telling counts."""
    rows = CaseEvent.objects.filter(case__ref__in=refs, what="task.overdue", body__level=level)
    return dict(rows.order_by("-id").values_list("case__ref", "at"))


def is_live(case: Case) -> bool:
    """Whether a case is not over: neither closed nor refused nor withdrawn."""
    return case.state in LIVE_CASE_STATES


def late(rows: QuerySet[Case], at: datetime) -> QuerySet[Case]:
    """Those of some cases that are not over and in which an open task's time has run out."""
    tasks = Task.objects.filter(state__in=OPEN_TASK_STATES, due_at__lt=at)
    return live(rows).filter(pk__in=tasks.values("case_id"))


def is_open(task: Task) -> bool:
    """Whether a task waits for somebody; its clock runs."""
    return task.state in OPEN_TASK_STATES


def tasks_after(rows: QuerySet[Task], ref: str) -> QuerySet[Task] | None:
    """What follows the task `ref` in rows ordered by due time, then id; None where there is no such task."""
    last = task_by_ref(ref) if ref else None
    if last is None:
        return None
    if last.due_at is None:
        return rows.filter(due_at=None, id__gt=last.pk)
    return rows.filter(Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, id__gt=last.pk) | Q(due_at=None))


def in_person(rows: QuerySet[Task], actor: Actor) -> QuerySet[Task]:
    """What a duty officer acts on in person: own tasks, what nobody was sent to, what waits to be checked."""
    own = Q(role="duty_officer", office_id=actor.office_id)
    return rows.filter(
        own | Q(state="ready", crew_office=None, role="") | Q(state="reported", verify="other")
    )


def to_accept(actor: Actor) -> list[Case]:
    """Cases that wait for the actor to accept (an application) or confirm (a report), the longest waiting first."""
    waiting = Case.objects.filter(state=Case.State.OPEN).select_related("place")
    applications = visible(actor, "update", "application", waiting)
    incidents = visible(actor, "dispatch", "incident", waiting)
    return [*applications.order_by("id")[:RECENT], *incidents.order_by("id")[:RECENT]]


def worded(rows: QuerySet[Case], words: str) -> QuerySet[Case]:
    """Those of some cases whose number or title holds the words."""
    if not words:
        return rows
    return rows.filter(
        Q(number__icontains=words) | Q(title__zh__icontains=words) | Q(title__en__icontains=words)
    )


def recently_done(actor: Actor) -> QuerySet[Task]:
    """The tasks that the actor's crew, office or own hand finished or checked last, newest first, at most 50."""
    rows = tasks_seen(actor, "read", Task.objects.select_related(*TASK_WITH))
    mine = Q(crew_office_id=actor.office_id) | Q(office_id=actor.office_id) | Q(verified_by_id=actor.party_id)
    return rows.filter(mine, state=Task.State.DONE).order_by("-done_at")[:RECENT]


def proofs_wanted(task: Task) -> list[str]:
    """The kinds of proof that the plan asks of this task, in its order."""
    return list(graph_of(task.case.plan_id).nodes[task.node].proof)


def last_failed_check(task: Task) -> str:
    """What the verifier wrote when the last check failed; empty where none did."""
    row = CaseEvent.objects.filter(task=task, what="task.failed").order_by("-id").first()
    return str(row.body.get("note", "")) if row and task.attempt > 1 else ""


def sent_to(task: Task) -> tuple[Label, float | None] | None:
    """The crew that holds a task and the minutes of travel worked out when it was sent; None where nobody was sent."""
    if task.crew_office is None:
        return None
    name: Label = task.crew_office.name
    minutes = task.because.get("minutes")
    return name, float(minutes) if minutes is not None else None


def steps_of(cases: list[str]) -> QuerySet[Task]:
    """The open tasks of some cases, by their refs, the earliest due first."""
    rows = Task.objects.filter(case__ref__in=cases, state__in=OPEN_TASK_STATES)
    return rows.select_related("case", "office", "crew_office").order_by("due_at", "id")


def in_hand(crews: list[int]) -> QuerySet[Task]:
    """What crews have in hand, by their offices; what waits to be checked is not in hand."""
    rows = Task.objects.filter(crew_office_id__in=crews, state__in=("assigned", "accepted", "arrived"))
    return rows.select_related("case", "crew_office").order_by("due_at", "id")


def opened_by(case: Case) -> str:
    """The ref of the party who opened a case; "" for a rule or the clock."""
    row = CaseEvent.objects.filter(case=case, what="case.opened").order_by("id").first()
    return str(row.who.get("party", "")) if row else ""


def had_task(actor: Actor, task: Task) -> bool:
    """Whether a task was ever with the actor's office: sent to it, or acted on by somebody of it."""
    mine = Q(who__office=actor.office_key) | Q(what="task.assigned", body__crew=actor.office_key)
    return bool(actor.office_key) and CaseEvent.objects.filter(mine, task=task).exists()


def proof_places(
    cases: Sequence[Case], since: datetime, until: datetime
) -> list[tuple[str, datetime, float, float]]:
    """Where crews took the photos of some cases between two moments: office's key, when, lon, lat."""
    rows = Proof.objects.filter(task__case__in=cases, at__gte=since, at__lt=until, lon__isnull=False)
    found = rows.values_list("office__key", "at", "lon", "lat").order_by("at")
    return [(key, at, lon, lat) for key, at, lon, lat in found if key and lon is not None and lat is not None]


def declined_by(task: Task) -> str:
    """The key of the office that declined a task, "" where none did."""
    row = CaseEvent.objects.filter(task=task, what="task.declined").order_by("-id").first()
    return str(row.body.get("by", "")) if row else ""


def awaits_ruling(task: Task) -> bool:
    """Whether a task was declined and nobody has been named for it since."""
    if not task.declined or task.crew_office_id or task.state != Task.State.READY:
        return False
    rows = CaseEvent.objects.filter(task=task, what__in=("task.declined", "task.ruled")).order_by("-id")
    last = rows.first()
    return last is not None and last.what == "task.declined"
