"""Signatures: drawn or typed, kept as a file with its time, and void once an answer that was signed has changed."""

import base64
import binascii
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils.timezone import localtime

from liangwang.base import files
from liangwang.base.audit import canonical
from liangwang.base.errors import Refusal
from liangwang.base.keys import blind
from liangwang.base.labels import Label
from liangwang.base.models import StoredFile

DRAWN = "data:image/png;base64,"
DRAWN_MAX = 400_000  # characters; a phone's canvas gives some 20,000


class NotSigned(Refusal):
    """A name without the tick, another name than the person's own, or an empty canvas."""

    status, code = 422, "not_signed"
    template: ClassVar[Label] = {"zh": "{why}", "en": "{why_en}"}


def read(kept: str) -> dict[str, Any]:
    """What is kept of a signature: {how: drawn | typed, name, file, at, over}; {} where there is none."""
    try:
        found = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"name", "at"} <= found.keys() else {}


def signed_words(kept: str) -> str:
    """A signature as one reads it in a list of answers: who, and when in the city.

    >>> signed_words('{"how": "typed", "name": "林晓", "at": "2026-11-23T02:00:00+00:00"}')
    '林晓 2026-11-23 10:00'
    """
    found = read(kept)
    if not found:
        return ""
    at = localtime(datetime.fromisoformat(found["at"]))
    return f"{found['name']} {at:%Y-%m-%d %H:%M}"


def digest(answers: Mapping[str, str], signatures: Iterable[str]) -> str:
    """What a signature stands under, as a keyed hash: every answer but the signatures themselves."""
    without = {key: value for key, value in answers.items() if key not in set(signatures) and value}
    return blind(canonical(without).decode(), "signature")


def keep(*, name: str, drawn: str, over: str, by: int | None, at: datetime) -> str:
    """Stores a signature as a file (a picture, or the words of a typed one) and returns what the draft keeps of it.

    Raises NotSigned for a drawing that is none, WrongFileType for one that is no picture.
    """
    if drawn:
        stored = picture(drawn, at, by)
    else:
        text = f"{name}\n{at.isoformat()}\n{over}\n"
        stored = files.store_text(text, "signature.txt", at=at, by=by)
    how = "drawn" if drawn else "typed"
    return json.dumps(
        {"how": how, "name": name, "file": stored.ref, "at": at.isoformat(), "over": over}, ensure_ascii=False
    )


def picture(drawn: str, at: datetime, by: int | None) -> StoredFile:
    """Stores what was drawn on a pad; raises NotSigned for a drawing that is none, WrongFileType for no picture."""
    try:
        if not drawn.startswith(DRAWN) or len(drawn) > DRAWN_MAX:
            raise ValueError
        raw = base64.b64decode(drawn.removeprefix(DRAWN), validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotSigned(
            why="签名的图没有读出来，请重新签一次，或改为输入姓名",
            why_en="The drawing could not be read: sign again, or type your name",
        ) from error
    return files.store(io.BytesIO(raw), "signature.png", at=at, allowed=("image/png",), by=by)
