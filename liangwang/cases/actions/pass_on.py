"""转办: a task goes to another post of the same office, or to another office that is competent for it."""

from datetime import datetime

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.models import Office, Post

from .. import signing
from ..competence import is_competent
from ..engine import Locked, both, flip, lock_task, require_live
from ..models import Task
from ..refusals import ReasonNeeded, WrongOffice

State = Task.State
IN_HAND = (State.READY, State.ASSIGNED, State.ACCEPTED)


def pass_on(
    *,
    actor: Actor,
    at: datetime,
    task: Task,
    reason: str,
    office: Office | None = None,
    post: Post | None = None,
) -> Task:
    """Passes an office's task on, with the reason; its clock runs on. Raises WrongOffice, ReasonNeeded, TaskMoved.

    `post` names a colleague in the same office, `office` another office of the department that the plan asks for.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    signing.require_own(actor, task)
    if not reason.strip():
        raise ReasonNeeded(what="转办的理由", what_en="why it is passed on")
    if (office is None) == (post is None):
        raise ReasonNeeded(what="转给哪位同事或哪个单位（二选一）", what_en="either a colleague or an office")
    return _to_post(locked, task, post, reason) if post else _to_office(locked, task, office, reason)


def _to_post(locked: Locked, task: Task, post: Post, reason: str) -> Task:
    if post.office_id != task.office_id or post.ended_at is not None:
        raise WrongOffice(**both("office", post.office.name))
    flip(task, IN_HAND, {"zh": "转办", "en": "passed on"}, assignee_id=post.pk, assigned_at=locked.at)
    locked.note("task.passed_on", task, to=post.party.label, reason=reason)
    body = {"to": post.ref, "reason": reason, "attempt": task.attempt}
    locked.seal("handle", "task.passed_on", task, body=body)
    return task


def _to_office(locked: Locked, task: Task, office: Office | None, reason: str) -> Task:
    assert office is not None
    node = locked.graph.nodes[task.node]
    if office.pk == task.office_id or not is_competent(office, node, task.office):
        raise WrongOffice(**both("office", office.name))
    values = {"office_id": office.pk, "crew_office_id": None, "assignee_id": None, "state": State.READY}
    flip(task, IN_HAND, {"zh": "转办", "en": "passed on"}, **values)
    locked.note("task.passed_on", task, to=office.name, office=office.key, reason=reason)
    body = {"to": office.key, "reason": reason, "attempt": task.attempt}
    locked.seal("handle", "task.passed_on", task, body=body)
    number = locked.case.number
    notices.notify(
        to=office,
        template="task.passed_on",
        title={"zh": f"转来：{task.label['zh']}", "en": f"Passed on to you: {task.label['en']}"},
        body={"zh": f"{number}：{reason}", "en": f"{number}: {reason}"},
        at=locked.at,
        key=f"{task.ref}/passed_on/{office.pk}/{locked.at.isoformat()}",
        link=f"/tasks/{task.ref}/",
    )
    return task
