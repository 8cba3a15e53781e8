"""What operations do when a case moves: send a crew to a task that has become ready, let a clear signal verify."""

from datetime import datetime

from liangwang.base.events import subscribe
from liangwang.base.models import Event
from liangwang.cases import queries as cases

from . import telling
from .dispatch import dispatch_ready, send_next
from .escalation import climb
from .incidents import reported


@subscribe("task.ready", name="operations.dispatch")
def send(event: Event) -> None:
    """A later task of a plan, or one whose rework is over, gets its crew."""
    by = event.body.get("by", {})
    if event.body.get("kind") == "incident" and ("crew" in by or "anyone" in by):
        dispatch_ready(at=event.at, tasks=cases.pending_dispatch().filter(ref=event.ref))


@subscribe("task.reported", name="operations.clear_verifies")
def clear_verifies(event: Event) -> None:
    """A crew has reported what the clear signal verifies."""
    task = cases.task_by_ref(event.ref)
    if task is not None:
        reported(task, at=event.at)


@subscribe("case.accepted", name="operations.tell_reporters", kind="incident")
@subscribe("case.closed", name="operations.tell_reporters", kind="incident")
@subscribe("case.refused", name="operations.tell_reporters", kind="incident")
@subscribe("case.reopened", name="operations.tell_reporters", kind="incident")
def tell_reporters(event: Event) -> None:
    """Whoever reported it and has a login hears how it goes on."""
    telling.tell(event.ref, event.type, event.at, event.pk)


def tick(at: datetime) -> None:
    """Sends the next where a crew does not answer, whom it can to tasks that still wait, and lets late ones climb."""
    send_next(at=at)
    dispatch_ready(at=at)
    climb(at)
