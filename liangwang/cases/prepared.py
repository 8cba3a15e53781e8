"""The two reads of every act, compiled once: Django builds the same SQL each time, at a third of an act's cost."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

from liangwang.base.columns import Convert, reader
from liangwang.base.statements import Statement

M = TypeVar("M", bound=Model)


class _Compiled(NamedTuple):
    """A statement and its columns: their names on the instance, and what converts each."""

    statement: Statement
    names: list[str]
    converts: list[Convert | None]


class Prepared(Generic[M]):
    """A queryset of whole or partial rows with one parameter, whose SQL is kept per kind of database.

    `rows` is called once per database with a stand-in for the parameter. Locking querysets want a transaction.
    """

    def __init__(self, model: type[M], rows: Callable[[int], QuerySet[M]]) -> None:
        self.model, self.rows = model, rows
        self._kept: dict[str, _Compiled] = {}

    def fetch(self, parameter: int) -> Iterator[M]:
        """The rows for this parameter, as instances whose other fields are deferred; annotations stand beside the fields."""
        kept, alias = self._kept.get(connection.vendor) or self._compiled(), connection.alias
        for row in kept.statement.run((parameter,)).fetchall():
            # What `from_db` does, without asking each field for a default and without signals, which nobody hears.
            one = self.model.__new__(self.model)
            fields = one.__dict__
            for name, convert, value in zip(kept.names, kept.converts, row, strict=True):
                fields[name] = convert(value) if convert else value
            state = fields["_state"] = ModelState()
            state.adding, state.db = False, alias
            yield one

    def _compiled(self) -> _Compiled:
        compiler: Any = self.rows(0).query.get_compiler(connection.alias)
        sql, parameters = compiler.as_sql()
        if tuple(parameters) != (0,):
            raise ValueError(f"one parameter is wanted, not {parameters}")
        columns: list[Any] = [column for column, _, _ in compiler.select]
        beside = list(compiler.query.annotation_select)
        own = columns[: len(columns) - len(beside)]
        kept = _Compiled(
            Statement(sql),
            [*(column.target.attname for column in own), *beside],
            [reader(column.output_field, connection) for column in columns],
        )
        self._kept[connection.vendor] = kept
        return kept
