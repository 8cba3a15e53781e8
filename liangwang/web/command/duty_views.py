"""What a duty officer has beside the map: the usual rates, and the hand-over of the shift that both sign."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import Office, Place
from liangwang.base.packs import packs
from liangwang.base.transactions import write
from liangwang.operations import handover, kinds
from liangwang.operations.rates import rates

from . import shown
from .incident_views import actor_of
from .views import place_of

PERIODS = (1, 7, 30, 90)


@door("open", "board", of=place_of)
def figures(request: HttpRequest, place: Place) -> HttpResponse:
    """立案率 处置率 按期处置率 结案率 返工率 … of a place, each with its formula, whole and by pack."""
    at = clock.now()
    asked = request.GET.get("days", "30")
    days = int(asked) if asked.isdigit() and int(asked) in PERIODS else 30
    since = at - timedelta(days=days)
    own = {one.pack for one in kinds.kinds()}
    by_pack = [
        {"name": pack.meta.name, "rates": rates(place.code, since, at, pack.key)}
        for pack in packs()
        if pack.key in own
    ]
    context = {
        "place": place,
        "crumbs": shown.crumbs(actor_of(request), place),
        "whole": rates(place.code, since, at),
        "by_pack": by_pack,
        "days": days,
        "periods": PERIODS,
        "now": at,
    }
    return render(request, "command/rates.html", context)


def _office(request: HttpRequest) -> Office:
    found = Office.objects.select_related("place").filter(pk=actor_of(request).office_id or 0).first()
    if found is None:
        raise NotFound
    return found


def _shift(request: HttpRequest, place: Place, *, error: str = "", status: int = 200) -> HttpResponse:
    office, at = _office(request), clock.now()
    context = {
        "place": place,
        "office": office,
        "draft": handover.drafted(office, at),
        "orders": shown.orders(at),
        "handovers": list(handover.handovers_of(office.pk)),
        "now": at,
        "errors": {"main": error} if error else {},
        "typed": request.POST,
    }
    return render(request, "command/shift.html", context, status=status)


@door("handle", "board", of=place_of, post="handle")
def shift(request: HttpRequest, place: Place) -> HttpResponse:
    """交接班: what the shift leaves, prefilled; the post that leaves signs here."""
    if request.method != "POST":
        return _shift(request, place)
    at = clock.now()
    with write():
        row = handover.give(
            actor=actor_of(request), at=at, office=_office(request), notes=request.POST.get("notes", ""),
            leader=request.POST.get("leader", ""),
        )  # fmt: skip
    messages.success(request, _("已交班，请接班人签收"))
    return HttpResponseRedirect(reverse("command-shift-one", args=[place.code, row.ref]))


def _row(request: HttpRequest, ref: str) -> Any:
    row = handover.handover_by_ref(ref)
    if row is None or row.office_id != actor_of(request).office_id:
        raise NotFound
    return row


@door("handle", "board", of=place_of, post="handle")
def shift_one(request: HttpRequest, place: Place, ref: str) -> HttpResponse:
    """One hand-over as it was given, to print; whoever takes the shift signs here."""
    row, error, status = _row(request, ref), "", 200
    if request.method == "POST":
        try:
            with write():
                remark = request.POST.get("remark", "")
                handover.take(actor=actor_of(request), at=clock.now(), row=row, remark=remark)
        except Refusal as refusal:
            error, status = refusal.message(get_language() or "zh"), refusal.status
        else:
            messages.success(request, _("已接班"))
            return HttpResponseRedirect(reverse("command-shift-one", args=[place.code, row.ref]))
    context = {
        "place": place, "row": row, "body": _read(row.body), "error": error, "now": clock.now(),
        "may_take": row.taken_at is None and row.given_by_id != actor_of(request).party_id,
    }  # fmt: skip
    return render(request, "command/shift_one.html", context, status=status)


def _read(value: Any) -> Any:
    """The kept body with its instants as instants again."""
    if isinstance(value, dict):
        return {
            key: datetime.fromisoformat(one) if key in TIMES and one else _read(one)
            for key, one in value.items()
        }
    return [_read(one) for one in value] if isinstance(value, list) else value


TIMES = {"due_at", "until"}

urlpatterns: list[URLPattern] = [
    path("<slug:code>/rates/", figures, name="command-rates"),
    path("<slug:code>/shift/", shift, name="command-shift"),
    path("<slug:code>/shift/<slug:ref>/", shift_one, name="command-shift-one"),
]
