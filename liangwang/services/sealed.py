"""Keeps identity numbers, phones, addresses and accounts sealed in drafts, submissions and results."""

import base64
from collections.abc import Mapping
from typing import Any

from liangwang.base.keys import blind, seal, unseal

SEALED = {
    "identity_number",
    "phone",
    "address",
    "household_address",
    "bank_account",
    "delivery_address",
    "delivery_phone",
    "passport_number",
    "property_address",
}
MARK = "sealed:"


def is_sealed(field: str) -> bool:
    """Whether the value of "role.concept" is kept sealed.

    >>> is_sealed("mother.phone"), is_sealed("delivery.address"), is_sealed("child.name")
    (True, True, False)
    """
    return field.partition(".")[2] in SEALED


def close(field: str, value: Any, owner: str) -> Any:
    """The value as it may lie in a table; `owner` is the ref of the row, so that texts cannot be swapped."""
    if value in (None, "") or not is_sealed(field):
        return value
    return MARK + base64.b85encode(seal(str(value), f"{owner}:{field}")).decode()


def read(field: str, kept: Any, owner: str) -> Any:
    """What `close` was given; somebody may well have typed the mark itself into a field that is not sealed."""
    if is_sealed(field) and isinstance(kept, str) and kept.startswith(MARK):
        return unseal(base64.b85decode(kept.removeprefix(MARK)), f"{owner}:{field}")
    return kept


def read_all(kept: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Every value of a row, opened."""
    return {field: read(field, value, owner) for field, value in kept.items()}


def stand_in(field: str, value: Any) -> Any:
    """What goes into a case's facts: a blind index for sealed values, equal for equal values, else the value."""
    if value in (None, "") or not is_sealed(field):
        return value
    return f"blind:{blind(str(value), field.partition('.')[2])}"


def masked(field: str, value: Any) -> Any:
    """A value as it is shown to others than its owner: first and last characters of sealed ones.

    >>> masked("mother.identity_number", "310105199001011234")
    '310***********1234'
    >>> masked("mother.address", "镇宁路1号")
    '镇*****'
    """
    text = str(value or "")
    if not is_sealed(field) or not text:
        return value
    if len(text) < 8:
        return text[0] + "*" * (len(text) - 1)
    return f"{text[:3]}{'*' * (len(text) - 7)}{text[-4:]}"
