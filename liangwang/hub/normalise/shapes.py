"""The common frame of the normalisers: rows that have their canonical shape already are not touched."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Fix = Callable[[pa.Array], pa.Array]


def text_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The values as one Arrow array of type string."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return whole if whole.type == pa.string() else pc.cast(whole, pa.string())


def matches(values: pa.Array, pattern: str) -> pa.Array:
    """Where a value has the shape, bool[n]; null counts as no."""
    return pc.fill_null(pc.match_substring_regex(values, pattern), False)


def reshaped(values: pa.Array, canonical: str, fix: Fix) -> pa.Array:
    """`fix` applied to the values without the canonical shape; one that does not gain it comes back as it was."""
    odd = pc.invert(pc.or_(matches(values, canonical), pc.is_null(values)))
    if not pc.any(odd).as_py():
        return values
    given = values.filter(odd)
    found = fix(given)
    return pc.replace_with_mask(values, odd, pc.if_else(matches(found, canonical), found, given))


def tidied(values: pa.Array) -> pa.Array:
    """Half-width upper-case text without blanks (Unicode NFKC)."""
    values = pc.utf8_upper(pc.utf8_normalize(values, form="NFKC"))
    return pc.replace_substring_regex(values, r"[\s\p{Cf}\p{Cc}\p{Z}]+", "")


def by_distinct(values: pa.Array, normal: Callable[[str], str]) -> pa.Array:
    """A Python function applied once to each distinct value."""
    codes = pc.dictionary_encode(values)
    texts = pa.array([normal(text) for text in codes.dictionary.to_pylist()], pa.string())
    return texts.take(codes.indices)


def code_points(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The code points of all values in one row, uint32[chars], and where each value begins, int64[n + 1].

    Null counts as empty.
    """
    lengths = pc.fill_null(pc.utf8_length(values), 0).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(values)], pc.fill_null(values, "")), "")[
        0
    ].as_py()
    # surrogatepass: JSON may carry a lone surrogate, which Arrow would not, but a test of ours may
    return np.frombuffer((whole or "").encode("utf-32-le", "surrogatepass"), np.uint32), starts


def holding(values: pa.Array, which: np.ndarray) -> pa.Array:
    """The values with a code point of which `which` holds, bool[n]; `which` is bool[0x110000]."""
    points, starts = code_points(values)
    rows = np.zeros(len(values), bool)
    rows[np.searchsorted(starts, np.flatnonzero(which[points]), side="right") - 1] = True
    return pa.array(rows)
