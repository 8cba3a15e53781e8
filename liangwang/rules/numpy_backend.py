"""Judges a condition on NumPy columns; missing is unknown, in three-valued logic as in SQL."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import RuleError
from .language import (
    Arithmetic,
    Between,
    Comparison,
    Constant,
    Limit,
    Logic,
    Member,
    Name,
    Negative,
    Node,
    Not,
    Warned,
    Window,
)

Values = NDArray[Any]
Mask = NDArray[np.bool_]

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
}  # fmt: skip
MINUTE_US: Final = 60_000_000


@dataclass(slots=True)
class Column:
    """Values and where they are unknown; `null=None`: all are known. A scalar stands for a whole column."""

    values: Any
    null: Mask | None = None


class Stream(Protocol):
    """What a kernel gives to a condition beside columns: windows of datastreams, the time of day, warnings."""

    def window(self, call: Window) -> Column: ...

    def minute_of_day(self) -> NDArray[np.int64]: ...

    def warned(self, level: int) -> Mask: ...


def column(values: Values) -> Column:
    """Return a column of a float array whose NaN mean unknown."""
    null = np.isnan(values)
    return Column(values, null if null.any() else None)


def evaluate(node: Node, columns: Mapping[str, Column], stream: Stream | None = None) -> Column:
    """Return the value of an expression on columns of one length. Raises RuleError for a missing column."""
    match node:
        case Constant(value=value) | Limit(value=value):
            return Column(value)
        case Name(name=name):
            if name not in columns:
                raise RuleError("missing_column", node.column, name=name)
            return columns[name]
        case Comparison(op=op):
            left, right = evaluate(node.left, columns, stream), evaluate(node.right, columns, stream)
            return Column(_COMPARE[op](left.values, right.values), _either(left.null, right.null))
        case Arithmetic(op=op):
            left, right = evaluate(node.left, columns, stream), evaluate(node.right, columns, stream)
            return _arithmetic(op, left, right)
        case Negative(operand=operand):
            inner = evaluate(operand, columns, stream)
            return Column(np.negative(inner.values), inner.null)
        case Logic(op=op, operands=operands):
            return _logic(op, [evaluate(part, columns, stream) for part in operands])
        case Not(operand=operand):
            inner = evaluate(operand, columns, stream)
            return Column(np.logical_not(inner.values), inner.null)
        case Member(item=item):
            return _member(node, evaluate(item, columns, stream))
        case Between() if stream is not None:
            return Column(_between(node, stream.minute_of_day()))
        case Window() if stream is not None:
            return stream.window(node)
        case Warned(level=level) if stream is not None:
            return Column(stream.warned(level))
        case Between() | Window() | Warned():
            raise RuleError("stream_only", node.column, name=node.text.partition("(")[0])
        case _:
            raise TypeError(type(node).__name__)


def verdict(
    node: Node, columns: Mapping[str, Column], n: int, stream: Stream | None = None
) -> tuple[Mask, Mask]:
    """Return (true, unknown) of a condition over `n` rows: bool[n] each; false is neither."""
    result = evaluate(node, columns, stream)
    values = np.broadcast_to(np.asarray(result.values, dtype=bool), (n,))
    if result.null is None:
        return values, np.zeros(n, dtype=bool)
    unknown = np.broadcast_to(result.null, (n,))
    return values & ~unknown, unknown


def is_true(node: Node, columns: Mapping[str, Column], n: int, stream: Stream | None = None) -> Mask:
    """Return where a condition is surely true: bool[n]."""
    result = evaluate(node, columns, stream)
    values = np.broadcast_to(np.asarray(result.values, dtype=bool), (n,))
    return values if result.null is None else values & ~result.null


def _either(left: Mask | None, right: Mask | None) -> Mask | None:
    if left is None:
        return right
    return left if right is None else left | right


def _arithmetic(op: str, left: Column, right: Column) -> Column:
    with np.errstate(all="ignore"):
        values = np.asarray(_ARITHMETIC[op](left.values, right.values), dtype=float)
    null = _either(left.null, right.null)
    # Division by zero and overflow have no value; unknown is the honest answer.
    lost = ~np.isfinite(values)
    if lost.any():
        null = lost if null is None else null | lost
    return Column(values, null)


def _logic(op: str, parts: list[Column]) -> Column:
    """Kleene's and/or: one false settles an `and`, one true an `or`, whatever is unknown beside it."""
    settles = op == "or"
    result = parts[0]
    for part in parts[1:]:
        left, right = np.asarray(result.values, dtype=bool), np.asarray(part.values, dtype=bool)
        values = (left | right) if settles else (left & right)
        if result.null is None and part.null is None:
            result = Column(values)
            continue
        left_null = np.False_ if result.null is None else result.null
        right_null = np.False_ if part.null is None else part.null
        settled = ((left == settles) & ~left_null) | ((right == settles) & ~right_null)
        values = np.where(settled, settles, values)
        result = Column(values, (left_null | right_null) & ~settled)
    return result


def _member(node: Member, item: Column) -> Column:
    values = np.asarray(item.values)
    found = np.zeros(values.shape, dtype=bool)
    for option in node.options:
        found |= np.asarray(values == option, dtype=bool)
    return Column(~found if node.negated else found, item.null)


def _between(node: Between, minute: NDArray[np.int64]) -> Mask:
    start, end = node.start_minute, node.end_minute
    if start <= end:
        return np.asarray((minute >= start) & (minute < end))
    return np.asarray((minute >= start) | (minute < end))
