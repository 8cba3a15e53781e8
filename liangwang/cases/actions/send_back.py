"""退回 between offices: one node is done again, and of what stands on it only that whose inputs changed."""

from datetime import datetime

from liangwang.base.hats import Actor

from .. import signing
from ..engine import DONE, flip, lock_task, make_ready, require_live
from ..models import OPEN_TASK_STATES, Task
from ..refusals import ReasonNeeded, WrongTarget
from .lacking import lacking_of

State = Task.State


def send_back(*, actor: Actor, at: datetime, task: Task, to_node: str, reason: str) -> Task:
    """Sends an earlier node back from `task`; returns that node's task, ready for another attempt.

    Approvals after it are kept until it is done again: then each stands if its input hash is the same, and is asked
    for anew if not. Nodes beside it are not touched. Never to the applicant: that is `supplement`, before acceptance.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if not reason.strip():
        raise ReasonNeeded(what="退回的理由", what_en="why it is sent back")
    target = locked.tasks.get(to_node)
    if target is None or to_node not in locked.graph.ancestors(task.node) or target.state != DONE:
        raise WrongTarget(node=to_node)
    signing.require_own(actor, task)
    signing.end_open(task, at)
    flip(task, OPEN_TASK_STATES, {"zh": "退回", "en": "sent back"}, state=State.WAITING, due_at=None)
    descendants = [locked.tasks[key] for key in locked.graph.descendants(to_node)]
    for after in descendants:
        if after.state != State.CANCELLED:
            after.state = State.KEPT if after.state == DONE else State.WAITING
    target.state = State.READY
    lacking = lacking_of(locked)
    for after in descendants:
        needs = set(locked.graph.nodes[after.node].needs)
        after.waits = sum(locked.tasks[need].state != DONE for need in needs) + lacking.get(after.node, 0)
    Task.objects.bulk_update(descendants, ["state", "waits"])
    make_ready(locked, [target])
    locked.note("task.sent_back", task, to=to_node, label=target.label, reason=reason, attempt=target.attempt)
    locked.seal("decide", "task.sent_back", task, body={"to": to_node, "reason": reason})
    return target
