"""What a picture of a document proposes for the form: never an answer by itself, the person confirms each value."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from liangwang.engines.ocr import Line

from .compiled import Ask
from .drafting import see
from .forms_of_text import is_identity_number
from .models import Draft, MaterialPage

SURE = 0.6  # below this a line is not proposed at all
_NUMBER = re.compile(r"(?<!\d)(\d{17}[\dXx])(?!\d)")
_NAME = re.compile(r"姓名[:：]?([\u4e00-\u9fff·]{2,15})")
_SEX = re.compile(r"性别[:：]?([男女])")
_ETHNICITY = re.compile(r"民族[:：]?([\u4e00-\u9fff]{1,6}?)(?:族)?(?=出生|$)")
_BORN = re.compile(r"(?:出生|出生日期)[:：]?(\d{4})年?[-.]?(\d{1,2})月?[-.]?(\d{1,2})日?")
_ADDRESS = re.compile(r"住址[:：]?(\S{4,})")
_END = re.compile(r"公民身份号码|签发机关|有效期")


class Proposal(NamedTuple):
    """A value that a picture suggests for a field, with how sure the reading is (0 to 1)."""

    ask: Ask
    value: str
    score: float


def proposals(draft: Draft, page: MaterialPage, lines: Sequence[Line], at: datetime) -> list[Proposal]:
    """What the lines of a page suggest for the fields of its role that are still asked.

    Values that stand in the form already are not proposed again.
    """
    seen = see(draft, at)
    asks = [ask for ask in seen.compiled.asks if ask.role == page.material.role]
    found = values_in(lines, asks)
    return [
        Proposal(ask, *found[ask.id])
        for ask in asks
        if ask.id in found and found[ask.id][0] != seen.answers.get(ask.id)
    ]


def values_in(lines: Sequence[Line], asks: Iterable[Ask]) -> dict[str, tuple[str, float]]:
    """Field → (value, score) of what the lines say: an identity card by its layout, anything else by its labels."""
    sure = [line for line in lines if line.score >= SURE]
    card = card_values([line.text for line in sure])
    lowest = min((line.score for line in sure), default=0.0)
    found: dict[str, tuple[str, float]] = {}
    for ask in asks:
        key = ask.id.partition(".")[2]
        if key in card:
            found[ask.id] = card[key], lowest
        elif labelled := _labelled(ask.label["zh"], sure):
            found[ask.id] = labelled
    return found


def card_values(texts: Sequence[str]) -> dict[str, str]:
    """What an identity card says; a number with a wrong check digit is no number.

    >>> card_values(["姓名林晓", "性别女民族汉", "住址上海市长宁区长宁路515", "号402室"])["household_address"]
    '上海市长宁区长宁路515号402室'
    """
    clean = [re.sub(r"\s+", "", text) for text in texts]
    whole = "\n".join(clean)
    found: dict[str, str] = {}
    for key, pattern in (("name", _NAME), ("sex", _SEX), ("ethnicity", _ETHNICITY)):
        hit = next((hit for text in clean if (hit := pattern.search(text))), None)
        if hit:
            found[key] = hit[1]
    if "sex" in found:
        found["sex"] = {"男": "m", "女": "f"}[found["sex"]]
    if "ethnicity" in found:
        found["ethnicity"] += "族"
    if hit := _BORN.search(whole):
        found["birth_date"] = f"{hit[1]}-{int(hit[2]):02d}-{int(hit[3]):02d}"
    if address := _address(clean):
        found["household_address"] = address
    number = next((n for n in _NUMBER.findall(whole) if is_identity_number(n.upper())), "")
    if number:
        found["identity_number"] = number.upper()
        said = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
        if found.get("birth_date", said) != said:  # one of the two was misread: propose neither date
            del found["birth_date"]
    return found


def _address(clean: Sequence[str]) -> str:
    """The address may run over several lines, until the next label."""
    start = next((n for n, text in enumerate(clean) if _ADDRESS.search(text)), None)
    if start is None:
        return ""
    hit = _ADDRESS.search(clean[start])
    parts = [hit[1] if hit else ""]
    for text in clean[start + 1 : start + 3]:
        if _END.search(text) or _NUMBER.search(text):
            break
        parts.append(text)
    return "".join(parts)


def _labelled(label: str, lines: Iterable[Line]) -> tuple[str, float] | None:
    """The text behind a label on its line: 证书编号：A-12."""
    pattern = re.compile(re.escape(label) + r"\s*[:：]\s*(\S.*)$")
    for line in lines:
        if hit := pattern.search(line.text):
            return hit[1].strip(), line.score
    return None
