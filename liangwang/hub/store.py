"""Immutable Parquet under DATA/hub: write, fsync, rename, then one manifest row; a file without a row is an orphan."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from . import engine
from .models import Batch, Partition

ROW_GROUP = 65_536  # small enough that the rows of one subject cost one group of a batch


def folder() -> Path:
    """Where the hub's files lie."""
    root: Path = settings.DATA / "hub"
    return root


@dataclass(frozen=True)
class Written:
    """A file that is on disk and waits for its manifest row."""

    path: str
    rows: int
    bytes: int
    sha256: str


class TableWriter:
    """Writes one Parquet file piece by piece; nothing is visible before `finish`, and nothing is left without it."""

    def __init__(self, name: str, schema: pa.Schema, row_group: int = ROW_GROUP) -> None:
        self.path = folder() / f"{name}.parquet"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self._out = self.fresh.open("wb")
        # Hashes do not repeat and do not compress: a dictionary or zstd over them only costs time.
        plain = [field.name for field in schema if field.name.endswith("_hash")]
        others = [field.name for field in schema if field.name not in plain]
        self._writer = pq.ParquetWriter(
            self._out,
            schema,
            use_dictionary=[name for name in others if pa.types.is_string(schema.field(name).type)],
            compression={name: "none" if name in plain else "zstd" for name in schema.names},
        )
        self._row_group = row_group
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.is_open = False  # else it writes its end when it is collected, into a closed file
        self._out.close()
        self.fresh.unlink(missing_ok=True)

    def add(self, table: pa.Table) -> None:
        """Writes further rows."""
        self._writer.write_table(table, row_group_size=self._row_group)
        self.rows += table.num_rows

    def finish(self) -> Written:
        """Ends the file, brings it to the disk under its name, and returns what the manifest needs."""
        self._writer.close()
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        with self.fresh.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        size = self.fresh.stat().st_size
        self.fresh.rename(self.path)
        sync_folder(self.path.parent)
        return Written(str(self.path.relative_to(folder())), self.rows, size, digest)


def write_table(table: pa.Table, name: str) -> Written:
    """Writes one Parquet file durably under `name` (relative, without ending) and returns what the manifest needs."""
    with TableWriter(name, table.schema) as out:
        out.add(table)
        return out.finish()


def publish(
    written: Written,
    *,
    kind: str,
    pack: str,
    source: str,
    at: datetime,
    batch: Batch | None = None,
    shard: int = 0,
) -> Partition:
    """The manifest row of a written file; must run in the transaction of the act that makes it count."""
    return Partition.objects.create(
        kind=kind,
        pack=pack,
        source=source,
        batch=batch,
        shard=shard,
        path=written.path,
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        at=at,
    )


def in_force(kind: str, pack: str | None = None, source: str | None = None) -> list[Partition]:
    """The partitions of one kind that count now, oldest first."""
    rows = Partition.objects.filter(kind=kind, ended_at=None)
    if pack is not None:
        rows = rows.filter(pack=pack)
    if source is not None:
        rows = rows.filter(source=source)
    return list(rows.order_by("id"))


def in_force_of_shard(kind: str, pack: str, shard: int) -> list[Partition]:
    """The partitions of one kind and shard that count now, oldest first."""
    return list(Partition.objects.filter(kind=kind, pack=pack, shard=shard, ended_at=None).order_by("id"))


def paths(partitions: Iterable[Partition]) -> list[str]:
    return [str(folder() / partition.path) for partition in partitions]


def read(partition: Partition) -> pa.Table:
    """One partition as an Arrow table."""
    return pq.read_table(folder() / partition.path)


def connect() -> "ibis.BaseBackend":
    """The hub's engine; DuckDB in memory: there is no shared database file, because its writer would block readers."""
    return engine.connect()


def scan(con: "ibis.BaseBackend", partitions: list[Partition], empty: pa.Schema) -> ibis.Table:
    """The rows of partitions as one table; without any, an empty table of the schema `empty`."""
    if not partitions:
        return ibis.memtable(empty.empty_table())
    return engine.read(con, paths(partitions))


def remove(partitions: Iterable[Partition]) -> int:
    """Removes the files of partitions from disk and returns how many are gone; the manifest rows stay."""
    gone = 0
    for partition in partitions:
        path = folder() / partition.path
        path.unlink(missing_ok=True)
        gone += not path.exists()
    return gone


def sweep(at: datetime, older_than_s: float = 3600) -> int:
    """Removes files that no manifest row names and that no load can still be writing; returns how many.

    Of the inbox only deliveries that came to their end, or that were never taken, are removed.
    """
    known = set(Partition.objects.values_list("path", flat=True))
    waiting = Batch.objects.filter(state=Batch.State.RECEIVED).values_list("ref", flat=True)
    known |= {f"inbox/{ref}" for ref in waiting}
    removed = 0
    for pattern in ("*.parquet*", "*.vault*", "inbox/*", "inbox/.*"):
        for path in folder().rglob(pattern):
            if str(path.relative_to(folder())) in known or not path.is_file():
                continue
            if at.timestamp() - path.stat().st_mtime > older_than_s:
                path.unlink()
                removed += 1
    return removed


def sync_folder(path: Path) -> None:
    """Brings a folder's names to the disk, so that a rename survives a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
