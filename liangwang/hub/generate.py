"""Invented deliveries of any declared source and any size, from a seed, with the truth of every row kept apart.

A delivery is text as an office sends it. A stated share of its rows is wrong in a stated way (`generate_faults`), about
somebody whom the register does not know, or without an identifier; which ones, only the truth knows.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .declare import Column, Source
from .generate_faults import spoil
from .generate_patterns import letters_of
from .generate_people import People, digits, fixed, mixed, texts

CHUNK = 1_000_000  # rows that are made at once: about 300 MB
SHARE = {
    "stranger": 0.02,  # of rows, about somebody beyond the register
    "unnamed": 0.3,  # of rows, without an identifier where the contract allows that
    "blank": 0.1,  # of rows, without the value of any other optional column
    "mistaken": 0.0002,  # of rows, with the right number of the wrong person
    "miswritten": 0.01,  # of rows, with another character in the name
}
WRONG_CHARACTERS = ("洋", "凤", "芬", "辉", "莹")
DAYS_BACK = 30  # dates and times lie in the month before the delivery
STEP = 1_000_000_007  # a prime above every register: its multiples visit everyone once


class Made(NamedTuple):
    """Some rows of a delivery, as text by the contract's column names, and what is true of each.

    `truth` has `row` (from 1 over the whole delivery), `person` (position in the register; null for strangers and for
    rows that are not about people), `named` (an identifier is given) and `reasons` (`column:code`; empty: a good row).
    """

    rows: pa.Table
    truth: pa.Table


@dataclass(frozen=True)
class Recipe:
    """What deliveries are made from: whose records, of which day, with which division codes, how many rows wrong."""

    people: People
    seed: int
    today: date
    places: Callable[[str | None], Sequence[str]]
    bad: float = 0.02


@dataclass(frozen=True)
class Piece:
    """The rows that are being made: their serial numbers, whom each is about, and the dice."""

    source: Source
    recipe: Recipe
    serial: np.ndarray
    who: np.ndarray
    random: np.random.Generator

    @property
    def size(self) -> int:
        return len(self.serial)

    @property
    def people(self) -> People:
        return self.recipe.people


def most_rows(source: Source, people: People) -> int | None:
    """How many rows a delivery may have at most: as many as there are subjects, where the subject is the key."""
    return _subjects_of(source, people) if _once_each(source) else None


def made(source: Source, rows: int, recipe: Recipe, chunk: int = CHUNK) -> Iterator[Made]:
    """A delivery of `rows` rows in pieces; the same arguments give the same rows."""
    most = most_rows(source, recipe.people)
    if most is not None and rows > most:
        raise ValueError(f"{source.source} names each subject once: at most {most} rows, not {rows}")
    for number, start in enumerate(range(0, rows, chunk)):
        random = np.random.default_rng([recipe.seed, zlib.crc32(source.source.encode()), number])
        serial = np.arange(start, min(start + chunk, rows))
        yield _made(Piece(source, recipe, serial, _who(source, recipe.people, serial, random), random))


def _made(piece: Piece) -> Made:
    source = piece.source
    columns = {name: _column(piece, name, column) for name, column in source.columns.items()}
    named = np.zeros(piece.size, bool)
    for name in source.identifiers:
        named |= np.asarray(pc.not_equal(columns[name], ""))
    rows, reasons = spoil(pa.table(columns), source, piece.recipe.bad, piece.random)
    nobody = np.full(piece.size, source.about != "person" or not source.identifiers)
    truth = {
        "row": pa.array(piece.serial + 1, pa.int32()),
        "person": pa.array(piece.who, mask=nobody | (piece.who >= piece.people.size)),
        "named": pa.array(named),
        "reasons": reasons,
    }
    return Made(rows, pa.table(truth))


# --- whom a row is about ---------------------------------------------------------------------------------


def _subjects_of(source: Source, people: People) -> int:
    return people.companies if source.about == "company" else people.size


def _once_each(source: Source) -> bool:
    return len(source.key) == 1 and source.key[0] in source.identifiers


def _who(source: Source, people: People, serial: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Positions in the register; from its size on they are strangers."""
    size = _subjects_of(source, people)
    strange = random.random(len(serial)) < SHARE["stranger"]
    if _once_each(source):
        return np.where(strange, size + serial, serial * STEP % size)
    unknown = random.integers(size, size + max(1, size // 10), len(serial))
    return np.where(strange, unknown, random.integers(0, size, len(serial)))


# --- columns ---------------------------------------------------------------------------------------------


def _column(piece: Piece, name: str, column: Column) -> pa.Array:
    values = _BY_TYPE[column.type](piece, name, column)
    if not column.optional:
        return values
    share = SHARE["unnamed" if name in piece.source.identifiers else "blank"]
    return pc.if_else(pa.array(piece.random.random(piece.size) < share), "", values)


def _own(piece: Piece, name: str, column: Column) -> np.ndarray:
    """Whose value it is: the subject's, or somebody else's where the column neither names nor describes the subject."""
    if name in piece.source.identifiers or column.says:
        return piece.who
    return mixed(piece.who, 77).astype(np.int64) % _subjects_of(piece.source, piece.people)


def _identity(piece: Piece, name: str, column: Column) -> pa.Array:
    who = _own(piece, name, column)
    mistaken = piece.random.random(piece.size) < SHARE["mistaken"]
    other = piece.random.integers(0, piece.people.size, piece.size)
    once = _once_each(piece.source)
    return texts(piece.people.identities(who if once else np.where(mistaken, other, who)))


def _document(piece: Piece, name: str, column: Column) -> pa.Array:
    """Identity numbers of the register's people, passports of strangers."""
    passport = texts(np.hstack([fixed("E", piece.size), digits(piece.who % 10**8, 8)]))
    return pc.if_else(pa.array(piece.who >= piece.people.size), passport, _identity(piece, name, column))


def _name(piece: Piece, name: str, column: Column) -> pa.Array:
    names = piece.people.names(_own(piece, name, column))
    wrong = np.flatnonzero(piece.random.random(piece.size) < SHARE["miswritten"])
    surnames = pc.utf8_slice_codeunits(names.take(pa.array(wrong)), 0, 1)
    given = pa.array(WRONG_CHARACTERS).take(pa.array(wrong % len(WRONG_CHARACTERS)))
    return _replaced(names, wrong, pc.binary_join_element_wise(surnames, given, ""))


def _phone(piece: Piece, name: str, column: Column) -> pa.Array:
    return texts(piece.people.phones(_own(piece, name, column)))


def _address(piece: Piece, name: str, column: Column) -> pa.Array:
    return piece.people.addresses(_own(piece, name, column))


def _credit_code(piece: Piece, name: str, _: Column) -> pa.Array:
    own = name in piece.source.identifiers
    which = piece.who if own else piece.random.integers(0, piece.people.companies, piece.size)
    return texts(piece.people.credit_codes(which))


def _plate(piece: Piece, name: str, _: Column) -> pa.Array:
    keyed = name in piece.source.key
    return piece.people.plates(piece.serial if keyed else piece.random.integers(0, 10**6, piece.size))


def _integer(piece: Piece, _: str, column: Column) -> pa.Array:
    low, high = int(column.min or 0), int(column.max if column.max is not None else 1000)
    return pc.cast(pa.array(piece.random.integers(low, high + 1, piece.size)), pa.string())


def _number(piece: Piece, _: str, column: Column) -> pa.Array:
    low, high = float(column.min or 0), float(column.max if column.max is not None else 1000)
    tenths = piece.random.integers(round(low * 10), round(high * 10) + 1, piece.size)
    return pc.binary_join_element_wise(
        pc.cast(pa.array(tenths // 10), pa.string()), pc.cast(pa.array(tenths % 10), pa.string()), "."
    )


def _day_texts(days: np.ndarray) -> pa.Array:
    """ISO dates, each different day written once: datetime64[D][n] -> text."""
    first = days.min()
    every = np.datetime_as_string(np.arange(first, days.max() + 1))
    return pa.array(every).take(pa.array((days - first).astype(np.int64)))


def _date(piece: Piece, _: str, column: Column) -> pa.Array:
    if column.says == "birth_date":
        return _day_texts(piece.people.births(piece.who))
    back = piece.random.integers(0, DAYS_BACK, piece.size)
    return _day_texts(np.datetime64(piece.recipe.today, "D") - back)


def _time(piece: Piece, _: str, __: Column) -> pa.Array:
    """Whole minutes of the days before the delivery."""
    days = _day_texts(
        np.datetime64(piece.recipe.today, "D") - piece.random.integers(1, DAYS_BACK, piece.size)
    )
    minute = piece.random.integers(0, 1440, piece.size)
    return pc.binary_join_element_wise(days, pa.array(_MINUTES).take(pa.array(minute)), " ")


def _code(piece: Piece, _: str, column: Column) -> pa.Array:
    if column.says == "sex" and {"m", "f"} == set(column.values):
        return pc.if_else(pa.array(piece.people.women(piece.who)), "f", "m")
    return _any_of(piece, tuple(column.values))


def _place(piece: Piece, _: str, column: Column) -> pa.Array:
    return _any_of(piece, piece.recipe.places(column.level))


def _text(piece: Piece, name: str, column: Column) -> pa.Array:
    if name in piece.source.key:
        return texts(np.hstack([fixed(name[:1].upper(), piece.size), digits(piece.serial + 1, 10)]))
    if column.pattern:
        return letters_of(column.pattern, piece.size, piece.random)
    width = int(column.max) if isinstance(column.max, int | float) else 40
    return _any_of(piece, [f"{column.label['zh']}{n}"[-width:] for n in range(1, 301)])


def _any_of(piece: Piece, values: Sequence[str]) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(piece.random.integers(0, len(values), piece.size)))


def _replaced(values: pa.Array, rows: np.ndarray, by: pa.Array) -> pa.Array:
    mask = np.zeros(len(values), bool)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), by)


_MINUTES = [f"{n // 60:02d}:{n % 60:02d}" for n in range(1440)]
_BY_TYPE: dict[str, Callable[[Piece, str, Column], pa.Array]] = {
    "text": _text,
    "name": _name,
    "identity": _identity,
    "document": _document,
    "phone": _phone,
    "address": _address,
    "credit_code": _credit_code,
    "plate": _plate,
    "integer": _integer,
    "number": _number,
    "date": _date,
    "time": _time,
    "code": _code,
    "place": _place,
}
