"""The log's own memory outside the database: leaf hashes in append-only files, with every eighth level above."""

import os
from collections.abc import Sequence
from pathlib import Path

from .merkle import HASH_BYTES, pairs

STRIDE = 8
TILE = 1 << STRIDE
LEVELS = 6


class Tiles:
    """Files `0`, `1`, `2` … under a folder: file k holds the heads of all complete subtrees of 256**k leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def size(self) -> int:
        """How many leaves are kept."""
        return self._count(0)

    def append(self, leaves: Sequence[bytes]) -> None:
        """Keeps more leaves, durably, and the subtrees that they complete.

        A crash between two files only leaves upper levels short; the next append (of nothing, too) fills them.
        """
        self._write(0, leaves)
        for level in range(1, LEVELS):
            have = self._count(level)
            want = self._count(level - 1) >> STRIDE
            if want == 0:
                break
            self._write(level, [self._head(level - 1, index) for index in range(have, want)])

    def leaves(self, start: int = 0, stop: int | None = None) -> list[bytes]:
        """Leaf hashes from `start` up to `stop`."""
        return self._read(0, start, self.size() if stop is None else stop)

    def subtree(self, level: int, index: int) -> bytes:
        """The head of a complete subtree of 2**level leaves, from at most 128 stored hashes."""
        kept, rest = divmod(level, STRIDE)
        while kept and self._count(kept) < (index + 1) << rest:  # upper file not written yet
            kept, rest = kept - 1, rest + STRIDE
        row = self._read(kept, index << rest, (index + 1) << rest)
        for _ in range(rest):
            row = pairs(row)
        return row[0]

    def _head(self, level: int, index: int) -> bytes:
        row = self._read(level, index << STRIDE, (index + 1) << STRIDE)
        for _ in range(STRIDE):
            row = pairs(row)
        return row[0]

    def _path(self, level: int) -> Path:
        return self.folder / str(level)

    def _count(self, level: int) -> int:
        path = self._path(level)
        return path.stat().st_size // HASH_BYTES if path.exists() else 0

    def _read(self, level: int, start: int, stop: int) -> list[bytes]:
        if stop <= start:
            return []
        with self._path(level).open("rb") as f:
            f.seek(start * HASH_BYTES)
            raw = f.read((stop - start) * HASH_BYTES)
        if len(raw) != (stop - start) * HASH_BYTES:
            raise EOFError(f"{self._path(level)} ends before leaf {stop << (STRIDE * level)}")
        return [raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)]

    def _write(self, level: int, hashes: Sequence[bytes]) -> None:
        if not hashes:
            return
        path = self._path(level)
        whole = self._count(level) * HASH_BYTES
        with path.open("r+b" if path.exists() else "w+b") as f:
            f.truncate(whole)  # a torn last hash of a crash
            f.seek(whole)
            f.write(b"".join(hashes))
            f.flush()
            os.fsync(f.fileno())
