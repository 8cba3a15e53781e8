"""Reads what was typed into a form: the value, or what to change, in words of the field's own label."""

import re
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from liangwang.base.labels import Label

from . import address
from .compiled import Ask
from .forms_of_text import FORMS
from .signing import signed_words

Value = str | int | float | None
LENGTH_MAX = 500
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．：－　", "0123456789.:- ")


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """What another device or person has saved in a field meanwhile, and when; `mine` lies aside until she chooses."""

    value: str
    mine: str
    at: str
    version: int


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One field that needs another look: `field` is its id, `message` says what to do; `other` where two wrote in it."""

    field: str
    message: Label
    other: Other | None = None


def tidy(text: str) -> str:
    """What a person meant by what an input method typed: no outer blanks, half-width digits.

    >>> tidy(" １８：０５ ")
    '18:05'
    """
    return text.strip().translate(_FULL_WIDTH).strip()


def problems(asks: Iterable[Ask], answers: Mapping[str, str], today: date) -> list[FieldProblem]:
    """Every field whose answer cannot be used yet, in the order of the page."""
    found = []
    for ask in asks:
        _, message = read_value(ask, answers.get(ask.id, ""), today)
        if message and ask.group:
            role = ask.role_label
            message = {"zh": f"{role['zh']}：{message['zh']}", "en": f"{role['en']}: {message['en']}"}
        if message:
            found.append(FieldProblem(field=ask.id, message=message))
    return found


def read_value(ask: Ask, typed: str, today: date) -> tuple[Value, Label | None]:
    """The value of one answer, or None and what to change; an empty answer to an optional question is None."""
    text = tidy(typed)
    zh, en = ask.label["zh"], ask.label["en"]
    if not text:
        if not ask.required:
            return None, None
        verb_zh, verb_en = _VERBS.get(ask.kind, ("请选择", "Choose") if ask.choices else ("请填写", "Enter"))
        return None, {"zh": f"{verb_zh}{zh}", "en": f"{verb_en} {en[:1].lower()}{en[1:]}"}
    if ask.choices:
        return _choice(ask, text)
    reader = _READERS.get(ask.kind)
    if reader:
        return reader(ask, text, today)
    return _text(ask, text)


def _choice(ask: Ask, text: str) -> tuple[Value, Label | None]:
    if text in {choice.value for choice in ask.choices}:
        return text, None
    return None, {
        "zh": f"请从列出的选项中选择{ask.label['zh']}",
        "en": f"Choose one of the options for {ask.label['en']}",
    }


def _text(ask: Ask, text: str) -> tuple[Value, Label | None]:
    zh, en = ask.label["zh"], ask.label["en"]
    form = FORMS.get(ask.kind)
    if form is not None:
        text = form.tidied(text)
        if not form.holds(text):
            return None, {"zh": f"{zh}有误，{form.remedy['zh']}", "en": f"{en}: {form.remedy['en']}"}
    longest = ask.max_length or LENGTH_MAX
    if len(text) > longest:
        message: Label = {
            "zh": f"{zh}最多 {longest} 个字，现在是 {len(text)} 个",
            "en": f"{en} has {len(text)} characters; at most {longest}",
        }
        return None, message
    if ask.min_length and len(text) < ask.min_length:
        return None, {
            "zh": f"{zh}至少 {ask.min_length} 个字",
            "en": f"{en} has at least {ask.min_length} characters",
        }
    if not all(re.fullmatch(pattern, text) for pattern in ask.patterns):
        hint = ask.hint or {"zh": "请核对格式", "en": "check its form"}
        return None, {
            "zh": f"{zh}的格式不对:{hint['zh']}",
            "en": f"{en} is not in the right form: {hint['en']}",
        }
    return text, None


def _number(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    zh, en = ask.label["zh"], ask.label["en"]
    try:
        value = int(text) if ask.kind == "whole" else float(text)
    except ValueError:
        return None, {"zh": f"{zh}请填数字", "en": f"{en} is a number"}
    if (ask.minimum is not None and value < ask.minimum) or (ask.maximum is not None and value > ask.maximum):
        low, high = _plain(ask.minimum), _plain(ask.maximum)
        return None, {
            "zh": f"{zh}应在 {low} 到 {high} 之间，请核对",
            "en": f"{en} lies between {low} and {high}; check it",
        }
    return value, None


def _plain(limit: float | None) -> str:
    return "…" if limit is None else f"{limit:g}"


def _money(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    """Yuan as typed, kept in 分."""
    match = re.fullmatch(r"(\d{1,12})(?:\.(\d{1,2}))?", text.replace(",", "").removesuffix("元"))
    if not match:
        return None, {
            "zh": f"{ask.label['zh']}请填金额，如 1234.50",
            "en": f"{ask.label['en']} is an amount such as 1234.50",
        }
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")), None


def _date(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    zh, en = ask.label["zh"], ask.label["en"]
    match = re.fullmatch(r"(\d{4})[-./年](\d{1,2})[-./月](\d{1,2})日?", text)
    try:
        value = date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        value = None
    if value is None:
        return None, {
            "zh": f"{zh}请填真实的日期，如 2026-11-08",
            "en": f"{en} is a real date such as 2026-11-08",
        }
    if ask.not_after_today and value > today:
        return None, {"zh": f"{zh}不能晚于今天", "en": f"{en} is not after today"}
    return value.isoformat(), None


def _yes_no(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    if text in {"yes", "no"}:
        return text, None
    return None, {"zh": f"{ask.label['zh']}请选择是或否", "en": f"Choose yes or no for {ask.label['en']}"}


def _address(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    if (needs := address.lacking(text)) is not None:
        return None, {
            "zh": f"{ask.label['zh']}：{needs['zh']}",
            "en": f"{ask.label['en']}: {needs['en']}",
        }
    return _text(ask, address.one_line(text))


def _signature(ask: Ask, text: str, today: date) -> tuple[Value, Label | None]:
    return signed_words(text), None


_VERBS = {"signature": ("请签名：", "Sign:"), "yes_no": ("请选择", "Choose")}
_READERS = {
    "address": _address,
    "signature": _signature,
    "whole": _number,
    "number": _number,
    "money": _money,
    "date": _date,
    "yes_no": _yes_no,
}
