"""Holds every row to its source's contract: typed columns and every reason of refusal, as one Ibis expression.

The expressions keep to what DuckDB and Spark compute alike: no integer division, no pattern outside the subset that
RE2 and Java share (`\\z` for the end, ranges of code points for scripts), casts that give null instead of an error.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import NamedTuple
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa

from liangwang.base.keys import blind_prefix
from liangwang.base.labels import Label

from .check_digits import born, credit_code_holds, identity_holds
from .declare import Column, Source
from .local_time import to_utc

AHEAD = timedelta(minutes=10)
BLIND_CHARACTERS = 32

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
    "not_document": {"zh": "{label}不是证件号码", "en": "{label} is not the number of an identity document"},
    "other_document": {
        "zh": "{label}与所填证件类型不符",
        "en": "{label} is not a number of the kind of document given",
    },
    "check_digit": {"zh": "{label}校验码不符", "en": "{label} has a wrong check digit"},
    "birth_in_identity": {
        "zh": "{label}中的出生日期不存在",
        "en": "{label} holds a date of birth that does not exist",
    },
    "not_phone": {"zh": "{label}不是 11 位手机号", "en": "{label} is not an 11-digit mobile number"},
    "not_credit_code": {
        "zh": "{label}不是 18 位统一社会信用代码",
        "en": "{label} is not an 18-character unified social credit code",
    },
    "not_plate": {"zh": "{label}不是车牌号", "en": "{label} is not a vehicle plate"},
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


class Context(NamedTuple):
    """What a check needs from outside: the delivery's instant, the city's zone and division codes by level."""

    at: datetime
    zone: ZoneInfo
    places: Callable[[str | None], frozenset[str]]


Values = dict[str, ibis.Value]
Found = dict[str, ibis.Value]


def checked(table: ibis.Table, source: Source, context: Context) -> ibis.Table:
    """`row`, the typed columns of the contract, and `reasons`: array of "column:code" in a fixed order, empty if good.

    `table` has `row`, each column of the contract as normalised text ("" or null where it is blank), and `doubled`:
    whether the row's key occurred before in the batch. Three steps, because an engine computes what stands in a
    column once and what stands inside a condition each time: values, flags, and words for the few rows that are bad.
    """
    names = list(source.columns)
    table = _with_places(table.mutate(**{name: table[name].nullif("") for name in names}), source, context)
    values: Values = {}
    for name, column in source.columns.items():
        typed = _TYPES[column.type].values(table[name], column, context)
        values |= {f"_{part}_{name}": value for part, value in typed.items()}
        values[f"_text_{name}"] = table[name]
    known = {name: table[name] for name in table.columns if name.startswith("_known_")}
    valued = table.select("row", "doubled", **values, **known)
    flags = _flags(valued, source, context)
    flat = valued.select(
        "row",
        **{name: valued[f"_value_{name}"] for name in names},
        **{f"_bad{n}": flag for n, flag in enumerate(flags.values())},
    )
    return flat.select("row", *names, reasons=_reasons(flat, list(flags)))


def _flags(valued: ibis.Table, source: Source, context: Context) -> dict[str, ibis.Value]:
    """ "column:code" -> whether it holds, in the order of the contract."""
    flags: dict[str, ibis.Value] = {}
    for name, column in source.columns.items():
        filled = valued[f"_text_{name}"].notnull()
        if not column.optional:
            flags[f"{name}:missing"] = ~filled
        found = _TYPES[column.type].wrong(Cell(valued, name), column, context)
        flags |= {f"{name}:{code}": filled & flag.fill_null(False) for code, flag in found.items()}
    flags[f"{source.key[0]}:double_key"] = valued["doubled"]
    return flags


def _reasons(flat: ibis.Table, words: list[str]) -> ibis.Value:
    flags = [flat[f"_bad{n}"] for n in range(len(words))]
    said = [
        ibis.ifelse(flag, ibis.literal(word), ibis.null("string"))
        for word, flag in zip(words, flags, strict=True)
    ]
    some = ibis.array(said).filter(lambda word: word.notnull())
    return ibis.ifelse(reduce(or_, flags), some, ibis.literal([], type="array<string>"))


def hashed(table: ibis.Table, source: Source, prefix: Callable[[str], str] = blind_prefix) -> ibis.Table:
    """The table with `<column>_hash` for each sealed column: equal to `base.keys.blind` of its text, null if blank.

    The secret prefix is a literal of the query: never show or log it.
    """
    return table.mutate(
        **{
            f"{name}_hash": (ibis.literal(prefix(column.field)) + table[name])
            .hexdigest("sha256")
            .substr(0, BLIND_CHARACTERS)
            for name, column in source.columns.items()
            if column.sealed
        }
    )


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

# Han with its extensions, 々 and 〇; Latin with its accents: ranges, because RE2 and Java name scripts differently.
NAME = (
    r"^[\x{3005}\x{3007}\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{f900}-\x{faff}\x{20000}-\x{323af}·•. '"
    r"A-Za-z\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{24f}\x{1e00}-\x{1eff}-]+\z"
)
IDENTITY = r"^[1-9]\d{16}[\dX]\z"
PERMIT = r"^8[123]\d{15}[\dX]\z"
RESIDENCE = r"^[A-Z]{3}\d{12}\z"  # foreigners' permanent residence card before 2023
TRAVEL = r"^[A-Z0-9]{6,12}\z"  # passports and travel permits of every issuer
PHONE = r"^1[3-9]\d{9}\z"
CREDIT_CODE = r"^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}\z"  # GB 32100-2015
# GA 36-2018: province, office letter, five characters without I and O (six for new energy), some with a last sign.
PLATE = (
    r"^([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]"
    r"([A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警挂港澳领]|[A-HJ-NP-Z0-9]{6})|使\d{6}|\d{6}使)\z"
)
INTEGER = r"^[+-]?\d{1,15}\z"
NUMBER = r"^[+-]?\d{1,15}(\.\d{1,9})?\z"
TIME = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?\z"


class Cell:
    """One column of a row after the first step: `cell["value"]`, `cell["text"]` and the type's own parts."""

    def __init__(self, table: ibis.Table, name: str) -> None:
        self.table, self.name = table, name

    def __getitem__(self, part: str) -> ibis.Value:
        return self.table[f"_{part}_{self.name}"]

    def other(self, name: str) -> ibis.Value:
        """The text of another column of the row."""
        return self.table[f"_text_{name}"]


class Kind(NamedTuple):
    """What a column type computes of a text (`value` and parts that `wrong` needs), and what may be wrong with it."""

    values: Callable[[ibis.Value, Column, Context], Values]
    wrong: Callable[[Cell, Column, Context], Found]


def _same(text: ibis.Value, _column: Column, _context: Context) -> Values:
    return {"value": text}


def _text(cell: Cell, column: Column, _context: Context) -> Found:
    found: Found = {}
    if column.max is not None:
        found["too_long"] = cell["value"].length() > int(column.max)
    if column.pattern:
        found["pattern"] = ~cell["value"].re_search(rf"^(?:{column.pattern})\z")
    return found


def _name(cell: Cell, _column: Column, _context: Context) -> Found:
    return {"not_name": ~(cell["value"].re_search(NAME) & cell["value"].length().between(2, 50))}


def _shape(code: str, pattern: str) -> Kind:
    return Kind(_same, lambda cell, _column, _context: {code: ~cell["value"].re_search(pattern)})


def _identity_parts(text: ibis.Value, _column: Column, _context: Context) -> Values:
    number = ibis.ifelse(text.re_search(IDENTITY), text.substr(0, 17), ibis.null("string")).try_cast("int64")
    return {"value": text, "number": number, "born": born(text)}


def _identity(cell: Cell, _column: Column, _context: Context) -> Found:
    return {"not_identity": cell["number"].isnull(), **_digits(cell)}


def _digits(cell: Cell) -> Found:
    """What is wrong inside a number that has the shape of an identity number."""
    return {
        "check_digit": ~identity_holds(cell["number"], cell["value"].substr(17, 1)),
        "birth_in_identity": cell["number"].notnull() & cell["born"].isnull(),
    }


def _document_parts(text: ibis.Value, column: Column, context: Context) -> Values:
    travel = (text.re_search(TRAVEL) & text.re_search(r"\d")) | text.re_search(RESIDENCE)
    return {**_identity_parts(text, column, context), "travel": travel}


def _document(cell: Cell, column: Column, _context: Context) -> Found:
    long, travel = cell["number"].notnull(), cell["travel"]
    found: Found = {"not_document": ~(long | travel)}
    if column.kind_in:
        kind, permit = cell.other(column.kind_in), cell["value"].re_search(PERMIT)
        fits = ibis.cases(
            (kind == "identity", long & ~permit),
            (kind == "permit", permit),
            (kind.isin(["passport", "travel_permit"]), travel),
            else_=True,
        )
        found["other_document"] = (long | travel) & ~fits
    return {**found, **_digits(cell)}


def _credit_code_parts(text: ibis.Value, _column: Column, _context: Context) -> Values:
    return {"value": text, "code": ibis.ifelse(text.re_search(CREDIT_CODE), text, ibis.null("string"))}


def _credit_code(cell: Cell, _column: Column, _context: Context) -> Found:
    return {"not_credit_code": cell["code"].isnull(), "check_digit": ~credit_code_holds(cell["code"])}


def _number_parts(text: ibis.Value, column: Column, _context: Context) -> Values:
    whole = column.type == "integer"
    good = text.re_search(INTEGER if whole else NUMBER)
    return {"value": _guarded(good, text.replace("+", ""), "int64" if whole else "float64")}


def _guarded(good: ibis.Value, text: ibis.Value, kind: str) -> ibis.Value:
    """The text as another type where it has the agreed shape, else null: engines read more shapes than we do."""
    return ibis.ifelse(good, text, ibis.null("string")).try_cast(kind)


def _number(cell: Cell, column: Column, _context: Context) -> Found:
    found: Found = {"not_number": cell["value"].isnull()}
    if column.min is not None:
        found["below"] = cell["value"] < column.min
    if column.max is not None:
        found["above"] = cell["value"] > column.max
    return found


def _date_parts(text: ibis.Value, _column: Column, _context: Context) -> Values:
    dashed = ibis.cases(
        (text.re_search(r"^\d{4}-\d{2}-\d{2}\z"), text),
        (text.re_search(r"^\d{4}/\d{2}/\d{2}\z"), text.replace("/", "-")),
        (text.re_search(r"^\d{8}\z"), text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2)),
    )
    return {"value": dashed.try_cast("date")}


def _date(cell: Cell, column: Column, context: Context) -> Found:
    found: Found = {"not_date": cell["value"].isnull()}
    if column.max == "today":
        found["in_future"] = cell["value"] > context.at.astimezone(context.zone).date()
    if isinstance(column.min, str):
        found["below"] = cell["value"] < date.fromisoformat(column.min)
    return found


def _time_parts(text: ibis.Value, _column: Column, context: Context) -> Values:
    whole = ibis.ifelse(text.length() == 16, text + ":00", text).replace("T", " ")
    local = _guarded(text.re_search(TIME), whole, "timestamp(6)")
    return {"value": to_utc(local, context.zone)}


def _time(cell: Cell, _column: Column, context: Context) -> Found:
    limit = (context.at + AHEAD).astimezone(UTC).replace(tzinfo=None)
    return {"not_time": cell["value"].isnull(), "in_future": cell["value"] > ibis.literal(limit)}


def _code(cell: Cell, column: Column, _context: Context) -> Found:
    return {"unknown_code": ~cell["value"].isin(list(column.values))}


def _place(cell: Cell, _column: Column, _context: Context) -> Found:
    return {"unknown_place": cell.table[f"_known_{cell.name}"].isnull()}


def _with_places(table: ibis.Table, source: Source, context: Context) -> ibis.Table:
    """`_known_<column>` beside each column of type place: thousands of codes are a join, not a list in a query."""
    for name, column in source.columns.items():
        if column.type == "place":
            codes = pa.array(sorted(context.places(column.level)), pa.string())
            known = ibis.memtable(pa.table({f"_known_{name}": codes}))
            table = table.left_join(known, table[name] == known[f"_known_{name}"])
    return table


_TYPES: dict[str, Kind] = {
    "text": Kind(_same, _text),
    "address": Kind(_same, _text),
    "name": Kind(_same, _name),
    "identity": Kind(_identity_parts, _identity),
    "document": Kind(_document_parts, _document),
    "phone": _shape("not_phone", PHONE),
    "credit_code": Kind(_credit_code_parts, _credit_code),
    "plate": _shape("not_plate", PLATE),
    "integer": Kind(_number_parts, _number),
    "number": Kind(_number_parts, _number),
    "date": Kind(_date_parts, _date),
    "time": Kind(_time_parts, _time),
    "code": Kind(_same, _code),
    "place": Kind(_same, _place),
}
