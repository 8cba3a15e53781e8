"""Why a condition was true, false or unknown: every part of it with its value, at length one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .language import Constant, Limit, Node, Position, Window, walk
from .numpy_backend import Column, Stream, evaluate


def explain(node: Node, row: Mapping[str, Any], stream: Stream | None = None) -> list[dict[str, Any]]:
    """Return `{expression, value, verdict, unit}` for each part, the whole first; unknown is None.

    `value` is set for numbers and text, `verdict` for conditions. A missing or None name is unknown.
    """
    columns = _Row(row)
    traced = []
    for part in dict.fromkeys(walk(node)):
        if isinstance(part, (Constant, Position)):
            continue
        traced.append(_line(part, evaluate(part, columns, stream)))
        if isinstance(part, Limit):
            traced[-1]["limit"] = True
    return list({line["expression"]: line for line in traced}.values())


def verdict_of(node: Node, row: Mapping[str, Any], stream: Stream | None = None) -> bool | None:
    """Return the verdict on one row: True, False or None (unknown)."""
    found = _plain(evaluate(node, _Row(row), stream))
    return None if found is None else bool(found)


class _Row(Mapping[str, Column]):
    """A row seen as columns of length one, where what is not there is unknown."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row

    def __getitem__(self, name: str) -> Column:
        value = self.row.get(name)
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return Column(np.array([0.0]), np.array([True]))
        return Column(np.array([value]))

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(self.row)

    def __len__(self) -> int:
        return len(self.row)


def _plain(column: Column) -> Any:
    if column.null is not None and bool(np.ravel(column.null)[0]):
        return None
    value = np.ravel(np.asarray(column.values))[0]
    return value.item() if hasattr(value, "item") else value


def _line(part: Node, column: Column) -> dict[str, Any]:
    found = _plain(column)
    is_truth = part.kind == "truth" or isinstance(found, bool)
    line: dict[str, Any] = {
        "expression": part.text,
        "value": None if is_truth else found,
        "verdict": (None if found is None else bool(found)) if is_truth else None,
    }
    if part.unit:
        line["unit"] = part.unit
    if isinstance(part, Window):
        line["window_s"] = part.us // 1_000_000
    return line
