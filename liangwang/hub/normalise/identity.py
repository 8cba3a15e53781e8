"""Identity numbers: width, case and blanks, fifteen digits to eighteen, check digit, date of birth, sex and division.

GB 11643-1999 gives the form: six digits of division (GB/T 2260), eight of birth, three of sequence (odd for men) and a
check character by ISO 7064 MOD 11-2. The form of fifteen digits that preceded it has two digits of the year and no
check; its year is read as 19YY. (The sequences 996 to 999 are said to have marked people born before 1900 in that
form: unverified, and not treated.)
"""

from csv import DictReader
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .shapes import matches, reshaped, text_array, tidied

CANONICAL = r"^[1-9]\d{16}[\dX]$"
FIFTEEN = r"^[1-9]\d{14}$"
WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
ZERO = ord("0")
# Divisions that stand for residence permits: Hong Kong, Macao, Taiwan (announced by the State Council on 2018-08-19,
# 港澳台居民居住证申领发放办法; in force since 2018-09-01).
PERMITS = {"81": "hong_kong", "82": "macao", "83": "taiwan"}
DETAILS = pa.schema(
    [
        ("division", pa.string()),
        ("born_on", pa.date32()),
        ("sex", pa.string()),
        ("check_holds", pa.bool_()),
        ("division_known", pa.bool_()),
    ]
)


def column(values: pa.Array) -> pa.Array:
    """Identity numbers of eighteen characters; what is none, and what has no possible birth date, stays as it is."""
    return reshaped(text_array(values), CANONICAL, _fixed)


def _fixed(values: pa.Array) -> pa.Array:
    found = pc.replace_substring(tidied(values), "×", "X")
    found = pc.replace_substring_regex(found, r"[-‐-―_.·,:']", "")
    old = matches(found, FIFTEEN)
    if not pc.any(old).as_py():
        return found
    return pc.replace_with_mask(found, old, _eighteen(found.filter(old)))


def _eighteen(values: pa.Array) -> pa.Array:
    """The long form of numbers of fifteen digits; one whose birth date does not exist stays short."""
    short = _characters(values, 15)
    long = np.empty((len(short), 18), np.uint8)
    long[:, :6], long[:, 6:8], long[:, 8:17] = short[:, :6], np.frombuffer(b"19", np.uint8), short[:, 6:]
    long[:, 17] = _check(long)
    found = _strings(long)
    return pc.if_else(pc.is_valid(_births(found)), found, values)


def _characters(values: pa.Array, width: int) -> np.ndarray:
    """ASCII values of one width as uint8[n, width]."""
    joined = "".join(values.to_pylist()).encode()
    return np.frombuffer(joined, np.uint8).reshape(-1, width)


def _strings(characters: np.ndarray) -> pa.Array:
    width = characters.shape[1]
    offsets = np.arange(0, characters.size + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(characters), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
    )


def _check(characters: np.ndarray) -> np.ndarray:
    """The check characters of uint8[n, 17 or more]."""
    digits = (characters[:, :17] - ZERO).astype(np.int64)
    found: np.ndarray = CHECKS[(digits @ WEIGHTS) % 11]
    return found


def _births(values: pa.Array) -> pa.Array:
    """The days written in numbers of eighteen characters; null for a day that does not exist."""
    text = pc.utf8_slice_codeunits(values, 6, 14)
    days = pc.cast(pc.strptime(text, format="%Y%m%d", unit="s", error_is_null=True), pa.date32())
    # strptime takes 31 February on some platforms for 3 March
    return pc.if_else(pc.equal(pc.strftime(days, format="%Y%m%d"), text), days, pa.scalar(None, pa.date32()))


def check_holds(values: pa.Array) -> pa.Array:
    """Whether a canonical number has the right check character, bool[n]; null for what is not canonical."""
    shaped = matches(values, CANONICAL)
    characters = _characters(values.filter(shaped), 18)
    right = pa.array(_check(characters) == characters[:, 17], pa.bool_())
    return pc.replace_with_mask(pa.nulls(len(values), pa.bool_()), shaped, right)


def details(values: pa.Array) -> pa.Table:
    """What canonical numbers say (`DETAILS`), null in every column for what is not one.

    A division that GB/T 2260 never had (`division_known` false) is a warning and no error: the standard has been
    amended every year since 1980, and offices have used codes of their own.
    """
    values = text_array(values)
    shaped = matches(values, CANONICAL)
    kept = pc.if_else(shaped, values, pa.scalar(None, pa.string()))
    division = pc.utf8_slice_codeunits(kept, 0, 6)
    man = pc.is_in(pc.utf8_slice_codeunits(kept, 16, 17), pa.array(list("13579")))
    sex = pc.if_else(pc.is_valid(kept), pc.if_else(man, "m", "f"), pa.scalar(None, pa.string()))
    known = pc.if_else(
        pc.is_valid(kept), pc.is_in(division, pa.array(sorted(divisions()))), pa.scalar(None, pa.bool_())
    )
    return pa.table([division, _births(kept), sex, check_holds(values), known], schema=DETAILS)


@cache
def divisions() -> dict[str, str]:
    """Every division code of GB/T 2260 that our table knows, of today and of the past, with its name."""
    with (files(__package__) / "divisions.csv").open(encoding="utf-8") as table:
        return {row["code"]: row["name"] for row in DictReader(table)}


def normal(text: str) -> str:
    """One identity number in its canonical form.

    >>> normal("１１０１０５ 491231 002")
    '11010519491231002X'
    """
    return str(column(pa.array([text]))[0].as_py())


def born_on(number: str) -> date | None:
    """The date of birth in a canonical number, None where it holds none.

    >>> born_on("11010519491231002X")
    datetime.date(1949, 12, 31)
    """
    found: date | None = details(pa.array([number]))["born_on"][0].as_py()
    return found
