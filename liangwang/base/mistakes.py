"""Finds every mistake in a raw value against its type, not only the first, and says each in zh and en."""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec

from . import yaml
from .labels import Label
from .yaml import Path

LIST_MARK = ";"


class Mistake(NamedTuple):
    """Where in the value, what is wrong, what to do."""

    path: Path
    message: Label
    remedy: Label


class Field(NamedTuple):
    """A key that a table may have: its type and whether it must be there."""

    kind: Any
    required: bool


def mistakes(raw: Any, kind: Any, path: Path = (), loose: bool = False) -> Iterator[Mistake]:
    """Every mistake in a raw value, down through tables and lists; `loose` reads text as numbers (CSV)."""
    _, bare = unwrap(kind)
    args = typing.get_args(bare)
    fields = fields_of(bare, raw)
    if fields is not None and isinstance(raw, dict):
        yield from _mistakes_in_table(raw, fields, path, loose)
    elif _is_list(bare) and isinstance(raw, list) and (len(args) == 1 or Ellipsis in args):
        for index, item in enumerate(raw):
            yield from mistakes(item, args[0], (*path, index), loose)
    elif typing.get_origin(bare) is dict and isinstance(raw, dict):
        for key, item in raw.items():
            yield from mistakes(item, args[1], (*path, key), loose)
    else:
        try:
            msgspec.convert(raw, kind, strict=not loose)
        except (msgspec.ValidationError, ValueError) as error:
            yield Mistake(path, said(error), _remedy(bare, raw))


def _mistakes_in_table(
    raw: dict[str, Any], fields: dict[str, Field], path: Path, loose: bool
) -> Iterator[Mistake]:
    for key in raw:
        if key not in fields:
            message: Label = {"zh": f"不认识的键“{key}”", "en": f"unknown key '{key}'"}
            yield Mistake((*path, key), message, did_you_mean(key, set(fields) - set(raw)))
    for name, field in fields.items():
        if name in raw:
            yield from mistakes(raw[name], field.kind, (*path, name), loose)
        elif field.required:
            message = {"zh": f"缺少“{name}”", "en": f"'{name}' is missing"}
            yield Mistake(path, message, {"zh": f"写上 {name}:", "en": f"add {name}:"})


def fields_of(kind: Any, raw: Any) -> dict[str, Field] | None:
    """The keys of the Struct or TypedDict that a value wants to be; None when its type has no named keys."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType) and isinstance(raw, dict):
        options = [option for option in typing.get_args(kind) if _is_table(option)]
        if len(options) > 1:
            options = [option for option in options if _tagged(option, raw)]
        kind = options[0] if len(options) == 1 else None
    return _fields_of_table(kind) if _is_table(kind) else None


@cache
def _fields_of_table(kind: Any) -> dict[str, Field]:
    """The keys of a Struct or TypedDict, worked out once: reading hints is most of the time of a large catalogue."""
    hints = typing.get_type_hints(kind, include_extras=True)
    if typing.is_typeddict(kind):
        return {name: Field(hint, name in kind.__required_keys__) for name, hint in hints.items()}
    fields = {f.encode_name: Field(hints[f.name], f.required) for f in msgspec.structs.fields(kind)}
    config = kind.__struct_config__
    if config.tag_field:
        fields = {config.tag_field: Field(Literal[config.tag], False), **fields}
    return fields


def unwrap(kind: Any) -> tuple[str | None, Any]:
    """A type without `| None` and annotations, and the reference target that the annotations carried."""
    target: str | None = None
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            for meta in kind.__metadata__:
                if isinstance(meta, msgspec.Meta) and meta.extra and "ref" in meta.extra:
                    target = str(meta.extra["ref"])
            kind = kind.__origin__
        elif typing.get_origin(kind) in (typing.Union, types.UnionType):
            rest = [a for a in typing.get_args(kind) if a not in (type(None), msgspec.UnsetType)]
            if len(rest) != 1:
                return target, kind
            kind = rest[0]
        else:
            return target, kind


def cells(row: dict[str, Any], kind: Any) -> dict[str, Any]:
    """A CSV row with its list-typed cells split at `;` and its yes/no cells as booleans."""
    fields = fields_of(kind, row) or {}
    return {name: _cell(cell, fields[name].kind if name in fields else str) for name, cell in row.items()}


def _cell(cell: Any, kind: Any) -> Any:
    _, bare = unwrap(kind)
    if isinstance(cell, str) and _is_list(bare):
        return [part.strip() for part in cell.split(LIST_MARK) if part.strip()]
    if bare is bool and cell in ("yes", "no"):
        return cell == "yes"
    return cell


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like a mistyped one, or None when none is close.

    >>> nearest("plann", ["plan", "label", "when"])
    'plan'
    """
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> Label:
    """The remedy for an unknown word: the nearest known one, or what is allowed."""
    names = sorted(known)
    if guess := nearest(word, names):
        return {"zh": f"是否想写“{guess}”?", "en": f"did you mean '{guess}'?"}
    shown = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
    return {"zh": f"可用:{shown or '(还没有)'}", "en": f"known: {shown or '(none yet)'}"}


_KINDS = {
    "int": "整数",
    "str": "文字",
    "float": "数字",
    "bool": "true 或 false",
    "array": "列表",
    "object": "键值表",
    "null": "空值",
    "date": "日期",
    "datetime": "时刻",
}


def said(error: Exception) -> Label:
    """A converter's complaint in both languages; a schema's own `ValueError` may carry both as "zh | en"."""
    text = re.sub(r" - at `.*`$", "", str(error))
    if expected := re.match(r"Expected `([^`]*)`, got `([^`]*)`", text):
        wanted, got = (
            "或".join(_KINDS.get(part.strip(), part.strip()) for part in word.split("|"))
            for word in expected.groups()
        )
        return {"zh": f"应为{wanted},现在是{got}", "en": f"expected {expected[1]}, got {expected[2]}"}
    if bad := re.match(r"Invalid enum value (.*)", text):
        return {"zh": f"没有 {bad[1]} 这个选项", "en": f"there is no choice {bad[1]}"}
    zh, _, en = text.partition(" | ")
    return {"zh": zh, "en": en or text}


def _remedy(kind: Any, raw: Any) -> Label:
    if typing.get_origin(kind) is Literal:
        return did_you_mean(str(raw), [str(choice) for choice in typing.get_args(kind)])
    if kind is str and isinstance(raw, (int, float, bool)):
        return {"zh": f'加上引号:"{raw}"', "en": f'put it in quotes: "{raw}"'}
    if kind is bool and yaml.looks_boolean(raw):
        return {"zh": "写 true 或 false", "en": "write true or false"}
    if _is_list(kind) and isinstance(raw, str):
        return {"zh": f"写成列表:[{raw}]", "en": f"make it a list: [{raw}]"}
    return {"zh": "改成所要求的形式", "en": "write it in the expected form"}


def _is_table(kind: Any) -> bool:
    return typing.is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct))


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) in (list, tuple, set, frozenset) or kind in (list, tuple, set, frozenset)


def _tagged(option: Any, raw: dict[str, Any]) -> bool:
    config = getattr(option, "__struct_config__", None)
    return bool(config and config.tag_field and raw.get(config.tag_field) == config.tag)
