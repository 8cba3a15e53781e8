"""The policy table enumerated whole: every cell of the finite space at once, for proofs, diffs and dead rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .access import ATTRIBUTES, Row

Cells = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int16]
NAMES = tuple(ATTRIBUTES)
SHAPE = tuple(len(domain) for domain in ATTRIBUTES.values())


class Table(NamedTuple):
    """How many rows permit and forbid each cell (axes in the order of ATTRIBUTES), and what each row covers."""

    rows: tuple[Row, ...]
    covers: list[Cells]
    permits: Counts
    forbids: Counts

    @property
    def allowed(self) -> Cells:
        """Default deny, forbid wins."""
        allowed: Cells = (self.permits > 0) & (self.forbids == 0)
        return allowed


def enumerate_policy(rows: Sequence[Row]) -> Table:
    """The verdict on every cell; about 4 million cells in about half a second."""
    covers = [cells(**{name: "|".join(values) for name, values in row.cells.items()}) for row in rows]
    permits, forbids = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.int16)
    for row, cover in zip(rows, covers, strict=True):
        (permits if row.effect == "permit" else forbids)[_box(cover)] += 1
    return Table(tuple(rows), covers, permits, forbids)


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
    return [row for n, row in enumerate(table.rows) if not decides_alone(table, n)]


def decides_alone(table: Table, n: int) -> bool:
    """Whether some verdict would be another without row `n`."""
    box = _box(table.covers[n])
    permits, forbids = table.permits[box], table.forbids[box]
    if table.rows[n].effect == "permit":
        return bool(((permits == 1) & (forbids == 0)).any())
    return bool(((forbids == 1) & (permits > 0)).any())


def widens(table: Table, n: int, column: str) -> bool:
    """Whether permit row `n` would allow more without its condition on `column`."""
    left = {name: "|".join(values) for name, values in table.rows[n].cells.items() if name != column}
    box = _box(cells(**left))
    return bool(((table.permits[box] == 0) & (table.forbids[box] == 0)).any())


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


def _box(cover: Cells) -> tuple[npt.NDArray[np.intp], ...]:
    """The index of exactly the cells of a cover, which is a product of one set of values for each attribute."""
    every = range(cover.ndim)
    lines = [
        np.atleast_1d(cover.any(axis=tuple(other for other in every if other != axis))) for axis in every
    ]
    return np.ix_(
        *(
            np.flatnonzero(line) if len(line) == size else np.arange(size)
            for line, size in zip(lines, SHAPE, strict=True)
        )
    )
