"""Which crew to which task where several wait: an assignment of least cost, what is severe or has waited long first."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from liangwang.cases.queries import Task
from liangwang.engines.assignment import assign as least_cost

from .competence import Candidate

UNSERVED_S = 1e8  # leaving a task unserved outweighs competence and travel time
SEVERITY = {"red": 4.0, "orange": 3.0, "yellow": 2.0, "blue": 1.0}
SWITCH_S = 600.0  # whoever is on the way without having answered is moved only if that saves more than this
LATE_AGAIN = 1.0  # a task weighs its severity, and once more when the whole of its limit has been waited away
KEPT_S = 1e12  # a task that has a crew is never left without one


def weight_of(task: Task, at: datetime) -> float:
    """How much a second of a task weighs: its severity, growing by as much again for each limit's length waited."""
    severe = SEVERITY.get(task.case.level, 1.0)
    if task.ready_at is None or task.due_at is None or task.due_at <= task.ready_at:
        return severe
    waited = max((at - task.ready_at) / (task.due_at - task.ready_at), 0.0)
    return severe * (1 + LATE_AGAIN * waited)


def solved(
    tasks: Sequence[Task],
    found: Sequence[Sequence[Candidate]],
    at: datetime,
    holding: Mapping[int, int] | None = None,
) -> list[Candidate | None]:
    """For each task its crew or None, at the least total cost; no crew is given two tasks.

    `holding` names the crew (its key) of each task (its place in `tasks`) that has one already: that task keeps a crew,
    and is given another only where that saves more than SWITCH_S.
    """
    held = holding or {}
    if len(tasks) == 1 and not held:
        return [found[0][0] if found[0] else None]
    column: dict[int, int] = {}
    for options in found:
        for option in options:
            column.setdefault(option.crew.pk, len(column))
    cost = np.full((len(tasks), len(column)), np.inf)
    by_cell: dict[tuple[int, int], Candidate] = {}
    weights = np.array([weight_of(task, at) for task in tasks])
    for row, options in enumerate(found):
        for option in options:
            cell = row, column[option.crew.pk]
            moved = SWITCH_S if row in held and held[row] != option.crew.pk else 0.0
            cost[cell] = option.cost(float(weights[row])) + weights[row] * moved
            by_cell[cell] = option
    if not column:
        return [None] * len(tasks)
    unserved = np.where([row in held for row in range(len(tasks))], KEPT_S, UNSERVED_S * weights)
    units = least_cost(cost, unserved)
    return [by_cell.get((row, int(unit))) for row, unit in enumerate(units)]
