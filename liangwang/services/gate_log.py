"""What gates leave behind: passes as gate, time and colour without a person, and for ten minutes what was seen where.

Each web process appends to files of its own and reads the tails of the others', so that a code shown twice at one
gate is noticed whichever process answers, without a lock or a database. Appends survive the death of the process.
"""

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from django.conf import settings

from liangwang.hub import actions as hub

SLOT_S = 720  # longer than a code lives with its skew
LOG_SLOT_S = 60
LOOK_AGAIN_S = 0.25
REPEAT_S = 10  # the same scan twice within this is one pass: a shaking hand, a request sent again
_SEEN = struct.Struct("<8s8sd")


def folder() -> Path:
    root: Path = settings.DATA / "gate"
    return root


@dataclass
class _Tail:
    """Another process's file of what was seen, read as far as `offset`."""

    fd: int
    offset: int = 0


@dataclass
class Seen:
    """Codes seen at each gate within the last slots, of this process and its neighbours."""

    slot: int = -1
    fd: int = -1
    looked: float = 0.0
    tails: dict[str, _Tail] = field(default_factory=dict)
    first: list[dict[bytes, float]] = field(default_factory=lambda: [{}, {}])

    def again(self, name: bytes, gate: bytes, at_s: float) -> float | None:
        """Seconds since this code was first seen at this gate; None for the first time, which is noted."""
        self._turn(int(at_s) // SLOT_S)
        self._read_others()
        key = name + gate
        for known in self.first:
            if key in known:
                return at_s - known[key]
        self.first[0][key] = at_s
        os.write(self.fd, _SEEN.pack(name, gate, at_s))
        return None

    def close(self) -> None:
        """Closes the files (tests change DATA between them)."""
        for fd in [self.fd, *(tail.fd for tail in self.tails.values())]:
            if fd >= 0:
                os.close(fd)
        self.__init__()  # type: ignore[misc]

    def _turn(self, slot: int) -> None:
        if slot == self.slot:
            return
        if self.fd >= 0:
            os.close(self.fd)
        root = folder() / "seen"
        root.mkdir(parents=True, exist_ok=True)
        self.first = [{}, self.first[0] if slot == self.slot + 1 else {}]
        self.slot, self.looked = slot, 0.0
        self.fd = os.open(self._own(root), os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        for path in root.iterdir():
            if int(path.name.partition("-")[0]) < slot - 1:
                path.unlink(missing_ok=True)

    def _own(self, root: Path) -> Path:
        return root / f"{self.slot}-{os.getpid()}"

    def _read_others(self) -> None:
        now = time.monotonic()
        if now - self.looked > LOOK_AGAIN_S:
            self.looked = now
            self._find_others()
        for name, tail in self.tails.items():
            if raw := os.pread(tail.fd, 1 << 20, tail.offset):
                whole = len(raw) // _SEEN.size * _SEEN.size
                tail.offset += whole
                old = int(name.partition("-")[0]) < self.slot
                for code, gate, at_s in _SEEN.iter_unpack(raw[:whole]):
                    self.first[old].setdefault(code + gate, at_s)

    def _find_others(self) -> None:
        own = self._own(folder() / "seen").name
        names = {path.name for path in (folder() / "seen").iterdir()} - {own}
        for gone in set(self.tails) - names:
            os.close(self.tails.pop(gone).fd)
        for name in names - set(self.tails):
            try:
                self.tails[name] = _Tail(os.open(folder() / "seen" / name, os.O_RDONLY))
            except FileNotFoundError:
                continue


seen = Seen()


@dataclass
class Log:
    """This process's file of passes; a line is gate, second and colour."""

    slot: int = -1
    fd: int = -1

    def add(self, gate: str, at_s: float, colour: str) -> None:
        """Appends one pass."""
        slot = int(time.time()) // LOG_SLOT_S
        if slot != self.slot:
            self.close()
            root = folder() / "log"
            root.mkdir(parents=True, exist_ok=True)
            self.fd = os.open(root / f"{slot}-{os.getpid()}", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            self.slot = slot
        os.write(self.fd, f"{gate}\t{int(at_s)}\t{colour}\n".encode())

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.slot, self.fd = -1, -1


log = Log()


def collect(at: datetime, *, before_slot: int | None = None) -> int:
    """Moves finished files of passes into the hub as records; a file that is there already is only removed."""
    limit = int(time.time()) // LOG_SLOT_S - 1 if before_slot is None else before_slot
    moved = 0
    for path in _finished(limit):
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        table = pa.table(
            {
                "gate": pa.array([row[0] for row in rows], pa.string()),
                "at": pa.array(
                    [datetime.fromtimestamp(int(row[1]), UTC).replace(tzinfo=None) for row in rows],
                    pa.timestamp("us"),
                ),
                "colour": pa.array([row[2] for row in rows], pa.string()),
            }
        )
        moved += hub.take_passes(path.name, table, at)
        path.unlink()
    return moved


def _finished(limit: int) -> Iterator[Path]:
    root = folder() / "log"
    for path in sorted(root.iterdir()) if root.exists() else []:
        if int(path.name.partition("-")[0]) < limit:
            yield path
