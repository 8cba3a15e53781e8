"""The store of readings: an append log per web process, fsynced before it is acknowledged; tailed by the live process.

Layout: DATA/readings/<writer>/<segment>.log. A record is length, CRC-32, kind and payload; a torn tail is cut off when
its writer starts again. A writer owns its folder by a lock, so that a restarted process goes on in the same one.
"""

import fcntl
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from liangwang.rules.state import Batch

logger = logging.getLogger(__name__)

HEADER: Final = struct.Struct("<IIB")
READINGS, QUARANTINE = 1, 2
VERSION: Final = 2
SEGMENT_BYTES: Final = 256 * 1024 * 1024
MOST_BYTES: Final = 64 * 1024 * 1024


class Position(NamedTuple):
    """Where a reader stands in one writer's log: segment number and byte."""

    segment: int = 0
    byte: int = 0


class Record(NamedTuple):
    """One acknowledged append: who wrote it, its kind, its payload, and the position after it."""

    writer: str
    kind: int
    payload: bytes
    after: Position


class Unknown(msgspec.Struct, array_like=True):
    """Readings of one device that are kept but not judged, for one reason; `text` is sealed."""

    device: str
    reason: str
    rows: int
    text: bytes


class QuarantineRecord(msgspec.Struct, array_like=True):
    """What a source sent that could not be judged."""

    source: str
    received_at: int
    rows: list[Unknown]


def packed(batch: Batch, received_at: int, quality: NDArray[np.uint8] | None = None) -> bytes:
    """Return readings as the payload of a record; `received_at` in µs, `quality` bits of a reading, 0 = nothing odd."""
    head = struct.pack("<BqI", VERSION, received_at, len(batch.at))
    flags = np.zeros(len(batch.at), dtype=np.uint8) if quality is None else quality
    columns = (
        batch.datastream.astype("<i4", copy=False),
        batch.at.astype("<i8", copy=False),
        batch.seq.astype("<i8", copy=False),
        batch.value.astype("<f8", copy=False),
        flags.astype("u1", copy=False),
    )
    return b"".join([head, *(column.tobytes() for column in columns)])


def unpacked(payload: bytes) -> tuple[Batch, int]:
    """Return the readings of a payload and when they were received. Raises ValueError for an unknown version."""
    columns, received_at = _columns(payload)
    return Batch(*columns[:4]), received_at


def quality_of(payload: bytes) -> NDArray[np.uint8]:
    """Return the quality bits of each reading of a payload: uint8[n], 0 where nothing is odd."""
    columns, _ = _columns(payload)
    return columns[4] if len(columns) > 4 else np.zeros(len(columns[0]), dtype=np.uint8)


def _columns(payload: bytes) -> tuple[list[NDArray[Any]], int]:
    version, received_at, n = struct.unpack_from("<BqI", payload)
    if version not in (VERSION - 1, VERSION):
        raise ValueError(f"readings record version {version}, expected {VERSION}")
    start = struct.calcsize("<BqI")
    columns = []
    for dtype in ("<i4", "<i8", "<i8", "<f8", "u1")[: 4 + (version > 1)]:
        columns.append(np.frombuffer(payload, dtype=dtype, count=n, offset=start))
        start += columns[-1].nbytes
    return columns, received_at


class Writer:
    """Appends records; many concurrent appends share one fsync. One per process, safe to use from many threads."""

    def __init__(self, root: Path, prefix: str = "w", segment_bytes: int = SEGMENT_BYTES) -> None:
        self.segment_bytes = segment_bytes
        self.folder, self.lock_file = _own_folder(root, prefix)
        self.segment = max((int(path.stem) for path in self.folder.glob("*.log")), default=1)
        self.file = self._open()
        self.size = _cut_torn_tail(self.file)
        self.waiting: list[tuple[bytes, Future[None]]] = []
        self.waiting_bytes = 0  # queued and not yet taken up for writing
        self.wake = threading.Condition()
        self.closed = False
        self.thread = threading.Thread(target=self._run, name="readings-log", daemon=True)
        self.thread.start()

    def append(self, kind: int, payload: bytes) -> "Future[None]":
        """Queue a record; the future is done when it is on disk. Raises ValueError over 64 MB."""
        if len(payload) > MOST_BYTES:
            raise ValueError(f"a record of {len(payload)} bytes, at most {MOST_BYTES}")
        framed = HEADER.pack(len(payload), zlib.crc32(payload, kind), kind) + payload
        done: Future[None] = Future()
        with self.wake:
            if self.closed:
                raise ValueError("the log is closed")
            self.waiting.append((framed, done))
            self.waiting_bytes += len(framed)
            self.wake.notify()
        return done

    def close(self) -> None:
        """Write what waits and give the folder back."""
        with self.wake:
            self.closed = True
            self.wake.notify()
        self.thread.join()
        os.close(self.file)
        self.lock_file.close()

    def _run(self) -> None:
        while True:
            with self.wake:
                while not self.waiting and not self.closed:
                    self.wake.wait()
                group, self.waiting, self.waiting_bytes = self.waiting, [], 0
            if not group:
                return
            self._commit(group)

    def _commit(self, group: list[tuple[bytes, "Future[None]"]]) -> None:
        """Write a group with one fsync; all of it is acknowledged, or none."""
        try:
            if self.size > self.segment_bytes:
                self._rotate()
            data = b"".join(framed for framed, _ in group)
            _write_all(self.file, data)
            os.fdatasync(self.file)
            self.size += len(data)
        except OSError as error:
            # A half-written group must not lie before a later one: cut it off, and refuse this one.
            os.ftruncate(self.file, self.size)
            for _, done in group:
                done.set_exception(error)
            return
        for _, done in group:
            done.set_result(None)

    def _open(self) -> int:
        path = self.folder / f"{self.segment:08d}.log"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        _sync_folder(self.folder)
        return file

    def _rotate(self) -> None:
        os.close(self.file)
        self.segment += 1
        self.file, self.size = self._open(), 0


class Reader:
    """Tails the logs of all writers from given positions; reads nothing that a power cut could still take back."""

    def __init__(self, root: Path, positions: dict[str, Position] | None = None) -> None:
        self.root = root
        self.positions = dict(positions or {})

    def read(self, most_bytes: int = 32 * 1024 * 1024) -> Iterator[Record]:
        """Yield the complete records that are new, writer by writer; `positions` moves along."""
        if not self.root.is_dir():
            return
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            yield from self._read_writer(folder, most_bytes)

    def _read_writer(self, folder: Path, most_bytes: int) -> Iterator[Record]:
        segments = sorted(int(path.stem) for path in folder.glob("*.log"))
        position = self.positions.get(folder.name, Position(segments[0] if segments else 1, 0))
        for segment in segments:
            if segment < position.segment:
                continue
            start = position.byte if segment == position.segment else 0
            path = folder / f"{segment:08d}.log"
            data = _tail(path, start, most_bytes)
            end = 0
            for kind, payload, end in _records(data):
                position = Position(segment, start + end)
                self.positions[folder.name] = position
                yield Record(folder.name, kind, payload, position)
            if start + end < path.stat().st_size and (end or segment == segments[-1]):
                return
            if end < len(data):
                # Only a damaged disk leaves this: every later segment was begun after this one was whole.
                logger.error(
                    "%s: unreadable after byte %d, going on with the next segment", path, start + end
                )


def read_range(root: Path, writer: str, start: Position, end: Position) -> Iterator[Record]:
    """Yield the records of one writer after `start` up to and with `end`, as a replay reads them again."""
    for segment in range(max(start.segment, 1), end.segment + 1):
        first = start.byte if segment == start.segment else 0
        path = root / writer / f"{segment:08d}.log"
        last = end.byte if segment == end.segment else path.stat().st_size
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last - first)
        for kind, payload, after in _records(data):
            yield Record(writer, kind, payload, Position(segment, first + after))


def _records(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield (kind, payload, end) of each whole record; stop at the first that is torn."""
    start, view = 0, memoryview(data)
    while start + HEADER.size <= len(data):
        size, crc, kind = HEADER.unpack_from(data, start)
        end = start + HEADER.size + size
        if size > MOST_BYTES or end > len(data):
            return
        payload = bytes(view[start + HEADER.size : end])
        if zlib.crc32(payload, kind) != crc:
            return
        yield kind, payload, end
        start = end


def _tail(path: Path, start: int, most_bytes: int) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= start:
            return b""
        # The writer may have been killed between write and fsync: what is judged must not vanish with the power.
        os.fdatasync(file.fileno())
        file.seek(start)
        data = file.read(most_bytes)
        if len(data) == most_bytes and not next(_records(data), None):
            # One record larger than the usual bite: take it whole.
            data += file.read(HEADER.size + MOST_BYTES)
        return data


def _own_folder(root: Path, prefix: str) -> tuple[Path, BinaryIO]:
    """Take the first folder that no living process holds; the lock falls with the process."""
    for number in count():
        folder = root / f"{prefix}{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _sync_folder(root)
        return folder, lock
    raise AssertionError("unreachable")


def _cut_torn_tail(file: int) -> int:
    """Cut a segment after its last whole record; return its size."""
    size = os.fstat(file).st_size
    end = 0
    with os.fdopen(os.dup(file), "rb") as reading:
        reading.seek(0)
        for _, _, after in _records(reading.read()):
            end = after
    if end < size:
        os.ftruncate(file, end)
        os.fsync(file)
    return end


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
