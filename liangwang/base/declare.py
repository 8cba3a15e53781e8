"""Reads declarations: each file has one schema with one owner, each mistake its line and remedy."""

import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from .labels import Label
from .mistakes import cells, did_you_mean, mistakes, nearest, said, unwrap
from .notations import parse
from .yaml import Document, Path

__all__ = [
    "Entry",
    "Mention",
    "Problem",
    "Reading",
    "Schema",
    "convert",
    "declaration_file",
    "did_you_mean",
    "mentions",
    "nearest",
    "parse",
    "read",
    "reference",
    "schemas",
]

Level = Literal["error", "advice"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in one place: what is wrong and what to do, in zh and en."""

    file: str
    line: int
    key: str
    message: Label
    remedy: Label
    level: Level = "error"
    rule: str = "declaration"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message['en']} ({self.remedy['en']})"


class Schema(msgspec.Struct, frozen=True):
    """What one file name of a pack may hold; `kinds` are the Structs that an entry may be."""

    name: str
    owner: str
    kinds: tuple[type[msgspec.Struct], ...]
    single: bool


class Entry(NamedTuple):
    """One declared thing, typed, with where it stands and its raw form."""

    key: str
    value: Any
    raw: Any
    file: str
    line: int
    path: Path


class Reading(NamedTuple):
    """Everything one file gave: its good entries and its problems, and the document for lines."""

    entries: list[Entry]
    problems: list[Problem]
    document: Document


class Mention(NamedTuple):
    """A reference from a declaration to another: `pack:key`, or a key of the same pack."""

    target: str
    text: str
    path: Path


_schemas: dict[str, Schema] = {}


def declaration_file(
    name: str,
    *,
    owner: str,
    tuple_of: type[msgspec.Struct] | Sequence[type[msgspec.Struct]] | None = None,
    one: type[msgspec.Struct] | None = None,
) -> Schema:
    """Registers the schema of a pack's file: a list of entries (`tuple_of`), or one settings table (`one`).

    The first field of an entry's Struct is its key (`- rule: cover_displaced`). `x.yaml` also admits `x.csv`.
    A name with `*` may be shared by several owners, each adding kinds of entry; any other has one owner.
    """
    kinds = (
        (one,)
        if one
        else tuple(tuple_of)
        if isinstance(tuple_of, Sequence)
        else (tuple_of,)
        if tuple_of
        else ()
    )
    if not kinds:
        raise TypeError(f"{name}: give tuple_of= or one=")
    known = _schemas.get(name)
    if known and "*" in name:
        kinds = tuple(dict.fromkeys((*known.kinds, *kinds)))
        owner = ", ".join(dict.fromkeys((*known.owner.split(", "), owner)))
    elif known and (known.owner, _names(known.kinds)) != (owner, _names(kinds)):
        raise ValueError(f"{name} belongs to {known.owner} already; ask its queries instead")
    schema = _schemas[name] = Schema(name, owner, kinds, one is not None)
    return schema


def schemas() -> dict[str, Schema]:
    """Every registered file by name."""
    return dict(_schemas)


def reference(target: str) -> msgspec.Meta:
    """Marks a text field as the name of something else: `Annotated[str, reference("plans.yaml")]`.

    `target` is a declaration file; "departments" is short for departments.csv.
    """
    return msgspec.Meta(extra={"ref": target})


def read(text: str, file: str, schema: Schema, document: Document | None = None) -> Reading:
    """Checks one file against its schema; entries that are right are returned even when others are not."""
    document = document or parse(text, file)
    problems = [
        _problem(file, f.line, f.key, {"zh": f.zh, "en": f.en}, {"zh": f.remedy_zh, "en": f.remedy_en})
        for f in document.faults
    ]
    if document.data is None:
        return Reading([], problems, document)
    if schema.single:
        entry = _entry(document, (), file, schema, problems)
        return Reading([entry] if entry else [], problems, document)
    if not isinstance(document.data, list):
        message: Label = {"zh": "文件应是条目的列表", "en": "the file should be a list of entries"}
        remedy: Label = {"zh": "每个条目以“- ”开头", "en": "begin each entry with '- '"}
        return Reading([], [*problems, _problem(file, 1, "", message, remedy)], document)
    found = (_entry(document, (index,), file, schema, problems) for index in range(len(document.data)))
    entries = [entry for entry in found if entry]
    return Reading(entries, [*problems, *_doubles(entries)], document)


def mentions(value: Any, kind: Any, path: Path = ()) -> Iterator[Mention]:
    """Every reference inside a typed value, found by its annotations, with its path in the raw entry."""
    target, kind = unwrap(kind)
    if value is None or value is msgspec.UNSET:
        return
    if target and isinstance(value, str):
        yield Mention(target, value, path)
    elif isinstance(value, msgspec.Struct):
        hints = typing.get_type_hints(type(value), include_extras=True)
        for field in msgspec.structs.fields(value):
            yield from mentions(getattr(value, field.name), hints[field.name], (*path, field.encode_name))
    elif isinstance(value, dict):
        of = typing.get_args(kind) or (Any, Any)
        for name, item in value.items():
            yield from mentions(name, of[0], (*path, str(name)))
            yield from mentions(item, of[-1], (*path, str(name)))
    elif isinstance(value, (list, tuple)):
        of_items = [arg for arg in typing.get_args(kind) if arg is not Ellipsis] or [Any]
        for index, item in enumerate(value):
            yield from mentions(item, of_items[min(index, len(of_items) - 1)], (*path, index))


def convert(raw: Any, kind: Any) -> Any:
    """One raw entry as its typed value; ValidationError when it does not fit."""
    return msgspec.convert(raw, kind, strict=True)


def kind_of(raw: Any, schema: Schema) -> type[msgspec.Struct]:
    """Which of a schema's Structs an entry wants to be: by its first key, then by the fewest unknown keys."""
    if len(schema.kinds) == 1 or not isinstance(raw, dict):
        return schema.kinds[0]

    def fit(kind: type[msgspec.Struct]) -> tuple[bool, int, int]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        missing = sum(field.required and name not in raw for name, field in fields.items())
        return (head(kind) in raw, -sum(key not in fields for key in raw), -missing)

    return max(schema.kinds, key=fit)


def head(kind: type[msgspec.Struct]) -> str:
    """The key that names an entry: the first field of its Struct."""
    return _first(kind).encode_name


def _first(kind: type[msgspec.Struct]) -> msgspec.structs.FieldInfo:
    return msgspec.structs.fields(kind)[0]


def _entry(
    document: Document, path: Path, file: str, schema: Schema, problems: list[Problem]
) -> Entry | None:
    raw = document.data[path[0]] if path else document.data
    kind = kind_of(raw, schema)
    loose = file.endswith(".csv")
    if loose:
        raw = cells(raw, kind)
    found = [*mistakes(raw, kind, path, loose)]
    if not found:
        try:
            value = msgspec.convert(raw, kind, strict=not loose)
        except (msgspec.ValidationError, ValueError) as error:
            line = document.line((*path, *_path_of(error)))
            problems.append(_problem(file, line, head(kind), said(error), _look_up(schema)))
            return None
        key = schema.name if schema.single else str(getattr(value, _first(kind).name))
        return Entry(key, value, raw, file, document.line(path), path)
    for where, message, remedy in found:
        key = next((str(part) for part in reversed(where) if isinstance(part, str)), "")
        problems.append(_problem(file, document.line(where), key, message, remedy))
    return None


def _path_of(error: Exception) -> Path:
    """Where a converter says that it stumbled: "… - at `$.days[0].basis`"."""
    found = re.search(r" - at `\$(.*)`$", str(error))
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", found[1]) if found else []
    return tuple(name or int(index) for name, index in steps)


def _doubles(entries: list[Entry]) -> Iterator[Problem]:
    seen: dict[tuple[type, str], Entry] = {}
    for entry in entries:
        first = seen.setdefault((type(entry.value), entry.key), entry)
        if first is not entry:
            zh, en = (
                f"第 {first.line} 行已声明“{entry.key}”",
                f"'{entry.key}' is declared at line {first.line}",
            )
            remedy: Label = {"zh": "换一个键", "en": "choose another key"}
            yield _problem(entry.file, entry.line, entry.key, {"zh": zh, "en": en}, remedy)


def _look_up(schema: Schema) -> Label:
    zh, en = (
        f"{schema.name} 的格式由 {schema.owner} 规定",
        f"the form of {schema.name} is owned by {schema.owner}",
    )
    return {"zh": zh, "en": en}


def _problem(file: str, line: int, key: str, message: Label, remedy: Label) -> Problem:
    return Problem(file=file, line=line, key=key, message=message, remedy=remedy)


def _names(kinds: Iterable[type]) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]
