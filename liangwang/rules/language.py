"""The nodes of a parsed condition and the closed list of kernel functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Kind = Literal["number", "text", "truth", "any"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that a condition may use: what kind of value it is and in which unit (None = unit not known)."""

    kind: Kind = "any"
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a condition; `text` is its source, `column` counts from 1."""

    text: str
    column: int

    @property
    def kind(self) -> Kind:
        return "truth"

    @property
    def unit(self) -> str | None:
        return None

    def parts(self) -> tuple["Node", ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Constant(Node):
    value: float | str | bool
    known_kind: Kind

    @property
    def kind(self) -> Kind:
        return self.known_kind


@dataclass(frozen=True, slots=True)
class Limit(Node):
    """A number of limits.yaml, resolved."""

    value: float
    known_unit: str | None

    @property
    def kind(self) -> Kind:
        return "number"

    @property
    def unit(self) -> str | None:
        return self.known_unit


@dataclass(frozen=True, slots=True)
class Position(Node):
    """Where a thing is: its quantities lon and lat, known only when both are of one moment."""

    variable: Variable

    def parts(self) -> tuple[Node, ...]:
        return tuple(Name(name, self.column, name, self.variable) for name in POSITION)


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str
    variable: Variable

    @property
    def kind(self) -> Kind:
        return self.variable.kind

    @property
    def unit(self) -> str | None:
        return self.variable.unit


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    op: Literal["+", "-", "*", "/"]
    left: Node
    right: Node

    @property
    def kind(self) -> Kind:
        return "number"

    @property
    def unit(self) -> str | None:
        return (self.left.unit or self.right.unit) if self.op in "+-" else None

    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Negative(Node):
    operand: Node

    @property
    def kind(self) -> Kind:
        return "number"

    @property
    def unit(self) -> str | None:
        return self.operand.unit

    def parts(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    op: Literal["<", "<=", ">", ">=", "==", "!="]
    left: Node
    right: Node

    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Member(Node):
    item: Node
    options: tuple[float | str, ...]
    negated: bool

    def parts(self) -> tuple[Node, ...]:
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Logic(Node):
    op: Literal["and", "or"]
    operands: tuple[Node, ...]

    def parts(self) -> tuple[Node, ...]:
        return self.operands


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: Node

    def parts(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Between(Node):
    """Whether the moment of judging lies between two times of day, in the city's zone; may pass midnight."""

    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class Warned(Node):
    """Whether a warning of this level (its place in LEVELS) or a higher one covers the thing's place at the moment."""

    level: int


@dataclass(frozen=True, slots=True)
class Window(Node):
    """A kernel function over the readings of the last `us` microseconds: rate, count, silent, inside or dwell.

    `inside` and `dwell` look at a thing's position (its quantities `lon` and `lat`) and have the area as a `ring`.
    """

    function: Literal["rate", "count", "silent", "inside", "dwell"]
    subject: Node
    us: int
    ring: tuple[tuple[float, float], ...] = ()

    @property
    def kind(self) -> Kind:
        return "number" if self.function in ("rate", "count") else "truth"

    @property
    def unit(self) -> str | None:
        return self.subject.unit if self.function == "rate" else None

    def parts(self) -> tuple[Node, ...]:
        return (self.subject,)


USAGE: Final = {
    "rate": "rate(quantity, 5min)",
    "count": "count(condition, 1h)",
    "silent": "silent(quantity, 15min)",
    "between": "between(22:00, 6:00)",
    "inside": "inside(area)",
    "dwell": "dwell(area, 5min)",
    "warned": "warned(orange)",
}
POSITION: Final = ("lon", "lat")


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything in it, outermost first."""
    yield node
    for part in node.parts():
        yield from walk(part)


def names(node: Node) -> tuple[str, ...]:
    """Return the names that a condition reads, each once, in order of appearance."""
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name)))


class Place(NamedTuple):
    """An area of limits.yaml: its corners as (lon, lat), WGS-84."""

    ring: tuple[tuple[float, float], ...]


def windows(node: Node) -> tuple[Window, ...]:
    """Return the window functions of a condition, each once."""
    return tuple(dict.fromkeys(part for part in walk(node) if isinstance(part, Window)))


def is_timed(node: Node) -> bool:
    """Tell whether the verdict can change while no reading arrives (windows, time of day, warnings)."""
    return any(
        isinstance(part, Between | Warned) or (isinstance(part, Window) and part.us > 0)
        for part in walk(node)
    )


def heeds_warnings(node: Node) -> bool:
    """Tell whether a condition asks for warnings."""
    return any(isinstance(part, Warned) for part in walk(node))
