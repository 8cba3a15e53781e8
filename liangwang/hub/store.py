"""Immutable Parquet under DATA/hub: write, fsync, rename, then one manifest row; a file without a row is an orphan."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from .models import Batch, Partition


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


def write_table(table: pa.Table, name: str) -> Written:
    """Writes one Parquet file durably under `name` (relative, without ending) and returns what the manifest needs."""
    path = folder() / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        pq.write_table(table, out, compression="zstd")
        out.flush()
        os.fsync(out.fileno())
    with fresh.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    size = fresh.stat().st_size
    fresh.rename(path)
    _sync_folder(path.parent)
    return Written(str(path.relative_to(folder())), table.num_rows, size, digest)


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


def paths(partitions: Iterable[Partition]) -> list[str]:
    return [str(folder() / partition.path) for partition in partitions]


def read(partition: Partition) -> pa.Table:
    """One partition as an Arrow table."""
    return pq.read_table(folder() / partition.path)


def connect() -> "ibis.BaseBackend":
    """A DuckDB in memory: there is no shared database file, because its writer would block every reader."""
    return ibis.duckdb.connect(threads=2)


def scan(con: "ibis.BaseBackend", partitions: list[Partition], empty: pa.Schema) -> ibis.Table:
    """The rows of partitions as one table; without any, an empty table of the schema `empty`."""
    if not partitions:
        return ibis.memtable(empty.empty_table())
    return con.read_parquet(paths(partitions), union_by_name=True)


def remove(partitions: Iterable[Partition]) -> int:
    """Removes the files of partitions from disk and returns how many are gone; the manifest rows stay."""
    gone = 0
    for partition in partitions:
        path = folder() / partition.path
        path.unlink(missing_ok=True)
        gone += not path.exists()
    return gone


def sweep(at: datetime, older_than_s: float = 3600) -> int:
    """Removes files that no manifest row names and that no load can still be writing; returns how many."""
    known = set(Partition.objects.values_list("path", flat=True))
    removed = 0
    for path in folder().rglob("*.parquet*"):
        old = at.timestamp() - path.stat().st_mtime > older_than_s
        if old and str(path.relative_to(folder())) not in known:
            path.unlink()
            removed += 1
    return removed


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
