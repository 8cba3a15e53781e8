"""Real streets: a PBF extract of OpenStreetMap becomes the arrays of a StreetGraph; read by pyosmium."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liangwang.base.geo import METRES_PER_DEGREE
from liangwang.base.labels import Label

from .street_graph import KINDS, StreetGraph, largest_part

CLASSES: Mapping[str, tuple[str, float]] = {
    "motorway": ("express", 80), "motorway_link": ("express", 45), "trunk": ("express", 60),
    "trunk_link": ("express", 40), "primary": ("arterial", 40), "primary_link": ("arterial", 32),
    "secondary": ("arterial", 35), "secondary_link": ("arterial", 30), "tertiary": ("arterial", 30),
    "tertiary_link": ("arterial", 25), "unclassified": ("street", 25), "residential": ("street", 22),
    "living_street": ("street", 12), "service": ("street", 12), "road": ("street", 20),
}  # fmt: skip
"""Our kind and the km/h that a crew makes by day, by OSM's `highway`: our own assumption, lights and queues within."""
PER_LIMIT = 0.8  # of a posted limit, where that is slower than the class
BARRED = frozenset({"no", "private"})
SPACING_M = 80.0  # of a street between crossings this often a node is kept: to snap to, to close, to draw
MPH = 1.609344
FILE = "imported.npz"
NOTICE: Label = {
    "zh": "道路数据 © OpenStreetMap 贡献者，按 ODbL 许可使用；公开显示地图时须注明",
    "en": "Streets © OpenStreetMap contributors, under the ODbL; say so wherever the map is shown",
}


class NotStreets(ValueError):
    """The file is no extract, or has no street in it that a vehicle may use."""

    template: ClassVar[Label] = {
        "zh": "{file} 里没有可用的道路：需要 OpenStreetMap 的 PBF 文件（.osm.pbf），包含 highway 道路",
        "en": "{file} has no streets: give an OpenStreetMap extract in PBF (.osm.pbf) with its highways",
    }


class Road(NamedTuple):
    """One way of the file: the kind, km/h, which directions, and its nodes as (id, lon, lat)."""

    kind: int
    kmh: float
    forward: bool
    backward: bool
    nodes: list[tuple[int, float, float]]


def road_of(tags: Mapping[str, str]) -> tuple[int, float, bool, bool] | None:
    """Kind, km/h, forward, backward by the tags of a way; None where no vehicle may drive.

    >>> road_of({"highway": "residential", "oneway": "-1", "maxspeed": "20"})
    (0, 16.0, False, True)
    """
    known = CLASSES.get(tags.get("highway", ""))
    may = next((tags[key] for key in ("motor_vehicle", "vehicle", "access") if key in tags), "yes")
    if known is None or tags.get("area") == "yes" or may in BARRED:
        return None
    kind = "bridge" if tags.get("bridge", "no") != "no" else known[0]
    posted = _posted_kmh(tags.get("maxspeed", ""))
    kmh = min(known[1], PER_LIMIT * posted) if posted else known[1]
    one_way = tags.get("oneway", "yes" if _one_way_unsaid(tags) else "no")
    return KINDS.index(kind), kmh, one_way not in ("-1", "reverse"), one_way not in ("yes", "true", "1")


def _one_way_unsaid(tags: Mapping[str, str]) -> bool:
    return tags.get("junction") in ("roundabout", "circular") or tags["highway"] == "motorway"


def _posted_kmh(said: str) -> float | None:
    number, _, _ = said.strip().partition(" ")
    try:
        posted = float(number.removesuffix("mph")) * (MPH if "mph" in said else 1.0)
    except ValueError:  # "none", "signals", "CN:urban"
        return None
    return posted if math.isfinite(posted) and posted > 0 else None


def roads_in(path: Path) -> Iterator[Road]:
    """The streets of a PBF file that vehicles may use; raises NotStreets where it cannot be read."""
    import osmium  # late: only the importer needs it

    try:
        ways = (
            osmium.FileProcessor(str(path))
            .with_locations()
            .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
        )
        for way in ways:
            found = road_of(dict(way.tags)) if "highway" in way.tags else None
            if found is not None and isinstance(way, osmium.osm.Way):
                nodes = [(n.ref, n.lon, n.lat) for n in way.nodes if n.location.valid()]
                if len(nodes) > 1:
                    yield Road(*found, nodes)
    except (RuntimeError, OSError) as error:
        raise NotStreets(NotStreets.template["en"].format(file=path.name)) from error


def streets_of(path: Path) -> StreetGraph:
    """The street graph of a PBF extract: its largest part, parallel arcs joined into the quicker one.

    Raises NotStreets.
    """
    roads = list(roads_in(path))
    if not roads:
        raise NotStreets(NotStreets.template["en"].format(file=path.name))
    return graph_of(roads)


def graph_of(roads: list[Road]) -> StreetGraph:
    """The graph of roads: nodes where they cross or end and every 80 m between; seconds along the true line."""
    used: dict[int, int] = {}
    for road in roads:
        for place, (ref, _, _) in enumerate(road.nodes):
            used[ref] = used.get(ref, 0) + (2 if place in (0, len(road.nodes) - 1) else 1)
    number: dict[int, int] = {}
    points: list[tuple[float, float]] = []
    arcs: list[tuple[int, int, float, int]] = []
    for road in roads:
        for (a, b), metres in _pieces(road, used):
            tail, head = (_numbered(node, number, points) for node in (a, b))
            seconds = metres / (road.kmh / 3.6)
            if road.forward:
                arcs.append((tail, head, seconds, road.kind))
            if road.backward:
                arcs.append((head, tail, seconds, road.kind))
    at = np.array(points, float)
    tails, heads, took, kinds = (np.array(column) for column in zip(*arcs, strict=True))
    kept = _joined(tails, heads, took, len(at))
    return largest_part(
        StreetGraph(
            at[:, 0], at[:, 1], tails[kept].astype(np.int32), heads[kept].astype(np.int32),
            took[kept].astype(float), kinds[kept].astype(np.int8),
        )
    )  # fmt: skip


Node = tuple[int, float, float]


def _pieces(road: Road, used: Mapping[int, int]) -> Iterator[tuple[tuple[Node, Node], float]]:
    """Stretches of a road between kept nodes, each with its metres along the line."""
    start, metres = road.nodes[0], 0.0
    for before, node in zip(road.nodes, road.nodes[1:], strict=False):
        metres += _metres(before, node)
        if used[node[0]] > 1 or metres >= SPACING_M:
            yield (start, node), metres
            start, metres = node, 0.0


def _metres(a: Node, b: Node) -> float:
    squeeze = math.cos(math.radians((a[2] + b[2]) / 2))
    return math.hypot((b[1] - a[1]) * squeeze, b[2] - a[2]) * METRES_PER_DEGREE


def _numbered(node: Node, number: dict[int, int], points: list[tuple[float, float]]) -> int:
    if node[0] not in number:
        number[node[0]] = len(points)
        points.append((node[1], node[2]))
    return number[node[0]]


def _joined(tail: NDArray[Any], head: NDArray[Any], seconds: NDArray[Any], n: int) -> NDArray[np.int64]:
    """Indices of the arcs to keep: the quickest of those with the same ends, and none from a node to itself.

    SciPy adds up parallel arcs of a coordinate matrix, so that two streets side by side would take twice the time.
    """
    order = np.lexsort((seconds, head, tail))
    _, first = np.unique((tail.astype(np.int64) * n + head)[order], return_index=True)
    kept = order[first]
    return np.sort(kept[tail[kept] != head[kept]])
