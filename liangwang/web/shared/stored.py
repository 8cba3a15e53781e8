"""A file that somebody brought, sent so that a browser never runs it: pictures as pictures, everything else to save."""

import io

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from PIL import Image

from liangwang.base import files
from liangwang.base.contents import IMAGES, encoded
from liangwang.base.models import StoredFile

THUMB_PX = 320
# Even where a browser guesses: no program, no frame, no plug-in, nothing fetched.
LOCKED = "default-src 'none'; sandbox"


def file_answer(stored: StoredFile, *, turn: int = 0, thumb: bool = False) -> HttpResponseBase:
    """The file: a picture inline (turned clockwise by `turn` degrees, or small), anything else as an attachment."""
    picture = stored.media_type in IMAGES
    with files.open_file(stored) as f:
        raw = f.read()
    kind = (
        stored.media_type if picture or stored.media_type == "application/pdf" else "application/octet-stream"
    )
    if picture and (turn or thumb):
        kind, raw = ("image/jpeg" if thumb else kind), _shown(raw, kind, turn=turn, thumb=thumb)
    answer = HttpResponse(raw, content_type=kind)
    answer["Content-Disposition"] = _disposition(stored.name, inline=picture)
    answer["Content-Security-Policy"] = LOCKED
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, max-age=3600, immutable"
    return answer


def _shown(raw: bytes, kind: str, *, turn: int, thumb: bool) -> bytes:
    with Image.open(io.BytesIO(raw)) as picture:
        if thumb:
            picture.draft("RGB", (THUMB_PX, THUMB_PX))
            picture.thumbnail((THUMB_PX, THUMB_PX))
        return encoded(picture.rotate(-turn, expand=True), "image/jpeg" if thumb else kind)


def _disposition(name: str, *, inline: bool) -> str:
    return content_disposition_header(not inline, name) or ("inline" if inline else "attachment")
