"""Which engine the hub computes with: DuckDB in this process, or Spark for a city that outgrows one machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import ClassVar

import ibis
import pyarrow as pa
from django.conf import settings

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

THREADS = 2

_bulk_lock = Lock()
_bulk: list[pa.MemoryPool] = []  # of each load that runs: the allocator that was in use before it


class SparkMissing(Refusal):
    status, code = 503, "spark_missing"
    template: ClassVar[Label] = {
        "zh": "HUB_ENGINE=spark 需要 [spark] 组件和 Java 17",
        "en": "HUB_ENGINE=spark needs the [spark] extra and Java 17",
    }


def connect() -> "ibis.BaseBackend":
    """The engine of `HUB_ENGINE`: a new DuckDB in memory, or the one Spark session of this process."""
    return spark() if settings.HUB_ENGINE == "spark" else ibis.duckdb.connect(threads=THREADS)


@cache
def spark() -> "ibis.BaseBackend":
    """The Spark of `SPARK_MASTER`; raises SparkMissing."""
    try:
        from liangwang.engines.spark import connected
    except ImportError:
        raise SparkMissing from None
    return connected(settings.SPARK_MASTER)


@contextmanager
def bulk() -> Iterator[None]:
    """While any load of this process runs Arrow allocates by jemalloc, and as usual again after the last.

    The usual allocator gives the chunks of a load back to the system only to ask for them anew, a quarter of its CPU; a
    judgement is slower with jemalloc. Memory is always freed by the pool that gave it, so that others may go on.
    """
    with _bulk_lock:
        _bulk.append(_bulk[0] if _bulk else pa.default_memory_pool())
        if "jemalloc" in pa.supported_memory_backends():
            pa.set_memory_pool(pa.jemalloc_memory_pool())
    try:
        yield
    finally:
        with _bulk_lock:
            before = _bulk.pop()
            if not _bulk:
                pa.set_memory_pool(before)


def read(con: "ibis.BaseBackend", paths: list[str]) -> ibis.Table:
    """The rows of Parquet files as one table; a column that a file does not have is null in its rows."""
    options = {"union_by_name": True} if con.name == "duckdb" else {}  # Spark's reader here does it always
    return con.read_parquet(paths, **options)
