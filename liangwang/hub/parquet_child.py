"""The process that opens one delivered Parquet file: key and wishes come by stdin, text columns go out as Arrow.

Run by `read_parquet`, which bounds its memory and time. Its last word on stderr is why it stopped.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liangwang.hub.sealed_files import SealedReader

BATCH_ROWS = 32_768
MAX_CELL = 64 << 10
MAX_BATCH = 64 << 20
MAX_GROUP = 1 << 30
BYTES_REPEATED = 4


class Stop(Exception):
    """Why this file is not read, as the parent knows it."""


def main() -> None:
    """Answers with the names of the columns, then writes the wanted ones batch by batch."""
    key = bytes.fromhex(_heard()["key"])
    wishes = _heard()
    reader = SealedReader(sys.argv[1], lambda _: key)
    file = pq.ParquetFile(
        reader,
        thrift_string_size_limit=32 << 20,
        thrift_container_size_limit=1_000_000,
        pre_buffer=False,
        buffer_size=1 << 20,
    )
    _check(file.metadata, wishes)
    names = file.schema_arrow.names
    out = sys.stdout.buffer
    out.write(json.dumps({"columns": names}).encode() + b"\n")
    out.flush()
    wanted = {int(index): name for index, name in _heard()["wanted"].items()}
    schema = pa.schema([(name, pa.string()) for name in wanted.values()])
    with pa.ipc.new_stream(out, schema) as stream:
        for batch in _batches(reader, [names[index] for index in wanted]):
            columns = [_text(batch.column(names[index]), wishes["zone"]) for index in wanted]
            if sum(column.nbytes for column in columns) > MAX_BATCH:
                raise Stop("too_dense")
            stream.write_batch(pa.record_batch(columns, schema=schema))


def _heard() -> dict[str, Any]:
    words: dict[str, Any] = json.loads(sys.stdin.readline())
    return words


def _check(meta: pq.FileMetaData, wishes: dict[str, Any]) -> None:
    """Refuses what says of itself that it is too large; what lies is stopped by the bound on memory."""
    if meta.num_rows > wishes["max_rows"]:
        raise Stop("too_many_rows")
    if meta.num_columns > wishes["max_columns"]:
        raise Stop("too_many_columns")
    if any(meta.row_group(n).total_byte_size > MAX_GROUP for n in range(meta.num_row_groups)):
        raise Stop("too_dense")


def _batches(reader: SealedReader, names: list[str]) -> Iterator[pa.RecordBatch]:
    reader.seek(0)
    meta = pq.ParquetFile(reader).metadata
    reader.seek(0)
    file = pq.ParquetFile(
        reader, read_dictionary=_repeated(meta, names), pre_buffer=False, buffer_size=1 << 20
    )
    yield from file.iter_batches(batch_size=BATCH_ROWS, columns=names, use_threads=False)


def _repeated(meta: pq.FileMetaData, names: list[str]) -> list[str]:
    """The columns that stay dictionaries: a long value that a million rows share is then looked at once.

    They take few bytes a value in the file. One that takes more has no values to share, and to make a dictionary of it
    costs ten times as much as to read it.
    """
    size, values = dict.fromkeys(names, 0), dict.fromkeys(names, 1)
    for group in range(meta.num_row_groups):
        for column in (meta.row_group(group).column(n) for n in range(meta.num_columns)):
            if column.path_in_schema in size:
                size[column.path_in_schema] += column.total_uncompressed_size
                values[column.path_in_schema] += column.num_values
    return [name for name in names if size[name] < BYTES_REPEATED * values[name]]


def _text(values: pa.Array, zone: str) -> pa.Array:
    """One column as the text that a CSV file would have had."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        words = _text(values.dictionary, zone)
        lengths = pc.binary_length(words).take(values.indices)
        if (pc.sum(lengths).as_py() or 0) > MAX_BATCH:
            raise Stop("too_dense")
        return words.take(values.indices)
    if pa.types.is_nested(kind):
        raise Stop("unreadable_file")
    for is_kind, turn in _TURNS:
        if is_kind(kind):
            return turn(values, zone)
    found = pc.cast(values, pa.string())
    if (pc.max(pc.binary_length(found)).as_py() or 0) > MAX_CELL:
        raise Stop("too_dense")
    return found


def _instants(values: pa.Array, zone: str) -> pa.Array:
    if values.type.tz:
        values = pc.local_timestamp(pc.cast(values, pa.timestamp("us", zone)))
    return pc.strftime(pc.cast(values, pa.timestamp("s"), safe=False), format="%Y-%m-%d %H:%M:%S")


def _numbers(values: pa.Array, _zone: str) -> pa.Array:
    """Whole floats lose their `.0`, so that a spreadsheet's 12.0 is the integer 12."""
    return pc.replace_substring_regex(pc.cast(values, pa.string()), r"\.0$", "")


_TURNS: list[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, str], pa.Array]]] = [
    (pa.types.is_timestamp, _instants),
    (pa.types.is_floating, _numbers),
]


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(1)  # the parent has heard enough
    except Stop as stop:
        sys.exit(str(stop))
    except MemoryError:  # Arrow's own among them
        sys.exit("too_dense")
    except Exception as fault:
        # Its words could hold cells of the file: only its kind is told.
        sys.exit("too_dense" if "memory" in str(fault) else f"{type(fault).__name__}\nunreadable_file")
