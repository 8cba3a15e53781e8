"""Invented flats as addresses in the notations that offices use."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.invented_people import Homes, table
from liangwang.hub.normalise.numerals import chinese

DISTRICTS = (
    "黄浦区 徐汇区 长宁区 静安区 普陀区 虹口区 杨浦区 闵行区 宝山区 嘉定区 浦东新区 金山区 松江区 青浦区 奉贤区 崇明区"
).split()
SUFFIXES = "路 东路 西路 南路 北路 中路 公路 大道 支路 一路 二路 三路 新路".split()
LANE, ESTATE, COUNTRY = 0, 1, 2
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
# By form and notation: R the road, village or town, L the lane (l: in Chinese numerals), N the house (n), F the flat.
# Notation 0 is the usual one; 5 is written in full-width digits afterwards.
PATTERNS = {
    LANE: ("RL弄N号F室", "RL-N-F", "RL弄N号F", "RL弄N#F", "Rl弄n号F室", "RL弄N号F室", "R L 弄 N 号 F 室"),
    ESTATE: ("Rl村N号F室", "RL村N号F室", "Rl村N号F", "Rl村N#F", "Rl村n号F室", "Rl村N号F室", "R l村 N号 F室"),
    COUNTRY: ("RL组N号", "RL队N号", "RL村民小组N号", "R第L组N号", "Rl组n号", "RL组N号", "R L组 N号"),
}
FULL_WIDTH = 5


def address_texts(
    homes: Homes, home: np.ndarray, leaves_out: np.ndarray, notation: np.ndarray, no_room: np.ndarray
) -> pa.Array:
    """The address of each flat, string[n]; `leaves_out` 1 the city, 2 the district too, `notation` 0 to 6."""
    form = homes.form[home]
    case = (form * 7 + notation) * 2 + (no_room & (form != COUNTRY))
    order, texts = [], []
    for one in np.unique(case).tolist():
        rows = np.flatnonzero(case == one)
        pattern = PATTERNS[one // 14][one // 2 % 7]
        pattern = pattern.rstrip("F室 #-") if one % 2 else pattern
        some = _written(homes, home[rows], pattern, one // 14)
        texts.append(_wide(some) if one // 2 % 7 == FULL_WIDTH else some)
        order.append(rows)
    place = np.empty(len(home), np.int64)
    place[np.concatenate(order)] = np.arange(len(home))
    return pc.binary_join_element_wise(
        _heads(homes, home, leaves_out), pa.concat_arrays(texts).take(place), ""
    )


def _written(homes: Homes, home: np.ndarray, pattern: str, form: int) -> pa.Array:
    """One pattern filled for some flats."""
    fields = {"L": homes.lane, "N": homes.number, "F": homes.room}
    pieces: list[pa.Array | str] = []
    for letter in pattern:
        if letter == "R":
            pieces.append(_names(form).take(homes.road[home] % len(_names(form))))
        elif letter in fields:
            pieces.append(pc.cast(pa.array(fields[letter][home]), pa.string()))
        elif letter.upper() in fields:
            pieces.append(_numerals().take(fields[letter.upper()][home]))
        else:
            pieces.append(letter)
    return pc.binary_join_element_wise(*pieces, "")


def _heads(homes: Homes, home: np.ndarray, leaves_out: np.ndarray) -> pa.Array:
    heads = [f"上海市{one}" for one in DISTRICTS] + DISTRICTS + [""] * 16
    return pa.array(heads).take(leaves_out * 16 + homes.district[home])


def _wide(texts: pa.Array) -> pa.Array:
    return pa.array([text.translate(WIDE) for text in texts.to_pylist()], pa.string())


@cache
def _numerals() -> pa.Array:
    return pa.array([chinese(i) for i in range(10_000)])


@cache
def _names(form: int) -> pa.Array:
    """Roads, stems of numbered villages, and villages in their towns."""
    stems = [row["stem"] for row in table("roads.csv")]
    if form == LANE:
        return pa.array([stem + suffix for suffix in SUFFIXES for stem in stems])
    if form == ESTATE:
        return pa.array(stems)
    return pa.array([f"{town}镇{stem}村" for town, stem in zip(stems[40:] + stems[:40], stems, strict=True)])
