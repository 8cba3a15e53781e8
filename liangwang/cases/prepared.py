"""The two reads of every act, compiled once: Django builds the same SQL each time, at a third of an act's cost."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


class _Compiled(NamedTuple):
    """SQL, the model's columns, annotations after them, and (place, converter, expression) of what needs converting."""

    sql: str
    names: list[str]
    beside: list[str]
    converters: list[tuple[int, Any, Any]]


class Prepared(Generic[M]):
    """A queryset of whole or partial rows with one parameter, whose SQL is kept per kind of database.

    `rows` is called once per database with a stand-in for the parameter. Locking querysets want a transaction.
    """

    def __init__(self, model: type[M], rows: Callable[[int], QuerySet[M]]) -> None:
        self.model, self.rows = model, rows
        self._kept: dict[str, _Compiled] = {}

    def fetch(self, parameter: int) -> Iterator[M]:
        """The rows for this parameter, as instances whose other fields are deferred."""
        kept = self._kept.get(connection.vendor) or self._compiled()
        with connection.cursor() as cursor:
            cursor.execute(kept.sql, (parameter,))
            found = cursor.fetchall()
        columns = len(kept.names)
        for row in found:
            values = list(row)
            for place, convert, expression in kept.converters:
                values[place] = convert(values[place], expression, connection)
            one = self.model.from_db(connection.alias, kept.names, values[:columns])
            for name, value in zip(kept.beside, values[columns:], strict=True):
                setattr(one, name, value)
            yield one

    def _compiled(self) -> _Compiled:
        compiler: Any = self.rows(0).query.get_compiler(connection.alias)
        sql, parameters = compiler.as_sql()
        if tuple(parameters) != (0,):
            raise ValueError(f"one parameter is wanted, not {parameters}")
        columns = [column for column, _, _ in compiler.select]
        beside = list(compiler.query.annotation_select)
        own = columns[: len(columns) - len(beside)]
        converters = [
            (place, convert, expression)
            for place, (converts, expression) in compiler.get_converters(columns).items()
            for convert in converts
        ]
        kept = _Compiled(sql, [column.target.attname for column in own], beside, converters)
        self._kept[connection.vendor] = kept
        return kept
