"""Warnings of other authorities (CAP 1.2): kept with where and how long, an Update or Cancel ends what it refers to.

What rules know of them (`warned`) is in `alerts`.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest
from ninja import Router
from shapely import Point
from shapely.geometry import shape

from liangwang.base import audit, clock, events
from liangwang.base.access import ApiDoor, Thing
from liangwang.base.errors import Refusal, Refused
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.channels import cap
from liangwang.channels.readings import Unreadable

from .models import WarningIn

router = Router(tags=["warnings"])
SCOPE: Final = "warnings"
LEVELS: Final = {"Extreme": "red", "Severe": "orange", "Moderate": "yellow", "Minor": "blue"}
"""Colours by the severity of CAP; unverified: an authority that sends a colour itself (a parameter) decides."""
ORDER: Final = ("red", "orange", "yellow", "blue")
COLOURS: Final = {
    "红": "red",
    "橙": "orange",
    "黄": "yellow",
    "蓝": "blue",
    **{name: name for name in ORDER},
}


class NoWarning(Refusal):
    """The body is no CAP 1.2 message."""

    status, code = 400, "unreadable"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


@router.post("/warnings", auth=ApiDoor("push", "warning"))
def push(request: HttpRequest) -> dict[str, Any]:
    """Takes one CAP 1.2 message (the body, XML) of an authority whose key lists `warnings`, once however often it comes."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not {"*", SCOPE} & set(actor.scope):
        raise Refused(hat=actor.label["zh"])
    with write():
        row, fresh = take(actor, clock.now(), request.body)
    return {
        "warning": row.ref,
        "known": not fresh,
        "in_force": row.ended_at is None and row.message != "Cancel",
    }


@router.get("/warnings", auth=ApiDoor("read", "warning"))
def read(request: HttpRequest, lon: float | None = None, lat: float | None = None) -> dict[str, Any]:
    """The warnings in force now, of the whole city or at a point, the gravest first."""
    rows = in_force(clock.now())
    found = [row for row in rows if lon is None or lat is None or covers(row, lon, lat)]
    return {"warnings": [as_json(row) for row in found]}


def take(actor: Actor, at: datetime, body: bytes) -> tuple[WarningIn, bool]:
    """Keep a message, once by (sender, identifier); returns its row and whether it is new. Inside a write.

    Raises NoWarning.
    """
    try:
        alert = cap.parse(body)
    except Unreadable as error:
        raise NoWarning(**error.label) from error
    known = WarningIn.objects.filter(sender=alert.sender[:200], identifier=alert.identifier[:200]).first()
    if known is not None:
        return known, False
    row = _row(alert, at)
    row.save()
    for sender, identifier in alert.references:
        earlier = WarningIn.objects.filter(
            sender=sender[:200], identifier=identifier[:200], ended_at=None
        ).exclude(pk=row.pk)
        if alert.message in {"Update", "Cancel"}:
            earlier.update(ended_at=at, ended_by=row.ref)
    if alert.message in {"Cancel", "Ack", "Error"}:
        row.ended_at = at
        row.save(update_fields=["ended_at"])
    audit.record(actor, "create", Thing(kind="warning", ref=row.ref), at=at, body={"message": row.message})
    told = {"level": row.level, "message": row.message, "event": row.event}
    events.emit("warning.received", row.ref, at, told, key=f"warning.received/{row.ref}")
    return row, True


def _row(alert: cap.Alert, at: datetime) -> WarningIn:
    by_language = cap.languages(alert.infos)
    first = by_language.get("zh") or next(iter(by_language.values()), None)
    english = by_language.get("en") or first
    if first is None or english is None:
        return WarningIn(
            sender=alert.sender[:200], identifier=alert.identifier[:200], message=alert.message, event="", level="",
            test=alert.status != "Actual", sent_at=alert.sent_at, starts_at=alert.sent_at, received_at=at,
        )  # fmt: skip
    ends = [one.ends_at for one in alert.infos if one.ends_at is not None]
    return WarningIn(
        sender=alert.sender[:200], identifier=alert.identifier[:200], message=alert.message,
        test=alert.status != "Actual", event=first.event, level=level_of(first), severity=first.severity,
        urgency=first.urgency, certainty=first.certainty,
        headline={"zh": first.headline or first.event, "en": english.headline or english.event},
        body={
            "description": {"zh": first.description, "en": english.description},
            "instruction": {"zh": first.instruction, "en": english.instruction},
            "by": {"zh": first.sender_name or alert.sender, "en": english.sender_name or alert.sender},
        },
        areas=first.areas, sent_at=alert.sent_at, starts_at=first.starts_at or alert.sent_at,
        ends_at=max(ends, default=None), received_at=at,
    )  # fmt: skip


def level_of(info: cap.Info) -> str:
    """The colour of a warning: as the authority says it in a parameter, else by severity; "" where nobody says."""
    for name, value in info.parameters.items():
        if "color" in name.lower() or "colour" in name.lower() or "颜色" in name:
            for word, colour in COLOURS.items():
                if word in value.lower():
                    return colour
    return LEVELS.get(info.severity, "")


def in_force(at: datetime, *, tests: bool = False) -> "QuerySet[WarningIn]":
    """The warnings in force at a moment, the gravest and newest first; exercises only when they are asked for."""
    rows = WarningIn.objects.filter(ended_at=None, starts_at__lte=at).filter(
        Q(ends_at=None) | Q(ends_at__gt=at)
    )
    rows = rows if tests else rows.filter(test=False)
    grave = Case(*(When(level=level, then=n) for n, level in enumerate(ORDER)), default=len(ORDER))
    return rows.order_by(grave, "-sent_at")


def covers(row: WarningIn, lon: float, lat: float) -> bool:
    """Whether a warning holds at a point; one whose areas have no outline holds everywhere."""
    outlines = [area["geometry"] for area in row.areas if area.get("geometry")]
    return not outlines or any(shape(one).covers(Point(lon, lat)) for one in outlines)


def at_point(at: datetime, lon: float, lat: float) -> list[WarningIn]:
    """The warnings in force at a moment and point, the gravest first: what duty pages and rules of a place ask."""
    return [row for row in in_force(at) if covers(row, lon, lat)]


def as_json(row: WarningIn) -> dict[str, Any]:
    """A warning for machines and maps."""
    return {
        "warning": row.ref, "level": row.level, "event": row.event, "headline": row.headline, **row.body,
        "severity": row.severity, "urgency": row.urgency, "certainty": row.certainty, "sent_at": row.sent_at.isoformat(),
        "starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "areas": row.areas,
    }  # fmt: skip
