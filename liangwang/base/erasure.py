"""Legal erasure of audit content: body and salt go, leaf and every proof stay, and the erasure is itself audited."""

from collections.abc import Iterable
from datetime import datetime

from . import audit
from .access import Thing
from .hats import Actor
from .models import AuditEntry

BATCH = 500


def erase_entries(actor: Actor, ids: Iterable[int], *, at: datetime, basis: str) -> int:
    """Clears what entries say; runs inside the caller's transaction; returns how many were cleared.

    Without the salt the leaf tells nothing, not even to one who guesses the body.
    """
    wanted = sorted(set(ids))
    cleared = 0
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        rows = AuditEntry.objects.filter(pk__in=batch, body__isnull=False)
        touched = list(rows.values_list("pk", flat=True))
        if not touched:
            continue
        rows.update(body=None, salt=None)
        cleared += len(touched)
        thing = Thing(kind="audit", ref=f"{touched[0]}-{touched[-1]}")
        audit.record(actor, "erase", thing, at=at, body={"erased": touched, "basis": basis})
    return cleared
