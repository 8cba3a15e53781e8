"""Who looked at a certificate: every check of it is written down for its holder, and read here."""

import json
from datetime import datetime

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.hats import Actor
from liangwang.base.idempotency import once
from liangwang.base.models import AuditEntry

from .models import Certificate

SLOT_S = 600
NEWEST = 400  # of the holder's entries: older ones are on her own page of them
LOOKING = ("read", "check")


def note_check(*, actor: Actor, certificate: Certificate, how: str, at: datetime) -> None:
    """核验: somebody checked it by `how` (shown, code, file, ref); the same one within ten minutes is one look."""
    if actor.for_subject_id in (certificate.subject_id, certificate.kept_by_id):
        return
    who = actor.party_ref or actor.hat
    key = f"{certificate.ref}/{who}/{how}/{int(at.timestamp()) // SLOT_S}"

    def written() -> dict[str, str]:
        audit.record(actor, "check", thing_of("certificate", certificate), at=at, body={"by": how})
        return {}

    once("certificate.check", key, "", written)


def looks_at(certificate: Certificate, limit: int = 10) -> list[AuditEntry]:
    """The newest entries in which somebody read or checked this certificate, the latest first."""
    rows = AuditEntry.objects.filter(subjects__subject=certificate.kept_by_id, body__isnull=False)
    found = []
    for entry in rows.order_by("-id")[:NEWEST]:
        body = json.loads(bytes(entry.body or b"{}"))
        if body["ref"] == certificate.ref and body["verb"] in LOOKING:
            found.append(entry)
    return found[:limit]
