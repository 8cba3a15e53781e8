"""Invented people with names as frequent as in reality: households, homes, phones and identity numbers, from a seed.

The tables are those of benchmarks/names (unverified, see its README). A given name is a common one (`given_heads.csv`)
in the fashion of its year of birth, or is put together from characters of its era by Zipf's law. Checked against the
published numbers of namesakes of 2007, in which the ten commonest full names hold 0.197 % of the people; here they
hold 0.24 % (400,000 people, seed 1), and of 100,000 of them 32,200 share their full name with somebody.
Numbers begin with a division that was never assigned (310199) and phones with 1400 (up to 2.5 million people;
more of them run on to 1405): valid in form, nobody's in fact.
"""

from csv import DictReader
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from liangwang.hub.normalise.identity import check_characters, strings

TABLES = Path(__file__).resolve().parent / "names"
ON = np.datetime64("2026-01-01")
# Given names of one character among all, until a year of birth.
SINGLE = (
    (1939, 0.04),
    (1959, 0.06),
    (1969, 0.12),
    (1979, 0.24),
    (1989, 0.30),
    (1999, 0.20),
    (2009, 0.08),
    (2030, 0.05),
)
# The share of the nation that one year of birth held in 2007, when the namesakes were counted; from general knowledge.
PER_YEAR = ((1949, 0.0095), (1959, 0.014), (1969, 0.018), (1989, 0.0165), (1999, 0.014), (2030, 0.012))
ZIPF = 0.55  # of characters; their true frequencies fall more slowly than words'
DIVISION = "310199"
OWN_PHONE = 12  # years of age
HOMES_TAKEN = 0.9  # of the flats that exist
TWINS = 0.02  # of second children, born on the day of the first
CHILD_BEARS_MOTHERS_NAME = 0.08

Random = np.random.Generator


class Homes(NamedTuple):
    """Flats of a city: form 0 is 路弄号室, 1 is a numbered 新村, 2 is a village with groups."""

    form: np.ndarray
    district: np.ndarray
    road: np.ndarray
    lane: np.ndarray
    number: np.ndarray
    room: np.ndarray


class People(NamedTuple):
    """Columns of equal length; `home` is a place in `homes`, `phone` -1 for none, `carer` whose phone a child gives."""

    name: np.ndarray  # <U4
    male: np.ndarray
    born_on: np.ndarray  # datetime64[D]
    identity: pa.Array
    phone: np.ndarray  # int64
    home: np.ndarray
    household: np.ndarray
    carer: np.ndarray
    homes: Homes

    def __len__(self) -> int:
        return len(self.male)


def table(name: str) -> list[dict[str, str]]:
    """The rows of one table of benchmarks/names."""
    with (TABLES / name).open(encoding="utf-8") as lines:
        return list(DictReader(lines))


def people(n: int, seed: int) -> People:
    """`n` people in households, in the order of their households."""
    random = np.random.default_rng([seed, 1])
    male, age, role, household = _households(random, n)
    born_on = ON - (age * 365.25).astype(np.int64).astype("timedelta64[D]")
    _twins(random, role, household, born_on)
    year = born_on.astype("datetime64[Y]").astype(np.int64) + 1970
    surname = _surnames(random, male, role, household)
    given = _given_names(random, male, year)
    homes = _homes(random, int(household[-1] / HOMES_TAKEN) + 50)
    mine = random.permutation(len(homes.road))[: household[-1] + 1]
    phone = np.where(age >= OWN_PHONE, 14_000_000_000 + random.permutation(max(10_000_000, 4 * n))[:n], -1)
    return People(
        np.char.add(surname, given),
        male,
        born_on,
        _identities(born_on, male),
        phone,
        mine[household],
        household,
        _carers(role, household, phone),
        homes,
    )


# --- households ----------------------------------------------------------------------------------------

HEAD, SPOUSE, FIRST, SECOND, GRAND = range(5)


def _households(random: Random, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sex, age in years, role and household of `n` people: single, couple, couple with children, with a grandparent."""
    count = n // 2 + 10
    form = random.random(count)
    couple, children = form >= 0.27, form >= 0.58
    age = np.where(children, random.triangular(24, 37, 66, count), random.triangular(20, 60, 93, count))
    first = random.random(count) * (age - 22)
    second = first - 1.2 - random.random(count) * 5
    has = [
        np.ones(count, bool), couple, children & (age > 23),
        children & (second > 0) & (random.random(count) < 0.4), children & (random.random(count) < 0.22),
    ]  # fmt: skip
    ages = [
        age,
        np.clip(age + random.normal(-1.5, 3, count), 20, 99),
        first,
        second,
        age + random.uniform(22, 34, count),
    ]
    sexes = [couple | (random.random(count) < 0.5), np.zeros(count, bool), *(random.random((3, count)) < 0.5)]
    everyone = np.concatenate([np.flatnonzero(one) for one in has])
    role = np.repeat(np.arange(5), [one.sum() for one in has])
    order = np.lexsort((role, everyone))[:n]
    household, role = everyone[order], role[order]
    age_of = np.array(ages)[role, household]
    age_of = np.where(age_of > 100, random.uniform(85, 100, len(role)), age_of)
    return np.array(sexes)[role, household], age_of, role, household


def _twins(random: Random, role: np.ndarray, household: np.ndarray, born_on: np.ndarray) -> None:
    second = np.flatnonzero((role == SECOND) & (random.random(len(role)) < TWINS))
    second = second[(second > 0) & (role[second - 1] == FIRST)]
    born_on[second] = born_on[second - 1]


def _surnames(random: Random, male: np.ndarray, role: np.ndarray, household: np.ndarray) -> np.ndarray:
    """A surname each; children bear the father's, a few the mother's, and a grandfather is the father's father."""
    words, shares = _surname_shares()
    own = random.choice(len(words), len(role), p=shares)
    heads = np.zeros(household[-1] + 1, np.int64)
    heads[household[role == HEAD]] = own[role == HEAD]
    mothers = heads.copy()
    mothers[household[role == SPOUSE]] = own[role == SPOUSE]
    after_mother = random.random(household[-1] + 1) < CHILD_BEARS_MOTHERS_NAME
    child = (role == FIRST) | (role == SECOND)
    inherited = np.where(after_mother, mothers, heads)[household]
    own = np.where(child, inherited, np.where((role == GRAND) & male, heads[household], own))
    return words[own]


def _carers(role: np.ndarray, household: np.ndarray, phone: np.ndarray) -> np.ndarray:
    """Whose phone is given for a child without one: the head of the household's; for everybody else their own."""
    heads = np.zeros(household[-1] + 1, np.int64)
    heads[household[role == HEAD]] = np.flatnonzero(role == HEAD)
    return np.where(phone < 0, heads[household], np.arange(len(role)))


@cache
def _surname_shares() -> tuple[np.ndarray, np.ndarray]:
    rows = table("surnames.csv")
    shares = np.array([float(row["ten_thousands"]) for row in rows])
    return np.array([row["surname"] for row in rows]), shares / shares.sum()


# --- given names ---------------------------------------------------------------------------------------


def _given_names(random: Random, male: np.ndarray, year: np.ndarray) -> np.ndarray:
    """Given names in the fashion of sex and five years of birth."""
    found = np.empty(len(male), "<U2")
    cell = (year // 5) * 2 + male
    for one in np.unique(cell):
        rows = np.flatnonzero(cell == one)
        words, shares = _fashion("m" if one % 2 else "f", int(one // 2 * 5 + 2))
        found[rows] = words[random.choice(len(words), len(rows), p=shares)]
    return found


def _fashion(sex: str, year: int) -> tuple[np.ndarray, np.ndarray]:
    """Every given name of one sex in one year of birth, with its share."""
    heads: dict[str, float] = {}
    for row in table("given_heads.csv"):
        men = float(row["men"])
        spread, peak = float(row["spread"]), float(row["peak"])
        fashion = np.exp(-(((year - peak) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
        per_year = next(share for until, share in PER_YEAR if peak <= until)
        bearers = float(row["per_100k"]) / 1e5 * (men if sex == "m" else 1 - men)
        heads[row["given"]] = bearers * fashion / (per_year / 2)
    other = 1 - sum(heads.values())
    single = next(share for until, share in SINGLE if year <= until)
    single = max(0.01, single - sum(share for word, share in heads.items() if len(word) == 1)) / other
    pieces = {
        row["position"]: row["characters"]
        for row in reversed(table("given_characters.csv"))
        if row["sex"] == sex and year <= int(row["until"])
    }
    pieces["single"] = "".join(c for c in pieces["single"] if c not in heads)
    # The commonest single characters are heads already; what is left is flat.
    ones, first, second = (
        _zipf(len(pieces["single"]), 0.2),
        _zipf(len(pieces["first"])),
        _zipf(len(pieces["second"])),
    )
    words = [*heads, *pieces["single"], *(a + b for a in pieces["first"] for b in pieces["second"])]
    shares = np.concatenate(
        [list(heads.values()), ones * other * single, np.outer(first, second).ravel() * other * (1 - single)]
    )
    return np.array(words, "<U2"), shares / shares.sum()


def _zipf(n: int, exponent: float = ZIPF) -> np.ndarray:
    weights = np.arange(1.0, n + 1) ** -exponent
    shares: np.ndarray = weights / weights.sum()
    return shares


# --- homes and numbers ---------------------------------------------------------------------------------


def _homes(random: Random, count: int) -> Homes:
    """At least `count` flats: lanes of 4 to 40 houses with 12 to 72 flats each, numbered villages, country houses."""
    lanes = count // 700 + 8
    form = random.choice(3, lanes, p=(0.84, 0.09, 0.07))
    roads = random.integers(0, max(6, lanes // 6), lanes)
    lane = np.where(form == 0, random.integers(1, 3200, lanes), random.integers(1, 20, lanes))
    houses = random.integers(4, 41, lanes)
    floors = random.choice([6, 6, 6, 11, 18], lanes)
    flats = houses * np.where(form == 2, 1, floors * 2)
    while flats.sum() < count:  # few lanes: the draw may fall short
        flats += houses
    of = np.repeat(np.arange(lanes), flats)
    within = np.arange(len(of)) - np.repeat(np.cumsum(flats) - flats, flats)
    house, flat = within % houses[of] + 1, within // houses[of]
    return Homes(form[of], roads[of] % 16, roads[of], lane[of], house, (flat // 2 + 1) * 100 + flat % 2 + 1)


def _identities(born_on: np.ndarray, male: np.ndarray) -> pa.Array:
    """Identity numbers of one division, each once: sequences counted within a day and sex (GB 11643-1999)."""
    day = born_on.astype(np.int64) * 2 + male
    order = np.argsort(day, kind="stable")
    new = np.concatenate([[True], np.diff(day[order]) != 0])
    starts = np.maximum.accumulate(np.where(new, np.arange(len(day)), 0))
    within = np.empty(len(day), np.int64)
    within[order] = np.arange(len(day)) - starts
    if within.max() >= 500:
        raise ValueError("more than 500 people of one sex were born on one day: make fewer people")
    year, month = born_on.astype("datetime64[Y]"), born_on.astype("datetime64[M]")
    ymd = (year.astype(np.int64) + 1970) * 10_000 + (month.astype(np.int64) % 12 + 1) * 100
    ymd += (born_on - month.astype("datetime64[D]")).astype(np.int64) + 1
    # spread the sequences, or every first child of a day would have 000
    sequence = (within * 2 + male + 2 * (ymd * 7919 % 500)) % 1000
    number = ymd * 1000 + sequence
    characters = np.empty((len(day), 18), np.uint8)
    characters[:, :6] = np.frombuffer(DIVISION.encode(), np.uint8)
    for i in range(11):
        characters[:, 16 - i] = number // 10**i % 10 + ord("0")
    characters[:, 17] = check_characters(characters)
    return strings(characters)
