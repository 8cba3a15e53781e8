"""Attributes served from a memory map: one record of 8 bytes a subject, published by an atomic swap."""

import json
import mmap
import os
import shutil
import struct
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from liangwang.base.labels import Label

RECORD = np.dtype([("verdict", "u1"), ("case", "u1"), ("spare", "u2"), ("until", "i4")])
SIZE = RECORD.itemsize
EPOCH = date(1970, 1, 1)
LOOK_AGAIN_S = 0.5
_UNPACK = struct.Struct("<BBHi").unpack_from


@dataclass(frozen=True, slots=True)
class Value:
    """One subject's value: the verdict, why in words, and the last day on which it holds without a new record."""

    verdict: str
    because: Label
    until: date | None
    at: datetime


@dataclass(frozen=True)
class Meta:
    """What stands beside a map: its rule, its order, its verdicts by code from 1, and the words of each case."""

    name: str
    version: str
    rule_hash: str
    at: datetime
    order: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    verdicts: tuple[str, ...]
    because: tuple[Label, ...]

    def covers(self, at: datetime) -> bool:
        """Whether the order under which the values were made is in force at `at` (always without an order)."""
        return self.order is None or (
            self.starts_at is not None and self.ends_at is not None and self.starts_at <= at < self.ends_at
        )


class AttributeMap:
    """One published version, open for reading; `lookup` costs a memory access."""

    def __init__(self, folder: Path) -> None:
        raw = json.loads((folder / "meta.json").read_text())
        for key in ("at", "starts_at", "ends_at"):
            raw[key] = datetime.fromisoformat(raw[key]) if raw[key] else None
        self.meta = Meta(**{**raw, "verdicts": tuple(raw["verdicts"]), "because": tuple(raw["because"])})
        with (folder / "values.bin").open("rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.subjects = len(self.map) // SIZE

    def lookup(self, subject_id: int) -> int:
        """The verdict's code, 0 for a subject that the attribute does not cover."""
        try:
            return self.map[subject_id * SIZE]
        except IndexError:
            return 0

    def value(self, subject_id: int) -> Value | None:
        """The subject's value with reason and until-date, or None."""
        if not 0 <= subject_id < self.subjects:
            return None
        verdict, case, _, until = _UNPACK(self.map, subject_id * SIZE)
        if not verdict:
            return None
        return Value(
            verdict=self.meta.verdicts[verdict - 1],
            because=self.meta.because[case],
            until=EPOCH + timedelta(days=until) if until else None,
            at=self.meta.at,
        )

    def values(self) -> np.ndarray:
        """All records as a read-only array."""
        return np.frombuffer(self.map, dtype=RECORD)


@dataclass
class _Open:
    version: str
    map: AttributeMap
    looked: float


_open: dict[str, _Open] = {}


def forget() -> None:
    """Drops the maps held open (tests change DATA between them)."""
    _open.clear()


def folder_of(name: str) -> Path:
    """DATA/attributes/<pack>.<attribute>."""
    root: Path = settings.DATA / "attributes"
    return root / name.replace(":", ".")


def current(name: str) -> AttributeMap | None:
    """The published map, looked for again every half second; None when there is none."""
    held, now = _open.get(name), time.monotonic()
    if held is not None and now - held.looked < LOOK_AGAIN_S:
        return held.map
    try:
        version = (folder_of(name) / "current").read_text()
    except FileNotFoundError:
        _open.pop(name, None)
        return None
    if held is None or held.version != version:
        held = _open[name] = _Open(version, AttributeMap(folder_of(name) / version), now)
    held.looked = now
    return held.map


def write_version(meta: dict[str, Any], values: np.ndarray, changed: np.ndarray) -> Path:
    """Writes a version durably into a folder of its own; it counts only when `point` names it."""
    folder = folder_of(meta["name"]) / str(meta["version"])
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    _write(fresh / "values.bin", values.tobytes() or bytes(SIZE))
    _write(fresh / "changed.bin", changed.astype("<i8").tobytes())
    _write(fresh / "meta.json", json.dumps(meta, ensure_ascii=False, default=datetime.isoformat).encode())
    fresh.rename(folder)
    return folder


def worsened(name: str, version: str) -> np.ndarray:
    """The subject ids whose verdict became a later, stricter one with this version: int64[n]."""
    path = folder_of(name) / version / "changed.bin"
    return np.frombuffer(path.read_bytes(), dtype="<i8") if path.exists() else np.empty(0, dtype="<i8")


def point(name: str, version: str) -> None:
    """Makes a written version the one in force, in one rename."""
    path = folder_of(name) / "current"
    fresh = path.with_name(f".current.{os.getpid()}")
    _write(fresh, version.encode())
    fresh.rename(path)
    _open.pop(name, None)


def withdraw(name: str) -> None:
    """Takes the attribute out of force at once: from now on nobody has a value."""
    (folder_of(name) / "current").unlink(missing_ok=True)
    _open.pop(name, None)


def remove(name: str) -> int:
    """Removes every version from disk and returns how many files are gone."""
    withdraw(name)
    folder = folder_of(name)
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    shutil.rmtree(folder, ignore_errors=True)
    return sum(not path.exists() for path in files)


def remove_old(name: str, keep: int = 2) -> None:
    """Removes all but the newest versions; readers that still hold an old one keep its pages."""
    folder = folder_of(name)
    versions = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for path in versions[:-keep]:
        shutil.rmtree(path)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
