"""The part of OData that SensorThings 1.1 asks by: paths, $filter, $expand, $select, $orderby, $top, $skip, $count."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

MOST_TOP: Final = 1000
USUAL_TOP: Final = 100
MOST_CHARS: Final = 2000
DEEPEST: Final = 24
DEEPEST_EXPAND: Final = 3


class BadQuery(ValueError):
    """An address or an option that cannot be read, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


class Segment(NamedTuple):
    """A step of an address: `Things('x')` has a key, `Datastreams` none."""

    name: str
    key: str | None


class Field(NamedTuple):
    """A property by its path, `properties/owner`."""

    path: str


class Call(NamedTuple):
    """A function or operator with its arguments."""

    name: str
    args: tuple[Any, ...]


Node = Field | Call | str | float | int | bool | datetime | None


@dataclass
class Query:
    """What is asked of a collection; `expand` holds the query of each related entity that comes along."""

    where: Node = True
    orderby: list[tuple[str, bool]] = field(default_factory=list)
    top: int | None = None
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    expand: dict[str, "Query"] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        """How many entities a page has at most."""
        return min(USUAL_TOP if self.top is None else self.top, MOST_TOP)


_SEGMENT = re.compile(r"(\$?[A-Za-z]+)(?:\((?:'((?:[^']|'')*)'|([\w.:~-]+))\))?")


def path(text: str) -> list[Segment]:
    """Return the steps of an address.

    >>> path("Things('M1')/Datastreams")
    [Segment(name='Things', key='M1'), Segment(name='Datastreams', key=None)]
    """
    found, at = [], 0
    text = text.strip("/")
    while at < len(text):
        match = _SEGMENT.match(text, at)
        if match is None or (match.end() < len(text) and text[match.end()] != "/"):
            raise BadQuery(
                f"地址看不懂：“{text[at : at + 40]}”", f"the address cannot be read: '{text[at : at + 40]}'"
            )
        quoted = match[2].replace("''", "'") if match[2] is not None else match[3]
        found.append(Segment(match[1], quoted))
        at = match.end() + 1
    return found


def query(options: Mapping[str, str], depth: int = 0) -> Query:
    """Return the query of an address's options; raises BadQuery for one that is not known."""
    made = Query()
    for name, text in options.items():
        if len(text) > MOST_CHARS:
            raise BadQuery(f"{name} 太长", f"{name} is too long")
        if name == "$filter":
            made.where = where(text)
        elif name == "$orderby":
            made.orderby = [_order(part) for part in _split(text, ",")]
        elif name == "$top":
            made.top = _whole(name, text)
        elif name == "$skip":
            made.skip = _whole(name, text)
        elif name == "$count":
            made.count = text.strip().lower() == "true"
        elif name == "$select":
            made.select = tuple(part.strip() for part in text.split(",") if part.strip())
        elif name == "$expand":
            made.expand = _expand(text, depth + 1)
        elif name == "$resultFormat":
            raise BadQuery("只支持 JSON 结果", "$resultFormat is not served; the answer is plain JSON")
        elif name.startswith("$"):
            raise BadQuery(f"不支持 {name}", f"{name} is not known here")
    return made


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text.strip()):
        raise BadQuery(f"{name} 应是非负整数", f"{name} must be a whole number from 0")
    return int(text)


def _order(part: str) -> tuple[str, bool]:
    words = part.split()
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):
        raise BadQuery(f"$orderby 看不懂：“{part}”", f"$orderby cannot be read: '{part}'")
    return words[0], len(words) == 2 and words[1].lower() == "desc"


def _expand(text: str, depth: int) -> dict[str, Query]:
    """Read `Datastreams($top=1;$expand=Observations),Locations` and `Datastreams/Observations`."""
    if depth > DEEPEST_EXPAND:
        raise BadQuery("$expand 最多三层", f"$expand goes at most {DEEPEST_EXPAND} deep")
    found: dict[str, Query] = {}
    for part in _split(text, ","):
        match = re.fullmatch(r"\s*([A-Za-z]+)(?:/([A-Za-z/]+.*))?\s*(?:\((.*)\))?\s*", part, re.DOTALL)
        if match is None:
            raise BadQuery(f"$expand 看不懂：“{part}”", f"$expand cannot be read: '{part}'")
        name, further, options = match.groups()
        if options is not None:
            pairs = dict(_pair(option) for option in _split(options, ";") if option.strip())
            found[name] = query(pairs, depth)
        inner = found.setdefault(name, Query())
        if further:
            inner.expand |= _expand(further, depth + 1)
    return found


def _pair(option: str) -> tuple[str, str]:
    name, sign, text = option.partition("=")
    if not sign:
        raise BadQuery(f"$expand 里缺等号：“{option}”", f"an option in $expand lacks '=': '{option}'")
    return name.strip(), text


def _split(text: str, mark: str) -> list[str]:
    """Split where no bracket and no quote is open."""
    parts, start, depth, quoted = [], 0, 0, False
    for at, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if char == mark and depth == 0:
                parts.append(text[start:at])
                start = at + 1
    return [*parts, text[start:]]


# --- $filter -----------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"\s*(?:('(?:[^']|'')*')|(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|([A-Za-z_@][\w.@]*(?:/[\w.@]+)*)|([(),]))"
)
COMPARISONS: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
FUNCTIONS: Final = {
    "substringof": 2, "contains": 2, "startswith": 2, "endswith": 2, "tolower": 1, "toupper": 1, "length": 1, "now": 0,
    "year": 1, "month": 1, "day": 1, "hour": 1, "minute": 1, "round": 1, "floor": 1, "ceiling": 1,
}  # fmt: skip
ARITHMETIC: Final = {"add", "sub", "mul", "div", "mod"}


def where(text: str) -> Node:
    """Return the tree of a $filter; raises BadQuery with the place that cannot be read.

    >>> where("startswith(name,'M')")
    Call(name='startswith', args=(Field(path='name'), 'M'))
    """
    reader = _Reader(text)
    node = reader.disjunction(0)
    if reader.here is not None:
        raise reader.lost()
    return node


class _Reader:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, at = text, [], 0
        stripped = text.rstrip()
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if match is None:
                raise BadQuery(
                    f"$filter 看不懂：“{stripped[at : at + 30]}”",
                    f"$filter cannot be read at '{stripped[at : at + 30]}'",
                )
            self.tokens.append((match.lastindex or 0, match[match.lastindex or 0]))
            at = match.end()
        self.at = 0

    @property
    def here(self) -> tuple[int, str] | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def lost(self) -> BadQuery:
        word = self.here[1] if self.here else ""
        return BadQuery(f"$filter 在“{word}”处看不懂", f"$filter cannot be read at '{word}'")

    def word(self, *words: str) -> str | None:
        """Take the next token if it is one of these words."""
        here = self.here
        if here and here[0] in (4, 5) and here[1].lower() in words:
            self.at += 1
            return here[1].lower()
        return None

    def disjunction(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise BadQuery("$filter 括号太深", "$filter is nested too deeply")
        left = self.conjunction(depth)
        while self.word("or"):
            left = Call("or", (left, self.conjunction(depth)))
        return left

    def conjunction(self, depth: int) -> Node:
        left = self.negation(depth)
        while self.word("and"):
            left = Call("and", (left, self.negation(depth)))
        return left

    def negation(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise BadQuery("$filter 括号太深", "$filter is nested too deeply")
        if self.word("not"):
            return Call("not", (self.negation(depth + 1),))
        left = self.sum(depth)
        sign = self.word(*COMPARISONS)
        return Call(sign, (left, self.sum(depth))) if sign else left

    def sum(self, depth: int) -> Node:
        left = self.atom(depth)
        while sign := self.word(*ARITHMETIC):
            left = Call(sign, (left, self.atom(depth)))
        return left

    def atom(self, depth: int) -> Node:
        here = self.here
        if here is None:
            raise self.lost()
        group, text = here
        self.at += 1
        if group == 1:
            return text[1:-1].replace("''", "'")
        if group == 2:
            return _moment(text)
        if group == 3:
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if group == 4:
            return self._named(text, depth)
        if text == "(":
            node = self.disjunction(depth + 1)
            if not self.word(")"):
                raise self.lost()
            return node
        self.at -= 1
        raise self.lost()

    def _named(self, text: str, depth: int) -> Node:
        if text in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[text]
        if not self.word("("):
            return Field(text)
        if text.lower() not in FUNCTIONS:
            raise BadQuery(f"不支持函数 {text}", f"the function {text} is not known here")
        args: list[Node] = []
        while not self.word(")"):
            args.append(self.disjunction(depth + 1))
            if not self.word(",") and not (self.here and self.here[1] == ")"):
                raise self.lost()
        if len(args) != FUNCTIONS[text.lower()]:
            raise BadQuery(f"函数 {text} 的参数个数不对", f"{text} takes {FUNCTIONS[text.lower()]} arguments")
        return Call(text.lower(), tuple(args))


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"时间看不懂：“{text}”", f"the time cannot be read: '{text}'") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# --- judging one entity ------------------------------------------------------------------------------


def holds(node: Node, entity: Mapping[str, Any], now: datetime) -> bool:
    """Return whether an entity (as JSON) meets a filter; what is missing or of another type meets nothing."""
    try:
        return _value(node, entity, now) is True
    except (TypeError, ZeroDivisionError, OverflowError, ValueError):
        return False


def valued(path: str, entity: Mapping[str, Any]) -> Any:
    """Return the property at a path, None where there is none; `id` is `@iot.id`."""
    value: Any = entity
    for step in path.split("/"):
        value = value.get("@iot.id" if step == "id" else step) if isinstance(value, Mapping) else None
    return value


def _value(node: Node, entity: Mapping[str, Any], now: datetime) -> Any:
    if isinstance(node, Field):
        return valued(node.path, entity)
    if not isinstance(node, Call):
        return node
    if node.name in {"and", "or"}:
        left = _value(node.args[0], entity, now)
        if (left is True) == (node.name == "or"):
            return left
        return _value(node.args[1], entity, now)
    args = [_value(arg, entity, now) for arg in node.args]
    if node.name == "not":
        return args[0] is not True
    if node.name in COMPARISONS:
        return _compared(node.name, *args)
    return _applied(node.name, args, now)


def _compared(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, datetime) or isinstance(right, datetime):
        left, right = (_moment(one) if isinstance(one, str) else one for one in (left, right))
    if sign in {"eq", "ne"}:
        return bool((left == right) == (sign == "eq"))
    found: bool = {
        "gt": lambda: left > right,
        "ge": lambda: left >= right,
        "lt": lambda: left < right,
        "le": lambda: left <= right,
    }[sign]()
    return found


def _applied(name: str, args: list[Any], now: datetime) -> Any:
    if name in {"add", "sub", "mul", "div", "mod"}:
        a, b = float(args[0]), float(args[1])
        return (
            {"add": a + b, "sub": a - b, "mul": a * b}.get(name)
            if name in "addsubmul"
            else (a / b if name == "div" else a % b)
        )
    if name == "now":
        return now
    if name == "substringof":
        return str(args[0]) in str(args[1])
    if name == "contains":
        return str(args[1]) in str(args[0])
    if name in {"startswith", "endswith"}:
        return bool(getattr(str(args[0]), name)(str(args[1])))
    if name in {"tolower", "toupper"}:
        return str(args[0]).lower() if name == "tolower" else str(args[0]).upper()
    if name == "length":
        return len(str(args[0]))
    if name in {"year", "month", "day", "hour", "minute"}:
        return getattr(_moment(args[0]) if isinstance(args[0], str) else args[0], name)
    number = float(args[0])
    return {"round": round(number), "floor": number // 1, "ceiling": -(-number // 1)}[name]
