"""The statements of every act, built once for each table: Django builds the same text anew, at a third of an act's cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .columns import Convert, writer

M = TypeVar("M", bound=Model)
AT_ONCE = 500  # rows in one statement
_cursors: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class Statement:
    """SQL with %s for each value, run in the transaction of the act.

    It goes straight to the driver, which keeps it prepared; by Django's cursor only where somebody counts the statements.
    """

    def __init__(self, sql: str) -> None:
        self.sql, self.marked = sql, sql.replace("%s", "?")

    def run(self, values: Sequence[Any]) -> Any:
        """The driver's cursor, good until the next statement; raises Django's own errors."""
        db = connections[DEFAULT_DB_ALIAS]
        if db.connection is None or db.queries_logged or db.execute_wrappers:
            cursor = db.cursor()
            cursor.execute(self.sql, values)
            return cursor
        db.validate_no_broken_transaction()
        with db.wrap_database_errors:
            if db.vendor == "sqlite":
                return db.connection.execute(self.marked, values)
            return _cursor(db.connection).execute(self.sql, values, prepare=True)


def _cursor(connection: Any) -> Any:
    """The one cursor of a connection to PostgreSQL that binds on the server: what Django makes binds in the client."""
    found = _cursors.get(connection)
    if found is None:
        from psycopg import Cursor

        found = _cursors[connection] = Cursor(connection)
    return found


class _Insert(NamedTuple):
    """One table's INSERT: what stands before and after the values, one row's marks, and its columns in that order."""

    before: str
    marks: str
    after: str
    columns: list[tuple[str, Convert | None]]
    by_rows: dict[int, Statement]


class _Update(NamedTuple):
    statement: Statement
    converts: list[Convert | None]


_inserts: dict[tuple[type[Model], str], _Insert] = {}
_updates: dict[tuple[Any, ...], _Update] = {}


def insert_all(rows: Sequence[M]) -> Sequence[M]:
    """Inserts new rows of one table in one statement and gives them their ids; raises IntegrityError as Django does.

    For rows whose id the database gives, written by every act; elsewhere `bulk_create` is as good.
    """
    for start in range(0, len(rows), AT_ONCE):
        _insert(rows[start : start + AT_ONCE])
    return rows


def _insert(rows: Sequence[Model]) -> None:
    model, db = type(rows[0]), connections[DEFAULT_DB_ALIAS]
    made = _inserts.get((model, db.vendor)) or _built(model, db)
    statement = made.by_rows.get(len(rows))
    if statement is None:
        statement = Statement(f"{made.before}{', '.join([made.marks] * len(rows))}{made.after}")
        made.by_rows[len(rows)] = statement
    values = [
        convert(row.__dict__[name]) if convert else row.__dict__[name]
        for row in rows
        for name, convert in made.columns
    ]
    for row, (key,) in zip(rows, statement.run(values).fetchall(), strict=True):
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
        [(field.attname, writer(field, db)) for field in fields],
        {},
    )
    _inserts[model, db.vendor] = made
    return made


def update_all(
    model: type[Model], keys: Sequence[int], values: dict[str, Any], states: Sequence[str] = ()
) -> int:
    """UPDATE … WHERE id IN keys, and with `states` only where state IN states, the optimistic step of a state machine.

    Returns how many rows that were. `values` are by attribute (`office_id`, not `office`).
    """
    db = connections[DEFAULT_DB_ALIAS]
    kept = (model, db.vendor, tuple(values), len(keys), len(states))
    made = _updates.get(kept) or _update_built(model, db, kept)
    given = [
        convert(value) if convert else value
        for value, convert in zip(values.values(), made.converts, strict=True)
    ]
    return int(made.statement.run([*given, *keys, *states]).rowcount)


def _update_built(model: type[Model], db: BaseDatabaseWrapper, kept: tuple[Any, ...]) -> _Update:
    _, _, names, keys, states = kept
    quote = db.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    put = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    text = ["UPDATE", quote(model._meta.db_table), "SET", put, "WHERE", quote(str(model._meta.pk.column))]
    text.append(f"IN ({_marks(keys)})")
    if states:
        text += ["AND", quote("state"), f"IN ({_marks(states)})"]
    _updates[kept] = _Update(Statement(" ".join(text)), [writer(field, db) for field in fields])
    return _updates[kept]


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)
