"""Reads a delivered CSV file as columns of text, with the numbers of its rows and those that do not parse."""

import codecs
import csv
import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

from .declare import Column, Source


class UnreadableFile(Refusal):
    status, code = 422, "unreadable_file"
    template: ClassVar[Label] = {
        "zh": "这个文件不是 UTF-8 或 GB18030 编码的 CSV 表格，整批未收。请另存为 CSV 后重新报送",
        "en": "This file is not CSV in UTF-8 or GB18030; nothing was taken. Save it as CSV and deliver it again",
    }


class MissingColumns(Refusal):
    status, code = 422, "missing_columns"
    template: ClassVar[Label] = {
        "zh": "缺少这些列：{columns}，整批未收。表头应为：{expected}",
        "en": "These columns are missing: {columns}; nothing was taken. The header should be: {expected}",
    }


@dataclass(frozen=True)
class Delivered:
    """A file as text columns named by the contract; `rows` are line-independent row numbers from 1."""

    table: pa.Table
    rows: np.ndarray
    broken: list[tuple[int, str]]
    extra: list[str]


def decoded(raw: bytes) -> str:
    """The text of a file in UTF-8 (with or without BOM), UTF-16 with BOM or GB18030; raises UnreadableFile."""
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and text.strip():
            return text
    raise UnreadableFile


def delivered(raw: bytes, source: Source) -> Delivered:
    """The columns of the contract as text; raises UnreadableFile or MissingColumns for the whole batch."""
    text = decoded(raw)
    names, extra = _columns(next(csv.reader(io.StringIO(text)), []), source)
    broken: list[tuple[int, str]] = []

    def keep(row: pacsv.InvalidRow) -> str:
        broken.append((row.number - 1, row.text))  # the parser counts the header as row 1
        return "skip"

    try:
        table = pacsv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pacsv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as fault:
        raise UnreadableFile from fault
    table = table.select([name for name in source.columns if name in names])
    for name in source.columns:
        if name not in names:
            table = table.append_column(name, pa.array([""] * table.num_rows, pa.string()))
    trimmed = {name: pc.utf8_trim_whitespace(table[name]).combine_chunks() for name in source.columns}
    numbers = np.setdiff1d(
        np.arange(1, table.num_rows + len(broken) + 1), np.array([n for n, _ in broken], dtype=np.int64)
    )
    return Delivered(pa.table(trimmed), numbers[: table.num_rows], broken, extra)


def _columns(header: list[str], source: Source) -> tuple[list[str], list[str]]:
    """The contract's name for every header cell, and the cells that the contract does not know."""
    by_head: dict[str, str] = {}
    for name, column in source.columns.items():
        for head in _heads(name, column):
            by_head[head.casefold()] = name
    names, extra = [], []
    for index, cell in enumerate(header):
        name = by_head.get(cell.strip().casefold(), "")
        if not name or name in names:
            extra.append(cell.strip())
            name = f"\x00{index}"
        names.append(name)
    missing = [c.label["zh"] for n, c in source.columns.items() if n not in names and not c.optional]
    if missing:
        expected = ",".join(c.label["zh"] for c in source.columns.values())
        raise MissingColumns(columns="、".join(missing), expected=expected)
    return names, extra


def _heads(name: str, column: Column) -> tuple[str, ...]:
    return (name, column.label["zh"], column.label["en"], *column.heads)
