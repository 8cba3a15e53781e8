"""Texts that have a form of their own: identity numbers, credit codes, phones, e-mail; tidied, checked, and what to change."""

import re
from collections.abc import Callable
from typing import NamedTuple

from liangwang.base.labels import Label
from liangwang.hub.check_digits import ALPHABET, CHECKS

_IDENTITY_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CODE_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


class Form(NamedTuple):
    """A form of text: `tidied` is how it is kept, `holds` whether it can be right, `remedy` what to look at."""

    tidied: Callable[[str], str]
    holds: Callable[[str], bool]
    remedy: Label


def is_identity_number(text: str) -> bool:
    """Whether an 18-character identity number has the right check character (GB 11643; region codes are not judged).

    >>> is_identity_number("11010519491231002X"), is_identity_number("110105194912310021")
    (True, False)
    """
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _IDENTITY_WEIGHTS, strict=False))
    return CHECKS[(12 - total) % 11] == text[17]


def is_credit_code(text: str) -> bool:
    """Whether a unified social credit code has the right check character (GB 32100-2015, MOD 31-3).

    >>> is_credit_code("91350100M000100Y43"), is_credit_code("91350100M000100Y44")
    (True, False)
    """
    if len(text) != 18 or not set(text) <= set(ALPHABET):
        return False
    total = sum(ALPHABET.index(sign) * weight for sign, weight in zip(text, _CODE_WEIGHTS, strict=False))
    return ALPHABET[(31 - total) % 31] == text[17]


def is_phone(text: str) -> bool:
    """Whether a text is a mobile number of the mainland, a landline with its area code, or a number with + and country.

    >>> [is_phone(text) for text in ("13800000001", "02162345678", "+4915112345678", "12345")]
    [True, True, True, False]
    """
    return bool(re.fullmatch(r"1[3-9][0-9]{9}|0[0-9]{2,3}[0-9]{7,8}|\+[1-9][0-9]{6,14}", text))


def is_email(text: str) -> bool:
    """Whether a text has the shape of an e-mail address; whether it exists only a message to it can tell.

    >>> is_email("lin@example.org"), is_email("lin@example"), is_email("lin example@x.cn")
    (True, False, False)
    """
    return bool(re.fullmatch(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"'.]{2,}", text))


def _bare(text: str) -> str:
    return re.sub(r"[\s-]", "", text).upper()


def _dialled(text: str) -> str:
    bare = re.sub(r"[\s()（）-]", "", text)
    return re.sub(r"^(\+|00)86(?=1[3-9]\d{9}$)", "", bare)


FORMS: dict[str, Form] = {
    "identity_number": Form(
        _bare, is_identity_number, {"zh": "请核对 18 位号码", "en": "check all 18 characters"}
    ),
    "credit_code": Form(
        _bare,
        is_credit_code,
        {"zh": "请对照营业执照核对 18 位代码", "en": "check the 18 characters on the business licence"},
    ),
    "phone": Form(
        _dialled,
        is_phone,
        {
            "zh": "手机填 11 位，座机带区号，境外号码以 + 开头",
            "en": "11 digits for a mobile, the area code for a landline, + and country code from abroad",
        },
    ),
    "email": Form(str.strip, is_email, {"zh": "如 lin@example.org", "en": "such as lin@example.org"}),
}
