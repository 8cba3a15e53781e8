"""Reads YAML without its traps: core schema, no anchors, no doubled keys, and every value keeps its line."""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml as pyyaml

Path = tuple[str | int, ...]
MAX_DEPTH = 40

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
# A leading zero makes a code (a place, a version), never a number: neither octal nor a lost digit.
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+|\.?(?=[eE]))([eE][-+]?[0-9]+)?\Z")
# What YAML 1.1 would silently have turned into a boolean, and its author may have meant as one.
_LOOKS_BOOLEAN = {"yes", "no", "on", "off", "y", "n"}


class Fault(NamedTuple):
    """What is wrong with the text itself, at a line counted from 1, and the remedy."""

    line: int
    key: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


class Document(NamedTuple):
    """Plain data, the line of every value in it by path, and what is wrong with the text."""

    data: Any
    lines: dict[Path, int]
    faults: list[Fault]

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest value around it; 1 when there is none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str) -> Document:
    """Reads one document; text that cannot be read gives data None and the reason.

    >>> load("country: no\\ncode: 010\\nat: 1:30").data
    {'country': 'no', 'code': '010', 'at': '1:30'}
    """
    loader = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
    reader = _Reader(iter(pyyaml.parse(text, Loader=loader)))
    try:
        data = reader.document()
    except pyyaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or str(error)
        reader.fault(
            line,
            "",
            f"这里不是合法的 YAML:{what}",
            f"this is not YAML: {what}",
            "检查缩进、引号和冒号后的空格",
            "check the indentation, the quotes and the blank after each colon",
        )
        return Document(None, reader.lines, reader.faults)
    return Document(data, reader.lines, reader.faults)


def scalar(text: str) -> Any:
    """The value of an unquoted word in the core schema; anything that is not null, boolean or number is text.

    >>> [scalar(word) for word in ("yes", "true", "12", "012", "1_000", "2020-04-12", "3.5", "")]
    ['yes', True, 12, '012', '1_000', '2020-04-12', 3.5, None]
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INT.match(text):
        return int(text) if len(text) <= 18 else text
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


class _Reader:
    """Walks the parser's events once; bounded depth and no aliases keep the size that of the text."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []

    def fault(self, line: int, key: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> None:
        self.faults.append(Fault(line, key, zh, en, remedy_zh, remedy_en))

    def document(self) -> Any:
        data: Any = None
        documents = 0
        event: Any
        for event in self.events:
            if isinstance(event, pyyaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.fault(
                        _line(event),
                        "",
                        "一个文件只能有一份文档",
                        "a file holds one document",
                        "去掉多余的 ---",
                        "remove the extra ---",
                    )
            elif isinstance(event, pyyaml.NodeEvent):
                value = self.value(event, (), 0)
                data = value if documents == 1 else data
        return data

    def value(self, event: Any, path: Path, depth: int) -> Any:
        line = _line(event)
        self.lines[path] = line
        if isinstance(event, pyyaml.AliasEvent) or event.anchor:
            name = event.anchor
            self.fault(
                line,
                _last(path),
                f"不使用锚点和引用(&{name}、*{name})",
                f"anchors and aliases (&{name}, *{name}) are not used",
                "把内容写全，或另立一个条目按键引用",
                "write the value out, or make it an entry and refer to its key",
            )
            if isinstance(event, pyyaml.AliasEvent):
                return None
        if event.tag and not (isinstance(event, pyyaml.ScalarEvent) and event.tag == "!"):
            self.fault(
                line,
                _last(path),
                f"不使用类型标签 {event.tag}",
                f"the tag {event.tag} is not used",
                "去掉标签，直接写值",
                "remove the tag and write the value",
            )
        if depth > MAX_DEPTH:
            raise pyyaml.YAMLError(f"more than {MAX_DEPTH} levels deep")
        if isinstance(event, pyyaml.SequenceStartEvent):
            return self.sequence(path, depth)
        if isinstance(event, pyyaml.MappingStartEvent):
            return self.mapping(path, depth)
        return event.value if event.style else scalar(event.value)

    def sequence(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        for event in self.events:
            if isinstance(event, pyyaml.SequenceEndEvent):
                break
            found.append(self.value(event, (*path, len(found)), depth + 1))
        return found

    def mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, pyyaml.MappingEndEvent):
                break
            line = _line(event)
            key = event.value if isinstance(event, pyyaml.ScalarEvent) else None
            value = None
            if key is None:
                self.fault(
                    line,
                    _last(path),
                    "键必须是一个词",
                    "a key is one word",
                    "把键写成一个词",
                    "write the key as one word",
                )
                self.value(event, (*path, "?"), depth + 1)
                key = "?"
            following = next(self.events)
            if key in found:
                first = self.lines[(*path, key)]
                self.fault(
                    line,
                    key,
                    f"“{key}” 写了两次(第一次在第 {first} 行)",
                    f"'{key}' is written twice (first at line {first})",
                    "只留一处",
                    "keep one of them",
                )
                self.value(following, (*path, f"{key}#{line}"), depth + 1)
                continue
            value = self.value(following, (*path, key), depth + 1)
            self.lines[(*path, key)] = line
            found[key] = value
        return found


def looks_boolean(value: object) -> bool:
    """True for a word such as `yes` that another YAML would have read as a boolean."""
    return isinstance(value, str) and value.lower() in _LOOKS_BOOLEAN


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _last(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")
