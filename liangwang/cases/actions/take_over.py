"""转交: a crew that was asked takes over a task in hand from the crew that has it."""

from datetime import datetime

from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from ..engine import STATE_LABELS, both, flip, lock_task, require_live
from ..models import Task
from ..refusals import TaskMoved

State = Task.State
VERB: Label = {"zh": "转交", "en": "handed over"}


def take_over_task(
    *, actor: Actor, at: datetime, task: Task, crew_from: int, reason: Label, note: str = ""
) -> Task:
    """The actor's crew becomes the one holder in one flip, so that a task never has two crews and never none.

    `crew_from` is the office of the crew that asked; raises TaskMoved where it has the task no longer, or has reported
    it. Proofs stay; arriving is the new crew's own.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if task.crew_office_id != crew_from:
        raise TaskMoved(
            **both("task", task.label), **both("state", STATE_LABELS[task.state]), **both("verb", VERB)
        )
    values = {
        "state": State.ACCEPTED, "crew_office_id": actor.office_id, "assignee_id": actor.post_id, "assigned_at": at,
        "accepted_at": at, "arrived_at": None, "because": {"why": {"zh": "队伍之间转交", "en": "handed over by another crew"}},
    }  # fmt: skip
    flip(task, [State.ACCEPTED, State.ARRIVED], VERB, **values)
    locked.note("task.taken_over", task, stage="handle", label=reason, note=note)
    body = {"from": crew_from, "to": actor.office_key}
    locked.seal("handle", "task.taken_over", task, body=body)
    return task
