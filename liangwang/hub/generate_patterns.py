"""Texts that fit a column's agreed pattern: the small part of regular expressions that contracts use."""

import re
import string
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TOKEN = re.compile(
    r"(?P<set>\[[^\]]+\]|\\d|\\.|[^\\\[\]{}()?*+|.^$])(?P<times>\{(?P<low>\d+)(?:,(?P<high>\d+))?\}|\?)?"
)


class Part(NamedTuple):
    """Some characters of one set, between `low` and `high` of them."""

    letters: str
    low: int
    high: int


def parts_of(pattern: str) -> list[Part]:
    r"""The parts of a pattern of literals, `\d`, `[A-Z]`, `?` and `{m,n}`; raises ValueError for any other.

    >>> parts_of(r"G\d{1,4}")
    [Part(letters='G', low=1, high=1), Part(letters='0123456789', low=1, high=4)]
    """
    found, place = [], 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None:
            raise ValueError(f"no text can be made for the pattern {pattern!r}, from {pattern[place:]!r} on")
        low = int(token["low"] or (0 if token["times"] == "?" else 1))
        found.append(Part(_letters(token["set"]), low, int(token["high"] or token["low"] or 1)))
        place = token.end()
    return found


def letters_of(pattern: str, n: int, random: np.random.Generator) -> pa.Array:
    """`n` texts that fit the pattern."""
    pieces = []
    for part in parts_of(pattern):
        letters = pa.array(list(part.letters))
        count = random.integers(part.low, part.high + 1, n)
        for place in range(part.high):
            drawn = letters.take(pa.array(random.integers(0, len(part.letters), n)))
            pieces.append(drawn if place < part.low else pc.if_else(pa.array(count > place), drawn, ""))
    return pc.binary_join_element_wise(*pieces, "")


def _letters(token: str) -> str:
    if token == r"\d":
        return string.digits
    if not token.startswith("["):
        return token[-1]
    inner = token[1:-1].replace(r"\d", "0-9")
    spread = re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), inner)
    return spread.replace("\\", "")
