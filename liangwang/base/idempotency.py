"""Everything retried has a unique key: the first answer is stored with the act and given again."""

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from .clock import now
from .errors import Refusal
from .labels import Label
from .models import IdempotencyKey


class KeyReused(Refusal):
    """The same Idempotency-Key came with another request."""

    status, code = 422, "key_reused"
    template: ClassVar[Label] = {
        "zh": "这个提交编号已用于另一份内容，请重新打开页面再提交",
        "en": "This submission key was used for other content; reopen the page and submit again",
    }


def hash_request(*parts: bytes | str) -> str:
    """A hash of what was asked, so that one key cannot carry two requests."""
    h = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        h.update(len(raw).to_bytes(8, "big") + raw)
    return h.hexdigest()


def once(scope: str, key: str, request_hash: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """`do()`'s answer (JSON), now or from the first time; must run inside the act's transaction.

    The key row goes in first: a second request waits for the first to commit on PostgreSQL and for the write
    lock on SQLite, then reads the stored answer. Raises KeyReused.
    """
    row, created = IdempotencyKey.objects.get_or_create(
        scope=scope, key=key, defaults={"request_hash": request_hash, "created_at": now()}
    )
    if row.request_hash != request_hash:
        raise KeyReused
    if created:
        row.answer = do()
        row.save(update_fields=["answer"])
    return dict(row.answer)


def is_done(scope: str, key: str) -> bool:
    """Whether an act with this key has been done."""
    return IdempotencyKey.objects.filter(scope=scope, key=key).exists()
