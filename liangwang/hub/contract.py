"""Holds every row to its source's contract, a column at a time, and says every reason why a row is refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.labels import Label

from .declare import Column, Source

Mask = np.ndarray
ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643-1999
ID_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
DATE_FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")
TIME_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
AHEAD = timedelta(minutes=10)

REASONS: dict[str, Label] = {
    "cells": {"zh": "格数与表头不符", "en": "the number of cells differs from the header"},
    "missing": {"zh": "{label}未填", "en": "{label} is missing"},
    "too_long": {"zh": "{label}超过 {bound} 字", "en": "{label} is longer than {bound} characters"},
    "pattern": {"zh": "{label}格式不符", "en": "{label} does not have the agreed form"},
    "not_name": {"zh": "{label}不像姓名", "en": "{label} does not look like a name"},
    "not_identity": {
        "zh": "{label}不是 18 位身份证号",
        "en": "{label} is not an 18-character identity number",
    },
    "check_digit": {"zh": "{label}校验码不符", "en": "the check digit of {label} is wrong"},
    "birth_in_identity": {
        "zh": "{label}中的出生日期不存在",
        "en": "{label} holds a date of birth that does not exist",
    },
    "not_phone": {"zh": "{label}不是 11 位手机号", "en": "{label} is not an 11-digit mobile number"},
    "not_number": {"zh": "{label}不是数字", "en": "{label} is not a number"},
    "not_date": {
        "zh": "{label}不是日期（例 2020-04-12）",
        "en": "{label} is not a date (such as 2020-04-12)",
    },
    "not_time": {
        "zh": "{label}不是时间（例 2020-04-12 08:30）",
        "en": "{label} is not a time (such as 2020-04-12 08:30)",
    },
    "in_future": {"zh": "{label}晚于报送时间", "en": "{label} is later than the delivery"},
    "below": {"zh": "{label}小于 {bound}", "en": "{label} is below {bound}"},
    "above": {"zh": "{label}大于 {bound}", "en": "{label} is above {bound}"},
    "unknown_code": {
        "zh": "{label}不在代码表内（{bound}）",
        "en": "{label} is not among the agreed codes ({bound})",
    },
    "unknown_place": {"zh": "{label}不是本市区划代码", "en": "{label} is not a division code of this city"},
    "double_key": {"zh": "{label}在本批中重复", "en": "{label} occurs twice in this batch"},
}


class Failure(NamedTuple):
    """One reason for many rows: which column, which code, and where it holds."""

    column: str
    code: str
    mask: Mask


@dataclass(frozen=True)
class Checked:
    """Typed columns for all rows (null where a value is wrong) and every failure."""

    columns: dict[str, pa.Array]
    failures: list[Failure]
    bad: Mask


class Context(NamedTuple):
    """What a check needs from outside: the delivery's instant, the city's zone and division codes by level."""

    at: datetime
    zone: ZoneInfo
    places: Callable[[str | None], frozenset[str]]


def check(table: pa.Table, source: Source, context: Context) -> Checked:
    """Types every column and collects every failure; a row with any failure is bad."""
    columns: dict[str, pa.Array] = {}
    failures: list[Failure] = []
    for name, column in source.columns.items():
        text = _plain(table[name].combine_chunks(), column)
        blank = _numpy(pc.equal(text, ""))
        if not column.optional:
            failures.append(Failure(name, "missing", blank))
        columns[name], found = _TYPES[column.type](text, column, context)
        failures += [Failure(name, code, mask & ~blank) for code, mask in found]
    failures.append(_double_keys(table, source))
    failures = [failure for failure in failures if failure.mask.any()]
    bad = np.zeros(table.num_rows, dtype=bool)
    for failure in failures:
        bad |= failure.mask
    return Checked(columns, failures, bad)


def reason(source: Source, column: str, code: str) -> Label:
    """One reason in words, naming the column and its bound."""
    declared = source.columns.get(column)
    if declared is None:
        return REASONS[code]
    bound = {
        "below": declared.min,
        "above": declared.max,
        "too_long": declared.max,
        "unknown_code": " ".join(declared.values),
    }.get(code, "")
    return {
        "zh": REASONS[code]["zh"].format(label=declared.label["zh"], bound=bound),
        "en": REASONS[code]["en"].format(label=declared.label["en"], bound=bound),
    }


# --- by type -------------------------------------------------------------------------------------------

Found = list[tuple[str, Mask]]
Typed = tuple[pa.Array, Found]


def _numpy(mask: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(mask, False))


def _plain(text: pa.Array, column: Column) -> pa.Array:
    """Full-width digits and letters become half-width; identity numbers are upper case without blanks."""
    if column.type in {"text", "name", "address"}:
        return text
    text = pc.utf8_normalize(text, form="NFKC")
    if column.type in {"identity", "phone"}:
        text = pc.replace_substring_regex(text, r"[\s-]", "")
    return pc.utf8_upper(text) if column.type == "identity" else text


def _matches(text: pa.Array, pattern: str) -> Mask:
    return _numpy(pc.match_substring_regex(text, pattern))


def _text(text: pa.Array, column: Column, _: Context) -> Typed:
    found: Found = []
    if column.max is not None:
        found.append(("too_long", _numpy(pc.greater(pc.utf8_length(text), int(column.max)))))
    if column.pattern:
        found.append(("pattern", ~_matches(text, f"^(?:{column.pattern})$")))
    return text, found


def _name(text: pa.Array, _: Column, __: Context) -> Typed:
    good = _matches(text, r"^[\p{Han}·•\.\p{Latin} '-]{2,50}$")
    return text, [("not_name", ~good)]


def _identity(text: pa.Array, _: Column, __: Context) -> Typed:
    shaped = _matches(text, r"^[1-9]\d{16}[\dX]$")
    found: Found = [("not_identity", ~shaped)]
    letters = np.full((len(text), 18), ord("0"), dtype=np.uint8)
    if shaped.any():
        joined = "".join(pc.filter(text, pa.array(shaped)).to_pylist()).encode()
        letters[shaped] = np.frombuffer(joined, dtype=np.uint8).reshape(-1, 18)
    digits = (letters[:, :17] - ord("0")).astype(np.int64)
    expected = ID_CHECKS[(digits @ ID_WEIGHTS) % 11]
    found.append(("check_digit", shaped & (letters[:, 17] != expected)))
    births = pc.strptime(pc.utf8_slice_codeunits(text, 6, 14), format="%Y%m%d", unit="s", error_is_null=True)
    found.append(("birth_in_identity", shaped & _numpy(pc.is_null(births))))
    return text, found


def _phone(text: pa.Array, _: Column, __: Context) -> Typed:
    return text, [("not_phone", ~_matches(text, r"^(?:\+?86)?1[3-9]\d{9}$"))]


def _bounds(values: pa.Array, column: Column) -> Iterator[tuple[str, Mask]]:
    if column.min is not None:
        yield "below", _numpy(pc.less(values, column.min))
    if column.max is not None:
        yield "above", _numpy(pc.greater(values, column.max))


def _number(text: pa.Array, column: Column, _: Context) -> Typed:
    whole = column.type == "integer"
    good = _matches(text, r"^[+-]?\d{1,15}$" if whole else r"^[+-]?\d{1,15}(\.\d{1,9})?$")
    values = pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))
    values = pc.cast(pc.replace_substring_regex(values, r"^\+", ""), pa.int64() if whole else pa.float64())
    return values, [("not_number", ~good), *_bounds(values, column)]


def _parsed(text: pa.Array, forms: tuple[str, ...]) -> pa.Array:
    """Naive instants by the first form that fits the whole text; null where none does."""
    parsed = pc.strptime(text, format=forms[0], unit="s", error_is_null=True)
    for form in forms[1:]:
        parsed = pc.coalesce(parsed, pc.strptime(text, format=form, unit="s", error_is_null=True))
    return parsed


def _date(text: pa.Array, column: Column, context: Context) -> Typed:
    parsed = _parsed(text, DATE_FORMS)
    # strptime lets 2020-02-31 through on some platforms: a date that reads back differently does not exist
    days = pc.cast(parsed, pa.date32())
    same = pc.equal(pc.strftime(parsed, format="%Y%m%d"), pc.replace_substring_regex(text, r"[-/]", ""))
    real = _numpy(same)
    today = context.at.astimezone(context.zone).date()
    found: Found = [("not_date", ~real)]
    if column.max == "today":
        found.append(("in_future", real & _numpy(pc.greater(days, pa.scalar(today)))))
    if isinstance(column.min, str):
        found.append(("below", real & _numpy(pc.less(days, pa.scalar(date.fromisoformat(column.min))))))
    return pc.if_else(pa.array(real), days, pa.scalar(None, pa.date32())), found


def _time(text: pa.Array, _: Column, context: Context) -> Typed:
    local = _parsed(text, TIME_FORMS)
    good = _numpy(pc.is_valid(local))
    aware = pc.assume_timezone(local, str(context.zone), ambiguous="earliest", nonexistent="earliest")
    utc = pc.cast(pc.cast(aware, pa.timestamp("us", "UTC")), pa.timestamp("us", "UTC"))
    limit = pa.scalar((context.at + AHEAD).astimezone(UTC), pa.timestamp("us", "UTC"))
    late = _numpy(pc.greater(utc, limit))
    naive = pc.local_timestamp(utc)
    return naive, [("not_time", ~good), ("in_future", late)]


def _code(text: pa.Array, column: Column, _: Context) -> Typed:
    return text, [("unknown_code", ~_numpy(pc.is_in(text, pa.array(list(column.values)))))]


def _place(text: pa.Array, column: Column, context: Context) -> Typed:
    known = pa.array(sorted(context.places(column.level)), pa.string())
    return text, [("unknown_place", ~_numpy(pc.is_in(text, known)))]


_TYPES: dict[str, Callable[[pa.Array, Column, Context], Typed]] = {
    "text": _text,
    "address": _text,
    "name": _name,
    "identity": _identity,
    "phone": _phone,
    "integer": _number,
    "number": _number,
    "date": _date,
    "time": _time,
    "code": _code,
    "place": _place,
}


def _double_keys(table: pa.Table, source: Source) -> Failure:
    """The second and later rows with the same key; the first one counts."""
    key = pc.binary_join_element_wise(*(table[name].combine_chunks() for name in source.key), "\x1f")
    order = pc.dictionary_encode(key).indices.to_numpy()
    _, first = np.unique(order, return_index=True)
    double = np.ones(table.num_rows, dtype=bool)
    double[first] = False
    return Failure(source.key[0], "double_key", double)
