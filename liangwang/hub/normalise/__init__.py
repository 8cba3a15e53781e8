"""Canonical text of names, numbers and addresses, a column at a time: Arrow in, Arrow out, at ingest."""

from collections.abc import Callable

import pyarrow as pa

from . import addresses, credit_codes, documents, identity, names, phones, plates

KINDS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "name": names.column,
    "identity": identity.column,
    "phone": phones.column,
    "credit_code": credit_codes.column,
    "plate": plates.column,
    "document": documents.column,
    "address": addresses.column,
}


def column(kind: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The canonical texts of one column, string[n]; what cannot be read comes back unchanged, null stays null.

    >>> column("phone", pa.array(["+86 138 0000 0000", "none"])).to_pylist()
    ['13800000000', 'none']
    """
    return KINDS[kind](values)
