"""Identity documents of any kind in one column: which kind a number is by its shape, and its canonical text.

Shapes overlap (a passport of another state may look like anything of five to twenty characters), so the kind is a
guess in the order of `SHAPES`. Sources: identity numbers GB 11643-1999; permits 81, 82 and 83 of 2018-09-01
(港澳台居民居住证申领发放办法). The shapes of passports, travel permits and the permanent residence cards of foreigners
(three letters and twelve digits; since 2023 eighteen digits that begin with 9) are from general knowledge: unverified.
"""

import pyarrow as pa
import pyarrow.compute as pc

from . import identity
from .shapes import matches, reshaped, text_array, tidied

CANONICAL = r"^[0-9A-Z]{5,20}$"
SHAPES = {
    "hong_kong_macao_taiwan_residence": r"^8[123]0000\d{11}[\dX]$",
    "permanent_residence": r"^9\d{16}[\dX]$|^[A-Z]{3}\d{12}$",
    "identity": identity.CANONICAL,
    "hong_kong_macao_travel": r"^[HM]\d{8}(?:\d{2})?$",
    "to_hong_kong_macao": r"^[CW]\d{8}$|^C[A-Z]\d{7}$",
    "passport": r"^(?:[DEGPS]\d{8}|E[A-HJ-NP-Z]\d{7}|[DPS]E\d{7})$",
    "taiwan_travel": r"^\d{8}(?:[0-9A-Z]{2})?$",
    "other": r"^[0-9A-Z]{5,20}$",
}


def column(values: pa.Array) -> pa.Array:
    """Document numbers in half-width capitals without blanks, identity numbers of fifteen digits as eighteen."""
    found = reshaped(text_array(values), CANONICAL, _fixed)
    return identity.column(found)


def _fixed(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(tidied(values), r"[-‐-―_.·()/]", "")


def kinds(values: pa.Array) -> pa.Array:
    """The kind of each canonical number by its shape: the first of `SHAPES` that fits, null where none does."""
    values = text_array(values)
    found = pa.nulls(len(values), pa.string())
    for kind, shape in reversed(SHAPES.items()):
        found = pc.if_else(matches(values, shape), pa.scalar(kind), found)
    return found


def normal(text: str) -> str:
    """One document number in its canonical form.

    >>> normal("e１２３ ４５６７８")
    'E12345678'
    """
    return str(column(pa.array([text]))[0].as_py())
