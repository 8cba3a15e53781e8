"""The vault of a batch: texts of sealed columns in blocks of 4,096 rows, each of which opens alone.

`LWVA` · v · file id (16) · blocks (an Arrow buffer with zstd under AES-256-GCM) · index · where the index begins. The index
is sealed too. A value is opened by (partition, row, column) at the cost of one block.
"""

import hashlib
import json
import os
import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from liangwang.base import keys

from . import store
from .models import Batch, Partition

MAGIC = b"LWVA\x01"
HEAD = len(MAGIC) + 16
BLOCK_ROWS = 4096
INDEX = 2**32  # the nonce of the index: no file has so many blocks
_TAIL = struct.Struct("<Q")
_WRITING = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")  # the file's key seals nothing else


def write(batch: Batch, columns: pa.Table) -> store.Written:
    """Writes a batch's vault at once; `columns` has `row`, ascending, and texts."""
    with VaultWriter(place_of(batch)) as vault:
        vault.add(columns)
        return vault.finish()


def place_of(batch: Batch) -> str:
    """Under which name a batch's vault lies."""
    return f"{batch.pack}/{batch.source}/{batch.ref}.vault"


class VaultWriter:
    """Writes a vault piece by piece in rising order of rows; nothing is visible before `finish`."""

    def __init__(self, name: str) -> None:
        self.path = store.folder() / name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        file_id = os.urandom(16)
        self._cipher = AESGCM(keys.file_key(file_id))
        self._out = self.fresh.open("wb")
        self._digest = hashlib.sha256()
        self._blocks: list[tuple[int, int, int]] = []  # first row, where, how long
        self._at = self.rows = 0
        self._put(MAGIC + file_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self.fresh.unlink(missing_ok=True)

    def _put(self, content: bytes) -> None:
        self._out.write(content)
        self._digest.update(content)
        self._at += len(content)

    def add(self, columns: pa.Table) -> None:
        """Seals further rows, in blocks."""
        for start in range(0, columns.num_rows, BLOCK_ROWS):
            block = columns.slice(start, BLOCK_ROWS).combine_chunks().to_batches()[0]
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, block.schema, options=_WRITING) as out:
                out.write_batch(block)
            number = len(self._blocks)
            blob = self._cipher.encrypt(_nonce(number), sink.getvalue().to_pybytes(), b"block")
            self._blocks.append((block["row"][0].as_py(), self._at, len(blob)))
            self._put(blob)
        self.rows += columns.num_rows

    def finish(self) -> store.Written:
        """Ends the file, brings it to the disk under its name, and returns what the manifest needs."""
        where = self._at
        self._put(self._cipher.encrypt(_nonce(INDEX), json.dumps(self._blocks).encode(), b"index"))
        self._put(_TAIL.pack(where))
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self.fresh.rename(self.path)
        store.sync_folder(self.path.parent)
        name = str(self.path.relative_to(store.folder()))
        return store.Written(name, self.rows, self._at, self._digest.hexdigest())


@dataclass(frozen=True)
class Vault:
    """An open vault: where its blocks are."""

    path: Path
    cipher: AESGCM
    blocks: list[list[int]]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads the index; raises cryptography's InvalidTag when the file was changed."""
        with path.open("rb") as file:
            head = file.read(HEAD)
            file.seek(-_TAIL.size, os.SEEK_END)
            end = file.tell()
            (where,) = _TAIL.unpack(file.read(_TAIL.size))
            file.seek(where)
            cipher = AESGCM(keys.file_key(head[len(MAGIC) :]))
            index = cipher.decrypt(_nonce(INDEX), file.read(end - where), b"index")
        return cls(path, cipher, json.loads(index))

    def block(self, number: int) -> pa.Table:
        """One block opened: `row` and the sealed columns' texts."""
        _, where, length = self.blocks[number]
        with self.path.open("rb") as file:
            file.seek(where)
            plain = self.cipher.decrypt(_nonce(number), file.read(length), b"block")
        with pa.ipc.open_stream(plain) as stream:
            return stream.read_all()

    def number_of(self, row: int) -> int:
        """Which block a row is in, -1 before the first."""
        return bisect_right(self.blocks, row, key=lambda block: block[0]) - 1


def open_rows(
    partition: Partition, rows: Iterable[int], columns: Iterable[str] | None = None
) -> dict[int, dict[str, str | None]]:
    """The sealed texts of some rows by row number; each touched block is opened once. The caller audits the look."""
    vault = Vault.open(store.folder() / partition.path)
    wanted: dict[int, list[int]] = {}
    for row in rows:
        wanted.setdefault(vault.number_of(row), []).append(row)
    found: dict[int, dict[str, str | None]] = {}
    for number, some in wanted.items():
        if number < 0:
            continue
        block = vault.block(number)
        names = [name for name in block.column_names if name != "row"]
        chosen = names if columns is None else [name for name in columns if name in names]
        hits = block.filter(pc.is_in(block["row"], pa.array(some, pa.int32()))).select(["row", *chosen])
        found |= {line.pop("row"): line for line in hits.to_pylist()}
    return found


def open_value(partition: Partition, row: int, column: str) -> str | None:
    """One sealed text, or None where the row has none. The caller audits the look."""
    return open_rows(partition, [row], [column]).get(row, {}).get(column)


def vault_of(batch: Batch | int) -> Partition | None:
    """The vault of a batch that counts, or None."""
    number = batch if isinstance(batch, int) else batch.pk
    return Partition.objects.filter(batch_id=number, kind=Partition.Kind.VAULT, ended_at=None).first()
