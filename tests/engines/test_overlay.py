"""Cells and borders give the times of a plain Dijkstra: on streets, on any graph, and where streets are closed."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from liangwang.engines import overlay
from liangwang.engines.overlay import Arcs, Overlay, cut, needed
from liangwang.engines.street_graph import synthetic_streets
from tests.tries import tries

STREETS = synthetic_streets({"a": shapely.box(122.46, 30.48, 122.50, 30.52)}, dense=["a"], seed=3)


def plain(nodes: int, arcs: Arcs, source: int) -> np.ndarray:
    """Seconds from a node to all others, by SciPy; of parallel arcs the shortest."""
    best: dict[tuple[int, int], float] = {}
    for start, end, cost in zip(*(column.tolist() for column in arcs), strict=True):
        if np.isfinite(cost):
            best[start, end] = min(cost, best.get((start, end), np.inf))
    rows = [list(column) for column in zip(*best, strict=True)] if best else [[], []]
    matrix = csr_matrix((list(best.values()), rows), shape=(nodes, nodes))
    return np.asarray(dijkstra(matrix, indices=source))


def streets(cell_nodes: int, monkeypatch: pytest.MonkeyPatch) -> Overlay:
    monkeypatch.setattr(overlay, "CELL_NODES", cell_nodes)
    arcs = Arcs(STREETS.head.astype(np.int64), STREETS.tail.astype(np.int64), STREETS.seconds)
    return Overlay(np.column_stack([STREETS.lon, STREETS.lat]), arcs)


@pytest.mark.parametrize("cell_nodes", [20, 100, 5000])
def test_streets_take_as_long_as_by_plain_search(cell_nodes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = streets(cell_nodes, monkeypatch)
    every = np.arange(len(STREETS))
    for source in (0, 77, len(STREETS) - 1):
        wanted = plain(len(STREETS), graph.arcs, source)
        assert graph.seconds(source, every) == pytest.approx(wanted, abs=1e-3)
        within = graph.seconds(source, every, 120.0)
        assert np.array_equal(np.isfinite(within), wanted <= 120.0)
    assert (len(graph.members) == 1) == (cell_nodes == 5000)


arcs_of = st.lists(
    st.tuples(st.integers(0, 23), st.integers(0, 23), st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.5])),
    min_size=1, max_size=90, unique_by=lambda arc: arc[:2],
)  # fmt: skip


@settings(max_examples=tries(60), deadline=None)
@given(arcs_of, st.sets(st.integers(0, 89)), st.integers(0, 23), st.floats(0.1, 30))
def test_any_graph_and_any_closed_arcs(
    drawn: list[tuple[int, int, float]], closed: set[int], source: int, limit: float
) -> None:
    start, end, cost = (np.array(column) for column in zip(*drawn, strict=True))
    xy = np.column_stack([np.arange(24) % 6, np.arange(24) // 6]).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, "CELL_NODES", 5)
        graph = Overlay(xy, Arcs(start, end, cost))
        shut = np.where([place in closed for place in range(len(cost))], np.inf, cost)
        closing = graph.with_costs(shut)
    every = np.arange(24)
    for one, costs in ((graph, cost), (closing, shut)):
        wanted = plain(24, Arcs(start, end, costs), source)
        assert one.seconds(source, every) == pytest.approx(wanted, abs=1e-6)
        assert one.seconds(source, every, limit) == pytest.approx(
            np.where(wanted <= limit, wanted, np.inf), abs=1e-6
        )


def test_only_the_cells_of_closed_streets_are_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = streets(100, monkeypatch)
    shut = graph.arcs.cost.copy()
    arc = int(np.flatnonzero(~graph.crossing)[0])
    shut[arc] = np.inf
    closing = graph.with_costs(shut)
    again = [a is not b for a, b in zip(graph.cells, closing.cells, strict=True)]
    assert np.flatnonzero(again).tolist() == [graph.cell_of[graph.arcs.start[arc]]]


def test_a_part_has_no_more_than_it_may_and_a_way_over_a_third_is_not_needed() -> None:
    parts = cut(np.random.default_rng(1).random((1000, 2)), 70)
    assert max(map(len, parts)) <= 70 and sorted(np.concatenate(parts).tolist()) == list(range(1000))
    times = np.array([[0.0, 1.0, 5.0], [np.inf, 0.0, 3.0], [np.inf, np.inf, 0.0]])
    assert needed(times).tolist() == [[False, True, False], [False, False, True], [False, False, False]]
