"""What was done: one leaf in the transaction of the act; the sequencer orders the leaves later."""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .models import AuditEntry, AuditSubject, Subject
from .statements import insert_all

if TYPE_CHECKING:
    from .access import Thing
    from .hats import Actor

SALT_BYTES = 16


def canonical(body: dict[str, Any]) -> bytes:
    """The one byte form of a body: sorted keys, no spaces, UTF-8."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def leaf_hash(salt: bytes, body: bytes) -> bytes:
    """RFC 6962 leaf over salt ‖ body; the salt keeps short bodies from being guessed after erasure."""
    return hashlib.sha256(b"\x00" + salt + body).digest()


def record(
    actor: "Actor",
    verb: str,
    thing: "Thing",
    *,
    at: datetime,
    purpose: str = "none",
    outcome: str = "done",
    body: dict[str, Any] | None = None,
    subjects: Iterable[int] = (),
) -> AuditEntry:
    """Writes one entry; must run inside the transaction of the act, whose failure takes it along.

    The entry names people by random refs and offices by key, never by name or number. `subjects` (ids) default
    to the thing's, and are those who can read the entry on their page.
    """
    entry = leaf(actor, verb, thing, at=at, purpose=purpose, outcome=outcome, body=body)
    insert_all([entry])
    insert_all(touching(entry, thing, subjects))
    return entry


def leaf(
    actor: "Actor",
    verb: str,
    thing: "Thing",
    *,
    at: datetime,
    purpose: str = "none",
    outcome: str = "done",
    body: dict[str, Any] | None = None,
) -> AuditEntry:
    """An entry not yet written, for an act that writes all that it leaves in one journey."""
    raw = canonical(
        {
            "at": at.isoformat(),
            "who": actor.party_ref or actor.key,
            "hat": actor.hat,
            **_for(actor),
            "role": actor.role,
            "office": actor.office_key,
            **({"mandate": actor.mandate_ref} if actor.mandate_ref else {}),
            "verb": verb,
            "thing": thing.kind,
            "ref": thing.ref,
            "purpose": purpose,
            "outcome": outcome,
            **({"body": body} if body else {}),
        }
    )
    salt = os.urandom(SALT_BYTES)
    return AuditEntry(at=at, body=raw, salt=salt, leaf=leaf_hash(salt, raw))


def touching(entry: AuditEntry, thing: "Thing", subjects: Iterable[int] = ()) -> list[AuditSubject]:
    """Whose data a written entry touches: these subjects, else the thing's."""
    return [AuditSubject(entry=entry, subject_id=s) for s in sorted(set(subjects) or set(thing.subject_ids))]


def _for(actor: "Actor") -> dict[str, str]:
    """Whom the actor acts for, where that is somebody else: both stand in the entry."""
    if actor.for_subject_id in (None, actor.subject_id):
        return {}
    ref = Subject.objects.filter(pk=actor.for_subject_id).values_list("ref", flat=True).first()
    return {"for": ref} if ref else {}


def body_of(entry: AuditEntry) -> dict[str, Any] | None:
    """The act as data; None when it was erased by law."""
    return None if entry.body is None else dict(json.loads(bytes(entry.body)))
