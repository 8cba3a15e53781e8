"""Writes rows by SQL that is built once for each table: Django builds the same text anew, at a third of an act's cost."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, DateField, Field, JSONField, Model

M = TypeVar("M", bound=Model)
AT_ONCE = 500  # rows in one statement
CONVERTED = (
    DateField,
    JSONField,
    BinaryField,
)  # what a database wants in a form of its own; DateField is DateTimeField too


class _Insert(NamedTuple):
    """One table's INSERT: what stands before and after the values, one row's marks, and its columns in that order."""

    before: str
    marks: str
    after: str
    columns: list[tuple[str, Callable[[Any], Any] | None]]


_kept: dict[tuple[type[Model], str], _Insert] = {}
_updates: dict[tuple[Any, ...], str] = {}


def insert_all(rows: Sequence[M]) -> Sequence[M]:
    """Inserts new rows of one table in one statement and gives them their ids; raises IntegrityError as Django does.

    For rows whose id the database gives, written by every act; elsewhere `bulk_create` is as good.
    """
    for start in range(0, len(rows), AT_ONCE):
        _insert(rows[start : start + AT_ONCE])
    return rows


def _insert(rows: Sequence[Model]) -> None:
    model, db = type(rows[0]), connections[DEFAULT_DB_ALIAS]
    made = _kept.get((model, db.vendor)) or _built(model, db)
    values = [
        convert(getattr(row, name)) if convert else getattr(row, name)
        for row in rows
        for name, convert in made.columns
    ]
    with db.cursor() as cursor:
        cursor.execute(f"{made.before}{', '.join([made.marks] * len(rows))}{made.after}", values)
        given = cursor.fetchall()
    for row, (key,) in zip(rows, given, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, db.alias


def _built(model: type[Model], db: BaseDatabaseWrapper) -> _Insert:
    quote, key = db.ops.quote_name, model._meta.pk
    fields: list[Any] = [field for field in model._meta.concrete_fields if field is not key]
    columns = ", ".join(quote(field.column) for field in fields)
    before = " ".join(["INSERT INTO", quote(model._meta.db_table), f"({columns}) VALUES "])
    marks = ", ".join(["%s"] * len(fields))
    made = _Insert(
        before,
        f"({marks})",
        f" RETURNING {quote(str(key.column))}",
        [(field.attname, _converter(field)) for field in fields],
    )
    _kept[model, db.vendor] = made
    return made


def _converter(field: Field[Any, Any]) -> Callable[[Any], Any] | None:
    """How a field's value becomes what the database takes; None where it is that already."""
    return partial(_converted, field) if isinstance(field, CONVERTED) else None


def _converted(field: Field[Any, Any], value: Any) -> Any:
    return field.get_db_prep_save(value, connections[DEFAULT_DB_ALIAS])


def update_where(model: type[Model], pk: int, states: Sequence[str], values: dict[str, Any]) -> bool:
    """UPDATE … WHERE id = pk AND state IN states: the optimistic step of a state machine; whether it won.

    `values` are by attribute (`office_id`, not `office`).
    """
    db = connections[DEFAULT_DB_ALIAS]
    kept = (model, db.vendor, tuple(values), len(states))
    sql = _updates.get(kept) or _update_built(model, db, kept)
    meta = model._meta
    fields: list[Any] = [meta.get_field(name) for name in values]
    given = [_converted(field, value) for field, value in zip(fields, values.values(), strict=True)]
    with db.cursor() as cursor:
        cursor.execute(sql, [*given, pk, *states])
        return int(cursor.rowcount) > 0


def _update_built(model: type[Model], db: BaseDatabaseWrapper, kept: tuple[Any, ...]) -> str:
    _, _, names, states = kept
    quote = db.ops.quote_name
    columns: list[Any] = [model._meta.get_field(name) for name in names]
    put = ", ".join(f"{quote(field.column)} = %s" for field in columns)
    marks = ", ".join(["%s"] * states)
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    _updates[kept] = " ".join(
        ["UPDATE", table, "SET", put, "WHERE", key, "= %s AND", quote("state"), f"IN ({marks})"]
    )
    return _updates[kept]
