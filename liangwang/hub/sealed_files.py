"""Files of any size sealed frame by frame: written as a stream, read at any place, never in the clear on disk.

`LWSF` · v · file id (16) · frames of 1 MiB under AES-256-GCM. The nonce counts frames; which frame is the last is
part of what is authenticated, so that a file cut short does not open. Knows no Django: a child process reads with it.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"LWSF\x01"
ID_BYTES = 16
HEAD = len(MAGIC) + ID_BYTES
FRAME = 1 << 20
TAG = 16
KeyOf = Callable[[bytes], bytes]


class Damaged(OSError):
    """The file is not one of ours, was changed, or was cut short."""


def _nonce(number: int) -> bytes:
    # A file's key seals nothing else, so that a counter is a nonce that never comes twice.
    return number.to_bytes(12, "big")


class SealedWriter:
    """Writes a new sealed file; it is whole, and on disk, after `close`."""

    def __init__(self, path: Path, key_of: KeyOf) -> None:
        self.file_id = os.urandom(ID_BYTES)
        self._cipher = AESGCM(key_of(self.file_id))
        self._out = path.open("xb")
        self._out.write(MAGIC + self.file_id)
        self._held = bytearray()
        self._frames = 0

    def write(self, content: bytes | memoryview) -> None:
        self._held += content
        while len(self._held) > FRAME:  # the last frame is never written here: it says that it is the last
            self._frame(bytes(self._held[:FRAME]), last=False)
            del self._held[:FRAME]

    def close(self) -> None:
        """Ends the file and brings it to the disk."""
        self._frame(bytes(self._held), last=True)
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()

    def abandon(self) -> None:
        """Closes without an end; the caller removes the file."""
        self._out.close()

    def _frame(self, plain: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._frames), plain, b"last" if last else b"more"))
        self._frames += 1


class SealedReader(io.RawIOBase):
    """A sealed file as a seekable file of its plain bytes; raises Damaged when a frame does not open."""

    def __init__(self, path: Path | str, key_of: KeyOf) -> None:
        super().__init__()
        self._file: IO[bytes] = open(path, "rb")  # noqa: SIM115 - closed by close()
        head = self._file.read(HEAD)
        if len(head) < HEAD or not head.startswith(MAGIC):
            self._file.close()
            raise Damaged("not a sealed file")
        self._cipher = AESGCM(key_of(head[len(MAGIC) :]))
        body = os.fstat(self._file.fileno()).st_size - HEAD
        self._frames = max(1, -(-body // (FRAME + TAG)))
        self.size = body - self._frames * TAG
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def _frame(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(HEAD + number * (FRAME + TAG))
            last = number == self._frames - 1
            try:
                plain = self._cipher.decrypt(
                    _nonce(number), self._file.read(FRAME + TAG), b"last" if last else b"more"
                )
            except InvalidTag as fault:
                raise Damaged("a frame does not open") from fault
            self._held = (number, plain)
        return self._held[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer over as many frames as it takes: Arrow takes a short read for the end of the file."""
        done = 0
        while done < len(buffer) and self._at < self.size:
            number, begin = divmod(self._at, FRAME)
            part = self._frame(number)[begin : begin + len(buffer) - done]
            buffer[done : done + len(part)] = part
            self._at += len(part)
            done += len(part)
        return done

    def close(self) -> None:
        self._file.close()
        super().close()

    def __enter__(self) -> Self:
        return self
