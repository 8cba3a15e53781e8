"""What the sources page asks: every declared stream with how it fares, its silent devices, gaps and strangers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, Q, QuerySet, Sum

from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.hub.declare import Reports, Stream
from liangwang.rules.durations import microseconds

from . import datastreams, quarantine
from .models import Asset, Datastream, Quarantined, SequenceGap, SourceState, WarningIn
from .quality import FLAG_LABELS
from .report_models import Report
from .warnings_in import in_force

MINUTES: Final = 60
RECENT_MINUTES: Final = 5
CLOCK_WRONG_S: Final = 3600.0
STATES: Final = ("live", "clock", "silent", "never")


@dataclass(frozen=True)
class SourceLive:
    """A stream as of a moment; `state` is live, clock (its time is off by over an hour), silent or never.

    `minutes` are readings in each of the last sixty minutes, oldest first; `flags` how many readings have each flag.
    """

    ref: str
    stream: Stream
    state: str
    last_received_at: datetime | None
    last_at: datetime | None
    readings: int
    per_minute: float
    minutes: list[int]
    flags: list[tuple[Label, int]]
    missing: int
    gaps: int
    again: int
    clock_s: float
    devices: int
    silent: int
    late: int
    strangers: int


def sources_live(at: datetime) -> list[SourceLive]:
    """Every declared stream, those with trouble first."""
    states = {row.source: row for row in SourceState.objects.all()}
    gaps = dict(_counts(SequenceGap.objects.filter(missing__gt=0), "source"))
    strangers = _strangers()
    found = [
        _live(ref, stream, states.get(ref), gaps.get(ref, 0), strangers.get(ref, 0), at)
        for ref, stream in datastreams.stream_sources().items()
    ]
    return sorted(found, key=lambda one: (-STATES.index(one.state) % len(STATES), one.ref))


def source_live(ref: str, at: datetime) -> SourceLive | None:
    """One declared stream, None where it is not declared."""
    return next((one for one in sources_live(at) if one.ref == ref), None)


def _live(
    ref: str, stream: Stream, row: SourceState | None, gaps: int, strangers: int, at: datetime
) -> SourceLive:
    stale = timedelta(microseconds=microseconds(stream.stale_after))
    rows = streams_of(ref)
    by_device = rows.values("asset_id").annotate(last=Max("last_at"), late=Sum("late"))
    silent = sum(1 for one in by_device if one["last"] is None or one["last"] < at - stale)
    late = rows.aggregate(late=Sum("late"))["late"] or 0
    minutes = _minutes(row, at)
    recent = sum(minutes[-RECENT_MINUTES:]) / RECENT_MINUTES
    flags = [
        (label, int(row.flagged[str(bit)]))
        for bit, label in FLAG_LABELS.items()
        if row and row.flagged.get(str(bit))
    ]
    return SourceLive(
        ref, stream, _state(row, at, stale), row.last_received_at if row else None, row.last_at if row else None,
        row.readings if row else 0, recent, minutes, flags, row.missing if row else 0, gaps, row.again if row else 0,
        row.clock_s if row else 0.0, len(by_device), silent, late, strangers,
    )  # fmt: skip


def _state(row: SourceState | None, at: datetime, stale: timedelta) -> str:
    if row is None:
        return "never"
    if row.last_received_at < at - stale:
        return "silent"
    return "clock" if abs(row.clock_s) > CLOCK_WRONG_S else "live"


def _minutes(row: SourceState | None, at: datetime) -> list[int]:
    now = int(at.timestamp() // 60)
    known = {int(minute): int(n) for minute, n in row.minutes} if row else {}
    return [known.get(minute, 0) for minute in range(now - MINUTES + 1, now + 1)]


def _counts(rows: "QuerySet[Any]", field: str) -> list[tuple[str, int]]:
    return list(rows.values_list(field).annotate(n=Count("id")))


def _strangers() -> dict[str, int]:
    """Quarantined devices by the stream that their sender may fill; a sender of many streams is told at none of them."""
    found: dict[str, int] = {}
    for source, count in _counts(Quarantined.objects.filter(settled_at=None), "source"):
        ref = source.partition(":")[2]
        found[ref] = found.get(ref, 0) + count
    return found


def streams_of(ref: str) -> "QuerySet[Datastream]":
    """The live datastreams of a source."""
    pack, _, source = ref.partition(":")
    return Datastream.objects.filter(pack=pack, source=source, ended_at=None)


def silent_devices(ref: str, at: datetime, most: int = 50) -> Sequence[Any]:
    """Things of a source that have said nothing for longer than declared, those never heard first: (asset, last)."""
    stream = datastreams.stream_sources()[ref]
    stale = at - timedelta(microseconds=microseconds(stream.stale_after))
    rows = streams_of(ref).values("asset_id").annotate(last=Max("last_at"))
    rows = rows.filter(Q(last=None) | Q(last__lt=stale)).order_by("last")[:most]
    assets = Asset.objects.select_related("place").in_bulk([row["asset_id"] for row in rows])
    return [(assets[row["asset_id"]], row["last"]) for row in rows]


def open_gaps(ref: str, most: int = 50) -> "QuerySet[SequenceGap]":
    """The gaps of a source in which numbers are still missing, the newest first."""
    return (
        SequenceGap.objects.filter(source=ref, missing__gt=0)
        .select_related("asset")
        .order_by("-seen_at")[:most]
    )


def strangers(most: int = 50) -> list[tuple[Quarantined, Label]]:
    """Devices in quarantine with the reason in words, the newest first."""
    rows = quarantine.quarantined()[:most]
    words = quarantine.REASON_LABELS
    return [(row, words.get(row.reason, {"zh": row.reason, "en": row.reason})) for row in rows]


def stranger(number: int) -> Quarantined | None:
    """One device in quarantine."""
    return Quarantined.objects.filter(pk=number, settled_at=None).first()


@dataclass(frozen=True)
class Desk:
    """Another way in: a hotline, Open311 or warnings; when it last brought something and how much in a day."""

    ref: str
    label: Label
    last: datetime | None
    today: int
    standing: int


def other_ways(at: datetime) -> list[Desk]:
    """Work orders of each declared desk, Open311 and warnings: last, in the past day, and how many still open."""
    desks = [
        (one.key, one.ref, one.value.label)
        for one in declarations("sources.yaml")
        if isinstance(one.value, Reports)
    ]
    desks.append(("open311", "open311", {"zh": "Open311", "en": "Open311"}))
    found = []
    for channel, ref, label in desks:
        rows = Report.objects.filter(channel=channel[:20])
        last = rows.aggregate(last=Max("at"))["last"]
        live = rows.filter(case__state__in=("open", "supplement", "accepted")).count()
        found.append(Desk(ref, label, last, rows.filter(at__gt=at - timedelta(days=1)).count(), live))
    warnings = WarningIn.objects.all()
    words: Label = {"zh": "外来预警(CAP)", "en": "Warnings (CAP)"}
    recent = warnings.filter(received_at__gt=at - timedelta(days=1)).count()
    found.append(
        Desk(
            "warnings",
            words,
            warnings.aggregate(last=Max("received_at"))["last"],
            recent,
            in_force(at).count(),
        )
    )
    return found
