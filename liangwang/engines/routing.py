"""Travel times on a street graph: who is nearest to an event, by which way; SciPy, one matrix, no server."""

import math
from collections.abc import Callable, Collection, Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from liangwang.base.geo import METRES_PER_DEGREE, Point

from .overlay import Arcs, Overlay
from .street_graph import StreetGraph

FIRST_LIMIT_S, WIDER = 300.0, 2.0
WALK_M_S = 1.4  # from a point to the nearest node of the graph, and back
CLOSED = np.inf


class Snap(NamedTuple):
    """The nearest node and the seconds on foot to it."""

    node: int
    walk_s: float


class Snapped(NamedTuple):
    """The nearest nodes of many points, int64[n], and the seconds on foot to them, float[n]."""

    node: NDArray[np.int64]
    walk_s: NDArray[np.float64]


class Way(NamedTuple):
    """A route: seconds, and its points from the unit to the event."""

    seconds: float
    points: list[Point]

    def geojson(self) -> dict[str, Any]:
        """The way as one GeoJSON feature (RFC 7946), its minutes beside it.

        >>> Way(90.0, [(121.0, 31.0), (121.01, 31.0)]).geojson()["properties"]
        {'role': 'way', 'minutes': 1.5}
        """
        line = [[round(lon, 6), round(lat, 6)] for lon, lat in self.points]
        said = {"role": "way", "minutes": round(self.seconds / 60, 1)}
        return {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": said,
        }


class Router:
    """A street graph ready for questions; `closed` arcs (indices into the graph) are not driven.

    Arcs are held by their head, so that one search from an event finds the times of all units *to* it.
    """

    def __init__(self, graph: StreetGraph, closed: Collection[int] = ()) -> None:
        self.graph = graph
        self.closed = frozenset(closed)
        self._squeeze = math.cos(math.radians(float(graph.lat.mean())))
        self._tree = cKDTree(self._metres(np.column_stack([graph.lon, graph.lat])))

    def without(self, arcs: Collection[int]) -> "Router":
        """A router on which these arcs too are closed (flooded, fenced off)."""
        other = copy(self)  # the tree of nodes is the same: only the times are held anew
        other.closed = self.closed | frozenset(arcs)
        for held in ("_reverse", "_overlay"):
            other.__dict__.pop(held, None)
        if "_overlay" in self.__dict__:
            other.__dict__["_overlay"] = self._overlay.with_costs(other._costs())
        return other

    def _costs(self) -> NDArray[np.float64]:
        seconds = self.graph.seconds.astype(np.float64, copy=True)
        seconds[list(self.closed)] = CLOSED
        return seconds

    @cached_property
    def _reverse(self) -> csr_matrix:
        # SciPy sums parallel arcs of a coordinate matrix; the lattice has none, an importer must join its own.
        n = len(self.graph)
        return csr_matrix((self._costs(), (self.graph.head, self.graph.tail)), shape=(n, n))

    @cached_property
    def _overlay(self) -> Overlay:
        """Made at the first question for times: about a second for a city, which a page that draws a way need not spend."""
        head, tail = self.graph.head.astype(np.int64), self.graph.tail.astype(np.int64)
        return Overlay(np.asarray(self._tree.data), Arcs(head, tail, self._costs()))

    def snap(self, points: Sequence[Point]) -> list[Snap]:
        """For each point the nearest node, and the seconds on foot to it."""
        nodes, walked = self._snapped(points)
        return [Snap(node, walk_s) for node, walk_s in zip(nodes.tolist(), walked.tolist(), strict=True)]

    def _snapped(self, points: Sequence[Point]) -> "Snapped":
        metres, node = self._tree.query(self._metres(np.asarray(points, float).reshape(-1, 2)))
        return Snapped(np.asarray(node, np.int64), np.asarray(metres, float) / WALK_M_S)

    def seconds_to(
        self, event: Point, units: Sequence[Point], limit_s: float = np.inf
    ) -> NDArray[np.float64]:
        """float[units]: seconds from each unit to the event; inf beyond `limit_s` or where no way leads."""
        if not units:
            return np.empty(0)
        return self._seconds(self.snap([event])[0], self._snapped(units), limit_s)

    def matrix(
        self, events: Sequence[Point], units: Sequence[Point], limit_s: float = np.inf
    ) -> NDArray[np.float64]:
        """float[events, units]: seconds from each unit to each event."""
        if not events or not units:
            return np.empty((len(events), len(units)))
        at = self._snapped(units)
        return np.array([self._seconds(snap, at, limit_s) for snap in self.snap(events)])

    def way(self, unit: Point, event: Point) -> Way | None:
        """The quickest way from a unit to an event, with its points for drawing; None where no way leads."""
        start, end = self.snap([unit, event])
        seconds, before = dijkstra(self._reverse, indices=end.node, return_predecessors=True)
        if not np.isfinite(seconds[start.node]):
            return None
        node, points = start.node, [unit]
        while node >= 0:
            points.append((float(self.graph.lon[node]), float(self.graph.lat[node])))
            node = int(before[node])
        return Way(start.walk_s + float(seconds[start.node]) + end.walk_s, [*points, event])

    def _seconds(self, event: Snap, units: "Snapped", limit_s: float) -> NDArray[np.float64]:
        driven = self._overlay.seconds(event.node, units.node, limit_s)
        found = driven + units.walk_s + event.walk_s
        return np.where(found <= limit_s, found, np.inf)

    def _metres(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return points * [METRES_PER_DEGREE * self._squeeze, METRES_PER_DEGREE]


def widening_seconds(
    router: Router,
    event: Point,
    units: Sequence[Point],
    enough: Callable[[NDArray[np.bool_]], bool],
    *,
    limit_s: float = 3600.0,
    slower: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """float[units]: seconds to the event, inf for those not looked at or not there within `limit_s`.

    The search widens by doubling until `enough` is content with those that are surely found: most events find their unit within
    five minutes' travel, and a search over the whole city costs seven times as much. `slower` (1 or more,
    one for each unit) multiplies travel times; whoever has not been found yet cannot be quicker than the limit.
    """
    at_event, at_units = router.snap([event])[0], router._snapped(units)
    limit = min(FIRST_LIMIT_S, limit_s)
    while True:
        seconds = router._seconds(at_event, at_units, limit) * slower
        if limit >= limit_s or enough(seconds <= limit):
            return np.where(seconds <= limit_s, seconds, np.inf)
        limit = min(WIDER * limit, limit_s)


def nearest_units(
    router: Router, event: Point, units: Sequence[Point], k: int = 1, limit_s: float = 3600.0
) -> list[tuple[int, float]]:
    """(index of unit, seconds) of the `k` units that reach the event first, within `limit_s`, quickest first.

    Fewer than `k` come back when fewer can be there in time.
    """
    if not units or k < 1:
        return []
    wanted = min(k, len(units))
    seconds = widening_seconds(
        router, event, units, lambda found: int(found.sum()) >= wanted, limit_s=limit_s
    )
    within = np.nonzero(np.isfinite(seconds))[0]
    order = within[np.lexsort((within, seconds[within]))][:k]
    return [(int(i), float(seconds[i])) for i in order]


def check() -> list[str]:
    """What keeps this engine from working; empty when nothing does."""
    try:
        _self_test()
    except Exception as error:
        return [
            f"routing: {type(error).__name__}: {error}; reinstall SciPy (pip install -r requirements/base.txt)"
        ]
    return []


def _self_test() -> None:
    graph = StreetGraph(
        np.array([121.0, 121.01]), np.array([31.0, 31.0]), np.array([0], np.int32), np.array([1], np.int32),
        np.array([60.0]), np.zeros(1, np.int8),
    )  # fmt: skip
    found = nearest_units(Router(graph), (121.01, 31.0), [(121.0, 31.0)])
    if found != [(0, 60.0)]:
        raise ArithmeticError(f"expected 60 s, found {found}")
