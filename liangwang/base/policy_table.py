"""The policy table enumerated whole: every cell of the finite space at once, for proofs, diffs and dead rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .access import ATTRIBUTES, Row

Cells = npt.NDArray[np.bool_]
NAMES = tuple(ATTRIBUTES)
SHAPE = tuple(len(domain) for domain in ATTRIBUTES.values())


class Table(NamedTuple):
    """`allowed` over all cells (axes in the order of ATTRIBUTES), and what each row covers."""

    rows: tuple[Row, ...]
    covers: list[Cells]
    permitted: Cells
    forbidden: Cells

    @property
    def allowed(self) -> Cells:
        """Default deny, forbid wins."""
        return self.permitted & ~self.forbidden


def enumerate_policy(rows: Sequence[Row]) -> Table:
    """The verdict on every cell; about 4 million cells in well under a second."""
    covers = [cells(**{name: "|".join(values) for name, values in row.cells.items()}) for row in rows]
    permitted, forbidden = _union(rows, covers, "permit"), _union(rows, covers, "forbid")
    return Table(tuple(rows), covers, permitted, forbidden)


def cells(**wanted: str) -> Cells:
    """The cells whose attributes have one of the named values: `cells(role="clerk|counter", verb="read")`.

    Broadcastable: an attribute that is not named keeps the length 1. Raises KeyError for an unknown name or value.
    """
    found = np.ones((1,) * len(NAMES), bool)
    for name, values in wanted.items():
        domain = ATTRIBUTES[name]
        if unknown := set(values.split("|")) - set(domain):
            raise KeyError(f"{name}: {sorted(unknown)}")
        line = np.array([value in values.split("|") for value in domain])
        shape = [-1 if one == name else 1 for one in NAMES]
        found = found & line.reshape(shape)
    return found


def dead_rows(table: Table) -> list[Row]:
    """Rows without a cell of their own: removing them changes no verdict, so they only mislead.

    A forbid row may be a precaution; it belongs into the invariants' test instead, where it cannot be forgotten.
    """
    return [row for n, row in enumerate(table.rows) if not _changes(table, n)]


def without(table: Table, n: int) -> Cells:
    """What would be allowed without row `n`."""
    rows = [row for m, row in enumerate(table.rows) if m != n]
    covers = [cover for m, cover in enumerate(table.covers) if m != n]
    return _union(rows, covers, "permit") & ~_union(rows, covers, "forbid")


def difference(before: Table, after: Table) -> list[tuple[bool, dict[str, str]]]:
    """Cells whose verdict changes, grouped by role, verb, thing: (now allowed, cell), at most one of each group."""
    changed = np.argwhere(before.allowed != after.allowed)
    seen: dict[tuple[str, str, str], tuple[bool, dict[str, str]]] = {}
    for place in changed:
        cell = {name: ATTRIBUTES[name][i] for name, i in zip(NAMES, place, strict=True)}
        allowed = bool(after.allowed[tuple(place)])
        seen.setdefault((cell["role"], cell["verb"], cell["thing"]), (allowed, cell))
    return list(seen.values())


def examples(found: Cells, limit: int = 5) -> list[dict[str, str]]:
    """Some cells of a set, in words."""
    places = np.argwhere(np.broadcast_to(found, SHAPE))[:limit]
    return [{name: ATTRIBUTES[name][i] for name, i in zip(NAMES, place, strict=True)} for place in places]


def _changes(table: Table, n: int) -> bool:
    """Whether row `n` decides any cell alone: looked for only among the cells that it covers."""
    row, cover = table.rows[n], table.covers[n]
    where = tuple(
        np.flatnonzero(cover.any(axis=_others(a))) if cover.shape[a] > 1 else slice(None)
        for a in range(cover.ndim)
    )
    box = np.ix_(*(np.arange(SHAPE[a])[part] for a, part in enumerate(where)))
    others = np.zeros(SHAPE, bool)[box]
    for m, other in enumerate(table.rows):
        if m != n and other.effect == row.effect:
            others = others | np.broadcast_to(table.covers[m], SHAPE)[box]
    against = table.forbidden[box] if row.effect == "permit" else ~table.permitted[box]
    return bool((~others & ~against).any())


def _others(axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(len(NAMES)) if a != axis)


def _union(rows: Sequence[Row], covers: Sequence[Cells], effect: str) -> Cells:
    found = np.zeros(SHAPE, bool)
    for row, cover in zip(rows, covers, strict=True):
        if row.effect == effect:
            found |= cover
    return found
