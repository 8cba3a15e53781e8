"""Reads a delivered CSV file as a stream: any usual encoding, row by row numbered, memory bound by a block."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

from .declare import Source
from .delivered import Chunk, Delivered, UnreadableFile, completed, gathered, matched

BLOCK = 8 << 20
HEADER_BYTES = 256 << 10


class LongLine(Refusal):
    status, code = 422, "long_line"
    template: ClassVar[Label] = {
        "zh": "有一行超过 {limit_mb} MB，常因引号没有成对；整批未收。请改正后重新报送",
        "en": "A line is longer than {limit_mb} MB, often because a quote is not closed; nothing was taken. Correct it"
        " and deliver it again",
    }


def delivered(file: BinaryIO, source: Source) -> Delivered:
    """An opened CSV file; raises UnreadableFile, LongLine or MissingColumns for the whole batch."""
    encoding = encoding_of(file)
    lines, header = _header(_Text(file, encoding))
    found = matched(header, source)
    return Delivered(
        gathered(_blocks(_Text(file, encoding), lines, found.names, source)), found.extra, found.absent
    )


def encoding_of(file: BinaryIO) -> str:
    """UTF-8 (with or without mark), UTF-16 with mark or GB18030, by reading all of it; raises UnreadableFile."""
    file.seek(0)
    first = file.read(BLOCK)
    if not first.strip():
        raise UnreadableFile
    marked = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        try:
            while block := file.read(BLOCK):
                if "\0" in decoder.decode(block):
                    raise UnreadableFile
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise UnreadableFile


class _Text(io.RawIOBase):
    """A file of any encoding as one of UTF-8, for the parser."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__()
        file.seek(0)
        self._file, self._decoder = file, codecs.getincrementaldecoder(encoding)()
        self._held = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._held) < size):
            block = self._file.read(1 << 20)
            self._ended = not block
            self._held += self._decoder.decode(block, final=self._ended).encode()
        taken, self._held = (self._held, b"") if size < 0 else (self._held[:size], self._held[size:])
        return taken


def _header(text: _Text) -> tuple[int, list[str]]:
    """How many lines the header takes, and its cells; a cell may hold a line break."""
    first = text.read(HEADER_BYTES).decode(errors="ignore")
    reader = csv.reader(io.StringIO(first))
    try:
        header = next((cells for cells in reader if cells), [])
    except csv.Error as fault:
        raise UnreadableFile from fault
    if len(first.encode()) >= HEADER_BYTES and "\n" not in first and "\r" not in first:
        raise LongLine(limit_mb=HEADER_BYTES / (1 << 20))
    return reader.line_num, header


def _blocks(text: _Text, lines: int, names: list[str | None], source: Source) -> Iterator[Chunk]:
    broken: list[tuple[int, str]] = []

    def keep(row: pacsv.InvalidRow) -> str:
        broken.append((row.number - lines, row.text))  # the parser counts from the first line of the file
        return "skip"

    wanted = [name for name in names if name]
    try:
        stream = pacsv.open_csv(
            pa.PythonFile(text, mode="r"),
            read_options=pacsv.ReadOptions(
                use_threads=False,
                column_names=[name or f"\x00{index}" for index, name in enumerate(names)],
                skip_rows=lines,
                block_size=BLOCK,
            ),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
        done = 0
        for batch in stream:
            table = completed(pa.Table.from_batches([batch]), source)
            numbers = _numbers(done, table.num_rows, [number for number, _ in broken])
            done += table.num_rows + len(broken)
            yield Chunk(table, numbers, broken[:])
            broken.clear()
    except pa.ArrowInvalid as fault:
        if "Empty CSV file" in str(fault):  # a header and nothing below it: no rows, and no mistake
            return
        if "straddling object" in str(fault):
            raise LongLine(limit_mb=BLOCK >> 20) from fault
        raise UnreadableFile from fault
    if broken:  # every row of the last block
        yield Chunk(completed(pa.table({}), source), np.empty(0, np.int32), broken[:])


def _numbers(done: int, good: int, broken: list[int]) -> np.ndarray:
    """The numbers of the rows of one block that parse: those after `done` that are not broken."""
    every = np.arange(done + 1, done + good + len(broken) + 1, dtype=np.int32)
    return np.setdiff1d(every, np.array(broken, np.int32))[:good]
