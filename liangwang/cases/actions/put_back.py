"""放回: whoever took a task lays it back unopened; nobody outside was told, so nothing has to be taken back."""

from datetime import datetime

from liangwang.base.hats import Actor

from ..engine import both, flip, lock_task, require_live
from ..models import Task
from ..refusals import NotHolder

State = Task.State


def put_back_task(*, actor: Actor, at: datetime, task: Task) -> Task:
    """The task waits again for anyone of its office or crew, its clock running on; raises NotHolder for anybody else."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if task.assignee_id is None or task.assignee_id != actor.post_id:
        name = task.assignee.party.label if task.assignee else {"zh": "无", "en": "nobody"}
        raise NotHolder(**both("task", task.label), **both("holder", name))
    waits = State.ASSIGNED if task.crew_office_id else State.READY
    flip(
        task,
        [State.ACCEPTED],
        {"zh": "放回", "en": "put back"},
        state=waits,
        assignee_id=None,
        accepted_at=None,
    )
    locked.note("task.put_back", task, stage="handle")
    locked.seal("handle", "task.put_back", task)
    return task
