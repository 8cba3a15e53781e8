"""Who is nearest by road on 100,000 nodes, and 500 tasks among 1,000 crews at once; a part of `liangwang bench operations`."""

from __future__ import annotations

import heapq
import time

import numpy as np
import shapely
from numpy.typing import NDArray

from liangwang.base.geo import Point
from liangwang.bench import Figures, figure
from liangwang.engines.assignment import assign
from liangwang.engines.routing import Router, nearest_units
from liangwang.engines.street_graph import StreetGraph, synthetic_streets

SIDE_DEG = 0.52  # of streets every 150 m: about 100,000 nodes
UNITS, EVENTS, BY_HAND = (1_000, 30), 400, 12
TASKS, CREWS, RUNS = 500, 1_000, 15


def streets() -> StreetGraph:
    """A synthetic graph of about 100,000 nodes, always the same."""
    box = shapely.box(121.0, 31.0, 121.0 + SIDE_DEG, 31.0 + SIDE_DEG * 0.85)
    return synthetic_streets({"bench": box}, dense=["bench"])


def somewhere(random: np.random.Generator, n: int) -> list[Point]:
    """`n` points inside the graph."""
    lon, lat = random.uniform(0.02, SIDE_DEG - 0.02, n), random.uniform(0.02, 0.85 * SIDE_DEG - 0.02, n)
    return [(121.0 + float(x), 31.0 + float(y)) for x, y in zip(lon, lat, strict=True)]


class ByHand:
    """The peer: a heap over lists of neighbours, from the event outwards until enough units are settled."""

    def __init__(self, graph: StreetGraph) -> None:
        self.into: list[list[tuple[int, float]]] = [[] for _ in range(len(graph))]
        for tail, head, cost in zip(
            graph.tail.tolist(), graph.head.tolist(), graph.seconds.tolist(), strict=True
        ):
            self.into[head].append((tail, cost))

    def nearest(self, event: int, units: dict[int, int], k: int) -> list[tuple[int, float]]:
        """(unit, seconds driven) of the first `k` units whose node is reached."""
        queue, seen, found = [(0.0, event)], set[int](), list[tuple[int, float]]()
        while queue and len(found) < k:
            cost, node = heapq.heappop(queue)
            if node in seen:
                continue
            seen.add(node)
            if node in units:
                found.append((units[node], cost))
            for tail, seconds in self.into[node]:
                if tail not in seen:
                    heapq.heappush(queue, (cost + seconds, tail))
        return found


def nearest() -> Figures:
    """p99 of finding the four nearest crews by CPU time, of many and of few, beside the heap on the same questions."""
    graph = streets()
    for name, n in zip(("nearest_p99_ms", "nearest_of_few_p99_ms"), UNITS, strict=True):
        yield from _nearest_of(name, graph, n)


def _nearest_of(name: str, graph: StreetGraph, n: int) -> Figures:
    random = np.random.default_rng(1)
    router, units, events = Router(graph), somewhere(random, n), somewhere(random, EVENTS)
    nearest_units(router, events[0], units, 4)
    took = []
    for event in events:
        started = time.process_time()
        nearest_units(router, event, units, 4)
        took.append(time.process_time() - started)
    peer, by_hand = ByHand(graph), []
    nodes = {snap.node: place for place, snap in enumerate(router.snap(units))}
    for event in events[:BY_HAND]:
        target = router.snap([event])[0].node
        started = time.process_time()
        peer.nearest(target, nodes, 4)
        by_hand.append(time.process_time() - started)
    yield (
        name,
        figure(
            round(float(np.percentile(took, 99)) * 1e3, 2), "CPU ms",
            baseline=round(float(np.max(by_hand)) * 1e3, 2), less_is_better=True,
            baseline_is="heapq over lists of neighbours, stopping at the fourth unit, the slowest of 12",
            nodes=len(graph), units=n, events=EVENTS, p50_ms=round(float(np.median(took)) * 1e3, 2), target=10,
        ),
    )  # fmt: skip


def costs() -> NDArray[np.float64]:
    """float[500, 1000]: seconds of travel in a city, two thirds of the crews unable for each task."""
    random = np.random.default_rng(2)
    cost = random.gamma(3.0, 300.0, (TASKS, CREWS)) * random.integers(1, 5, (TASKS, 1))
    cost[random.random((TASKS, CREWS)) < 2 / 3] = np.inf
    return cost


def greedy(cost: NDArray[np.float64]) -> float:
    """The peer: each task in turn takes the nearest crew still free; returns the total cost."""
    free, total = np.ones(cost.shape[1], bool), 0.0
    for row in cost:
        here = np.where(free, row, np.inf)
        best = int(here.argmin())
        if np.isfinite(here[best]):
            free[best] = False
            total += float(here[best])
    return total


def assignment() -> Figures:
    """CPU time of one assignment (median), and by how much its total beats first come, first served."""
    cost, took = costs(), []
    for _ in range(RUNS):
        started = time.process_time()
        chosen = assign(cost, 1e9)
        took.append(time.process_time() - started)
    total = float(cost[np.arange(TASKS), chosen].sum())
    started = time.process_time()
    taken_in_turn = greedy(cost)
    by_turn = time.process_time() - started
    yield (
        "assign_500x1000_ms",
        figure(
            round(float(np.median(took)) * 1e3, 2), "CPU ms", baseline=round(by_turn * 1e3, 2), less_is_better=True,
            baseline_is=f"first come, first served: its total cost is {taken_in_turn / total:.2f} times ours",
            total_s=round(total), target=50,
        ),
    )  # fmt: skip


def measured() -> Figures:
    """Both figures of dispatch."""
    yield from nearest()
    yield from assignment()
