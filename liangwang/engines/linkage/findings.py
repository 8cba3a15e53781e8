"""What the comparison of two records can show: names, births, phones, homes, and what a family shares anyway."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from .columns import PHONE_WINDOWS


class Level(NamedTuple):
    """One finding: its name, when it holds of `_l` and `_r` columns, and how many pairs of `records` show it, in SQL."""

    key: str
    when: str
    pairs: str


def equal(*names: str) -> str:
    return " and ".join(f"{name}_l = {name}_r" for name in names)


def agreeing(*names: str) -> str:
    """SQL: how many pairs of records agree on these columns."""
    columns = ", ".join(names)
    known = " and ".join(f"{name} is not null" for name in names)
    groups = f"select count(*)::double n from records where {known} group by {columns}"
    return f"(select coalesce(sum(n * (n - 1) / 2), 0) from ({groups}))"


SWAPPED = (
    "(select coalesce(sum(a.n * b.n) / 2, 0) from (select year, month, day, count(*)::double n from records group by all) a "
    "join (select year, month, day, count(*)::double n from records group by all) b "
    "on a.year = b.year and a.month = b.day and a.day = b.month and a.month <> a.day)"
)
WINDOWS_THAT_AGREE = f"({' + '.join(f'({equal(name)})::int' for name in PHONE_WINDOWS)})"
DIGIT = " + ".join(f"{agreeing(one, other)} - {agreeing('phone')}" for one, other in pairwise(PHONE_WINDOWS))
# The finest finding first; what fits none is `else`. Each count leaves out what a finer finding already took.
COMPARISONS: dict[str, tuple[str, tuple[Level, ...]]] = {
    "name": (
        "name",
        (
            Level("exact", equal("name"), agreeing("name")),
            Level("homophone", equal("pinyin"), f"{agreeing('pinyin')} - {agreeing('name')}"),
            Level(
                "one_character",
                "surname_l = surname_r and (first_l = first_r or rest_l = rest_r "
                "or rest_l is null and first_l = rest_r or rest_r is null and first_r = rest_l)",
                f"{agreeing('surname', 'first')} + {agreeing('surname', 'rest')} "
                f"- {agreeing('surname', 'first', 'rest')} - {agreeing('name')}",
            ),
            Level("given", equal("given"), f"{agreeing('given')} - {agreeing('name')}"),
            Level(
                "surname",
                equal("surname"),
                f"{agreeing('surname')} - {agreeing('surname', 'first')} "
                f"- {agreeing('surname', 'rest')} + {agreeing('surname', 'first', 'rest')}",
            ),
        ),
    ),
    "birth": (
        "birth",
        (
            Level("exact", equal("birth"), agreeing("birth")),
            Level("swapped", "year_l = year_r and month_l = day_r and day_l = month_r", SWAPPED),
            Level("month", equal("year", "month"), f"{agreeing('year', 'month')} - {agreeing('birth')}"),
            Level("month_day", equal("month", "day"), f"{agreeing('month', 'day')} - {agreeing('birth')}"),
            Level("year_day", equal("year", "day"), f"{agreeing('year', 'day')} - {agreeing('birth')}"),
            Level(
                "year",
                equal("year"),
                f"{agreeing('year')} - {agreeing('year', 'month')} - {agreeing('year', 'day')} + {agreeing('birth')}",
            ),
        ),
    ),
    "phone": (
        "phone",
        (
            Level("exact", equal("phone"), agreeing("phone")),
            Level("digit", f"{WINDOWS_THAT_AGREE} >= 2", DIGIT),
            Level(
                "neighbours",
                f"{WINDOWS_THAT_AGREE} >= 1",
                f"{' + '.join(agreeing(name) for name in PHONE_WINDOWS)} "
                f"- {len(PHONE_WINDOWS)} * {agreeing('phone')} - 2 * ({DIGIT})",
            ),
        ),
    ),
    "address": (
        "road",
        (
            Level("room", equal("room"), agreeing("room")),
            Level("building", equal("building"), f"{agreeing('building')} - {agreeing('room')}"),
            Level("lane", equal("lane"), f"{agreeing('lane')} - {agreeing('building')}"),
            Level("road", equal("road"), f"{agreeing('road')} - {agreeing('lane')}"),
        ),
    ),
    "sex": ("sex", (Level("same", equal("sex"), agreeing("sex")),)),
    "source": ("source", (Level("same", equal("source"), agreeing("source")),)),
}
# A family shares its phone, its home and its surname: that two of them agree says far less than one after the other. What
# the product says too much is taken back by a comparison of its own, which is unknown where nothing is shared. Kin are those
# of one surname with unlike names; a child gives its parent's phone, with that record's own wrong digit.
KIN = "surname_l = surname_r and pinyin_l <> pinyin_r"
LINE = f"{WINDOWS_THAT_AGREE} >= 1"
HOUSEHOLD: tuple[tuple[str, str], ...] = (
    ("room", f"{LINE} and room_l = room_r"),
    ("building", f"{LINE} and building_l = building_r"),
    ("", f"({LINE} or room_l = room_r)"),
)
RELATED: tuple[tuple[str, str], ...] = (
    ("sibling", f"{KIN} and (first_l = first_r or rest_l = rest_r)"),  # many share a character
    ("kin", KIN),
)
KEYS_SHARED = ("room", "building", "sibling", "kin")
KEYS = {name: (*(level.key for level in some), "else") for name, (_, some) in COMPARISONS.items()}
