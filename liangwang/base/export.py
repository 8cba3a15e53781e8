"""Writes desk versions back into a pack's files; what stands around an entry, comments included, stays."""

import csv
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml as pyyaml

from .declare import head, kind_of, schemas
from .notations import parse
from .pack_versions import published_at_desk
from .packs import packs
from .yaml import scalar


class _Dumper(pyyaml.SafeDumper):
    """Quotes what our own loader would not read back as text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: pyyaml.SafeDumper, text: str) -> pyyaml.ScalarNode:
    style = None if isinstance(scalar(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else style)


_Dumper.add_representer(str, _text)


def dump(entry: Any) -> str:
    """One entry as an item of a YAML list; reading it gives the same data."""
    return pyyaml.dump([entry], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


def export_pack(pack: str, to: str = "") -> int:
    """The command: writes a pack's published desk versions to its files, or to a copy of it under `to`."""
    source = next((one.path for one in packs() if one.key == pack), None)
    if source is None:
        sys.stdout.write(f"没有应用 {pack} · there is no pack {pack}\n")
        return 2
    target = Path(to) / pack if to else source
    if to:
        shutil.copytree(source, target, dirs_exist_ok=True)
    rows = published_at_desk(pack)
    for row in rows:
        written = write_entry(target, row.file, row.key, row.body)
        sys.stdout.write(f"{written}: {row.key} (v{row.version})\n")
    sys.stdout.write(f"{len(rows)} 项已写回 · {len(rows)} written to {target}\n")
    return 0


def write_entry(folder: Path, file: str, key: str, raw: Any) -> Path:
    """Replaces or adds one entry of a file; a table that holds it stays a table."""
    table = folder / file.replace(".yaml", ".csv")
    if table.exists() and _index(table, file, key) is not None:
        return _write_row(table, file, key, raw)
    path = folder / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    index = _index(path, file, key) if path.exists() else None
    lines = text.splitlines(keepends=True)
    if index is None:
        gap = "\n" if text and not text.endswith("\n") else ""
        path.write_text(text + gap + dump(raw), encoding="utf-8")
        return path
    document = parse(text, path.name)
    start = document.lines[(index,)] - 1
    end = document.lines[(index + 1,)] - 1 if (index + 1,) in document.lines else len(lines)
    while end - 1 > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # blank lines and comments before the next entry belong to it
    path.write_text("".join([*lines[:start], dump(raw), *lines[end:]]), encoding="utf-8")
    return path


def _index(path: Path, file: str, key: str) -> int | None:
    schema = schemas()[file]
    rows = parse(path.read_text(encoding="utf-8"), path.name).data or []
    names = [raw.get(head(kind_of(raw, schema))) for raw in rows if isinstance(raw, dict)]
    return names.index(key) if key in names else None


def _write_row(path: Path, file: str, key: str, raw: dict[str, Any]) -> Path:
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    header, name = rows[0], head(kind_of(raw, schemas()[file]))
    column = header.index(name)
    flat = {path_: _cell(_at(raw, path_.split("."))) for path_ in header}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        is_it = row is not header and len(row) > column and row[column] == key
        writer.writerow([flat[one] for one in header] if is_it else row)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def _at(raw: Any, path: list[str]) -> Any:
    for part in path:
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ";".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
