"""Unified social credit codes of companies and institutions, and the registration numbers that preceded them.

GB 32100-2015: eighteen characters without I, O, S, V and Z, the last a check by MOD 31-3. The registration number of
fifteen digits (GS 15-2006) ends with a check by ISO 7064 MOD 11,10 (that standard's number is from general knowledge:
unverified); nothing leads from one to the other but a register.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .shapes import matches, reshaped, text_array, tidied

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
EIGHTEEN = rf"^[{ALPHABET}]{{2}}\d{{6}}[{ALPHABET}]{{10}}$"
FIFTEEN = r"^\d{15}$"
CANONICAL = f"{EIGHTEEN}|{FIFTEEN}"
WEIGHTS = np.array([pow(3, i, 31) for i in range(17)])
_VALUE = np.zeros(256, np.int64)
_VALUE[np.frombuffer(ALPHABET.encode(), np.uint8)] = np.arange(31)


def column(values: pa.Array) -> pa.Array:
    """Codes in half width and upper case without blanks; what is none stays as it is.

    Letters that the alphabet lacks are read as the digits they look like (O as 0, I as 1) where the check then holds.
    """
    return reshaped(text_array(values), CANONICAL, _fixed)


def _fixed(values: pa.Array) -> pa.Array:
    found = pc.replace_substring_regex(tidied(values), r"[-‐-―_.·]", "")
    mistaken = pc.and_(matches(found, r"^[0-9A-Z]{18}$"), matches(found, "[OISVZ]"))
    if not pc.any(mistaken).as_py():
        return found
    given = found.filter(mistaken)
    read = given
    for wrong, right in zip("OISZ", "0152", strict=True):
        read = pc.replace_substring(read, wrong, right)
    return pc.replace_with_mask(
        found, mistaken, pc.if_else(pc.fill_null(check_holds(read), False), read, given)
    )


def check_holds(values: pa.Array) -> pa.Array:
    """Whether the check character of a code of either form is right, bool[n]; null for what is neither."""
    values = text_array(values)
    result = pa.nulls(len(values), pa.bool_())
    for shape, width, holds in ((EIGHTEEN, 18, _holds_18), (FIFTEEN, 15, _holds_15)):
        shaped = matches(values, shape)
        joined = "".join(values.filter(shaped).to_pylist()).encode()
        characters = np.frombuffer(joined, np.uint8).reshape(-1, width)
        result = pc.replace_with_mask(result, shaped, pa.array(holds(characters), pa.bool_()))
    return result


def _holds_18(characters: np.ndarray) -> Any:
    numbers = _VALUE[characters]
    return -(numbers[:, :17] @ WEIGHTS) % 31 == numbers[:, 17]


def _holds_15(characters: np.ndarray) -> Any:
    digits = characters.astype(np.int64) - ord("0")
    product = np.full(len(digits), 10)
    for i in range(14):
        total = (product + digits[:, i]) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    return (product + digits[:, 14]) % 10 == 1


def normal(text: str) -> str:
    """One code in its canonical form.

    >>> normal("91310199 00000001 9b")
    '91310199000000019B'
    """
    return str(column(pa.array([text]))[0].as_py())
