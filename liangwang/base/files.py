"""Files that people bring: judged by size and content, kept by content under DATA/files."""

import hashlib
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple

from django.conf import settings

from .contents import DOCUMENTS, IMAGES, Content, WrongFileType, judged
from .errors import Refusal
from .labels import Label
from .models import Party, StoredFile

MAX_BYTES = 10 * 1024 * 1024
__all__ = [
    "DOCUMENTS",
    "IMAGES",
    "MAX_BYTES",
    "Brought",
    "FileTooLarge",
    "WrongFileType",
    "judge",
    "keep",
    "open_file",
    "path_of",
    "store",
]


class FileTooLarge(Refusal):
    status, code = 413, "file_too_large"
    template: ClassVar[Label] = {
        "zh": "文件超过 {limit_mb} MB，请压缩或分开上传；已填内容都还在",
        "en": "The file is larger than {limit_mb} MB; compress or split it. Your answers are kept",
    }


def path_of(sha256: str) -> Path:
    """Where a blob lies: DATA/files/ab/cdef…"""
    folder: Path = settings.DATA / "files" / sha256[:2]
    return folder / sha256[2:]


def _keep(raw: bytes) -> str:
    """Writes a blob durably (write, fsync, rename) and returns its SHA-256; the same content is kept once."""
    sha256 = hashlib.sha256(raw).hexdigest()
    path = path_of(sha256)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # two threads may bring the same
        with fresh.open("wb") as f:
            f.write(raw)
            f.flush()
            os.fsync(f.fileno())
        fresh.rename(path)
    return sha256


class Brought(NamedTuple):
    """A file that was judged and is not kept yet, so that a transaction need not wait for the judging."""

    name: str
    content: Content


def judge(
    stream: BinaryIO, name: str, *, allowed: tuple[str, ...] = DOCUMENTS, max_bytes: int = MAX_BYTES
) -> Brought:
    """Reads at most `max_bytes` and judges them; raises FileTooLarge or a WrongFileType that says why."""
    raw = stream.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise FileTooLarge(limit_mb=max_bytes // 1024 // 1024)
    return Brought(Path(name.replace("\\", "/")).name[:200], judged(raw, allowed))


def keep(brought: Brought, *, at: datetime, by: int | None = None) -> StoredFile:
    """Keeps a judged file; `by` is the party who brought it."""
    uploader = Party.objects.filter(pk=by).first() if by else None
    return StoredFile.objects.create(
        sha256=_keep(brought.content.raw),
        size=len(brought.content.raw),
        media_type=brought.content.media_type,
        name=brought.name,
        created_at=at,
        uploaded_by=uploader,
    )


def store(
    stream: BinaryIO,
    name: str,
    *,
    at: datetime,
    allowed: tuple[str, ...] = DOCUMENTS,
    by: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> StoredFile:
    """Judges a file and keeps it; raises FileTooLarge or a WrongFileType that says why."""
    return keep(judge(stream, name, allowed=allowed, max_bytes=max_bytes), at=at, by=by)


def store_text(text: str, name: str, *, at: datetime, by: int | None = None) -> StoredFile:
    """Keeps words of our own making (a typed signature) as a file: plain text, never what somebody uploaded."""
    raw = text.encode()
    return StoredFile.objects.create(
        sha256=_keep(raw),
        size=len(raw),
        media_type="text/plain",
        name=name,
        created_at=at,
        uploaded_by=Party.objects.filter(pk=by).first() if by else None,
    )


def open_file(stored: StoredFile) -> BinaryIO:
    return path_of(stored.sha256).open("rb")
