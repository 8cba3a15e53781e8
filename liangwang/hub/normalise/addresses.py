"""Addresses as Shanghai writes them: one canonical text, its parts, and keys at the level of room, building, lane and road.

区 / 街镇 / 居村委 / 路 / 弄 / 支弄 / 号 / 幢 / 单元 / 室, beside them 近×路 and in the country 村 / 组 / 宅. The forms are
from general knowledge of how offices write them: no standard is cited, and an address that has another form keeps
its text and has no parts.
"""

import re
import unicodedata
from csv import DictReader
from functools import cache, lru_cache
from importlib.resources import files
from string import ascii_lowercase, ascii_uppercase
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from .names import folding, unfolded
from .numerals import arabic, chinese
from .shapes import by_distinct, holding, matches, text_array

HOME = "上海"  # the city whose name may be left out
_N = "〇零一二三四五六七八九十百两"
_JUNK = re.compile(r"[\s\u200b-\u200f\u2060\ufeff,;:。、*\"'|]+")
_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)
_DASHES = re.compile(r"[-‐-―−_~—/]+")
_UNITS = "号|弄|支弄|室|幢|栋|座|单元|层|楼|组|队|村民小组"
_COUNTED = re.compile(rf"[{_N}千]{{1,12}}(?={_UNITS})")  # bounded, or a long run takes quadratic time
_NAMED = re.compile(r"(?<=[一-鿿])(?<![号弄室幢栋])(\d{1,2})(?=村(?!民小组)|路)")
_SHORT = re.compile(r"(?<=[路街道村])(\d+)-(\d+)-(\d{2,4}[A-Z]?)室?$")
_SHORT_NUMBER = re.compile(r"(?<=弄)(\d+)-(\d{3,4}[A-Z]?)室?$")
_SHORT_PAIR = re.compile(r"(?<=[路街道村])(\d+)-(\d{1,2})$")
_SHORT_HOUSE = re.compile(r"(?<=[路街道村])(\d+)-(\d{3,4}[A-Z]?)室?$")
_LAST_NUMBER = re.compile(r"(?<=[弄村])(\d{1,3})$")
_SHORT_ROOM = re.compile(r"(?<=[号幢栋座元])-?(\d{2,4}[A-Z]?)$")
_NEAR = re.compile(r"\(?(?:靠近|近)([一-鿿]{1,9}?(?:路|街|大道|公路))(?:路口|口)?\)?")
_NO = r"\d+(?:-\d+)?[甲乙丙丁戊己A-Z]?"
# Texts that need no more than that, and what in them still needs a closer look (RE2; `normal` decides).
USUAL = r"^[一-鿿0-9A-Z()]*[一-鿿][一-鿿0-9A-Z()]*$"
UNUSUAL = rf"[{_N}千](?:{_UNITS})|\d[村路]|[号幢栋座元弄村]\d+[A-Z]?$"
PARTS = pa.schema(
    [
        (name, pa.string())
        for name in (
            "elsewhere", "district", "town", "committee", "village", "group", "hamlet", "road", "near",
            "lane", "sublane", "number", "building", "unit", "room",
            "road_key", "lane_key", "building_key", "room_key",
        )
    ]
)  # fmt: skip
_WHOLE = re.compile(
    rf"""
    (?P<elsewhere>[一-鿿]{{2,8}}?(?:省|自治区)(?:[一-鿿]{{2,8}}?市)?|[一-鿿]{{2,4}}?市(?=[一-鿿]{{1,4}}[区县]))?
    (?P<district>[一-鿿]{{1,4}}?(?:新区|(?<![小园社院厂校景])区|县))?
    (?P<town>[一-鿿]{{1,7}}?(?:街道|[镇乡])(?![路街弄]|大道|公路))?
    (?P<committee>[一-鿿]{{1,10}}?(?:居委会?|居民委员会|村委会|村民委员会|社区))?
    (?:(?P<village>[一-鿿]{{1,8}}?(?<!新)(?<![{_N}])村)(?![路街]))?
    (?:第?(?P<group>\d{{1,3}})(?:村民小组|组|队))?
    (?P<hamlet>[一-鿿]{{1,6}}[宅埭浜圩](?=\d|$))?
    (?P<road>[一-鿿A-Z0-9]{{1,12}}?(?:新村|[{_N}]村|路|街(?![道路])|(?<!街)道(?!路)|巷)(?![{_N}]村|路))?
    (?P<estate>[一-鿿]{{2,10}}(?:苑|园|庭|城|小区|公寓|花园|家园|大厦|广场|坊|里|邨))?
    (?:(?P<lane>{_NO})弄)?
    (?:(?P<sublane>{_NO})支弄)?
    (?:[^\d室号弄]{{0,8}}?(?P<number>{_NO})号(?!楼)(?P<part>[甲乙丙丁戊己](?![座幢栋]))?)?
    (?:\d+[楼层])?
    (?:[^\d室弄]{{0,12}}?(?P<building>\d+|[A-Z]|[甲乙丙丁东南西北中])(?:幢|栋|号楼|座))?
    (?:(?P<unit>\d+|[A-Z])单元)?
    (?:\d+[楼层])?
    (?:[^\d室]{{0,12}}?(?P<room>[A-Z]?\d{{1,5}}(?:-\d{{1,2}})?[A-Z]?|[A-Z])室)?
    """,
    re.VERBOSE,
)
_READ = (*_WHOLE.groupindex, "near")


def column(values: pa.Array, city: str = HOME) -> pa.Array:
    """Addresses in one notation, without the name of the city; what has no Han character stays as it is.

    What is written in the usual notation takes no more than width, case and the city's name, and is done at once.
    """
    values = text_array(values)
    found = pc.ascii_upper(pc.utf8_normalize(values, form="NFKC"))
    found = pc.replace_substring_regex(found, f"^{city}市", "")
    usual = pc.and_(matches(found, USUAL), pc.invert(matches(found, rf"{UNUSUAL}|^{city}|^中国|^市辖区")))
    traditional = holding(found, unfolded())
    odd = pc.and_(pc.is_valid(values), pc.or_(pc.invert(usual), traditional))
    return pc.replace_with_mask(found, odd, by_distinct(values.filter(odd), lambda text: normal(text, city)))


def normal(text: str, city: str = HOME) -> str:
    """One address in its canonical form.

    >>> normal("上海市 长宁区江苏路一百弄５＃６０２")
    '长宁区江苏路100弄5号602室'
    >>> normal("曹杨1村十二号甲"), normal("愚园路1088弄48-602")
    ('曹杨一村12号甲', '愚园路1088弄48号602室')
    """
    # without the blank between them two characters may be one, so the form is taken again
    found = unicodedata.normalize("NFKC", _JUNK.sub("", unicodedata.normalize("NFKC", text)))
    found = found.translate(_CAPITALS).translate(folding())
    if not any("一" <= c <= "鿿" for c in found):
        return text
    found = _DASHES.sub("-", found.replace("#", "号"))
    found = _city(city).sub("", found)
    found = _COUNTED.sub(lambda m: arabic(m[0]), found)
    found = _NAMED.sub(lambda m: chinese(int(m[1])), found)
    found = _SHORT.sub(r"\1弄\2号\3室", found)
    found = _SHORT_NUMBER.sub(r"\1号\2室", found)
    found = _SHORT_PAIR.sub(r"\1弄\2号", found)
    found = _SHORT_HOUSE.sub(r"\1号\2室", found)
    found = _LAST_NUMBER.sub(r"\1号", found)
    return _SHORT_ROOM.sub(r"\1室", found) or text


def parts(values: pa.Array) -> pa.Table:
    """What canonical addresses say (`PARTS`); a level that is not written is null.

    The keys leave district and town out, because half of the sources do, and roads are unique in one city; those of
    another city (`elsewhere`) begin with its name. In the
    country the village stands for the road and the group for the lane.
    """
    codes = pc.dictionary_encode(text_array(values))
    rows = [_read(text) for text in codes.dictionary.to_pylist()]
    columns = zip(*rows, strict=True) if rows else ([] for _ in _READ)
    read = {name: pa.array(one, pa.string()) for name, one in zip(_READ, columns, strict=True)}
    read["road"] = pc.coalesce(read["road"], read["estate"])
    read["number"] = _joined("", read["number"], _or_empty(read["part"]))
    read["district"] = _merged(read["district"])
    found = pa.table({**read, **_keys(read)}).select(PARTS.names)
    return found.take(codes.indices)


def _read(text: str) -> tuple[str | None, ...]:
    """The groups of the expression, then what the address is near to."""
    near = None
    if "近" in text and (found := _NEAR.search(text)):
        near = found[1]
        text = text[: found.start()] + text[found.end() :]
    # every group is optional, so any text matches
    return *cast(re.Match[str], _WHOLE.match(text)).groups(), near


def _merged(districts: pa.Array) -> pa.Array:
    codes = pc.dictionary_encode(districts)
    now = pa.array([merged_districts().get(one, one) for one in codes.dictionary.to_pylist()], pa.string())
    return now.take(codes.indices)


def _or_empty(values: pa.Array) -> pa.Array:
    return pc.fill_null(values, "")


def _joined(separator: str, *columns: pa.Array) -> pa.Array:
    """The columns as one text; null where one of them is null."""
    return pc.binary_join_element_wise(*columns, separator)


def _keys(read: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Keys by road, lane, building and room; a level without a value of its own has none."""
    none = pa.scalar(None, pa.string())
    road = _joined("", _or_empty(read["elsewhere"]), pc.coalesce(read["road"], read["village"]))
    lane = pc.coalesce(read["lane"], read["group"])
    by_lane = _joined("/", road, _or_empty(lane))
    house = [read[name] for name in ("sublane", "hamlet", "number", "building")]
    housed = pc.or_(pc.is_valid(read["number"]), pc.is_valid(read["building"]))
    at = pc.if_else(housed, _joined("/", by_lane, _joined(".", *map(_or_empty, house))), none)
    return {
        "road_key": road,
        "lane_key": pc.if_else(pc.is_valid(lane), by_lane, none),
        "building_key": at,
        "room_key": _joined("/", at, _joined(".", _or_empty(read["unit"]), read["room"])),
    }


@lru_cache
def _city(name: str) -> re.Pattern[str]:
    """The name of the city at the head of an address, once or more, with and without 市."""
    return re.compile(
        rf"^(?:中国)?(?:{re.escape(name)}市|{re.escape(name)}(?=[一-鿿]{{1,4}}[区县市]))+(?:市辖区)?"
    )


@cache
def merged_districts() -> dict[str, str]:
    """Former districts and counties of Shanghai with the district that took them over."""
    with (files(__package__) / "merged_districts.csv").open(encoding="utf-8") as table:
        return {row["old"]: row["now"] for row in DictReader(table)}
