"""实施编码: how the national number of an item is built, which of its parts a declaration tells, and which nobody knows yet.

GB/T 39554.1-2020 (全国一体化政务服务平台 政务服务事项基本目录及实施清单 第1部分：编码要求): 31 characters, the credit code of the
office that acts (18), the level at which it acts (1), and the number in the basic list (基本编码, 12: region 2, kind 2,
department 2, main item 3, part 3). The national platform gives the number; nobody here may make one up, so an item
whose number is not known says so. The lengths were checked on published numbers; the text of the standard was not at hand.
"""

import re
from typing import NamedTuple

from liangwang.base.labels import Label

CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}[1-6][0-9]{2}[0-9]{2}[0-9A-Z]{8}")
BASIC = re.compile(r"[0-9]{2}[0-9]{2}[0-9A-Z]{8}")
KINDS = {
    "licence": "01",
    "levy": "04",
    "grant": "05",
    "confirmation": "07",
    "award": "08",
    "ruling": "09",
    "other_power": "10",
    "public_service": "20",
}
# 省级 is 2. Which digit the districts of a municipality have was not found in a public number: it stays open.
LEVELS = {"city": "2"}
OPEN = "·"


class Part(NamedTuple):
    """One part of a number: how long it is, and what stands there; "" where only the platform knows."""

    key: str
    label: Label
    width: int
    text: str


PARTS: tuple[tuple[str, int, Label], ...] = (
    ("office", 18, {"zh": "实施主体信用代码", "en": "Credit code of the office"}),
    ("level", 1, {"zh": "行使层级", "en": "Level"}),
    ("region", 2, {"zh": "目录所属地区", "en": "Region of the list"}),
    ("kind", 2, {"zh": "事项类型", "en": "Kind"}),
    ("department", 2, {"zh": "主管部门", "en": "Department"}),
    ("main", 3, {"zh": "主项", "en": "Main item"}),
    ("part", 3, {"zh": "子项", "en": "Part"}),
)
"""The parts of the 31 characters, in order; the last five are the basic number."""


def parts(code: str | None, basic_code: str | None, *, kind: str, level: str) -> tuple[Part, ...]:
    """Every part of an item's number: of the number itself where it is known, else as far as the declaration tells.

    >>> [part.text for part in parts(None, None, kind="licence", level="city")]
    ['', '2', '', '01', '', '', '']
    """
    known = code or (basic_code and OPEN * 19 + basic_code) or ""
    told = {"kind": KINDS[kind], "level": LEVELS.get(level, "")}
    found, start = [], 0
    for key, width, label in PARTS:
        text = known[start : start + width].strip(OPEN)
        found.append(Part(key, label, width, text or told.get(key, "")))
        start += width
    return tuple(found)


def outline(given: tuple[Part, ...]) -> str:
    """The number with a dot for every character that is not known.

    >>> outline(parts(None, None, kind="grant", level="district"))
    '···················  ··05········'
    """
    texts = [part.text or OPEN * part.width for part in given]
    return "".join(texts[:2]) + "  " + "".join(texts[2:])


def fault(code: str | None, basic_code: str | None, kind: str) -> str | None:
    """What is wrong with a number, in English; None where it can be right or is not known.

    >>> fault("11650000010183859F2650116013001", None, "licence"), fault("1165", None, "licence")
    (None, 'a code has 31 characters: credit code of the office (18), level (1), basic code (12)')
    >>> fault(None, "650116013001", "grant")
    "kind 'grant' is 05 in a basic code, not 01"
    """
    if code is not None and not CODE.fullmatch(code):
        return "a code has 31 characters: credit code of the office (18), level (1), basic code (12)"
    if basic_code is not None and not BASIC.fullmatch(basic_code):
        return "a basic code has 12 characters: region (2), kind (2), department (2), main item (3), part (3)"
    if code and basic_code and code[19:] != basic_code:
        return "the last 12 characters of a code are its basic code"
    basic = basic_code or (code or "")[19:]
    if basic and basic[2:4] != KINDS[kind]:
        return f"kind '{kind}' is {KINDS[kind]} in a basic code, not {basic[2:4]}"
    return None
