"""Rows of a small table as texts by head: CSV (UTF-8 or GB18030) and the first sheet of an .xlsx, read without trust."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from .readings import Unreadable

MOST_ROWS: Final = 20_000
MOST_COLUMNS: Final = 200
MOST_UNPACKED: Final = 64 * 1024 * 1024
MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's clock has no zone; the reader gives it the city's
DATE_FORMATS: Final = frozenset({14, 15, 16, 17, 18, 19, 20, 21, 22})

Line = dict[str, str]


def csv_rows(body: bytes) -> list[Line]:
    """Return the rows of a CSV by the heads of its first line. Raises Unreadable."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = body.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable("文件既不是 UTF-8 也不是 GB18030", "the file is neither UTF-8 nor GB18030")
    if "\0" in text:
        raise Unreadable("文件里有空字节，不是 CSV", "the file has null bytes, it is no CSV")
    try:
        return _by_heads(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise Unreadable(f"不是 CSV:{error}", f"not CSV: {error}") from error


def xlsx_rows(body: bytes) -> list[Line]:
    """Return the rows of the first sheet of a workbook by its heads; dates as ISO 8601. Raises Unreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            if sum(part.file_size for part in book.infolist()) > MOST_UNPACKED:
                raise Unreadable("表格解开后太大", "the workbook is too large when unpacked")
            names = sorted(
                name for name in book.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name)
            )
            if not names:
                raise Unreadable("表格里没有工作表", "there is no sheet in the workbook")
            first = min(names, key=lambda name: int(re.sub(r"\D", "", name)))
            return _by_heads(_cells(book.read(first), _shared(book), _dates(book)))
    except (
        zipfile.BadZipFile,
        ElementTree.ParseError,
        DefusedXmlException,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise Unreadable(f"不是 .xlsx 表格:{error}", f"not an .xlsx workbook: {error}") from error
    except (ValueError, OverflowError, IndexError, EOFError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f".xlsx 内容不对:{error}", f"the workbook's content is wrong: {error}") from error


def _by_heads(lines: Iterator[list[str]]) -> list[Line]:
    heads = [head.strip() for head in next(lines, [])]
    if not any(heads) or len(heads) > MOST_COLUMNS:
        raise Unreadable("第一行应是表头", "the first line must hold the heads")
    rows: list[Line] = []
    for line in lines:
        if not any(cell.strip() for cell in line):
            continue
        if len(rows) >= MOST_ROWS:
            raise Unreadable(f"一次最多 {MOST_ROWS} 行", f"at most {MOST_ROWS} rows at a time")
        rows.append({head: cell.strip() for head, cell in zip(heads, line, strict=False) if head})
    return rows


def _shared(book: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to by number."""
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    root = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    return ["".join(part.text or "" for part in one.iter(f"{MAIN}t")) for one in root.iter(f"{MAIN}si")]


def _dates(book: zipfile.ZipFile) -> set[int]:
    """The styles that show a number as a date."""
    if "xl/styles.xml" not in book.namelist():
        return set()
    root = ElementTree.fromstring(book.read("xl/styles.xml"))
    own = {
        int(one.get("numFmtId", "0"))
        for one in root.iter(f"{MAIN}numFmt")
        if re.search(r"[ymdhs]", re.sub(r'"[^"]*"|\[[^\]]*\]', "", one.get("formatCode", "")), re.IGNORECASE)
    }
    cells = root.find(f"{MAIN}cellXfs")
    styles = [] if cells is None else list(cells)
    return {at for at, one in enumerate(styles) if int(one.get("numFmtId", "0")) in DATE_FORMATS | own}


def _cells(sheet: bytes, shared: list[str], dates: set[int]) -> Iterator[list[str]]:
    for row in ElementTree.fromstring(sheet).iter(f"{MAIN}row"):
        line: list[str] = []
        for cell in row.iter(f"{MAIN}c"):
            column = _column(cell.get("r", ""), len(line))
            line += [""] * (column - len(line))
            line.append(_text(cell, shared, dates))
        yield line


def _column(place: str, otherwise: int) -> int:
    """The number of a cell's column from 0, by its place `B7`. Raises Unreadable far to the right."""
    letters = re.match(r"[A-Z]*", place)
    number = 0
    for letter in letters[0] if letters else "":
        number = number * 26 + ord(letter) - 64
    found = number - 1 if number else otherwise
    if not otherwise <= found < MOST_COLUMNS:
        raise Unreadable(f"列太多或次序不对：{place}", f"too many columns, or out of order: {place}")
    return found


def _text(cell: Element, shared: list[str], dates: set[int]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    value = cell.findtext(f"{MAIN}v") or ""
    if kind == "s" and value:
        return shared[int(value)]
    if kind == "n" and value and int(cell.get("s", "0")) in dates:
        return (DAY_ZERO + timedelta(seconds=round(float(value) * 86_400))).isoformat()
    if kind == "n" and re.fullmatch(r"\d+\.0+", value):
        return value.partition(".")[0]
    return value
