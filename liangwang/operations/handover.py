"""交接班: what a shift leaves to the next, prefilled from the board; given by one duty officer, taken by another."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.errors import Conflict, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, Place
from liangwang.cases import joined

from . import boards, contacts
from .report_models import ShiftHandover

PROMISES_WITHIN = timedelta(days=1)
LISTED = 60


class SignedAlready(Conflict):
    code = "signed_already"
    template: ClassVar[Label] = {
        "zh": "这张交接单已经签收",
        "en": "This hand-over has been taken already",
    }


class TwoPeople(Refusal):
    """Whoever gives a shift cannot take it."""

    status, code = 403, "two_people"
    template: ClassVar[Label] = {
        "zh": "交班人不能自己接班，请接班人用自己的身份签收",
        "en": "Whoever gives the shift cannot take it; the next officer signs in person",
    }


def drafted(office: Office, at: datetime) -> dict[str, Any]:
    """What stands open in the office's place: incidents, what is late, what rests, what was promised by when."""
    code = office.place.code
    rows = boards.open_incidents(code, at)
    soon = at + PROMISES_WITHIN
    return {
        "open": [_incident(row) for row in rows[:LISTED]],
        "open_count": len(rows),
        "late_count": sum(1 for row in rows if row["clock"] and row["clock"]["left_s"] < 0),
        "resting": [
            {
                "ref": task.case.ref, "number": task.case.number, "title": task.case.title, "task": task.label,
                "how": (task.defer_asked or {}).get("how", "shelve"), "asked": task.state != "deferred",
                "until": (task.deferred_until or _asked_until(task.defer_asked)),
                "reason": (task.defer_asked or {}).get("reason", ""),
            }
            for task in joined.resting(code)[:LISTED]
        ],
        "supervised": [
            {"ref": row.case.ref, "number": row.case.number, "note": row.note, "due_at": row.due_at}
            for row in joined.unanswered(code)[:LISTED]
        ],
        "to_contact": [_promise(row, row.contact_by) for row in contacts.to_contact(code)[:LISTED]],
        "to_answer": [
            _promise(row, row.due_at) for row in contacts.to_answer(code).filter(due_at__lt=soon)[:LISTED]
        ],
        "to_review": [
            {"ref": row.report.case.ref, "number": row.report.case.number, "due_at": row.review_by}
            for row in contacts.to_review(code)[:LISTED]
        ],
    }  # fmt: skip


def _incident(row: boards.Row) -> dict[str, Any]:
    clock = row["clock"]
    return {
        "ref": row["ref"], "number": row["number"], "title": row["title"], "level": row["level"],
        "stage": row["stage_label"], "place": row["place"], "due_at": clock["due_at"] if clock else None,
        "late": bool(clock and clock["left_s"] < 0), "supervised": row["supervised"],
    }  # fmt: skip


def _asked_until(asked: dict[str, Any] | None) -> datetime | None:
    return datetime.fromisoformat(asked["until"]) if asked else None


def _promise(row: Any, due: datetime | None) -> dict[str, Any]:
    return {"ref": row.case.ref, "number": row.case.number, "title": row.case.title, "due_at": due}


def give(*, actor: Actor, at: datetime, office: Office, notes: str, leader: str) -> ShiftHandover:
    """交班: the board as it stands and the notes of whoever leaves, signed by that officer."""
    assert actor.party_id is not None  # the door lets in posts only
    row = ShiftHandover.objects.create(
        office=office, at=at, body=_plain(drafted(office, at)), notes=notes.strip(), leader=leader.strip()[:60],
        given_by_id=actor.party_id, given_at=at,
    )  # fmt: skip
    audit.record(
        actor, "handle", thing_of("board", office.place), at=at, body={"shift": row.ref, "part": "given"}
    )
    return row


def take(*, actor: Actor, at: datetime, row: ShiftHandover, remark: str = "") -> ShiftHandover:
    """接班: the next officer has read it and signs; raises TwoPeople, SignedAlready."""
    if row.given_by_id == actor.party_id:
        raise TwoPeople
    fresh = ShiftHandover.objects.filter(pk=row.pk, taken_at=None)
    if not fresh.update(taken_by_id=actor.party_id, taken_at=at, remark=remark.strip()):
        raise SignedAlready
    audit.record(
        actor, "handle", thing_of("board", row.office.place), at=at, body={"shift": row.ref, "part": "taken"}
    )
    row.refresh_from_db()
    return row


def handovers_of(office_id: int, limit: int = 20) -> QuerySet[ShiftHandover]:
    """The hand-overs of an office, the newest first."""
    rows = ShiftHandover.objects.filter(office_id=office_id).select_related("given_by", "taken_by", "office")
    return rows.order_by("-at")[:limit]


def centre_at(place: Place) -> Office | None:
    """The operations centre whose shift is worked on the screen of a place."""
    return Office.objects.filter(place=place, kind="operations_centre", ended_at=None).order_by("pk").first()


def handover_by_ref(ref: str) -> ShiftHandover | None:
    """The hand-over that a link names."""
    rows = ShiftHandover.objects.select_related("given_by", "taken_by", "office__place")
    return rows.filter(ref=ref).first()


def _plain(value: Any) -> Any:
    """The same with instants as texts, as JSON keeps it."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
