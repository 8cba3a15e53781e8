"""Spark behind Ibis: Arrow in and out, never through pandas, whose missing integers are rounded floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.formats.pyarrow import PyArrowData
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from liangwang.base.labels import Label

# As DuckDB does: instants in UTC, Parquet times without a zone left as they are, integers that do not wrap silently.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class Spark(Backend):  # type: ignore[misc]  # Ibis has no types
    """Ibis's Spark with tables that come and go as Arrow, and with several Parquet files as one table."""

    def read_parquet(
        self, path: str | Path | Sequence[str], /, *, table_name: str | None = None, **options: Any
    ) -> ibis.Table:
        """One table of one or many files; a column that some file does not have is null in its rows."""
        paths = [str(path)] if isinstance(path, str | Path) else list(path)
        frame = self._session.read.parquet(*paths, mergeSchema=True, **options)
        name = table_name or ibis.util.gen_name("read_parquet")
        frame.createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(
        self,
        expr: ibis.Expr,
        /,
        *,
        params: Mapping[Any, Any] | None = None,
        limit: int | str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The rows as Arrow in the types that the expression says."""
        self._run_pre_execute_hooks(expr)
        table = expr.as_table()
        found = self._session.sql(self.compile(table, params=params, limit=limit, **kwargs)).toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(found, table.schema()))

    def _register_in_memory_table(self, op: Any) -> None:
        table: pa.Table = op.data.to_pyarrow(op.schema)
        self._session.createDataFrame(table).createOrReplaceTempView(op.name)


def connected(master: str) -> Spark:
    """Spark at `master` (local[2], spark://host:7077, yarn …), one session for a process; raises PySparkException."""
    builder: Any = SparkSession.builder.master(master).appName("liangwang")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    Spark.register_options()
    backend = Spark()
    backend.do_connect(session)
    return backend


def check(master: str) -> Label | None:
    """Return what to fix, None when Spark answers."""
    try:
        connected(master)
    except (PySparkException, OSError) as error:
        said = str(error).splitlines()[0]
        return {"zh": f"Spark 连不上（{master}）：{said}", "en": f"Spark at {master} does not answer: {said}"}
    return None
