"""What is asked of others in a case: signatures of other offices, materials still to come, cases that follow."""

from datetime import datetime
from typing import TypedDict

from django.db.models import Q, QuerySet

from liangwang.base.access import visible
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, Post

from . import signing
from .models import OPEN_TASK_STATES, Case, Lacking, Signature, Task
from .plans import graph_of

STATE_LABELS: dict[str, Label] = {
    "asked": {"zh": "待会签", "en": "not signed yet"},
    "agreed": {"zh": "同意", "en": "agreed"},
    "opposed": {"zh": "不同意", "en": "opposed"},
    "ended": {"zh": "不再需要", "en": "not needed any more"},
}


class Signed(TypedDict):
    """One office's word on a task; `mine`: it is for the actor to give."""

    ref: str
    office: Label
    state: str
    state_label: Label
    added: bool
    why: str
    opinion: str
    at: datetime | None
    mine: bool


def signatures_of(task: Task, actor: Actor | None = None) -> list[Signed]:
    """会签 of a task's present attempt, in the order in which the offices were asked; empty where none is needed."""
    if not task.signs_needed:
        return []
    return [
        Signed(
            ref=row.ref, office=row.office.name, state=row.state, state_label=STATE_LABELS[row.state],
            added=row.added, why=row.why, opinion=row.opinion, at=row.signed_at,
            mine=row.state == "asked" and actor is not None and actor.office_id == row.office_id,
        )
        for row in signing.of_attempt(task)
    ]  # fmt: skip


def to_sign(actor: Actor) -> QuerySet[Task]:
    """Tasks of other offices that wait for the signature of the actor's office, the earliest due first."""
    if actor.office_id is None:
        return Task.objects.none()
    asked = Signature.objects.filter(office_id=actor.office_id, state=Signature.State.ASKED)
    rows = visible(actor, "decide", "application_task", Task.objects.select_related("case", "office"))
    return rows.filter(pk__in=asked.values("task_id"), state__in=OPEN_TASK_STATES).order_by("due_at", "id")


def lacking_of(case: Case) -> QuerySet[Lacking]:
    """容缺: materials accepted as still to come, the first promised first; `supplied_at` says that one has come."""
    return Lacking.objects.filter(case=case).order_by("due_at", "id")


def following(case: Case) -> QuerySet[Case]:
    """Cases about this one: changes, renewals, after-checks, revocations, the oldest first."""
    return Case.objects.filter(follows=case).order_by("id")


def colleagues(task: Task, but: Actor) -> list[Post]:
    """Who in the office that holds a task it may be passed on to (转办)."""
    rows = Post.objects.filter(office_id=task.office_id or 0, ended_at=None).exclude(pk=but.post_id or 0)
    return list(rows.select_related("party", "office").order_by("role", "id"))


def other_offices(task: Task) -> list[Office]:
    """Offices that are competent for a task beside the one that holds it, the nearest level first (转办)."""
    return offices_beside(task)[0]


def offices_beside(task: Task) -> tuple[list[Office], list[Office]]:
    """Beside the office that holds a task: those competent for it (转办), and those of its place to ask to sign (加签)."""
    node = graph_of(task.case.plan_id).nodes[task.node]
    department = node.by.department or (task.office.department if task.office else "")
    place = task.office.place_id if task.office else None
    asked = Q(department=department) | Q(kind="department", place_id=place)
    rows = list(Office.objects.filter(asked, ended_at=None).exclude(pk=task.office_id or 0).order_by("id"))
    competent = [
        one
        for one in rows
        if one.department == department and one.kind not in ("crew", "counter", "institution")
    ]
    near = [one for one in rows if one.kind == "department" and place is not None and one.place_id == place]
    return sorted(competent, key=lambda one: one.level), sorted(near, key=lambda one: one.key)
