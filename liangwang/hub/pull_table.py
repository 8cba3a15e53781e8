"""Reads a table of another PostgreSQL by a column that only grows, a page at a time, from where the last page ended.

A page is a batch like any other, and carries its watermark; both are written in one transaction, so that a pull that is
killed goes on from the last page that was taken.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import psycopg
from django.conf import settings
from psycopg import sql

from liangwang.base.errors import Refusal
from liangwang.base.hats import platform
from liangwang.base.labels import Label
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import inbox
from .declare import Pull, Source
from .delivered import OWN_HEADS, matched
from .models import Batch
from .orders import require_in_force

CURSOR_HEAD, ID_HEAD = OWN_HEADS[4:6]
CONNECT_S = 10
STATEMENT_MS = 300_000
FETCH = 5_000


class NoSuchAddress(Refusal):
    status, code = 409, "no_such_address"
    template: ClassVar[Label] = {
        "zh": "没有配置 PULL_{dsn}：请在运行环境里写明来源库的地址",
        "en": "PULL_{dsn} is not set: give the address of the source's database in the environment",
    }


class SourceAway(Refusal):
    status, code = 503, "source_away"
    template: ClassVar[Label] = {
        "zh": "来源库现在读不到（{kind}），稍后会再试",
        "en": "The source's database cannot be read just now ({kind}); it is tried again later",
    }


def pull(declared: Declared, at: datetime, pages: int = 1_000) -> list[Batch]:
    """Takes every page that is there now, at most `pages`; raises NoSuchAddress, SourceAway or MissingColumns."""
    source: Source = declared.value
    assert source.pull is not None
    require_in_force(declared.pack, at)
    taken: list[Batch] = []
    try:
        with _connected(source.pull) as connection:
            while len(taken) < pages:
                mark = watermark(declared)
                page = _Page(connection, source, mark)
                held = inbox.deposit(page)
                if not page.rows:
                    held.drop()
                    break
                with write():
                    batch, _ = inbox.take(
                        held,
                        source=declared.ref,
                        name=source.pull.table,
                        actor=platform(declared.pack),
                        at=at,
                        channel=Batch.Channel.PULL,
                        watermark=page.mark,
                    )
                taken.append(batch)
                if page.rows < source.pull.page:
                    break
    except psycopg.Error as fault:  # its words may hold the address and its password
        raise SourceAway(kind=type(fault).__name__) from None
    return taken


def watermark(declared: Declared) -> dict[str, Any] | None:
    """Where the last page of a source ended: {cursor, id} as text, or None before the first."""
    taken = Batch.objects.filter(pack=declared.pack, source=declared.key, channel=Batch.Channel.PULL)
    found: dict[str, Any] | None = (
        taken.exclude(watermark=None).order_by("-id").values_list("watermark", flat=True).first()
    )
    return found


def _connected(pull: Pull) -> "psycopg.Connection[tuple[Any, ...]]":
    address = settings.PULLS.get(pull.dsn.upper())
    if not address:
        raise NoSuchAddress(dsn=pull.dsn.upper())
    options = f"-c statement_timeout={STATEMENT_MS} -c default_transaction_read_only=on"
    return psycopg.connect(address, connect_timeout=CONNECT_S, options=options)


class _Page(io.RawIOBase):
    """One page of the table as a file of CSV that is read once: `rows` and `mark` are right at its end."""

    def __init__(
        self, connection: "psycopg.Connection[tuple[Any, ...]]", source: Source, mark: dict[str, Any] | None
    ) -> None:
        super().__init__()
        assert source.pull is not None
        self.rows, self.mark = 0, mark
        self._held = b""
        self._lines = self._read(connection, source, source.pull)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._held) < size:
            block = next(self._lines, b"")
            if not block:
                break
            self._held += block
        taken, self._held = (self._held, b"") if size < 0 else (self._held[:size], self._held[size:])
        return taken

    def _read(
        self, connection: "psycopg.Connection[tuple[Any, ...]]", source: Source, pull: Pull
    ) -> Iterator[bytes]:
        zone = ZoneInfo(settings.TIME_ZONE)
        with connection.transaction(), connection.cursor() as look:
            look.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(_table(pull)))
            heads = [column.name for column in look.description or ()]
        found = matched(heads, source)
        wanted = [(head, name) for head, name in zip(heads, found.names, strict=True) if name]
        query = _query(pull, [head for head, _ in wanted], self.mark)
        yield _csv([[*(name for _, name in wanted), CURSOR_HEAD, ID_HEAD]])
        mark = self.mark or {}
        with connection.transaction(), connection.cursor(name="liangwang_pull") as cursor:
            cursor.itersize = FETCH
            cursor.execute(query, [mark["cursor"], mark["id"], pull.page] if mark else [pull.page])
            while rows := cursor.fetchmany(FETCH):
                self.rows += len(rows)
                self.mark = {"cursor": rows[-1][-2], "id": rows[-1][-1]}
                yield _csv([[_text(value, zone) for value in row] for row in rows])


def _table(pull: Pull) -> sql.Identifier:
    return sql.Identifier(*pull.table.split("."))


def _query(pull: Pull, columns: list[str], mark: dict[str, Any] | None) -> sql.Composed:
    """The wanted columns, then cursor and id as the database writes them, which it reads back without loss."""
    cursor, number = sql.Identifier(pull.cursor), sql.Identifier(pull.id)
    after = sql.SQL("AND ({}, {}) > (%s, %s)").format(cursor, number) if mark else sql.SQL("")
    return sql.SQL(
        "SELECT {columns}, {cursor}::text, {number}::text FROM {table} WHERE {cursor} IS NOT NULL {after}"
        " ORDER BY {cursor}, {number} LIMIT %s"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        cursor=cursor,
        number=number,
        table=_table(pull),
        after=after,
    )


def _text(value: Any, zone: ZoneInfo) -> str:
    """A cell as an office would have typed it; an instant with a zone in the city's time."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = value.astimezone(zone) if value.tzinfo else value
        return local.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
