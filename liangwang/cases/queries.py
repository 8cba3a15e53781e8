"""What may be asked about cases: inbox, timeline, lanes by office, clocks, minutes."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, TypedDict

from django.db.models import Q, QuerySet

from liangwang.base.access import may_ever
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.base.working_days import local_day, working_days

from .access import tasks_seen
from .clock import Clock, clock
from .competence import Competence
from .engine import STATE_LABELS
from .models import (
    KINDS,
    LIVE_CASE_STATES,
    OPEN_TASK_STATES,
    STAGE_LABELS,
    STAGES,
    Case,
    CaseEvent,
    Plan,
    Proof,
    Task,
)
from .numbers import is_case_number
from .plans import graph_of
from .tickets import ticket_of

__all__ = [
    "NOBODY",
    "STAGES",
    "STAGE_LABELS",
    "STATE_LABELS",
    "Case",
    "Clock",
    "Plan",
    "Task",
    "busy_crew_ids",
    "case_by_number",
    "case_by_ref",
    "centre_of",
    "clock",
    "inbox",
    "incident_minutes",
    "incidents_in",
    "incidents_live",
    "is_case_number",
    "lanes",
    "late_incident_tasks",
    "live_incident",
    "next_steps",
    "overdue_tasks",
    "pending_dispatch",
    "proof_pairs",
    "task_by_ref",
    "ticket_of",
    "timeline",
]

FIELD_ROLES = {"crew"}
TASK_WITH = ("case", "case__place", "office", "crew_office", "assignee__party")


def case_by_ref(ref: str) -> Case | None:
    """The case that a link names, with what its pages show."""
    return Case.objects.select_related("place", "plan", "lead_office", "subject").filter(ref=ref).first()


def case_by_number(number: str) -> Case | None:
    """The case with this number; None also where the check digit is wrong."""
    if not is_case_number(number):
        return None
    return Case.objects.select_related("place", "plan", "lead_office").filter(number=number.strip()).first()


def task_by_ref(ref: str) -> Task | None:
    """The task that a link names, with its case and offices."""
    return Task.objects.select_related(*TASK_WITH).filter(ref=ref).first()


def has_tasks(actor: Actor) -> bool:
    """Whether there can be a task of any case for this hat to read."""
    return any(may_ever(actor, "read", f"{kind}_task") for kind in KINDS)


def inbox(actor: Actor) -> QuerySet[Task]:
    """The open tasks that the actor's hat may see and that its office, crew or role is to act on, by due time.

    For a supervisor these are the reported ones that wait for verification; for a duty officer all in the territory.
    """
    rows = tasks_seen(actor, "read", Task.objects.select_related(*TASK_WITH))
    rows = rows.filter(state__in=OPEN_TASK_STATES, case__state=Case.State.ACCEPTED)
    if actor.role == "supervisor":
        rows = rows.filter(state=Task.State.REPORTED, verify="other")
    elif actor.role in FIELD_ROLES:
        rows = rows.filter(crew_office_id=actor.office_id).exclude(state=Task.State.REPORTED)
    elif actor.role not in {"duty_officer", "dispatcher"}:
        rows = rows.filter(Q(office_id=actor.office_id) | Q(crew_office_id=actor.office_id))
        rows = rows.filter(Q(role="") | Q(role=actor.role))
    return rows.order_by("due_at", "id")


def overdue_tasks(at: datetime) -> QuerySet[Task]:
    """Open tasks whose time has run out, the longest first."""
    return Task.objects.filter(state__in=OPEN_TASK_STATES, due_at__lt=at).order_by("due_at", "id")


class Line(TypedDict):
    """One line of a timeline."""

    at: datetime
    what: str
    stage: str
    stage_label: Label | None
    task: Label | None
    task_ref: str
    who: dict[str, Any]
    body: dict[str, Any]


def timeline(case: Case) -> list[Line]:
    """Everything that happened to a case, in order."""
    rows = CaseEvent.objects.filter(case=case).select_related("task").order_by("id")
    return [
        Line(
            at=row.at,
            what=row.what,
            stage=row.stage,
            stage_label=STAGE_LABELS.get(row.stage),  # type: ignore[typeddict-item]
            task=row.task.label if row.task else None,
            task_ref=row.task.ref if row.task else "",
            who=row.who,
            body=row.body,
        )
        for row in rows
    ]


class Bar(TypedDict):
    """One task on a lane; `state` is done, doing, waiting, late or back."""

    task: str
    node: str
    start: date | None
    end: date | None
    state: str
    text: Label
    needs: list[str]


class Lane(TypedDict):
    """One office of a plan with its bars in order."""

    office: Label
    label: Label
    bars: list[Bar]


NOBODY: Label = {"zh": "待派", "en": "to be assigned"}
BY_RULE: Label = {"zh": "系统自动", "en": "automatic"}


def lanes(case: Case, at: datetime, of: list[Task] | None = None) -> list[Lane]:
    """The plan as rows by office; what has not begun is laid where it would fall if all goes to its limits.

    `of` are the case's tasks where they are at hand.
    """
    graph = graph_of(case.plan_id)
    rows_of = case.tasks.select_related("office", "crew_office") if of is None else of
    tasks = {task.node: task for task in rows_of}
    expected = _expected(case, tasks, at)
    rows: dict[str, Lane] = {}
    for key in graph.order:
        task = tasks[key]
        office = _lane_of(task)
        lane = rows.setdefault(office["zh"], Lane(office=office, label=task.label, bars=[]))
        start, end = expected[key]
        lane["bars"].append(
            Bar(
                task=task.ref, node=key, start=start, end=end, state=_bar_state(task, at), text=task.label,
                needs=list(graph.nodes[key].needs),
            )
        )  # fmt: skip
    return list(rows.values())


def _lane_of(task: Task) -> Label:
    if task.by.get("rule") or task.by.get("signal"):
        return BY_RULE
    office: Office | None = task.crew_office or task.office
    name: Label = office.name if office else NOBODY  # type: ignore[assignment]
    return name


def _bar_state(task: Task, at: datetime) -> str:
    if task.state == Task.State.DONE:
        return "done"
    if task.state in OPEN_TASK_STATES:
        return "late" if task.due_at and task.due_at < at else "doing"
    return "back" if task.state == Task.State.KEPT else "waiting"


def _expected(case: Case, tasks: dict[str, Task], at: datetime) -> dict[str, tuple[date, date]]:
    """First and last day of each task: as they were, and for the rest as the limits would have it."""
    graph, calendar = graph_of(case.plan_id), working_days()
    opened = local_day(case.accepted_at or case.opened_at)
    days: dict[str, tuple[date, date]] = {}
    for key in graph.order:
        task, node = tasks[key], graph.nodes[key]
        before = max((days[need][1] for need in node.needs), default=opened)
        start = local_day(task.ready_at) if task.ready_at else before
        limit = node.within.working_days if node.within and node.within.working_days else 0
        if task.done_at:
            end = local_day(task.done_at)
        else:
            end = calendar.due_on(start, limit) or start
            end = max(end, local_day(at)) if task.state in OPEN_TASK_STATES else end
        days[key] = start, max(start, end)
    return days


class Minutes(TypedDict):
    """Minutes of an incident: from the first sign to opening, to assigned, arrived and closed; None = not yet."""

    detect: float | None
    assign: float | None
    arrive: float | None
    close: float | None


def incident_minutes(case: Case) -> Minutes:
    """How fast an incident went; `detect` is from the fact `since` (first reading beyond the limit) to opening."""
    since = case.facts.get("since")
    first = datetime.fromisoformat(since) if since else None

    def minutes(end: datetime | None, start: datetime | None = case.opened_at) -> float | None:
        return round((end - start) / timedelta(minutes=1), 1) if end and start else None

    return Minutes(
        detect=minutes(case.opened_at, first),
        assign=minutes(case.assigned_at),
        arrive=minutes(case.arrived_at),
        close=minutes(case.closed_at),
    )


def proof_pairs(task: Task) -> list[dict[str, Any]]:
    """Per attempt the proofs by kind, the newest attempt first, so that 处置前 and 处置后 stand side by side."""
    pairs: dict[int, dict[str, Any]] = {}
    rows: Iterable[Proof] = task.proofs.select_related("file", "office").order_by("id")
    for proof in rows:
        pairs.setdefault(proof.attempt, {"attempt": proof.attempt})[proof.kind] = proof
    return [pairs[attempt] for attempt in sorted(pairs, reverse=True)]


def next_steps(case: Case, of: list[Task] | None = None) -> list[Task]:
    """What a case waits for now, the earliest due first; `of` are its tasks where they are at hand."""
    rows = case.tasks.select_related("office", "crew_office", "assignee__party") if of is None else of
    waits = [task for task in rows if task.state in (*OPEN_TASK_STATES, Task.State.DEFERRED)]
    return sorted(waits, key=lambda task: (task.due_at is None, task.due_at or case.opened_at, task.pk))


# --- for operations ------------------------------------------------------------------------------------


def live_incident(subject_id: int, rule: str) -> tuple[Case | None, int]:
    """The open incident of a thing under a rule, if any, and how many there have been before."""
    rows = Case.objects.filter(kind="incident", subject_id=subject_id, facts__rule=rule)
    return rows.filter(state__in=LIVE_CASE_STATES).order_by("id").first(), rows.count()


def incidents_live(pack: str) -> QuerySet[Case]:
    """Incidents of a pack that are not over, wherever they lie."""
    return Case.objects.filter(kind="incident", pack=pack, state__in=LIVE_CASE_STATES)


def incidents_in(code: str) -> QuerySet[Case]:
    """Incidents that lie in a place, by its division code."""
    rows = Case.objects.filter(kind="incident", place__code__startswith=code)
    return rows.select_related("place", "lead_office")


def pending_dispatch() -> QuerySet[Task]:
    """Ready tasks of incidents that want a crew and have none; one that was declined waits for the duty officer."""
    rows = Task.objects.filter(state=Task.State.READY, crew_office=None, declined=0, case__kind="incident")
    wanted = Q(by__has_key="crew") | Q(by__has_key="anyone")
    return rows.filter(wanted, case__state=Case.State.ACCEPTED).select_related("case__place").order_by("id")


def busy_crew_ids() -> set[int]:
    """Offices of crews that have a task in hand; one that waits for verification leaves its crew free."""
    at_work = (Task.State.ASSIGNED, Task.State.ACCEPTED, Task.State.ARRIVED)
    found = Task.objects.filter(state__in=at_work, crew_office__isnull=False).values_list(
        "crew_office_id", flat=True
    )
    return {office for office in found if office is not None}


def late_incident_tasks(at: datetime) -> QuerySet[Task]:
    """Overdue tasks of incidents that have not climbed to the city yet."""
    rows = (
        overdue_tasks(at)
        .filter(case__kind="incident", case__state=Case.State.ACCEPTED)
        .exclude(climbed="city")
    )
    return rows.select_related("case__place", "case__lead_office")


def centre_of(case: Case, level: str) -> Office | None:
    """The operations centre of a level that is responsible where the case lies."""
    return Competence(case.place, case.lead_office).centre(level)
