"""督办: demanded with a limit in which the office that holds the task replies."""

from datetime import datetime

from liangwang.base.hats import Actor
from liangwang.cases import actions
from liangwang.cases.queries import Task

from .reporting import working_limit

LIMIT = "hotline_review"  # what is supervised is answered within the limit of what is reviewed


def supervise(*, actor: Actor, at: datetime, task: Task, note: str) -> Task:
    """督办 with the vocabulary's limit for the reply."""
    return actions.supervise_task(actor=actor, at=at, task=task, note=note, due_at=working_limit(LIMIT, at))
