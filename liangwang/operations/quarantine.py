"""Readings that could not be judged: which device sent what, and that it waits for somebody to claim it."""

from datetime import datetime

from django.db.models import F, QuerySet

from liangwang.base.keys import unseal
from liangwang.base.labels import Label

from .models import Quarantined
from .readings_log import QuarantineRecord
from .signals import instant

REASON_LABELS: dict[str, Label] = {
    "unknown": {"zh": "没有登记的设备", "en": "Unregistered device"},
    "ahead": {"zh": "时间超前", "en": "Time is ahead"},
}


def land(record: QuarantineRecord) -> None:
    """List what a source sent, one row for each device and reason; the newest sealed sample stays."""
    at = instant(record.received_at)
    for unknown in record.rows:
        row, _ = Quarantined.objects.get_or_create(
            source=record.source,
            device=unknown.device,
            reason=unknown.reason,
            defaults={"first_at": at, "last_at": at},
        )
        Quarantined.objects.filter(pk=row.pk).update(
            rows=F("rows") + unknown.rows, last_at=at, sample_sealed=unknown.text, settled_at=None
        )


def quarantined() -> "QuerySet[Quarantined]":
    """The devices whose readings wait, the newest first."""
    return Quarantined.objects.filter(settled_at=None).order_by("-last_at")


def sample(row: Quarantined) -> str:
    """The text of the newest readings: call it only behind `access.require(…, 'read_sealed', …)`."""
    if row.sample_sealed is None:
        return ""
    return unseal(bytes(row.sample_sealed), f"quarantine:{row.source}:{row.device}:{row.reason}")


def settle(row: Quarantined, at: datetime) -> None:
    """Take a device off the list, because it was registered or is not ours."""
    row.settled_at = at
    row.save(update_fields=["settled_at"])
