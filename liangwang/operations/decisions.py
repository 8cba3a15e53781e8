"""What waits for a duty officer to decide: to confirm, to name an office, to rule on more time, to check, send or close."""

from collections.abc import Sequence

from liangwang.base.labels import Label
from liangwang.cases import history
from liangwang.cases.queries import Case, Task

DECISIONS: dict[str, Label] = {
    "confirm": {"zh": "待核实", "en": "to confirm"},
    "rule": {"zh": "退单，待指定主办", "en": "declined: name who leads"},
    "defer": {"zh": "待审批延期", "en": "asks for more time"},
    "verify": {"zh": "待核查", "en": "to check"},
    "send": {"zh": "无人可派，待指定", "en": "nobody was found: send someone"},
    "close": {"zh": "待结案", "en": "to close"},
}
"""In the order in which they press: the first that applies is told."""


def wants_crew(task: Task) -> bool:
    """Whether a task is to be done by a crew or by anyone near, and nobody has been sent."""
    return task.state == "ready" and not task.crew_office_id and ("crew" in task.by or "anyone" in task.by)


def due(case: Case, tasks: Sequence[Task]) -> str:
    """The most pressing decision that an incident waits for, a key of DECISIONS, or ""; `tasks` are its tasks."""
    if case.state == "open":
        return "confirm"
    if case.state != "accepted":
        return ""
    left = [task for task in tasks if task.state not in {"done", "cancelled"}]
    waiting = [task for task in left if history.is_open(task)]
    asked = {
        "rule": any(task.declined and not task.crew_office_id and task.state == "ready" for task in waiting),
        "defer": any(task.defer_asked for task in waiting),
        "verify": any(task.state == "reported" and task.verify == "other" for task in waiting),
        "send": any(wants_crew(task) for task in waiting),
        "close": all(task.stage == "close" for task in waiting) and len(waiting) == len(left),
    }
    return next((name for name, is_due in asked.items() if is_due), "")
