"""Work orders of 12345 and other desks become reports, each once; one that cannot be placed goes to the city's middle."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from liangwang.base import clock, packs
from liangwang.base.access import ApiDoor
from liangwang.base.errors import NotFound, Refusal, Refused
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.base.places import OutsideCity, containing
from liangwang.base.transactions import write
from liangwang.channels import work_orders as wire
from liangwang.channels.readings import Unreadable
from liangwang.channels.work_orders import WorkOrder
from liangwang.hub.declare import Reports

from .actions import Reporter, report
from .report_models import Report
from .reporting import MAX_TEXT, PlaceNeeded, by_outside_number
from .sensorthings import covers

router = Router(tags=["reports"])


class NoOrders(Refusal):
    """The body as a whole holds no work orders."""

    status, code = 400, "unreadable"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


def declared(ref: str) -> packs.Declared:
    """The declared source of reports `pack:source`; raises NotFound."""
    for one in packs.declarations("sources.yaml"):
        if one.ref == ref and isinstance(one.value, Reports):
            return one
    raise NotFound


@router.post("/reports/{source}", auth=ApiDoor("push", "report"))
def push(request: HttpRequest, source: str) -> dict[str, Any]:
    """Takes work orders of a declared source: a JSON object or list, CSV or .xlsx; each is an incident's report once.

    The answer names the incident of each number; a row that is refused says why, the others are kept.
    """
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return take(actor, clock.now(), source, request.body, request.content_type or "")


def take(actor: Actor, at: datetime, source: str, body: bytes, content_type: str) -> dict[str, Any]:
    """Take work orders; return `{accepted, known, orders, rejected}` when all that is accepted is committed.

    Raises NotFound, Refused, NoOrders.
    """
    one = declared(source)
    if not covers(actor, source):
        raise Refused(hat=actor.label["zh"])
    try:
        parsed = wire.parse(body, content_type, one.value.fields, timezone.get_default_timezone())
    except Unreadable as error:
        raise NoOrders(**error.label) from error
    rejected: list[dict[str, Any]] = [{"row": bad.row, "reason": bad.reason} for bad in parsed.bad]
    orders, known = [], 0
    for order in parsed.orders:
        try:
            row, fresh = take_one(actor, at, one, order)
        except Refusal as refusal:
            reason = {"zh": refusal.message("zh"), "en": refusal.message("en")}
            rejected.append({"row": order.row, "reason": reason})
            continue
        known += not fresh
        orders.append({"number": order.number, "case": row.case.number, "report": row.ref})
    rejected.sort(key=lambda line: line["row"])
    return {"accepted": len(orders) - known, "known": known, "orders": orders, "rejected": rejected}


def take_one(actor: Actor, at: datetime, one: packs.Declared, order: WorkOrder) -> tuple[Report, bool]:
    """Take one work order in a transaction of its own; return its report, and whether it is new."""
    source: Reports = one.value
    with write():
        earlier = by_outside_number(one.key[:20], order.number)
        if earlier is not None:
            return earlier, False
        kind = source.kinds.get(order.kind, source.otherwise)
        facts: dict[str, Any] = {"work_order": order.number, "told_kind": order.kind[:100]}
        if order.asked_at is not None:
            facts["asked_at"] = order.asked_at.isoformat()
        if order.due_at is not None:
            facts["outside_due"] = order.due_at.isoformat()
        more: dict[str, Any] = {
            "actor": actor,
            "at": at,
            "kind": kind if ":" in kind else f"{one.pack}:{kind}",
            "text": order.text[:MAX_TEXT],
            "address": order.address,
            "reporter": Reporter(order.name, order.phone),
            "channel": one.key[:20],
            "outside_number": order.number,
            "sort": source.sorts.get(order.sort, "help"),
            "facts": facts,
        }
        for where in _wheres(order):
            facts["unplaced"] = "point" not in where
            try:
                return report(**more, **where), True
            except OutsideCity:
                continue
    raise PlaceNeeded


def _wheres(order: WorkOrder) -> Iterator[dict[str, Any]]:
    """Where it may be, the surest first: the point, the named place, the street in the middle of the city.

    A call that nobody can place is still a call: that street's duty officer asks back.
    """
    if order.point is not None:
        yield {"point": order.point}
    rows = Place.objects.filter(ended_at=None, lon__isnull=False)
    if order.place:
        named = (
            rows.filter(code=order.place).first()
            or rows.filter(name__zh=order.place).order_by("-level").first()
        )
        if named is not None:
            yield {"place": named}
    city = rows.filter(level="city").first()
    if city is not None:
        yield {"place": containing(city.lon or 0.0, city.lat or 0.0)}
