"""The streets to draw under a map: the same graph by which crews are sent."""

import numpy as np

from .road import router

Segment = tuple[int, tuple[float, float], tuple[float, float]]
MOST = 4000


def streets_in(west: float, south: float, east: float, north: float) -> list[Segment]:
    """kind (0 lane, 1 arterial, 2 expressway) and both ends of each street in a box of degrees, at most MOST.

    A one-way and its return are one street. Empty where the city has no graph.
    """
    found = router()
    if found is None:
        return []
    graph = found.graph
    lon, lat = graph.lon, graph.lat
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    arcs = np.flatnonzero(inside[graph.tail] & inside[graph.head])
    low = np.minimum(graph.tail[arcs], graph.head[arcs])
    high = np.maximum(graph.tail[arcs], graph.head[arcs])
    _, first = np.unique(low.astype(np.int64) * len(graph) + high, return_index=True)
    chosen = arcs[np.sort(first)[:MOST]]
    ends = (graph.tail[chosen], graph.head[chosen])
    return [
        (
            int(kind),
            (round(float(lon[a]), 5), round(float(lat[a]), 5)),
            (round(float(lon[b]), 5), round(float(lat[b]), 5)),
        )
        for kind, a, b in zip(graph.kind[chosen], *ends, strict=True)
    ]
