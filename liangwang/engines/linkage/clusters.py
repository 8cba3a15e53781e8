"""Joins weighed pairs into clusters, the surest first, and refuses what would put a contradiction into one."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from .model import Model
from .score import contradiction

Edges = tuple[np.ndarray, np.ndarray]


def components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The cluster of each of `count` rows, int32[count]: the number of its first row."""
    from scipy.sparse import coo_matrix  # late: half a second that most processes need not spend
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), bool), (left, right)), (count, count))
    _, labels = connected_components(graph, directed=False)
    first = np.full(labels.max(initial=-1) + 1, count, dtype=np.int32)
    np.minimum.at(first, labels, np.arange(count, dtype=np.int32))
    found: np.ndarray = first[labels]
    return found


def joined(labels: np.ndarray, edges: Edges, against: Edges) -> np.ndarray:
    """The clusters after joining along the edges in their order, except where rows of `against` would meet."""
    parent: dict[int, int] = {}
    enemies: dict[int, set[int]] = {}
    for one, other in zip(labels[against[0]].tolist(), labels[against[1]].tolist(), strict=True):
        enemies.setdefault(one, set()).add(other)
        enemies.setdefault(other, set()).add(one)

    def root(row: int) -> int:
        while (above := parent.get(row, row)) != row:
            parent[row] = parent.get(above, above)
            row = above
        return row

    for one, other in zip(labels[edges[0]].tolist(), labels[edges[1]].tolist(), strict=True):
        a, b = sorted((root(one), root(other)))
        if a == b or b in enemies.get(a, ()):
            continue
        parent[b] = a
        for enemy in enemies.pop(b, set()):
            enemies[enemy].discard(b)
            enemies[enemy].add(a)
            enemies.setdefault(a, set()).add(enemy)
    now = np.arange(len(labels), dtype=np.int32)
    now[list(parent)] = [root(row) for row in parent]
    moved: np.ndarray = now[labels]
    return moved


def closed(con: duckdb.DuckDBPyConnection, model: Model, labels: np.ndarray, edges: Edges) -> np.ndarray:
    """The transitive closure of the edges over the clusters; where it holds a contradiction, edge by edge as far as it goes."""
    whole = components(
        len(labels), np.concatenate([labels, edges[0]]), np.concatenate([np.arange(len(labels)), edges[1]])
    )
    against = contradictions(con, model, whole)
    torn = np.zeros(len(labels), bool)
    torn[whole[against[0]]] = True
    inside = torn[whole[edges[0]]]
    apart = joined(labels, (edges[0][inside], edges[1][inside]), against)
    return np.where(torn[whole], apart, whole)


def contradictions(con: duckdb.DuckDBPyConnection, model: Model, labels: np.ndarray) -> Edges:
    """The pairs of rows within one cluster that cannot be one person."""
    put_labels(con, labels)
    found = con.execute(
        "with known as (select records.*, cluster from records join labels using (row)) "
        "select a.row as l, b.row as r from known a join known b using (cluster) "
        f"where a.row < b.row and ({contradiction(model)})"
    ).fetchnumpy()
    return found["l"], found["r"]


def put_labels(con: duckdb.DuckDBPyConnection, labels: np.ndarray) -> None:
    """Makes the table `labels(row, cluster)`."""
    con.register("given_labels", pa.table({"row": np.arange(len(labels), dtype=np.int32), "cluster": labels}))
    con.execute("create or replace table labels as select * from given_labels")
    con.unregister("given_labels")


def clusters(con: duckdb.DuckDBPyConnection, model: Model) -> np.ndarray:
    """The cluster of each row (the number of its first row) from the weighed pairs of `scored`, the surest joined first."""
    (count,) = con.execute("select count(*) from records").fetchone() or (0,)
    found = con.execute(
        "select l, r from scored join records a on a.row = l join records b on b.row = r "
        f"where w >= {model.join} and not ({contradiction(model)}) order by round(w, 6) desc, l, r"
    ).fetchnumpy()
    return closed(con, model, np.arange(count, dtype=np.int32), (found["l"], found["r"]))
