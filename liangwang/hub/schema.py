"""The Arrow types in which the rows of a source are kept."""

import pyarrow as pa

from .declare import Source

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "name": pa.string(),
    "credit_code": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "code": pa.string(),
    "place": pa.string(),
}


def rows_schema(source: Source) -> pa.Schema:
    """The columns of a rows partition; of a sealed column only the blind index, its text is in the vault."""
    fields = [
        pa.field("batch", pa.int64()),
        pa.field("row", pa.int32()),
        pa.field("subject_id", pa.int64()),
        pa.field("method", pa.string()),
        pa.field("score", pa.float64()),
    ]
    for name, column in source.columns.items():
        if column.sealed:
            fields.append(pa.field(f"{name}_hash", pa.string()))
        else:
            fields.append(pa.field(name, TYPES[column.type]))
    return pa.schema(fields)


def sealed_columns(source: Source) -> list[str]:
    """The columns whose texts go into the vault."""
    return [name for name, column in source.columns.items() if column.sealed]


# Rows that were not taken; the text is the original line, sealed by its row.
QUARANTINE = pa.schema([("row", pa.int32()), ("reasons", pa.list_(pa.string())), ("text", pa.binary())])
