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
    """Fifteen digits need no tidying; the rest is tidied and may have fifteen digits then."""
    short = matches(values, FIFTEEN)
    if pc.all(short).as_py():
        return _eighteen(values)
    found = pc.replace_substring(tidied(values), "×", "X")
    found = pc.replace_substring_regex(found, r"[-‐-―_.·,:']", "")
    short = matches(found, FIFTEEN)
    if not pc.any(short).as_py():
        return found
    return pc.replace_with_mask(found, short, _eighteen(found.filter(short)))


def _eighteen(values: pa.Array) -> pa.Array:
    """The long form of numbers of fifteen digits; one whose birth date does not exist stays short."""
    short = _characters(values, 15)
    long = np.empty((len(short), 18), np.uint8)
    long[:, :6], long[:, 6:8], long[:, 8:17] = short[:, :6], np.frombuffer(b"19", np.uint8), short[:, 6:]
    long[:, 17] = check_characters(long)
    return pc.if_else(pc.is_valid(_births(long)), strings(long), values)


def _characters(values: pa.Array, width: int) -> np.ndarray:
    """ASCII values of one width as uint8[n, width]."""
    joined = "".join(values.to_pylist()).encode()
    return np.frombuffer(joined, np.uint8).reshape(-1, width)


def strings(characters: np.ndarray) -> pa.Array:
    width = characters.shape[1]
    offsets = np.arange(0, characters.size + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(characters), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
    )


def check_characters(characters: np.ndarray) -> np.ndarray:
    """The check characters of uint8[n, 17 or more]."""
    digits = (characters[:, :17] - ZERO).astype(np.int64)
    found: np.ndarray = CHECKS[(digits @ WEIGHTS) % 11]
    return found


def _births(characters: np.ndarray) -> pa.Array:
    """The days written in uint8[n, 18 or more], date32[n]; null for a day that does not exist."""
    digits = (characters[:, 6:14] - ZERO).astype(np.int64)
    year, month, day = digits[:, :4] @ (1000, 100, 10, 1), digits[:, 4:6] @ (10, 1), digits[:, 6:] @ (10, 1)
    possible = (year >= 1800) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(possible, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    possible &= days < (months + 1).astype("datetime64[D]")
    return pa.array(days, pa.date32(), mask=~possible)


def check_holds(values: pa.Array) -> pa.Array:
    """Whether a canonical number has the right check character, bool[n]; null for what is not canonical."""
    shaped = matches(values, CANONICAL)
    characters = _characters(values.filter(shaped), 18)
    return _spread(pa.array(check_characters(characters) == characters[:, 17], pa.bool_()), shaped)


def details(values: pa.Array) -> pa.Table:
    """What canonical numbers say (`DETAILS`), null in every column for what is not one.

    A division that GB/T 2260 never had (`division_known` false) is a warning and no error: the standard has been
    amended every year since 1980, and offices have used codes of their own.
    """
    values = text_array(values)
    shaped = matches(values, CANONICAL)
    kept = values.filter(shaped)
    characters = _characters(kept, 18)
    division = pc.dictionary_encode(pc.utf8_slice_codeunits(kept, 0, 6))
    known = pc.is_in(division.dictionary, pa.array(sorted(divisions()))).take(division.indices)
    sex = pa.array(np.where(characters[:, 16] & 1, "m", "f"), pa.string())
    right = pa.array(check_characters(characters) == characters[:, 17], pa.bool_())
    columns = [division.dictionary_decode(), _births(characters), sex, right, known]
    return pa.table([_spread(one, shaped) for one in columns], schema=DETAILS)


def _spread(found: pa.Array, where: pa.Array) -> pa.Array:
    """`found` at the rows where `where` holds, null elsewhere."""
    return pc.replace_with_mask(pa.nulls(len(where), found.type), where, found)


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
