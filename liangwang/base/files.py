"""Files that people bring: checked by size and real type, kept by content under DATA/files."""

import hashlib
import io
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from django.conf import settings
from PIL import Image, UnidentifiedImageError

from .errors import Refusal
from .labels import Label
from .models import Party, StoredFile

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
IMAGES = ("image/jpeg", "image/png", "image/webp")
DOCUMENTS = (*IMAGES, "application/pdf")
_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class FileTooLarge(Refusal):
    status, code = 413, "file_too_large"
    template: ClassVar[Label] = {
        "zh": "文件超过 {limit_mb} MB，请压缩或分开上传；已填内容都还在",
        "en": "The file is larger than {limit_mb} MB; compress or split it. Your answers are kept",
    }


class WrongFileType(Refusal):
    status, code = 415, "wrong_file_type"
    template: ClassVar[Label] = {
        "zh": "这个文件打不开或不是所需格式（可用 {allowed}）；已填内容都还在",
        "en": "This file cannot be read or is not of a type that is needed ({allowed}). Your answers are kept",
    }


def _allowed_words(allowed: Iterable[str]) -> str:
    return ", ".join(sorted(t.partition("/")[2].upper() for t in allowed))


def _image(raw: bytes) -> tuple[str, bytes] | None:
    """Type and re-encoded bytes of a picture (re-encoding drops GPS and anything appended), or None."""
    try:
        with Image.open(io.BytesIO(raw)) as picture:
            kind = _FORMATS.get(picture.format or "")
            if kind is None or picture.width * picture.height > MAX_PIXELS:
                return None
            out = io.BytesIO()
            picture.save(out, format=picture.format, quality=88)
            return kind, out.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def _checked(raw: bytes, allowed: tuple[str, ...]) -> tuple[str, bytes]:
    if raw.startswith(b"%PDF-") and b"%%EOF" in raw[-2048:]:
        kind, clean = "application/pdf", raw
    else:
        kind, clean = _image(raw) or ("", b"")
    if kind not in allowed:
        raise WrongFileType(allowed=_allowed_words(allowed))
    return kind, clean


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
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        with fresh.open("wb") as f:
            f.write(raw)
            f.flush()
            os.fsync(f.fileno())
        fresh.rename(path)
    return sha256


def store(
    stream: BinaryIO,
    name: str,
    *,
    at: datetime,
    allowed: tuple[str, ...] = DOCUMENTS,
    by: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> StoredFile:
    """Keeps a file after checking size and real content; raises FileTooLarge or WrongFileType."""
    raw = stream.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise FileTooLarge(limit_mb=max_bytes // 1024 // 1024)
    kind, clean = _checked(raw, allowed)
    uploader = Party.objects.filter(pk=by).first() if by else None
    return StoredFile.objects.create(
        sha256=_keep(clean),
        size=len(clean),
        media_type=kind,
        name=Path(name).name[:200],
        created_at=at,
        uploaded_by=uploader,
    )


def open_file(stored: StoredFile) -> BinaryIO:
    return path_of(stored.sha256).open("rb")
