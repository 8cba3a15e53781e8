"""Repeating groups: the rows that a draft has of each, and the fields of every row, merged over all items that ask them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from liangwang.base.labels import Label

from .compiled import CompileError, Filled, Proved, Rows, Source
from .declare import Field, Group, holds

Values = Mapping[str, str]
SIGNING = "sign"
SIGN_TITLE: Label = {"zh": "签名", "en": "Signature"}


class Shown(NamedTuple):
    """One group: the page that it stands on, its rows, and what is asked in each as (role, label, [(item, field)])."""

    page: str
    rows: Rows
    asked: list[tuple[int, Label, list[list[tuple[str, Field]]]]]


def values_of(answers: Values, proved: Proved, filled: Filled) -> dict[str, str]:
    """What a `when` may ask for: answers to questions, and values of fields as they are known or typed."""
    known = {key: str(one.value) for key, one in proved.values.items() if one.state != "conflict"}
    return {**known, **filled.values, **answers}


def row_role(group: str, number: int) -> str:
    """The role under which the fields of one row are asked.

    >>> row_role("children", 2)
    'children-2'
    """
    return f"{group}-{number}"


def row_of(role: str) -> tuple[str, int] | None:
    """The group and number of a row's role, None for the role of a person.

    >>> row_of("children-2"), row_of("mother")
    (('children', 2), None)
    """
    group, dash, number = role.rpartition("-")
    return (group, int(number)) if dash and number.isdigit() else None


def declared_name(field: str) -> str:
    """The name under which a field is declared: a field of a row under its group's key.

    >>> declared_name("children-2.name"), declared_name("mother.name")
    ('children.name', 'mother.name')
    """
    role, _, rest = field.partition(".")
    row = row_of(role)
    return f"{row[0]}.{rest}" if row else field


def expand(items: Iterable[Source], values: dict[str, str], filled: Filled) -> list[Shown]:
    """Every group of the situation with its rows; raises CompileError where two items allow no common number of rows."""
    uses: dict[str, list[tuple[str, Group]]] = {}
    for source in items:
        for group in source.item.groups:
            if holds(group.when, values):
                uses.setdefault(group.group, []).append((source.key, group))
    return [_shown(asked, values, filled) for asked in uses.values()]


def _shown(asked: list[tuple[str, Group]], values: dict[str, str], filled: Filled) -> Shown:
    first = asked[0][1]
    least, most = max(g.minimum for _, g in asked), min(g.maximum for _, g in asked)
    if least > most:
        keys = [key for key, _ in asked]
        raise CompileError(
            zh=f"{' 与 '.join(keys)} 对“{first.label['zh']}”的行数要求互相矛盾：至少 {least} 行，至多 {most} 行",
            en=f"{' and '.join(keys)} contradict each other on the rows of {first.group}: at least {least}, at most {most}",
        )
    numbers = filled.rows.get(first.group) or tuple(range(1, least + 1))
    rows = Rows(
        group=first.group,
        label=first.label,
        row=first.row,
        hint=next((g.hint for _, g in asked if g.hint), None),
        minimum=least,
        maximum=most,
        numbers=numbers,
    )
    made = [
        (n, _row_label(first.row, place), _fields(asked, n, values)) for place, n in enumerate(numbers, 1)
    ]
    return Shown(first.role, rows, made)


def _row_label(row: Label, place: int) -> Label:
    return {"zh": f"{row['zh']} {place}", "en": f"{row['en']} {place}"}


def _fields(
    asked: list[tuple[str, Group]], number: int, values: dict[str, str]
) -> list[list[tuple[str, Field]]]:
    """The fields of one row, each concept with every item that asks it."""
    found: dict[str, list[tuple[str, Field]]] = {}
    for key, group in asked:
        role = row_role(group.group, number)
        for field in group.fields:
            own = {_own(name, group.group, role): wanted for name, wanted in field.when.items()}
            if holds(own, values):
                found.setdefault(field.concept, []).append((key, msgspec.structs.replace(field, role=role)))
    return list(found.values())


def _own(name: str, group: str, role: str) -> str:
    """A condition on a field of the group means the field of the same row."""
    return f"{role}.{name.removeprefix(group + '.')}" if name.startswith(f"{group}.") else name
