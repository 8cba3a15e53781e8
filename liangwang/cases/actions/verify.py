"""核查: someone else looks; failed is rework, with the clock running."""

from datetime import datetime

from liangwang.base.hats import Actor

from ..engine import both, finish, flip, lock_task, require_live
from ..models import CaseEvent, Task
from ..refusals import OwnWork, ReasonNeeded
from .close import OWN_WORK, close_when_done

State = Task.State


def verify_task(*, actor: Actor, at: datetime, task: Task, passed: bool, note: str = "") -> Task:
    """Passes a reported task, or sends the crew back; raises OwnWork for the crew that did it.

    The clear signal verifies by the platform's hat where the plan says `verify: signal`.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if actor.hat != "platform":
        _require_other(actor, task)
    if not passed and not note.strip():
        raise ReasonNeeded(what="核查不通过的原因", what_en="why the check failed")
    if not passed:
        values = {"state": State.ACCEPTED, "attempt": task.attempt + 1, "verified_by_id": actor.party_id}
        flip(task, [State.REPORTED], {"zh": "核查", "en": "verified"}, **values)
        locked.reach("handle", back=True)
        locked.note("task.failed", task, stage="verify", note=note, attempt=task.attempt - 1)
        locked.seal("verify", "task.failed", task, body={"passed": False, "attempt": task.attempt - 1})
        return task
    task.verified_by_id = actor.party_id
    finish(locked, task, [State.REPORTED], "verified", {})
    Task.objects.filter(pk=task.pk).update(verified_by_id=actor.party_id)
    locked.reach("verify")
    locked.note("task.verified", task, stage="verify", note=note)
    body = {"outcome": "verified"}
    locked.seal("verify", "task.done", task, key=f"task.done/{task.ref}/{task.attempt}", body=body)
    close_when_done(locked)
    return task


def _require_other(actor: Actor, task: Task) -> None:
    """Neither the one who did it, nor anyone of that crew, on any attempt."""
    if actor.office_id is not None and actor.office_id == task.crew_office_id:
        raise OwnWork(**both("task", task.label))
    if actor.party_id is not None and actor.party_id == task.done_by_id:
        raise OwnWork(**both("task", task.label))
    did = [what for what in OWN_WORK if what not in {"task.verified", "task.failed"}]
    own = CaseEvent.objects.filter(task=task, what__in=did, who__party=actor.party_ref or "-")
    if own.exists():
        raise OwnWork(**both("task", task.label))
