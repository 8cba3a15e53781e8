"""Dirty records of invented people, with published errors: the exam that linkage is measured by, and never tuned to it.

`ERRORS` holds every share. Of the records of all sources (each value for itself unless it says otherwise):

| field    | errors                                                                                              |
|----------|-----------------------------------------------------------------------------------------------------|
| name     | missing 3 %, homophone 3 % (a common character of the same toneless sound), wrong character 2 % (alike  |
|          | to the eye where our table knows one, else any), dropped character 0.5 % (of names of three or more),   |
|          | a full-width blank inside 2 %                                                                       |
| birth    | missing 10 %, near 2.5 % (a third each: 1 to 3 days off, a year off, day and month exchanged if that exists) |
| phone    | missing 10 %, old 10 % (one in ten of these is somebody else's number today), two neighbouring digits  |
|          | transposed 2 %, one digit wrong 2 %, other notation 5 %; a child under 12 gives that of the household's head |
| address  | missing 15 %, moved 10 % (any other flat of the city), without room 15 %, other notation 20 %; each     |
|          | source leaves out city or district in its own way                                                   |
| identity | missing by source (0 to 50 %), one digit wrong 1 %                                                  |
| copied   | of the wrong values that another source could have taken over, 20 % are found there too               |
| twice    | 3 % of the records are a second record of a person in the same source                                |

Namesakes, twins and neighbours are those of `invented_people`. The truth (which person) is kept apart.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.address_texts import address_texts
from benchmarks.invented_people import People, people, table
from liangwang.hub.normalise.names import sounds_of_characters

ERRORS = {
    "name_missing": 0.03, "name_homophone": 0.03, "name_wrong_character": 0.02, "name_dropped_character": 0.005,
    "name_blank": 0.02, "surname_of_wrong_characters": 0.12,
    "birth_missing": 0.10, "birth_near": 0.025,
    "phone_missing": 0.10, "phone_old": 0.10, "phone_old_is_anothers": 0.10, "phone_transposed": 0.02,
    "phone_digit": 0.02, "phone_notation": 0.05,
    "address_missing": 0.15, "address_moved": 0.10, "address_no_room": 0.15, "address_notation": 0.20,
    "identity_digit": 0.01, "copied": 0.20, "twice": 0.03,
}  # fmt: skip
Random = np.random.Generator


class Source(NamedTuple):
    """Who delivers: the share of its records without identity number, and how much of an address it leaves out."""

    name: str
    identity_missing: float
    leaves_out: int  # 0 nothing, 1 the city, 2 city and district


SOURCES = (
    Source("police", 0.0, 0),
    Source("hospital", 0.10, 1),
    Source("rail", 0.05, 0),
    Source("courier", 0.50, 2),
    Source("property", 0.30, 2),
)


class Records(NamedTuple):
    """What arrives (`table`), and of whom it truly is: `truth` int64[n], the person's place among the people."""

    table: pa.Table
    truth: np.ndarray


def records(folk: People, sources: Sequence[Source], n: int, seed: int) -> Records:
    """`n` records of the people in random order, as text, with every error of `ERRORS`."""
    random = np.random.default_rng([seed, 2])
    person, source = _who(random, len(folk), len(sources), n)
    another = np.append((person[1:] == person[:-1]) & (source[1:] != source[:-1]), False)
    names = _names(random, folk.name[person], another)
    born_on = _births(random, folk.born_on[person], another)
    phones = _phones(random, folk.phone[folk.carer][person], folk.phone, another)
    home = _moved(random, folk, person, another)
    missing = np.array([one.identity_missing for one in sources])[source]
    order = random.permutation(n)
    leaves_out = np.array([one.leaves_out for one in sources])[source]
    columns = {
        "record": pa.array(np.arange(n)),
        "source": pa.array(np.array([one.name for one in sources])[source], pa.string()).take(order),
        "name": names.take(order),
        "born_on": born_on.take(order),
        "phone": phones.take(order),
        "address": _addresses(random, folk, home, leaves_out).take(order),
        "identity": _identities(random, folk.identity.take(person), missing, another).take(order),
    }
    return Records(pa.table(columns), person[order])


def registry(folk: People, persons: np.ndarray) -> pa.Table:
    """The clean records of some people, as a register holds them: `person` is the truth, phone null where none."""
    plain = np.zeros(len(persons), np.int64)
    phone = folk.phone[persons]
    return pa.table(
        {
            "person": pa.array(persons),
            "name": pa.array(folk.name[persons], pa.string()),
            "born_on": pa.array(folk.born_on[persons], pa.date32()),
            "phone": pa.array(phone.astype("U11"), pa.string(), mask=phone < 0),
            "address": address_texts(folk.homes, folk.home[persons], plain, plain, plain.astype(bool)),
            "identity": folk.identity.take(persons),
        }
    )


def dedupe_exam(seed: int, persons: int = 400_000, n: int = 1_000_000) -> Records:
    """A million records of five sources about 400,000 people."""
    return records(people(persons, seed), SOURCES, n, seed)


def link_exam(seed: int, persons: int = 400_000, n: int = 200_000) -> tuple[pa.Table, Records]:
    """A clean register of four fifths of the people, and records of all of them."""
    folk = people(persons, seed)
    known = np.random.default_rng([seed, 3]).permutation(persons)[: persons * 4 // 5]
    return registry(folk, np.sort(known)), records(folk, SOURCES, n, seed)


# --- who -----------------------------------------------------------------------------------------------


def _who(random: Random, persons: int, sources: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Person and source of `n` records, those of one person together and in random order."""
    again = int(n * ERRORS["twice"])
    once = random.choice(persons * sources, n - again, replace=False)
    pair = np.concatenate([once, random.choice(once, again)])
    person = pair % persons
    order = np.lexsort((random.random(n), person))
    return person[order], (pair // persons)[order]


def _chosen(random: Random, n: int, *shares: float) -> list[np.ndarray]:
    """One mask for each share; a row has one of them at most."""
    drawn, bounds = random.random(n), np.cumsum([0.0, *shares])
    return [(drawn >= low) & (drawn < high) for low, high in pairwise(bounds)]


def _copy(random: Random, values: np.ndarray, wrong: np.ndarray, another: np.ndarray) -> None:
    """Gives some wrong values to the next record, which is the same person's in another source."""
    copied = np.flatnonzero(wrong & another & (random.random(len(wrong)) < ERRORS["copied"]))
    values[copied + 1] = values[copied]


# --- fields --------------------------------------------------------------------------------------------


def _names(random: Random, names: np.ndarray, another: np.ndarray) -> pa.Array:
    n = len(names)
    letters = np.ascontiguousarray(names.astype("<U4")).view(np.uint32).reshape(n, 4).copy()
    length = (letters > 0).sum(axis=1)
    homophone, wrong, dropped = _chosen(
        random, n, ERRORS["name_homophone"], ERRORS["name_wrong_character"], ERRORS["name_dropped_character"]
    )
    dropped &= length > 2
    surname = random.random(n) < ERRORS["surname_of_wrong_characters"]
    place = np.where(surname, 0, 1 + (random.random(n) * (length - 1)).astype(np.int64))
    for mask, groups in ((homophone, _homophones()), (wrong, _alike())):
        rows = np.flatnonzero(mask)
        letters[rows, place[rows]] = _swapped(random, letters[rows, place[rows]], *groups)
    for row in np.flatnonzero(dropped).tolist():
        letters[row] = np.append(np.delete(letters[row], place[row]), 0)
    _copy(random, letters, homophone | wrong | dropped, another)
    found = letters.view("<U4").ravel()
    blank = np.flatnonzero(random.random(n) < ERRORS["name_blank"])
    found = found.astype("<U5")
    found[blank] = [f"{text[:1]}\u3000{text[1:]}" for text in found[blank].tolist()]
    return pa.array(found, pa.string(), mask=random.random(n) < ERRORS["name_missing"])


def _swapped(
    random: Random, letters: np.ndarray, group: np.ndarray, start: np.ndarray, pool: np.ndarray
) -> np.ndarray:
    """Another member of each letter's group: `pool[start[g]:start[g + 1]]` are the members of group g."""
    own = group[letters]
    size = start[own + 1] - start[own]
    drawn = start[own] + (random.random(len(letters)) * size).astype(np.int64)
    same = pool[drawn] == letters
    found: np.ndarray = pool[np.where(same, start[own] + (drawn - start[own] + 1) % size, drawn)]
    return found


def _groups(members: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group of each code point (0 where it has none), where each group begins in the pool, and the pool."""
    group = np.zeros(0x110000, np.int64)
    for i, one in enumerate(members):
        group[[point for point in one if i and not group[point]]] = i
    start = np.concatenate([[0], np.cumsum([len(one) for one in members])])
    return group, start, np.array([point for one in members for point in one], np.uint32)


@cache
def _common() -> list[int]:
    """The 3,755 common characters of GB 2312 (its rows 16 to 55), by which people type."""
    texts = (bytes([row + 0xA0, cell + 0xA0]) for row in range(16, 56) for cell in range(1, 95))
    return [ord(text.decode("gb2312")) for text in texts if text < b"\xd7\xfa"]


@cache
def _homophones() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _, sounds = sounds_of_characters()
    points = np.array(_common())
    by_sound = [points[sounds[points] == one].tolist() for one in np.unique(sounds[points])]
    return _groups([_common(), *by_sound])


@cache
def _alike() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _groups([_common(), *([ord(c) for c in row["characters"]] for row in table("shape_alike.csv"))])


def _births(random: Random, born_on: np.ndarray, another: np.ndarray) -> pa.Array:
    n = len(born_on)
    share = ERRORS["birth_near"] / 3
    by_days, by_year, exchanged = _chosen(random, n, share, share, share)
    year, month = born_on.astype("datetime64[Y]"), born_on.astype("datetime64[M]")
    of_year, of_month = (
        (month - year).astype(np.int64),
        (born_on - month.astype("datetime64[D]")).astype(np.int64),
    )
    possible = (of_month < 12) & (of_month != of_year)
    by_days |= exchanged & ~possible
    sign = random.choice([-1, 1], n)
    days = born_on + random.integers(1, 4, n) * sign
    years = ((year + sign).astype("datetime64[M]") + of_year).astype("datetime64[D]") + of_month
    other = (year.astype("datetime64[M]") + np.minimum(of_month, 11)).astype("datetime64[D]") + of_year
    found = np.select([by_days, by_year, exchanged], [days, years, other], born_on)
    _copy(random, found, found != born_on, another)
    return pa.array(found, pa.date32(), mask=random.random(n) < ERRORS["birth_missing"])


def _phones(random: Random, phones: np.ndarray, everybodys: np.ndarray, another: np.ndarray) -> pa.Array:
    n = len(phones)
    found = phones.copy()
    old, transposed, digit = _chosen(
        random, n, ERRORS["phone_old"], ERRORS["phone_transposed"], ERRORS["phone_digit"]
    )
    anothers = random.random(n) < ERRORS["phone_old_is_anothers"]
    fresh = 14_000_000_000 + random.integers(0, everybodys.max() - 14_000_000_000, n)
    found[old] = np.where(anothers, random.choice(everybodys[everybodys > 0], n), fresh)[old]
    step = 10 ** random.integers(0, 6, n)
    low, high = found // step % 10, found // (step * 10) % 10
    found[transposed] += ((low - high) * step * 9)[transposed]
    found[digit] += ((((low + random.integers(1, 10, n)) % 10) - low) * step)[digit]
    none = phones < 0
    _copy(random, found, (found != phones) & ~none, another)
    text = found.astype("<U16")
    for form, mask in zip(
        ("+86{}", "{}-{}-{}"), _chosen(random, n, *[ERRORS["phone_notation"] / 2] * 2), strict=True
    ):
        rows = np.flatnonzero(mask)
        text[rows] = [
            form.format(one) if "+" in form else form.format(one[:3], one[3:7], one[7:])
            for one in text[rows].tolist()
        ]
    return pa.array(text, pa.string(), mask=none | (random.random(n) < ERRORS["phone_missing"]))


def _moved(random: Random, folk: People, person: np.ndarray, another: np.ndarray) -> np.ndarray:
    """The flat of each record, some of them another than the person's."""
    found: np.ndarray = folk.home[person]
    moved = random.random(len(person)) < ERRORS["address_moved"]
    found[moved] = random.integers(0, len(folk.homes.road), int(moved.sum()))
    _copy(random, found, moved, another)
    return found


def _addresses(random: Random, folk: People, home: np.ndarray, leaves_out: np.ndarray) -> pa.Array:
    n = len(home)
    notation = np.where(random.random(n) < ERRORS["address_notation"], random.integers(1, 7, n), 0)
    texts = address_texts(
        folk.homes, home, leaves_out, notation, random.random(n) < ERRORS["address_no_room"]
    )
    keep = pa.array(random.random(n) >= ERRORS["address_missing"])
    found: pa.Array = pc.if_else(keep, texts, pa.scalar(None, pa.string()))
    return found


def _identities(random: Random, identity: pa.Array, missing: np.ndarray, another: np.ndarray) -> pa.Array:
    n = len(identity)
    letters = np.frombuffer(identity.buffers()[2], np.uint8)[: 18 * n].reshape(n, 18).copy()
    wrong = random.random(n) < ERRORS["identity_digit"]
    rows, places = np.flatnonzero(wrong), random.integers(0, 17, int(wrong.sum()))
    letters[rows, places] = (letters[rows, places] - 48 + random.integers(1, 10, len(rows))) % 10 + 48
    _copy(random, letters, wrong, another)
    text = letters.view("S18").ravel().astype("<U18")
    return pa.array(text, pa.string(), mask=random.random(n) < missing)
