"""Reads YAML, CSV and TOML into plain data in which every value keeps its line."""

import csv
import io
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from . import yaml
from .yaml import Document, Fault, Path


def parse(text: str, file: str) -> Document:
    """Plain data with lines from YAML, CSV or TOML, by the file's ending."""
    if file.endswith(".csv"):
        return _parse_csv(text)
    if file.endswith(".toml"):
        return _parse_toml(text)
    return yaml.load(text)


def _parse_csv(text: str) -> Document:
    """Rows as entries: `label.zh` nests, an empty cell is left out."""
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    header = [name.strip() for name in next(reader, [])]
    rows: list[dict[str, Any]] = []
    lines: dict[Path, int] = {(): 1}
    faults: list[Fault] = []
    while True:
        line = reader.line_num + 1
        cells = next(reader, None)
        if cells is None:
            break
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            faults.append(
                Fault(
                    line,
                    "",
                    f"这一行有 {len(cells)} 格，表头有 {len(header)} 格",
                    f"the row has {len(cells)} cells, the header {len(header)}",
                    "含逗号的文字要加引号",
                    "put text that holds a comma in quotes",
                )
            )
            continue
        lines[(len(rows),)] = line
        rows.append(_nest(zip(header, (cell.strip() for cell in cells), strict=True)))
    return Document(rows, lines, faults)


def _nest(cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, cell in cells:
        if cell == "":
            continue
        *outer, last = name.split(".")
        place = row
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = cell
    return row


def _parse_toml(text: str) -> Document:
    lines: dict[Path, int] = {(): 1}
    section: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([\w.\-]+)\s*\]+", line):
            section = tuple(header[1].split("."))
            lines.setdefault(section, number)
        elif pair := re.match(r"\s*([\w.\-]+)\s*=", line):
            lines[(*section, *pair[1].split("."))] = number
    try:
        return Document(tomllib.loads(text), lines, [])
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        fault = Fault(
            int(at[1]) if at else 1,
            "",
            f"这里不是合法的 TOML:{error}",
            f"this is not TOML: {error}",
            "检查引号和等号",
            "check the quotes and the equals sign",
        )
        return Document(None, lines, [fault])
