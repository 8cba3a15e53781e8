"""Readings that could not be judged: which device sent what, and that it waits for somebody to claim it."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from liangwang.base.keys import unseal
from liangwang.base.labels import Label

from .models import Quarantined
from .readings_log import QuarantineRecord
from .signals import instant

UNIQUE = ("source", "device", "reason")
AT_A_TIME = 500

REASON_LABELS: dict[str, Label] = {
    "unknown": {"zh": "没有登记的设备", "en": "Unregistered device"},
    "ahead": {"zh": "时间超前", "en": "Time is ahead"},
}


def land(records: Iterable[QuarantineRecord]) -> None:
    """List what sources sent, one row for each device and reason; the newest sealed sample stays. Inside a write.

    A city whose clocks are all wrong sends strangers by the hundred thousand: few statements for all of them.
    """
    found: dict[tuple[str, str, str], Quarantined] = {}
    for record in records:
        at = instant(record.received_at)
        for unknown in record.rows:
            key = record.source, unknown.device, unknown.reason
            row = found.get(key)
            if row is None:
                row = found[key] = Quarantined(**dict(zip(UNIQUE, key, strict=True)), rows=0, first_at=at)
            row.rows, row.last_at, row.sample_sealed = row.rows + unknown.rows, at, unknown.text
    keys = sorted(found)
    for start in range(0, len(keys), AT_A_TIME):
        part = keys[start : start + AT_A_TIME]
        standing = Quarantined.objects.filter(
            source__in={source for source, _, _ in part}, device__in=[device for _, device, _ in part]
        )
        mine = set(part)
        for source, device, reason, rows in standing.values_list(*UNIQUE, "rows"):
            if (source, device, reason) in mine:
                found[source, device, reason].rows += rows
        Quarantined.objects.bulk_create(
            [found[key] for key in part],
            update_conflicts=True,
            unique_fields=UNIQUE,
            update_fields=["rows", "last_at", "sample_sealed", "settled_at"],
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
