"""What was done of late and what a check found: read by field and desk pages."""

from django.db.models import Q, QuerySet

from liangwang.base.access import visible
from liangwang.base.hats import Actor

from .models import CaseEvent, Task
from .plans import graph_of
from .queries import TASK_WITH

RECENT = 50


def recently_done(actor: Actor) -> QuerySet[Task]:
    """The tasks that the actor's crew, office or own hand finished or checked last, newest first, at most 50."""
    rows = visible(actor, "read", "task", Task.objects.select_related(*TASK_WITH))
    mine = Q(crew_office_id=actor.office_id) | Q(office_id=actor.office_id) | Q(verified_by_id=actor.party_id)
    return rows.filter(mine, state=Task.State.DONE).order_by("-done_at")[:RECENT]


def proofs_wanted(task: Task) -> list[str]:
    """The kinds of proof that the plan asks of this task, in its order."""
    return list(graph_of(task.case.plan_id).nodes[task.node].proof)


def last_failed_check(task: Task) -> str:
    """What the verifier wrote when the last check failed; empty where none did."""
    row = CaseEvent.objects.filter(task=task, what="task.failed").order_by("-id").first()
    return str(row.body.get("note", "")) if row and task.attempt > 1 else ""
