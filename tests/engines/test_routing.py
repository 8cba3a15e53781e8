"""The synthetic graph, travel times held against a plain Dijkstra, closed arcs, and the way drawn."""

import heapq
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from liangwang.engines import routing
from liangwang.engines.routing import Router, nearest_units
from liangwang.engines.street_graph import (
    KINDS,
    StreetGraph,
    arcs_in,
    cached_streets,
    length_m,
    synthetic_streets,
)
from tests.tries import tries

TOWN = {
    "900101": shapely.box(122.46, 30.48, 122.50, 30.52),
    "900102": shapely.box(122.42, 30.48, 122.46, 30.52),
    "900103": shapely.box(122.55, 30.48, 122.58, 30.51),  # an island, five kilometres off
}
GRAPH = synthetic_streets(TOWN, dense=["900101"], seed=3)
ROUTER = Router(GRAPH)
points = st.tuples(st.floats(122.42, 122.58), st.floats(30.48, 30.52))


def plain_seconds(graph: StreetGraph, target: int, closed: frozenset[int] = frozenset()) -> dict[int, float]:
    """Seconds from every node to `target`, by the textbook algorithm."""
    into: dict[int, list[tuple[int, float]]] = {}
    for arc, (tail, head, cost) in enumerate(zip(graph.tail, graph.head, graph.seconds, strict=True)):
        if arc not in closed:
            into.setdefault(int(head), []).append((int(tail), float(cost)))
    found: dict[int, float] = {}
    queue = [(0.0, target)]
    while queue:
        cost, node = heapq.heappop(queue)
        if node not in found:
            found[node] = cost
            for tail, seconds in into.get(node, []):
                heapq.heappush(queue, (cost + seconds, tail))
    return found


def test_the_graph_is_one_piece_and_the_island_has_a_bridge() -> None:
    matrix = csr_matrix((GRAPH.seconds, (GRAPH.tail, GRAPH.head)), shape=(len(GRAPH), len(GRAPH)))
    assert connected_components(matrix, connection="strong")[0] == 1
    assert (KINDS.index("bridge") == GRAPH.kind).sum() == 2
    assert (GRAPH.lon > 122.54).sum() > 50
    dense = ((GRAPH.lon > 122.46) & (GRAPH.lon < 122.5)).sum()
    assert dense > 3 * (GRAPH.lon < 122.46).sum()


def test_the_same_outlines_give_the_same_graph_from_memory_or_file(tmp_path: Path) -> None:
    for _ in range(2):
        kept = cached_streets(tmp_path, TOWN, dense=["900101"], seed=3)
        assert all(np.array_equal(getattr(kept, n), getattr(GRAPH, n)) for n in StreetGraph.__annotations__)
    assert len(list(tmp_path.iterdir())) == 1
    cached_streets(tmp_path, TOWN, dense=[], seed=3)
    assert len(list(tmp_path.iterdir())) == 2


@settings(max_examples=tries(25), deadline=None)
@given(points, st.lists(points, min_size=1, max_size=12), st.integers(1, 5), st.floats(30, 4000))
def test_nearest_units_are_those_of_the_textbook(
    event: tuple[float, float], units: list[tuple[float, float]], k: int, limit_s: float
) -> None:
    target = ROUTER.snap([event])[0]
    seconds = plain_seconds(GRAPH, target.node)
    wanted = []
    for i, snap in enumerate(ROUTER.snap(units)):
        total = seconds[snap.node] + snap.walk_s + target.walk_s
        if total <= limit_s:
            wanted.append((total, i))
    found = nearest_units(ROUTER, event, units, k, limit_s)
    assert [i for i, _ in found] == [i for _, i in sorted(wanted)[:k]]
    assert [s for _, s in found] == pytest.approx([s for s, _ in sorted(wanted)[:k]])


def test_a_closed_arc_is_driven_around_and_the_first_router_stays_as_it_was() -> None:
    unit, event = (122.465, 30.485), (122.495, 30.515)
    open_way = ROUTER.way(unit, event)
    assert open_way is not None
    on_way = {(round(x, 9), round(y, 9)) for x, y in open_way.points[1:-1]}
    arcs = [
        arc
        for arc, (t, h) in enumerate(zip(GRAPH.tail, GRAPH.head, strict=True))
        if {(round(float(GRAPH.lon[n]), 9), round(float(GRAPH.lat[n]), 9)) for n in (t, h)} <= on_way
    ][4:8]
    flooded = ROUTER.without(arcs)
    around = flooded.way(unit, event)
    assert around is not None
    assert around.seconds > open_way.seconds
    target = ROUTER.snap([event])[0]
    start = ROUTER.snap([unit])[0]
    plain = plain_seconds(GRAPH, target.node, frozenset(arcs))[start.node]
    assert around.seconds == pytest.approx(plain + target.walk_s + start.walk_s)
    again = ROUTER.way(unit, event)
    assert again is not None
    assert again.seconds == open_way.seconds


def test_a_closed_area_closes_the_arcs_that_touch_it_and_no_other() -> None:
    area = shapely.Point(122.48, 30.5).buffer(0.002)
    closed = set(arcs_in(GRAPH, area).tolist())
    ends = zip(
        GRAPH.lon[GRAPH.tail],
        GRAPH.lat[GRAPH.tail],
        GRAPH.lon[GRAPH.head],
        GRAPH.lat[GRAPH.head],
        strict=True,
    )
    assert closed == {
        i for i, (a, b, c, d) in enumerate(ends) if area.intersects(shapely.LineString([(a, b), (c, d)]))
    }
    assert 4 <= len(closed) < len(GRAPH.tail) / 20
    around = ROUTER.without(closed).way((122.47, 30.5), (122.49, 30.5))
    assert around is not None
    assert not area.intersects(shapely.LineString(around.points[1:-1]))


def test_the_way_is_drawn_from_the_unit_to_the_event_along_the_streets() -> None:
    unit, event = (122.43, 30.49), (122.49, 30.51)
    way = ROUTER.way(unit, event)
    assert way is not None
    assert (way.points[0], way.points[-1]) == (unit, event)
    assert way.seconds == pytest.approx(float(ROUTER.seconds_to(event, [unit])[0]))
    drawn = way.geojson()
    assert drawn["geometry"]["coordinates"][0] == list(unit) and drawn["properties"]["minutes"] == round(
        way.seconds / 60, 1
    )
    straight = length_m([unit, event])
    assert straight <= length_m(way.points) < 2 * straight


def test_nobody_and_nowhere() -> None:
    assert nearest_units(ROUTER, (122.48, 30.5), []) == []
    assert ROUTER.matrix([], [(122.48, 30.5)]).shape == (0, 1)
    far = ROUTER.snap([(122.565, 30.495)])[0]
    arcs = np.nonzero((GRAPH.tail == far.node) | (GRAPH.head == far.node))[0]
    cut_off = ROUTER.without(arcs.tolist())
    here = float(GRAPH.lon[far.node]), float(GRAPH.lat[far.node])
    assert cut_off.way((122.43, 30.49), here) is None
    assert nearest_units(cut_off, here, [(122.43, 30.49)]) == []
    assert math.isinf(cut_off.seconds_to(here, [(122.43, 30.49)])[0])


def test_the_engine_says_that_it_works() -> None:
    assert routing.check() == []
