"""Judges a condition as an Ibis expression: a whole table is one query, equal to the NumPy back end."""

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

import ibis

from .errors import RuleError
from .language import Arithmetic, Comparison, Constant, Limit, Logic, Member, Name, Negative, Node, Not

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def expression(node: Node, columns: Mapping[str, Any]) -> Any:
    """Return the Ibis value of a condition; `columns` gives each name its Ibis column (a table will do)."""
    match node:
        case Constant(value=value) | Limit(value=value):
            return ibis.literal(value)
        case Name():
            return _named(columns, node)
        case Comparison(op=op):
            return _COMPARE[op](expression(node.left, columns), expression(node.right, columns))
        case Arithmetic(op=op):
            return _arithmetic(op, expression(node.left, columns), expression(node.right, columns))
        case Negative(operand=operand):
            return -expression(operand, columns)
        case Logic(op=op, operands=operands):
            join = operator.and_ if op == "and" else operator.or_
            return reduce(join, [expression(part, columns) for part in operands])
        case Not(operand=operand):
            return ~expression(operand, columns)
        case Member(item=item, options=options):
            found = expression(item, columns).isin(list(options))
            return ~found if node.negated else found
        case _:
            raise RuleError("stream_only", node.column, name=node.text.partition("(")[0])


def _named(columns: Mapping[str, Any], node: Name) -> Any:
    try:
        found = columns[node.name]
    except Exception as error:
        raise RuleError("missing_column", node.column, name=node.name) from error
    # Integers become doubles, so that sums cannot wrap and `/` means the same on every engine.
    return found.cast("float64") if found.type().is_numeric() else found


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    if op == "/":
        right = right.nullif(0.0)
    value = _ARITHMETIC[op](left, right)
    return ibis.ifelse(value.isinf() | value.isnan(), ibis.null("float64"), value)
