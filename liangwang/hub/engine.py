"""Which engine the hub computes with: DuckDB in this process, or Spark for a city that outgrows one machine."""

from functools import cache
from typing import ClassVar

import ibis
import pyarrow as pa
from django.conf import settings

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

THREADS = 2

# Arrow's usual allocator gives memory back at once only to ask for it anew: a quarter of the CPU of loads and judgements.
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())


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


def read(con: "ibis.BaseBackend", paths: list[str]) -> ibis.Table:
    """The rows of Parquet files as one table; a column that a file does not have is null in its rows."""
    options = {"union_by_name": True} if con.name == "duckdb" else {}  # Spark's reader here does it always
    return con.read_parquet(paths, **options)
