"""The assignment against every possible one, on small cases."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liangwang.engines.assignment import assign

costs = st.integers(1, 3).flatmap(
    lambda tasks: st.integers(0, 4).flatmap(
        lambda units: arrays(
            np.float64, (tasks, units), elements=st.one_of(st.integers(0, 50).map(float), st.just(np.inf))
        )
    )
)


def total(cost: np.ndarray, chosen: list[int], unserved: list[float]) -> float:
    return sum(unserved[t] if u < 0 else float(cost[t, u]) for t, u in enumerate(chosen))


@given(costs, st.lists(st.integers(1, 60).map(float), min_size=3, max_size=3))
def test_no_other_assignment_costs_less(cost: np.ndarray, unserved: list[float]) -> None:
    tasks, units = cost.shape
    unserved = unserved[:tasks]
    chosen = assign(cost, np.array(unserved)).tolist()
    assert all(u < 0 or np.isfinite(cost[t, u]) for t, u in enumerate(chosen))
    served = [u for u in chosen if u >= 0]
    assert len(served) == len(set(served))
    best = min(
        total(cost, list(other), unserved)
        for other in product(range(-1, units), repeat=tasks)
        if len({u for u in other if u >= 0}) == sum(u >= 0 for u in other)
    )
    assert total(cost, chosen, unserved) == best


def test_the_grave_task_gets_the_only_unit() -> None:
    cost = np.array([[100.0], [900.0]])
    assert assign(cost, np.array([1000.0, 9000.0])).tolist() == [-1, 0]


def test_nothing_to_do_and_nonsense() -> None:
    assert assign(np.empty((0, 3)), 1.0).tolist() == []
    assert assign(np.empty((2, 0)), 1.0).tolist() == [-1, -1]
    with pytest.raises(ValueError, match="inf"):
        assign(np.array([[np.nan]]), 1.0)
