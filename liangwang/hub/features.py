"""What people are compared by where no number helps: name and birth in the clear, phone and address as keyed hashes."""

import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base import keys
from liangwang.engines.linkage import PHONE_WINDOWS, phone_windows

from .normalise import addresses, names, phones

ADDRESS = ("road", "lane", "building", "room")
FEATURES = pa.schema(
    [
        ("name", pa.string()),
        ("surname", pa.string()),
        ("pinyin", pa.string()),
        ("birth", pa.date32()),
        ("sex", pa.string()),
        ("phone", pa.string()),
        *((window, pa.string()) for window in PHONE_WINDOWS),
        *((level, pa.string()) for level in ADDRESS),
    ]
)
PLAIN = pa.schema(
    [
        ("name", pa.string()),
        ("birth", pa.date32()),
        ("sex", pa.string()),
        ("phone", pa.string()),
        ("address", pa.string()),
    ]
)


def features(people: pa.Table) -> pa.Table:
    """FEATURES of PLAIN columns, in the same order; phones and addresses leave only as keyed hashes."""
    name = names.column(_whole(people["name"]))
    spoken = names.parts(name)
    phone = phones.column(_whole(people["phone"]))
    windows = {window: _whole(found) for window, found in phone_windows(phone).items()}
    where = addresses.parts(addresses.column(_whole(people["address"])))
    found = {
        "name": name,
        "surname": spoken["surname"],
        "pinyin": spoken["pinyin"],
        "birth": people["birth"],
        "sex": people["sex"],
        "phone": tokens("phone", phone),
        **{window: tokens(window, values) for window, values in windows.items()},
        **{level: tokens(level, _whole(where[f"{level}_key"])) for level in ADDRESS},
    }
    return pa.table(found).select(FEATURES.names).cast(FEATURES)


def tokens(field: str, values: pa.Array) -> pa.Array:
    """The blind index of each text, null where there is none; each distinct text is hashed once."""
    codes = pc.dictionary_encode(values)
    blinds = [keys.blind(text, field) for text in codes.dictionary.to_pylist()]
    return pa.array(blinds, pa.string()).take(codes.indices)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
