"""Turns records into small integers, so that every comparison of two records is an equality, and joins them into pairs."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PHONE_WINDOWS = tuple(f"phone_{window}" for window in range(10))
TEXT = ("source", "identity", "name", "surname", "pinyin", "sex", "phone", *PHONE_WINDOWS)
ADDRESS = ("road", "lane", "building", "room")

# Records that agree on all columns of one rule are compared. Each rule stands for one way in which records of one person
# still meet when other fields are missing, old or wrong; what each adds is in docs/decisions/0008.
RULES: tuple[tuple[str, ...], ...] = (
    ("phone",),
    ("pinyin", "birth"),
    ("pinyin", "year", "month"),
    ("pinyin", "month", "day"),
    ("pinyin", "road"),
    ("surname", "birth"),
    ("given", "birth"),
    ("given", "building"),
    ("surname", "building"),
    ("birth", "road"),
    ("year", "building"),
    ("room",),
    ("name",),
    *((window, "year") for window in PHONE_WINDOWS),
)
BLOCK_MAX = 60  # a key that more records share says too little: its pairs have to agree on another rule


def phone_windows(phones: pa.Array) -> dict[str, pa.Array]:
    """`phone_0` … `phone_9`: the number without its digits 2-3, 3-4, … 10-11 and without the eleventh.

    Two neighbours changed over leave one window in which the numbers agree, one wrong digit leaves two. Of mobile numbers the
    first digit is always 1; a wrong second digit leaves one.
    """
    return {
        name: pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(phones, 0, window + 1), pc.utf8_slice_codeunits(phones, window + 3), "-"
        )
        for window, name in enumerate(PHONE_WINDOWS)
    }


def derived(table: pa.Table) -> pa.Table:
    """The table with every column of the contract (null where absent) and the parts of name and birth date, as text or int."""
    count = table.num_rows
    found = {"id": _whole(table["id"])}
    for name in (*TEXT, *ADDRESS):
        found[name] = _whole(table[name]) if name in table.column_names else pa.nulls(count, pa.string())
    birth = _whole(table["birth"]) if "birth" in table.column_names else pa.nulls(count, pa.date32())
    found["birth"] = birth.cast(pa.int32())
    found["year"] = pc.year(birth).cast(pa.int16())
    found["month"], found["day"] = pc.month(birth).cast(pa.int16()), pc.day(birth).cast(pa.int16())
    found["given"] = _given(found["name"], found["surname"])
    return pa.table(found | _letters(found["given"])).sort_by("id")  # any order of rows gives the same codes


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _given(names: pa.Array, surnames: pa.Array) -> pa.Array:
    """The name without its surname; null where there is none."""
    lengths = pc.utf8_length(surnames)
    after = pc.if_else(
        pc.equal(lengths, 2), pc.utf8_slice_codeunits(names, 2), pc.utf8_slice_codeunits(names, 1)
    )
    return pc.if_else(pc.and_(pc.less_equal(lengths, 2), pc.greater(pc.utf8_length(after), 0)), after, None)


def _letters(given: pa.Array) -> dict[str, pa.Array]:
    """The first character of the given name, and what follows it (null for a given name of one character)."""
    rest = pc.utf8_slice_codeunits(given, 1)
    return {
        "first": pc.utf8_slice_codeunits(given, 0, 1),
        "rest": pc.if_else(pc.equal(rest, ""), None, rest),
    }


def coded(*tables: pa.Table) -> pa.Table:
    """The tables one below the other: `row` from 0, `side` 0 or 1, every text as an int32 code, dates as integers."""
    whole = pa.concat_tables([derived(table) for table in tables]).combine_chunks()
    side = np.repeat(np.arange(len(tables), dtype=np.int8), [table.num_rows for table in tables])
    columns: dict[str, Any] = {"row": np.arange(whole.num_rows, dtype=np.int32), "side": side}
    for name in whole.column_names:
        column = _whole(whole[name])
        columns[name] = column.dictionary_encode().indices if pa.types.is_string(column.type) else column
    return pa.table(columns | {"text": _whole(whole["name"])})


def blocking_keys(table: pa.Table, rules: tuple[tuple[str, ...], ...] = RULES) -> pa.Table:
    """`(key: string, row: int64 = id)`, a line for each rule of which the record has all columns: equal keys = to compare.

    >>> blocking_keys(pa.table({"id": [7], "phone": ["x"]})).to_pylist()
    [{'key': '0:x', 'row': 7}]
    """
    found = derived(table)
    lines = []
    for number, rule in enumerate(rules):
        parts = [_whole(found[name]).cast(pa.string()) for name in rule]
        key = pc.binary_join_element_wise(pa.scalar(str(number)), *parts, ":")
        lines.append(pa.table({"key": key, "row": found["id"]}).filter(pc.is_valid(key)))
    return pa.concat_tables(lines)


def block(con: duckdb.DuckDBPyConnection, between: bool) -> None:
    """Makes `pairs(l, r)` of `records`, l < r: rows that agree on a rule; with `between`, one of each side."""
    joined = " union all ".join(_joined(rule, between) for rule in RULES)
    con.execute(f"create or replace table pairs as select distinct l, r from ({joined})")


def _joined(rule: tuple[str, ...], between: bool) -> str:
    columns = ", ".join(rule)
    known = " and ".join(f"{name} is not null" for name in rule)
    some = (
        f"(select row, side, {columns} from records where {known} "
        f"qualify count(*) over (partition by {columns}) <= {BLOCK_MAX})"
    )
    apart = "a.side < b.side" if between else "a.row < b.row"
    return f"select a.row as l, b.row as r from {some} a join {some} b using ({columns}) where {apart}"
