"""上报: one door for everything that people and other systems report; it joins an open incident or opens one."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from liangwang.base import audit, keys, packs
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.geo import cell
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Place, StoredFile, Subject
from liangwang.base.places import containing, containing_code, duty_place, near
from liangwang.base.working_days import end_of_day, local_day, working_days
from liangwang.cases import actions
from liangwang.cases.queries import Case

from . import joining
from .incidents import declared_plan
from .kinds import Known, kind_named
from .models import Asset
from .report_models import Report

MAX_TEXT = 2000
MAX_PHOTOS = 9
THING_WITHIN_M = 20.0  # as well as people point at a thing on a phone
UNIT_CELL = 10  # H3 cells of about 15,000 m², in place of a city's own unit grid (单元网格) of about 10,000

SORTS: dict[str, tuple[Label, str]] = {
    "enquiry": ({"zh": "咨询", "en": "enquiry"}, "hotline_enquiry"),
    "help": ({"zh": "求助", "en": "call for help"}, "hotline_help"),
    "complaint": ({"zh": "投诉举报", "en": "complaint"}, "hotline_help"),
    "suggestion": ({"zh": "意见建议", "en": "suggestion"}, "hotline_help"),
    "review": ({"zh": "回访复核", "en": "reviewed again"}, "hotline_review"),
}
"""What a caller wants, with the limit of the vocabulary that answering it has (12345)."""


class PlaceNeeded(Refusal):
    """A report without a point and without a place: nobody can be sent."""

    status, code = 422, "place_needed"
    template: ClassVar[Label] = {
        "zh": "请说明在哪里：在地图上点一下，或选择所在街镇、居委",
        "en": "Say where it is: point at it on the map, or choose the subdistrict or neighbourhood",
    }


class TooLong(Refusal):
    status, code = 422, "report_too_long"
    template: ClassVar[Label] = {
        "zh": "说明请不超过 {text} 字，照片不超过 {photos} 张；已写的都还在",
        "en": "At most {text} characters and {photos} photos; nothing that you wrote is lost",
    }


class UnknownSort(Refusal):
    status, code = 422, "unknown_sort"
    template: ClassVar[Label] = {
        "zh": "没有“{sort}”这种诉求类型",
        "en": "There is no sort of report '{sort}'",
    }


class Reporter(NamedTuple):
    """Who reports, for calling back: kept sealed. All empty is somebody who will not be named."""

    name: str = ""
    phone: str = ""


def report(
    *,
    actor: Actor,
    at: datetime,
    kind: str,
    text: str = "",
    point: tuple[float, float] | None = None,
    place: Place | None = None,
    address: str = "",
    photos: Sequence[StoredFile] = (),
    reporter: Reporter | None = None,
    channel: str = "app",
    outside_number: str = "",
    sort: str = "help",
    facts: dict[str, Any] | None = None,
) -> Report:
    """Takes a report; it joins the open incident that it belongs to, else opens one that the duty officer confirms.

    `kind` is `pack:kind`, `point` (lon, lat); without one the middle of `place` stands for it, and nothing joins by
    itself. The same `outside_number` of one `channel` is one report: the first is returned. Call it inside a write.
    Raises UnknownKind, UnknownSort, PlaceNeeded, OutsideCity, TooLong.
    """
    if outside_number and (known := by_outside_number(channel, outside_number)):
        return known
    wanted = kind_named(kind)
    if sort not in SORTS:
        raise UnknownSort(sort=sort)
    if len(text) > MAX_TEXT or len(photos) > MAX_PHOTOS:
        raise TooLong(text=MAX_TEXT, photos=MAX_PHOTOS)
    where = _where(point, place)
    joining.hold_place(where.place)
    standing = None if where.approximate else joining.incident_for(wanted, where.point, at)
    subject = Subject.objects.filter(pk=actor.for_subject_id or 0).first()
    reachable = subject is not None or bool(reporter and reporter.phone)
    row = Report(
        kind=wanted.ref, sort=sort, text=text.strip(), subject=subject, party_id=actor.party_id, channel=channel,
        outside_number=outside_number or None, place=where.place, lon=where.point[0], lat=where.point[1],
        approximate=where.approximate, address=address.strip()[:200], photos=[photo.ref for photo in photos],
        at=at, joined_how="rule" if standing else "", contact_by=working_limit("first_contact", at) if reachable else None,
        due_at=working_limit(SORTS[sort][1], at),
    )  # fmt: skip
    if reporter and any(reporter):
        row.reporter_sealed = keys.seal(json.dumps(reporter._asdict()), f"report/{row.ref}/reporter")
    row.case = standing or open_for(actor, at, wanted, row, facts or {})
    row.save(force_insert=True)
    _noted(actor, at, row)
    return row


def by_outside_number(channel: str, number: str) -> Report | None:
    """The report that came by a channel under another system's number."""
    return Report.objects.select_related("case").filter(channel=channel, outside_number=number).first()


class _Where(NamedTuple):
    place: Place
    point: tuple[float, float]
    approximate: bool


def _where(point: tuple[float, float] | None, place: Place | None) -> _Where:
    if point is not None:
        return _Where(duty_place(containing(*point)), point, approximate=False)
    if place is None or place.lon is None or place.lat is None:
        raise PlaceNeeded
    street = place.parent if place.level in {"neighbourhood", "grid"} and place.parent else place
    return _Where(duty_place(street), (place.lon, place.lat), approximate=True)


def open_for(actor: Actor, at: datetime, kind: Known, row: Report, more: dict[str, Any]) -> Case:
    """Opens the incident of a report; it waits for the duty officer's confirmation."""
    asset = _thing_at(kind, row)
    if asset is not None:
        more = {**more, "asset": asset.ref, "asset_key": asset.key, "owner": asset.owner}
    facts = {
        **more, "kind": kind.ref, "text": row.text, "since": at.isoformat(), "address": row.address,
        "unit_grid": f"{cell(row.lon, row.lat, UNIT_CELL):x}", "duty_grid": containing_code(row.lon, row.lat, "grid") or "",
    }  # fmt: skip
    if row.approximate:
        facts["approximate"] = True
    return actions.open_case(
        actor=actor,
        at=at,
        plan=declared_plan(kind.plan, within=kind.pack, at=at),
        kind="incident",
        title=kind.value.label,
        place=row.place,
        point=(row.lon, row.lat),
        subject=asset.subject if asset else None,
        source="report",
        pack=kind.pack,
        level=kind.value.level,
        limits=kind.limits(),
        facts=facts,
    )


def _thing_at(kind: Known, row: Report) -> Asset | None:
    """The nearest asset of the kind's things where somebody pointed at: whose it is decides who repairs it."""
    if kind.value.things is None or row.approximate:
        return None
    rows = Asset.objects.select_related("subject").filter(
        pack=kind.pack, kind=kind.value.things, ended_at=None
    )
    found = near(row.lon, row.lat, rows, THING_WITHIN_M)
    return found[0][0] if found else None


def _noted(actor: Actor, at: datetime, row: Report) -> None:
    """The timeline says how many have reported it; the audit log that it was reported, without a word of it."""
    if row.joined_how:
        count = Report.objects.filter(case=row.case).count()
        actions.note_case(
            actor=actor, at=at, case=row.case, what="report.joined", count=count, channel=row.channel
        )
    thing = Thing(kind="report", ref=row.ref, place_code=row.place.code)
    audit.record(
        actor, "create", thing, at=at, purpose="case", body={"kind": row.kind, "channel": row.channel}
    )


def limit_value(key: str) -> tuple[float, str]:
    """Value and unit of a limit of the vocabulary."""
    limit = packs.declared("limits.yaml", f"{packs.SHARED}:{key}").value
    return limit.value, limit.unit


def working_limit(key: str, start: datetime) -> datetime:
    """When a limit of the vocabulary that starts now runs out: minutes at once, working days at the end of the last."""
    value, unit = limit_value(key)
    if unit == "min":
        return start + timedelta(minutes=value)
    day = working_days().due_on(local_day(start), int(value))
    assert day is not None  # a clock that is not stopped always ends
    return end_of_day(day)


def reporter_of(row: Report) -> Reporter:
    """Name and phone of the reporter, unsealed; the caller's page audits the look."""
    if row.reporter_sealed is None:
        return Reporter()
    return Reporter(**json.loads(keys.unseal(bytes(row.reporter_sealed), f"report/{row.ref}/reporter")))
