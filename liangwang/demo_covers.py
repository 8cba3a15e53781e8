"""Manhole covers of the demo city, invented along the streets of the synthetic graph."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from liangwang.base.geo import degrees_of
from liangwang.base.labels import Label
from liangwang.engines.street_graph import StreetGraph

# Shares of the covers by kind of owner; the rest is nobody's that is known (2 %): the street's own crew goes first.
OWNERS: dict[str, tuple[float, Label]] = {
    "rain": (0.34, {"zh": "雨水", "en": "Storm drain"}),
    "sewage": (0.25, {"zh": "污水", "en": "Sewer"}),
    "water": (0.12, {"zh": "供水", "en": "Water"}),
    "power": (0.08, {"zh": "电力", "en": "Power"}),
    "telecom": (0.13, {"zh": "通信", "en": "Telecom"}),
    "gas": (0.06, {"zh": "燃气", "en": "Gas"}),
    "": (0.02, {"zh": "权属不明", "en": "Owner unknown"}),
}
ASIDE_M = 6.0


class Cover(NamedTuple):
    """An invented cover: key M00001, kind of owner ("" = unknown), duty grid, point, address as Shanghai says it."""

    key: str
    owner: str
    label: Label
    grid: str
    lon: float
    lat: float
    address: str


def covers(
    n: int,
    *,
    seed: int,
    graph: StreetGraph,
    grids: Mapping[str, shapely.Geometry],
    weights: Mapping[str, float],
    roads: Mapping[str, Sequence[str]],
) -> list[Cover]:
    """`n` covers beside street corners; `weights` by duty grid say where, `roads` by street name its roads."""
    random = np.random.default_rng([seed, 3])
    corners = _corners(graph, [g for g in grids if weights.get(g)], grids)
    codes = list(corners)
    share = np.array([weights[g] for g in codes])
    chosen = random.choice(len(codes), n, p=share / share.sum())
    owners = list(OWNERS)
    owner_of = random.choice(len(owners), n, p=[OWNERS[o][0] for o in owners])
    found = []
    for i in range(n):
        grid = codes[int(chosen[i])]
        node = int(random.choice(corners[grid]))
        east, north = degrees_of(ASIDE_M, float(graph.lat[node]))
        owner = owners[int(owner_of[i])]
        named, word, key = roads[grid.partition("-")[0]], OWNERS[owner][1], f"M{i + 1:05d}"
        road = named[node % len(named)]
        near = named[(node + 1) % len(named)]
        address = f"{road}{random.integers(1, 1800)}号" + (f"（近{near}）" if near != road else "")
        found.append(
            Cover(
                key, owner, {"zh": f"{word['zh']}井盖 {key}", "en": f"{word['en']} cover {key}"}, grid,
                round(float(graph.lon[node] + random.uniform(-1, 1) * east), 6),
                round(float(graph.lat[node] + random.uniform(-1, 1) * north), 6), address,
            )
        )  # fmt: skip
    return found


def _corners(
    graph: StreetGraph, codes: Sequence[str], grids: Mapping[str, shapely.Geometry]
) -> dict[str, np.ndarray]:
    """Nodes of the graph by the duty grid that holds them; grids without any are left out."""
    tree = shapely.STRtree([grids[code] for code in codes])
    node, grid = tree.query(shapely.points(graph.lon, graph.lat), predicate="covered_by")
    order = np.argsort(grid, kind="stable")
    bounds = np.searchsorted(grid[order], np.arange(len(codes) + 1))
    held = {code: node[order[bounds[i] : bounds[i + 1]]] for i, code in enumerate(codes)}
    return {code: nodes for code, nodes in held.items() if len(nodes)}
