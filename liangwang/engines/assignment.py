"""Who goes where when several tasks wait at once: the assignment of least total cost, by SciPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def assign(cost: NDArray[Any], unserved_cost: float | NDArray[Any]) -> NDArray[np.int64]:
    """int[tasks]: the unit of each task, -1 for a task left unserved; no unit is given two tasks.

    `cost` is float[tasks, units], inf where a unit may not or cannot go. A task stays unserved when that is
    cheaper than any unit still free: `unserved_cost` is one number, or one for each task (weight it by severity).

    >>> assign(np.array([[5.0, 9.0], [6.0, np.inf]]), unserved_cost=100.0).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment  # late: half a second that most processes need not spend

    cost = np.asarray(cost, np.float64)
    tasks, units = cost.shape
    if np.isnan(cost).any():
        raise ValueError("a cost is not a number: use inf for a unit that may not go")
    if tasks == 0:
        return np.empty(0, np.int64)
    waiting = np.full((tasks, tasks), np.inf)
    # Each task has its own column for staying unserved, so a complete assignment always exists.
    np.fill_diagonal(waiting, np.broadcast_to(np.asarray(unserved_cost, np.float64), tasks))
    row, column = linear_sum_assignment(np.hstack([cost, waiting]))
    found = np.full(tasks, -1, np.int64)
    served = column < units
    found[row[served]] = column[served]
    return found
