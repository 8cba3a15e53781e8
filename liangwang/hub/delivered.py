"""What every reader of a delivery gives: chunks of text columns by the contract's names, and what drifted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

from .declare import Source

CHUNK_ROWS = 2_000_000  # each chunk that is linked reads the whole register once
CHUNK_BYTES = 512 << 20
MAX_COLUMNS = 1_000
MAX_ROWS = 20_000_000
# Headers that we write ourselves, in sheets of refused rows and in pulled tables; coming back they are no drift.
OWN_HEADS = ("行号 Row", "原因", "Reasons", "原文 Line", "liangwang:cursor", "liangwang:id")


class UnreadableFile(Refusal):
    status, code = 422, "unreadable_file"
    template: ClassVar[Label] = {
        "zh": "这个文件不是 UTF-8 或 GB18030 编码的 CSV 表格，也不是 Parquet，整批未收。请另存后重新报送",
        "en": "This file is neither CSV in UTF-8 or GB18030 nor Parquet; nothing was taken. Save it anew and deliver"
        " it again",
    }


class MissingColumns(Refusal):
    status, code = 422, "missing_columns"
    template: ClassVar[Label] = {
        "zh": "缺少这些列：{columns}，整批未收。表头应为：{expected}",
        "en": "These columns are missing: {columns}; nothing was taken. The header should be: {expected}",
    }


class TooManyColumns(Refusal):
    status, code = 422, "too_many_columns"
    template: ClassVar[Label] = {
        "zh": "表头超过 {limit} 列，整批未收",
        "en": "The header has more than {limit} columns; nothing was taken",
    }


class TooManyRows(Refusal):
    status, code = 413, "too_many_rows"
    template: ClassVar[Label] = {
        "zh": "这一批超过 {limit} 行，整批未收，请分成几批报送",
        "en": "This batch has more than {limit} rows; nothing was taken, deliver it in parts",
    }


class TooDense(Refusal):
    status, code = 422, "too_dense"
    template: ClassVar[Label] = {
        "zh": "这个文件展开后太大（一格或一组行超过上限），整批未收。一格最多 {cell_kb} KB",
        "en": "This file grows too large when it is opened (a cell or a group of rows is over the limit); nothing was"
        " taken. A cell holds at most {cell_kb} KB",
    }


@dataclass(frozen=True)
class Chunk:
    """Some rows as text columns named by the contract, their numbers from 1, and those that do not parse."""

    table: pa.Table
    rows: np.ndarray
    broken: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Delivered:
    """An opened delivery: its rows chunk by chunk, and the columns that came or went against the contract."""

    chunks: Iterator[Chunk]
    extra: list[str]
    absent: list[str]

    @property
    def drift(self) -> dict[str, list[str]]:
        """{extra: header cells, absent: contract names}, without empty lists."""
        return {key: names for key, names in (("extra", self.extra), ("absent", self.absent)) if names}


@dataclass(frozen=True)
class Header:
    """A header matched with the contract: a name for each cell, None for those that the contract does not know."""

    names: list[str | None]
    extra: list[str]
    absent: list[str]


def matched(header: Sequence[str], source: Source) -> Header:
    """The contract's name for every header cell; raises MissingColumns or TooManyColumns for the whole batch.

    A column may be called by its name, by either label, or by one of its `heads`; of two that mean the same the
    first counts.
    """
    if len(header) > MAX_COLUMNS:
        raise TooManyColumns(limit=MAX_COLUMNS)
    by_head = {
        head.casefold(): name
        for name, column in source.columns.items()
        for head in (name, column.label["zh"], column.label["en"], *column.heads)
    }
    names: list[str | None] = []
    extra = []
    for cell in header:
        name = by_head.get(cell.strip().casefold())
        if name is None or name in names:
            if cell.strip() not in OWN_HEADS:
                extra.append(cell.strip()[:60])
            name = None
        names.append(name)
    absent = [name for name in source.columns if name not in names]
    missing = [source.columns[name] for name in absent if not source.columns[name].optional]
    if missing:
        expected = ",".join(column.label["zh"] for column in source.columns.values())
        raise MissingColumns(columns="、".join(column.label["zh"] for column in missing), expected=expected)
    return Header(names, extra, absent)


def completed(table: pa.Table, source: Source) -> pa.Table:
    """All columns of the contract in its order, trimmed text, "" where nothing was said."""
    blank = pa.array([""], pa.string()).take(pa.array(np.zeros(table.num_rows, np.int64)))
    there = set(table.column_names)
    return pa.table(
        {
            name: pc.fill_null(pc.utf8_trim_whitespace(table[name]), "") if name in there else blank
            for name in source.columns
        }
    )


def gathered(parts: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same rows in chunks that are worth a query; raises TooManyRows past the limit."""
    held: list[Chunk] = []
    rows = size = total = 0
    for part in parts:
        held.append(part)
        rows, size = rows + part.table.num_rows + len(part.broken), size + part.table.nbytes
        total += part.table.num_rows + len(part.broken)
        if total > MAX_ROWS:
            raise TooManyRows(limit=MAX_ROWS)
        if rows >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield _together(held)
            held, rows, size = [], 0, 0
    if held:
        yield _together(held)


def _together(parts: list[Chunk]) -> Chunk:
    return Chunk(
        pa.concat_tables([part.table for part in parts]).combine_chunks(),
        np.concatenate([part.rows for part in parts]),
        [line for part in parts for line in part.broken],
    )
