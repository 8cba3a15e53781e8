"""The statements of every act, built once for each table: Django builds the same text anew, at a third of an act's cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from .columns import Convert, writer

M = TypeVar("M", bound=Model)
AT_ONCE = 500  # rows in one statement


class Statement:
    """SQL with %s for each value, run in the transaction of the act.

    It goes straight to the driver, which keeps it prepared; by Django's cursor only where somebody counts the statements.
    """

    def __init__(self, sql: str) -> None:
        self.sql, self.marked = sql, sql.replace("%s", "?")

    def run(self, values: Sequence[Any]) -> Any:
        """The driver's cursor; raises Django's own errors."""
        db = connections[DEFAULT_DB_ALIAS]
        if _watched(db):
            cursor = db.cursor()
            cursor.execute(self.sql, values)
            return cursor
        db.validate_no_broken_transaction()
        if db.vendor == "sqlite":
            with db.wrap_database_errors:
                return db.connection.execute(self.marked, values)
        from psycopg import Cursor

        with db.wrap_database_errors:
            # Binds on the server, which keeps the plan; the cursors that Django makes bind in the client.
            return Cursor(db.connection).execute(self.sql, values, prepare=True)


def _watched(db: BaseDatabaseWrapper) -> bool:
    """Whether a statement must go Django's way: nobody has connected yet, or somebody counts the statements."""
    return bool(db.connection is None or db.queries_logged or db.execute_wrappers)


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
_groups: dict[Any, Statement] = {}


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


def insert_groups(*groups: Sequence[Model]) -> None:
    """Inserts rows of several tables; a row may refer to one of an earlier group, whose id is still to come.

    One statement on PostgreSQL, where each is a journey, and then the ids stay there; one for each table on SQLite.
    """
    db, some = connections[DEFAULT_DB_ALIAS], [rows for rows in groups if rows]
    if db.vendor != "sqlite":
        _insert_groups(db, some)
        return
    for rows in some:
        for row in rows:
            for name, parent in row._state.fields_cache.items():
                if parent is not None and row.__dict__[f"{name}_id"] is None:
                    row.__dict__[f"{name}_id"] = parent.pk
        insert_all(rows)


def _insert_groups(db: BaseDatabaseWrapper, groups: list[Sequence[Model]]) -> None:
    place = {id(row): (number, nth) for number, rows in enumerate(groups) for nth, row in enumerate(rows)}
    values: list[Any] = []
    shape: list[tuple[type[Model], tuple[tuple[Any, ...], ...]]] = []
    for rows in groups:
        made = _inserts.get((type(rows[0]), db.vendor)) or _built(type(rows[0]), db)
        links = []
        for row in rows:
            own = {f"{name}_id": place.get(id(one)) for name, one in row._state.fields_cache.items()}
            links.append(tuple((name, *at) for name, at in own.items() if at))
            values += [
                convert(row.__dict__[name]) if convert else row.__dict__[name]
                for name, convert in made.columns
                if not own.get(name)
            ]
        shape.append((type(rows[0]), tuple(links)))
    kept = tuple(shape)
    statement = _groups.get(kept)
    if statement is None:
        statement = _groups[kept] = Statement(_groups_text(db, shape))
    statement.run(values)


_NTH_ID = "(SELECT id FROM g{group} ORDER BY id LIMIT 1 OFFSET {nth})"


def _groups_text(
    db: BaseDatabaseWrapper, shape: list[tuple[type[Model], tuple[tuple[Any, ...], ...]]]
) -> str:
    """WITH g0 AS (INSERT …), g1 AS (INSERT …) …: what refers to the n-th row of a group selects the n-th of its ids."""
    parts = []
    for number, (model, links) in enumerate(shape):
        made = _inserts[model, db.vendor]
        rows = []
        for own in links:
            ids = {name: _NTH_ID.format(group=group, nth=nth) for name, group, nth in own}
            rows.append(f"({', '.join(ids.get(name, '%s') for name, _ in made.columns)})")
        parts.append(f"g{number} AS ({made.before}{', '.join(rows)}{made.after})")
    return f"WITH {', '.join(parts)} SELECT"


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
