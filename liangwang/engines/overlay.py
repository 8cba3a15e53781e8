"""A street graph in cells, with the times between the borders of each cell known: a search crosses the city by borders.

After customizable route planning (Delling, Goldberg, Pajor, Werneck 2011): the graph is cut into cells, and for each
cell the times from border to border inside it are found once. A search then runs inside the cell of its start, over the
borders of all cells, and ends with one step from the borders of a target's cell. Where streets close, only their cells
are done again.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CELL_NODES = 2048  # larger cells have fewer borders in all, and take longer to do again
SAME_S = 1e-9  # two ways this near are as long as each other
LEAST_S = 1e-6  # and a part of a way is a part only above this


class Arcs(NamedTuple):
    """Directed arcs of one length: start, end, seconds."""

    start: Ints
    end: Ints
    cost: Floats

    def pick(self, rows: NDArray[np.bool_] | Ints) -> "Arcs":
        """The arcs of a mask or of indices."""
        return Arcs(self.start[rows], self.end[rows], self.cost[rows])


@dataclass(frozen=True)
class Cell:
    """One cell: its arcs, which of its nodes (by their place in it) are borders, the seconds from those to all.

    `times` is float32[borders, nodes]; `across` are the arcs from border to border that no other border lies between.
    """

    inside: csr_matrix
    borders: Ints
    times: NDArray[np.float32]
    across: Arcs


class Overlay:
    """Searches over arcs between `nodes` nodes that lie at `xy`, float[n, 2]; arcs of infinite length lead nowhere."""

    def __init__(self, xy: Floats, arcs: Arcs) -> None:
        self.arcs = arcs
        self.members = cut(xy, CELL_NODES)
        self.cell_of, self.place = np.empty(len(xy), np.int64), np.empty(len(xy), np.int64)
        for number, nodes in enumerate(self.members):
            self.cell_of[nodes], self.place[nodes] = number, np.arange(len(nodes))
        self.crossing = self.cell_of[arcs.start] != self.cell_of[arcs.end]
        border = np.zeros(len(xy), bool)
        border[arcs.start[self.crossing]] = border[arcs.end[self.crossing]] = True
        # Borders are numbered cell after cell: those of cell i are first[i] to first[i + 1].
        borders = [nodes[border[nodes]] for nodes in self.members]
        self.first = np.concatenate([[0], np.cumsum([len(nodes) for nodes in borders])]).astype(np.int64)
        self.number = np.full(len(xy), -1, np.int64)
        self.number[np.concatenate(borders)] = np.arange(int(self.first[-1]))
        order = np.argsort(self.cell_of[arcs.start], kind="stable")
        inner = order[~self.crossing[order]]
        ends = np.searchsorted(self.cell_of[arcs.start[inner]], np.arange(len(self.members) + 1))
        self._inner = [inner[a:b] for a, b in pairwise(ends.tolist())]
        self.cells = [self._cell(number) for number in range(len(self.members))]
        self._join()

    def with_costs(self, cost: Floats) -> "Overlay":
        """The same streets at other costs: only the cells in which a cost changed are done again."""
        other = copy(self)
        other.arcs = self.arcs._replace(cost=cost)
        changed = (cost != self.arcs.cost) & ~self.crossing
        touched = set(self.cell_of[self.arcs.start[changed]].tolist())
        other.cells = [
            other._cell(number) if number in touched else cell for number, cell in enumerate(self.cells)
        ]
        other._join()
        return other

    def seconds(self, source: int, targets: Ints, limit: float = np.inf) -> Floats:
        """float[targets]: seconds from a node to each target; inf beyond `limit` or where no way leads."""
        home = int(self.cell_of[source])
        cell = self.cells[home]
        near = dijkstra(cell.inside, indices=int(self.place[source]), limit=limit)
        far = self._over_borders(self.first[home], near[cell.borders], limit)
        at, place = self.cell_of[targets], self.place[targets]
        found = np.where(at == home, near[np.where(at == home, place, 0)], np.inf)
        order = np.argsort(at, kind="stable")
        numbers, starts = np.unique(at[order], return_index=True)
        for number, here in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
            to_borders = far[self.first[number] : self.first[number + 1]]
            reached = np.flatnonzero(to_borders <= limit)
            if len(reached):
                last = self.cells[number].times[reached[:, None], place[here]]
                found[here] = np.minimum(found[here], (to_borders[reached, None] + last).min(axis=0))
        return np.where(found <= limit, found, np.inf)

    def _over_borders(self, home: int, reached: Floats, limit: float) -> Floats:
        """float[borders]: seconds to every border, from those of the first cell, which are numbered from `home`."""
        size, arcs, some = int(self.first[-1]), self._across, np.flatnonzero(np.isfinite(reached))
        if not len(some):
            return np.full(size, np.inf)
        # One node more, with an arc to each entry: a search has one start only.
        ends = np.concatenate([arcs.indices, (some + home).astype(arcs.indices.dtype)])
        costs = np.concatenate([arcs.data, reached[some]])
        first = np.append(arcs.indptr, arcs.indptr[-1] + len(some)).astype(arcs.indptr.dtype)
        whole = csr_matrix((costs, ends, first), shape=(size + 1, size + 1))
        return np.asarray(dijkstra(whole, indices=size, limit=limit), np.float64)[:size]

    def _cell(self, number: int) -> Cell:
        nodes = self.members[number]
        arcs = self.arcs.pick(self._inner[number])
        arcs = arcs.pick(np.isfinite(arcs.cost))
        inside = csr_matrix(
            (arcs.cost, (self.place[arcs.start], self.place[arcs.end])), shape=(len(nodes),) * 2
        )
        borders = np.flatnonzero(self.number[nodes] >= 0)
        if not len(borders):
            nothing = Arcs(borders, borders, np.empty(0))
            return Cell(inside, borders, np.empty((0, len(nodes)), np.float32), nothing)
        times = np.asarray(dijkstra(inside, indices=borders), np.float64)
        between = times[:, borders]
        start, end = np.nonzero(needed(between))
        home = int(self.first[number])
        across = Arcs(home + start, home + end, between[start, end])
        return Cell(inside, borders, times.astype(np.float32), across)

    def _join(self) -> None:
        """Puts the borders of all cells together: the ways across cells, and the arcs from cell to cell."""
        crossing = self.arcs.pick(self.crossing & np.isfinite(self.arcs.cost))
        parts: Iterable[Arcs] = (*(cell.across for cell in self.cells), Arcs(
            self.number[crossing.start], self.number[crossing.end], crossing.cost
        ))  # fmt: skip
        start, end, cost = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self._across = csr_matrix((cost, (start, end)), shape=(int(self.first[-1]),) * 2)


def cut(xy: Floats, most: int) -> list[Ints]:
    """Halves points at the median of their longer side until no part has more than `most`; indices of each part."""
    parts, waiting = [], [np.arange(len(xy))]
    while waiting:
        part = waiting.pop()
        if len(part) <= most:
            parts.append(np.sort(part))
            continue
        side = int(np.ptp(xy[part], axis=0).argmax())
        order = part[np.argsort(xy[part, side], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return parts


def needed(times: Floats) -> NDArray[np.bool_]:
    """bool[n, n]: whether a way is needed, as no third place lies on it; all shortest ways can be put together of these.

    >>> needed(np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])).astype(int).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    parts = np.where(times > LEAST_S, times, np.inf)
    by_third = np.full_like(times, np.inf)
    for third in range(len(times)):
        np.minimum(by_third, parts[:, third, None] + parts[None, third], out=by_third)
    return np.asarray((by_third > times + SAME_S) & ~np.eye(len(times), dtype=bool))
