"""The Arrow types in which the rows of a source are kept."""

import pyarrow as pa

from .declare import Source

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "name": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "code": pa.string(),
    "place": pa.string(),
}


def rows_schema(source: Source) -> pa.Schema:
    """The columns of a rows partition; a sealed column is a blind index and a sealed text."""
    fields = [
        pa.field("batch", pa.int64()),
        pa.field("row", pa.int32()),
        pa.field("subject_id", pa.int64()),
        pa.field("method", pa.string()),
    ]
    for name, column in source.columns.items():
        if column.sealed:
            fields += [pa.field(f"{name}_hash", pa.string()), pa.field(f"{name}_sealed", pa.binary())]
        else:
            fields.append(pa.field(name, TYPES[column.type]))
    return pa.schema(fields)
