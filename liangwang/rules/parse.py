"""Reads a condition into nodes; refuses what is not on the list, with column and remedy."""

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from . import durations
from .declare import LEVELS
from .errors import RuleError
from .language import (
    POSITION,
    USAGE,
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
    Place,
    Position,
    Variable,
    Warned,
    Window,
)

Limits = Mapping[str, tuple[float, str | None] | Place]
"""Name of a limit -> (value, unit), or of an area -> its ring."""

_LITERAL = re.compile(
    rf"(?P<string>'[^']*'|\"[^\"]*\")|(?P<clock>\b\d{{1,2}}:\d{{2}}\b)|(?P<duration>\b{durations.PATTERN})"
    r"|(?P<unit>\b\d+(?:\.\d+)?(?!e[+-]?\d)[A-Za-z%°一-鿿]\w*)"
)
_COMPARE: Final = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_ARITHMETIC: Final = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_FORBIDDEN: Final = {
    "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@", "Attribute": "a dot (x.y)", "Subscript": "[ ]",
    "Lambda": "lambda", "IfExp": "if/else", "NamedExpr": ":=", "Is": "is", "IsNot": "is not", "Set": "{ }",
    "Dict": "{ }",
}  # fmt: skip
_KIND: Final = {
    "number": ("数", "a number"),
    "text": ("文字", "text"),
    "truth": ("真假", "true or false"),
    "any": ("值", "a value"),
}


def parse(text: str, names: Mapping[str, Variable] | None = None, limits: Limits | None = None) -> Node:
    """Return the nodes of a condition; `names=None` allows every name (kinds unknown). Raises RuleError."""
    reader = _Reader(text, names, limits or {})
    return reader.read()


def parse_condition(
    text: str, names: Mapping[str, Variable] | None = None, limits: Limits | None = None
) -> Node:
    """Return the nodes of an expression that must be true, false or unknown. Raises RuleError."""
    node = parse(text, names, limits)
    if node.kind not in ("truth", "any"):
        raise RuleError("condition", node.column, text=node.text)
    return node


def did_you_mean(word: str, known: Iterable[str]) -> dict[str, object]:
    """Return the hints `hint_zh` and `hint_en` for a misspelt word, empty when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if not near:
        return {"hint_zh": "", "hint_en": ""}
    return {"hint_zh": f",是不是“{near[0]}”?", "hint_en": f", did you mean '{near[0]}'?"}


class _Reader:
    def __init__(self, text: str, names: Mapping[str, Variable] | None, limits: Limits) -> None:
        self.text = " ".join(text.split("\n"))
        self.names, self.limits = names, limits
        self.literals: dict[int, tuple[str, str]] = {}

    def read(self) -> Node:
        if not self.text.strip():
            raise RuleError("empty")
        # The text must not start with a blank for Python, and columns must stay those of the writer.
        start = len(self.text) - len(self.text.lstrip())
        source = _LITERAL.sub(self._blank, self.text)[start:]
        try:
            tree = ast.parse(source, mode="eval")
        except SyntaxError as error:
            raise RuleError("syntax", start + (error.offset or 1)) from error
        self.start, self.bytes = start, source.encode()
        return self.node(tree.body)

    def _blank(self, match: re.Match[str]) -> str:
        """Replace `5min` and `22:00` by zeros of the same length, so that columns stay true."""
        kind = str(match.lastgroup)
        if kind == "string":
            return match[0]
        if kind == "unit":
            raise RuleError("quantity_unit", match.start() + 1, text=match[0])
        self.literals[match.start()] = (kind, match[0])
        return "0" * len(match[0])

    def offset(self, byte: int) -> int:
        return self.start + len(self.bytes[:byte].decode(errors="ignore"))

    def where(self, node: ast.expr) -> tuple[str, int]:
        first, last = self.offset(node.col_offset), self.offset(node.end_col_offset or node.col_offset)
        return self.text[first:last], first + 1

    def refuse(self, node: ast.expr, what: object) -> RuleError:
        name = type(what).__name__
        return RuleError("not_allowed", self.where(node)[1], what=_FORBIDDEN.get(name, name))

    def node(self, tree: ast.expr) -> Node:
        text, column = self.where(tree)
        match tree:
            case ast.Constant():
                return self.constant(tree, text, column)
            case ast.Name(id=name):
                return self.name(name, text, column)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(text, column, self.truth(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negative(text, column, self.number(operand))
            case ast.BoolOp(op=op, values=values):
                word = "and" if isinstance(op, ast.And) else "or"
                return Logic(text, column, word, tuple(self.truth(value) for value in values))  # type: ignore[arg-type]
            case ast.BinOp(op=op, left=left, right=right):
                return self.arithmetic(tree, op, left, right)
            case ast.Compare():
                return self.compare(tree)
            case ast.Call():
                return self.call(tree)
            case ast.UnaryOp(op=op):
                raise self.refuse(tree, op)
            case _:
                raise self.refuse(tree, tree)

    def constant(self, tree: ast.Constant, text: str, column: int) -> Node:
        if (literal := self.literals.get(column - 1)) is not None:
            # A bare duration has no meaning outside a window function.
            raise RuleError("not_allowed", column, what=literal[1])
        match tree.value:
            case bool() as value:
                return Constant(text, column, value, "truth")
            case int() | float() as number:
                return Constant(text, column, float(number), "number")
            case str() as word:
                return Constant(text, column, word, "text")
            case _:
                raise RuleError("not_allowed", column, what=text)

    def name(self, name: str, text: str, column: int) -> Node:
        limit = self.limits.get(name)
        if isinstance(limit, Place):
            raise RuleError("arguments", column, usage=USAGE["inside"])
        if limit is not None:
            value, unit = limit
            return Limit(text, column, float(value), unit)
        if self.names is None:
            return Name(text, column, name, Variable())
        if name not in self.names:
            known = [*self.names, *self.limits]
            raise RuleError("name", column, name=name, **did_you_mean(name, known))
        return Name(text, column, name, self.names[name])

    def expect(self, tree: ast.expr, kind: str) -> Node:
        node = self.node(tree)
        if node.kind not in (kind, "any"):
            expected, found = _KIND[kind], _KIND[node.kind]
            raise RuleError(
                "kind", node.column, text=node.text,
                expected_zh=expected[0], expected_en=expected[1], found_zh=found[0], found_en=found[1],
            )  # fmt: skip
        return node

    def truth(self, tree: ast.expr) -> Node:
        return self.expect(tree, "truth")

    def number(self, tree: ast.expr) -> Node:
        return self.expect(tree, "number")

    def same_unit(self, left: Node, right: Node) -> None:
        if left.unit and right.unit and left.unit != right.unit:
            raise RuleError(
                "unit",
                right.column,
                left=left.text,
                left_unit=left.unit,
                right=right.text,
                right_unit=right.unit,
            )

    def arithmetic(self, tree: ast.BinOp, op: ast.operator, left: ast.expr, right: ast.expr) -> Node:
        if type(op) not in _ARITHMETIC:
            raise self.refuse(tree, op)
        sign = _ARITHMETIC[type(op)]
        first, second = self.number(left), self.number(right)
        if sign in "+-":
            self.same_unit(first, second)
        return Arithmetic(*self.where(tree), sign, first, second)  # type: ignore[arg-type]

    def compare(self, tree: ast.Compare) -> Node:
        text, column = self.where(tree)
        pairs = []
        left = tree.left
        for op, right in zip(tree.ops, tree.comparators, strict=True):
            pairs.append(self.pair(tree, left, op, right))
            left = right
        return pairs[0] if len(pairs) == 1 else Logic(text, column, "and", tuple(pairs))

    def pair(self, tree: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        column = self.where(left)[1]
        text = self.text[column - 1 : self.offset(right.end_col_offset or 0)]
        if isinstance(op, (ast.In, ast.NotIn)):
            item = self.node(left)
            return Member(text, column, item, self.options(right, item), isinstance(op, ast.NotIn))
        if type(op) not in _COMPARE:
            raise self.refuse(tree, op)
        sign = _COMPARE[type(op)]
        ordered = sign not in ("==", "!=")
        first = self.number(left) if ordered else self.node(left)
        second = self.number(right) if ordered else self.node(right)
        if not ordered and "any" not in (first.kind, second.kind) and first.kind != second.kind:
            self.expect(right, first.kind)
        self.same_unit(first, second)
        return Comparison(text, column, sign, first, second)  # type: ignore[arg-type]

    def options(self, tree: ast.expr, item: Node) -> tuple[float | str, ...]:
        if not isinstance(tree, (ast.List, ast.Tuple)) or not tree.elts:
            raise RuleError("arguments", self.where(tree)[1], usage="x in ['a', 'b']")
        found: list[float | str] = []
        for element in tree.elts:
            node = self.expect(element, item.kind if item.kind != "truth" else "any")
            if isinstance(node, (Constant, Limit)) and not isinstance(node.value, bool):
                found.append(node.value)
            else:
                raise RuleError("arguments", node.column, usage="x in ['a', 'b']")
        if len({type(value) for value in found}) > 1:
            raise RuleError("arguments", self.where(tree)[1], usage="x in ['a', 'b']")
        return tuple(found)

    def literal(self, tree: ast.expr, kind: str, usage: str) -> str:
        column = self.where(tree)[1]
        found = self.literals.get(column - 1)
        if not isinstance(tree, ast.Constant) or found is None or found[0] != kind:
            raise RuleError("arguments", column, usage=usage)
        return found[1]

    def call(self, tree: ast.Call) -> Node:
        text, column = self.where(tree)
        function = tree.func.id if isinstance(tree.func, ast.Name) else ast.unparse(tree.func)
        if function not in USAGE:
            raise RuleError("function", column, name=function, **did_you_mean(function, USAGE))
        usage = USAGE[function]
        if len(tree.args) != (1 if function in ("inside", "warned") else 2) or tree.keywords:
            raise RuleError("arguments", column, usage=usage)
        if function in ("inside", "dwell"):
            return self.area(tree, function, usage)
        if function == "warned":
            return self.warned(tree, usage)
        if function == "between":
            start, end = (durations.minute_of_day(self.literal(arg, "clock", usage)) for arg in tree.args)
            return Between(text, column, start, end)
        us = durations.microseconds(self.literal(tree.args[1], "duration", usage))
        subject = self.truth(tree.args[0]) if function == "count" else self.node(tree.args[0])
        if function != "count" and not isinstance(subject, Name):
            raise RuleError("arguments", subject.column, usage=usage)
        return Window(text, column, function, subject, us)  # type: ignore[arg-type]

    def warned(self, tree: ast.Call, usage: str) -> Node:
        """Read warned(orange): one of the four levels, bare as in `level:`."""
        word = tree.args[0]
        if not isinstance(word, ast.Name):
            raise RuleError("arguments", self.where(word)[1], usage=usage)
        if word.id not in LEVELS:
            raise RuleError("ladder", self.where(word)[1], level=word.id, **did_you_mean(word.id, LEVELS))
        return Warned(*self.where(tree), LEVELS.index(word.id))

    def area(self, tree: ast.Call, function: str, usage: str) -> Node:
        """Read inside(area) and dwell(area, 5min): the thing must tell lon and lat, the area stand in limits.yaml."""
        text, column = self.where(tree)
        first = tree.args[0]
        name = first.id if isinstance(first, ast.Name) else ""
        place = self.limits.get(name)
        if not isinstance(place, Place):
            known = [key for key, one in self.limits.items() if isinstance(one, Place)]
            raise RuleError(
                "area", self.where(first)[1], name=self.where(first)[0], **did_you_mean(name, known)
            )
        for needed in POSITION:
            if self.names is not None and needed not in self.names:
                raise RuleError("position", column, name=text)
        us = (
            durations.microseconds(self.literal(tree.args[1], "duration", usage))
            if function == "dwell"
            else 0
        )
        where = Position(text, column, Variable("number", "deg"))
        return Window(text, column, function, where, us, place.ring)  # type: ignore[arg-type]
