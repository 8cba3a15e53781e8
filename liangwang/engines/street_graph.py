"""A street graph as arrays; a synthetic one is grown inside real district outlines, cached as .npz.

The synthetic graph is a demonstration, not a map: a jittered grid with some streets missing, arterials, expressways,
one-ways, and bridges where water parts the city. An importer of real streets fills the same arrays.
"""

import hashlib
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from liangwang.base.geo import METRES_PER_DEGREE, Point

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

FINE_M = 150  # spacing of streets in dense districts; twice as much elsewhere
JITTER = 0.28  # of the spacing
MISSING = 0.08  # share of small streets that do not exist
ONE_WAY = 0.12  # share of small streets that are one-way
ARTERIAL_EVERY, EXPRESS_EVERY = 6, 24  # lattice lines
SPEED_KMH = {"street": 22, "arterial": 38, "express": 62, "bridge": 60}
KINDS = tuple(SPEED_KMH)
FORMAT = 1  # a change of the numbers above or of the algorithm raises it, so that old caches are not read


@dataclass(frozen=True)
class StreetGraph:
    """Nodes lon, lat: float[n]; directed arcs tail, head: int32[m] with seconds: float[m] and kind: int8[m]."""

    lon: Floats
    lat: Floats
    tail: Ints
    head: Ints
    seconds: Floats
    kind: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.lon)


class _Lattice(NamedTuple):
    """Nodes by lattice place: column and row int64[n], and their points."""

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    lon: Floats
    lat: Floats
    fine: NDArray[np.bool_]


def synthetic_streets(
    outlines: Mapping[str, BaseGeometry], *, dense: Collection[str] = (), seed: int = 1
) -> StreetGraph:
    """A street graph inside the outlines by district code, finer in the `dense` ones; same input, same graph.

    Every node can reach every other; districts that touch are joined along their border, islands by bridges.
    """
    random = np.random.default_rng(seed)
    nodes = _lattice(outlines, dense, random)
    pairs, kinds = _streets(nodes, random)
    pairs, kinds = _bridged(nodes, pairs, kinds)
    return _directed(nodes, pairs, kinds, random)


def cached_streets(
    folder: Path, outlines: Mapping[str, BaseGeometry], *, dense: Collection[str] = (), seed: int = 1
) -> StreetGraph:
    """The synthetic graph, read from `folder` where it was built before from the same outlines."""
    said = repr((FORMAT, sorted(dense), seed)).encode()
    shapes = [code.encode() + shapely.to_wkb(area) for code, area in sorted(outlines.items())]
    path = folder / f"streets-{hashlib.sha256(b''.join([said, *shapes])).hexdigest()[:16]}.npz"
    if path.exists():
        return read_streets(path)
    graph = synthetic_streets(outlines, dense=dense, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_streets(graph, path)
    return graph


def arcs_in(graph: StreetGraph, area: BaseGeometry) -> Ints:
    """Indices of the arcs that touch an area, int32[k]: those that a closure of the area closes, both directions."""
    west, south, east, north = area.bounds
    lon, lat = graph.lon, graph.lat
    low_x, high_x = np.minimum(lon[graph.tail], lon[graph.head]), np.maximum(lon[graph.tail], lon[graph.head])
    low_y, high_y = np.minimum(lat[graph.tail], lat[graph.head]), np.maximum(lat[graph.tail], lat[graph.head])
    near = np.flatnonzero((low_x <= east) & (high_x >= west) & (low_y <= north) & (high_y >= south))
    ends = [np.column_stack([lon[node], lat[node]]) for node in (graph.tail[near], graph.head[near])]
    shapely.prepare(area)
    touched: Ints = near[shapely.intersects(area, shapely.linestrings(np.stack(ends, axis=1)))].astype(
        np.int32
    )
    return touched


def write_streets(graph: StreetGraph, path: Path) -> None:
    """Writes the arrays so that a reader sees all of them or none."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.npz")
    np.savez(fresh, **vars(graph))
    os.replace(fresh, path)


def read_streets(path: Path) -> StreetGraph:
    with np.load(path) as kept:
        return StreetGraph(**{name: kept[name] for name in StreetGraph.__annotations__})


# --- growing -------------------------------------------------------------------------------------------


def _lattice(
    outlines: Mapping[str, BaseGeometry], dense: Collection[str], random: np.random.Generator
) -> _Lattice:
    """Lattice points inside the outlines: every one in dense districts, every other one elsewhere."""
    bounds = np.array([area.bounds for area in outlines.values()])
    (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    step_lat = FINE_M / METRES_PER_DEGREE
    step_lon = step_lat / math.cos(math.radians((south + north) / 2))
    columns, rows = int((east - west) / step_lon) + 2, int((north - south) / step_lat) + 2
    inside = np.zeros((rows, columns), bool)
    fine = np.zeros((rows, columns), bool)
    for code, area in sorted(outlines.items()):
        w, s, e, n = area.bounds
        step = 1 if code in dense else 2
        c = np.arange(int((w - west) / step_lon) // 2 * 2, int((e - west) / step_lon) + 2, step)
        r = np.arange(int((s - south) / step_lat) // 2 * 2, int((n - south) / step_lat) + 2, step)
        grid_c, grid_r = (a.ravel() for a in np.meshgrid(c, r))
        shapely.prepare(area)
        hit = shapely.contains_xy(area, west + grid_c * step_lon, south + grid_r * step_lat)
        inside[grid_r[hit], grid_c[hit]] = True
        fine[grid_r[hit], grid_c[hit]] |= step == 1
    row, column = np.nonzero(inside)
    reach = np.where(fine[row, column], JITTER, 2 * JITTER)
    lon = west + (column + reach * random.uniform(-1, 1, len(row))) * step_lon
    lat = south + (row + reach * random.uniform(-1, 1, len(row))) * step_lat
    return _Lattice(column, row, lon, lat, fine[row, column])


def _streets(nodes: _Lattice, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Undirected streets int[m, 2] between lattice neighbours, and their kinds."""
    at = np.full((nodes.row.max() + 3, nodes.column.max() + 3), -1, np.int64)
    at[nodes.row, nodes.column] = np.arange(len(nodes.row))
    pairs, kinds = [], []
    for down, right in ((0, 1), (1, 0)):
        one = at[nodes.row + down, nodes.column + right]
        two = at[nodes.row + 2 * down, nodes.column + 2 * right]
        # A coarse street skips the empty place between two even ones; it never leaps over a node.
        even = (nodes.row % 2 == 0) & (nodes.column % 2 == 0)
        to = np.where(one >= 0, one, np.where(even, two, -1))
        line = nodes.row if right else nodes.column
        kind = np.where(line % EXPRESS_EVERY == 0, 2, np.where(line % ARTERIAL_EVERY == 0, 1, 0))
        keep = (to >= 0) & ((kind > 0) | (random.random(len(to)) >= MISSING))
        pairs.append(np.column_stack([np.nonzero(keep)[0], to[keep]]))
        kinds.append(kind[keep].astype(np.int8))
    return np.concatenate(pairs), np.concatenate(kinds)


def _bridged(
    nodes: _Lattice, pairs: NDArray[np.int64], kinds: NDArray[np.int8], least: int = 50
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Joins each part of at least `least` nodes to the largest by its shortest crossing; smaller parts stay apart."""
    n = len(nodes.row)
    matrix = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, part = connected_components(matrix, directed=False)
    sizes = np.bincount(part)
    largest = int(sizes.argmax())
    xy = _metres(nodes.lon, nodes.lat)
    crossings: list[tuple[int, int]] = []
    for other in np.nonzero(sizes >= least)[0]:
        if other == largest:
            continue
        main, island = np.nonzero(part == largest)[0], np.nonzero(part == other)[0]
        distance, nearest = cKDTree(xy[main]).query(xy[island])
        i = int(distance.argmin())
        crossings.append((int(island[i]), int(main[nearest[i]])))
    if not crossings:
        return pairs, kinds
    bridge = np.full(len(crossings), KINDS.index("bridge"), np.int8)
    return np.concatenate([pairs, np.array(crossings)]), np.concatenate([kinds, bridge])


def _directed(
    nodes: _Lattice, pairs: NDArray[np.int64], kinds: NDArray[np.int8], random: np.random.Generator
) -> StreetGraph:
    """Both directions of every street except one-ways; only the largest strongly connected part is kept."""
    one_way = (kinds == 0) & (random.random(len(pairs)) < ONE_WAY)
    turned = np.where((random.random(len(pairs)) < 0.5)[:, None], pairs, pairs[:, ::-1])
    tail = np.concatenate([turned[:, 0], turned[~one_way, 1]])
    head = np.concatenate([turned[:, 1], turned[~one_way, 0]])
    kind = np.concatenate([kinds, kinds[~one_way]])
    length_m, speed_m_s = _lengths(nodes, tail, head), np.array([SPEED_KMH[k] for k in KINDS])[kind] / 3.6
    return largest_part(
        StreetGraph(
            nodes.lon, nodes.lat, tail.astype(np.int32), head.astype(np.int32), length_m / speed_m_s, kind
        )
    )


def _lengths(nodes: _Lattice, tail: NDArray[np.int64], head: NDArray[np.int64]) -> Floats:
    xy = _metres(nodes.lon, nodes.lat)
    metres: Floats = np.hypot(*(xy[head] - xy[tail]).T)
    return metres


def largest_part(graph: StreetGraph) -> StreetGraph:
    """The largest part in which every node reaches every other; whoever snaps to a node can be reached from all."""
    n = len(graph)
    arcs = csr_matrix((np.ones(len(graph.tail)), (graph.tail, graph.head)), shape=(n, n))
    _, part = connected_components(arcs, connection="strong")
    kept = part == np.bincount(part).argmax()
    number = (np.cumsum(kept) - 1).astype(np.int32)
    inside = kept[graph.tail] & kept[graph.head]
    return StreetGraph(
        graph.lon[kept], graph.lat[kept], number[graph.tail[inside]], number[graph.head[inside]],
        graph.seconds[inside], graph.kind[inside],
    )  # fmt: skip


def _metres(lon: Floats, lat: Floats) -> Floats:
    squeeze = math.cos(math.radians(float(lat.mean()))) if len(lat) else 1.0
    return np.column_stack([lon * squeeze, lat]) * METRES_PER_DEGREE


def length_m(points: list[Point]) -> float:
    """Metres along a line of points."""
    xy = _metres(*np.array(points).T)
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())
