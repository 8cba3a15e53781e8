"""封路: the streets that are closed, on a map and as a list; the duty officer of the place closes and opens them."""

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access, clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.geo import Point
from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.operations import closures, road

from ..shared import geometry
from . import shown
from .incident_views import actor_of
from .views import place_of

STATUS = {"closed": "bad", "ahead": "watch", "over": "idle"}
WIDTH_M = 30


class Unread(Refusal):
    """A corner or a time cannot be read."""

    status, code = 422, "unread"
    template: ClassVar[Label] = {
        "zh": "没有看懂“{text}”：位置一行一个，写成 121.4305,31.2165；时间写成 2026-11-23T18:00",
        "en": "'{text}' was not understood: write one position a line as 121.4305,31.2165, and a time as 2026-11-23T18:00",
    }


def _page(request: HttpRequest, place: Place, *, error: str = "", status: int = 200) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    words = {"closed": _("封着"), "ahead": _("未到时间"), "over": _("已解除")}
    may = access.may(actor, "handle", access.thing_of("board", place)).allowed
    rows = []
    for row in closures.of_place(place, at):
        state = closures.state_of(row, at)
        here = row.place_id == place.pk
        rows.append({
            "it": row, "word": words[state], "status": STATUS[state], "streets": road.shut_by(row.area),
            "lifts": may and here and state != "over",
        })  # fmt: skip
    west, south, east, north = geometry.bounds(place)
    context = {
        "place": place,
        "crumbs": shown.crumbs(actor, place),
        "rows": rows,
        "may": may,
        "lon": (west + east) / 2,
        "lat": (south + north) / 2,
        "zoom": {"city": 9.5, "district": 12.5}.get(place.level, 14.3),
        "width": WIDTH_M,
        "shapes": [("stretch", _("一段路或一个路口"), ""), ("area", _("一片区域"), "")],
        "reasons": (_("积水"), _("路面塌陷"), _("交通事故"), _("施工"), _("大型活动")),
        "errors": {"points": error} if error else {},
        "typed": request.POST,
        "now": at,
    }
    return render(request, "command/closures.html", context, status=status)


@door("open", "board", of=place_of, post="handle")
def listed(request: HttpRequest, place: Place) -> HttpResponse:
    """What is closed, from when until when, why and by whom; POST closes an area, or opens one again."""
    if request.method != "POST":
        return _page(request, place)
    try:
        with write():
            said = _lifted(request, place) if request.POST.get("closure") else _closed(request, place)
    except Refusal as refusal:
        return _page(request, place, error=refusal.message(get_language() or "zh"), status=refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("command-closures", args=[place.code]))


def _closed(request: HttpRequest, place: Place) -> str:
    typed, at = request.POST, clock.now()
    area = closures.drawn(
        _points(typed.get("points", "")),
        _number(typed.get("width") or str(WIDTH_M)),
        filled=typed.get("shape") == "area",
    )
    closures.close_streets(
        actor=actor_of(request), at=at, place=place, area=area, reason=typed.get("reason", ""),
        starts_at=_moment(typed.get("from", "")), ends_at=_moment(typed.get("until", "")),
    )  # fmt: skip
    return _("已封路，派单和路线马上绕开")


def _lifted(request: HttpRequest, place: Place) -> str:
    ref, at = request.POST["closure"], clock.now()
    row = next((row for row in closures.of_place(place, at) if row.ref == ref), None)
    if row is None or row.place_id != place.pk:
        raise NotFound
    closures.lift_closure(actor=actor_of(request), at=at, row=row)
    return _("已解除，恢复通行")


def _points(text: str) -> list[Point]:
    found = []
    for line in filter(str.strip, text.splitlines()):
        parts = line.replace("，", ",").replace(",", " ").split()
        if len(parts) != 2:
            raise Unread(text=line.strip()[:40])
        lon, lat = (_number(part) for part in parts)
        if not (-180 <= lon <= 180 and -85 <= lat <= 85):
            raise Unread(text=line.strip()[:40])
        found.append((lon, lat))
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unread(text=text.strip()[:40]) from None


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        found = parse_datetime(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise Unread(text=text.strip()[:40])
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))


@door("open", "board", of=place_of)
def ground(request: HttpRequest, place: Place) -> HttpResponseBase:
    """The place's map with what is closed now or will be."""
    at = clock.now()
    found: dict[str, Any] = geometry.areas(place)
    rows = [row for row in closures.of_place(place, at) if closures.state_of(row, at) != "over"]
    found["features"] += closures.shapes(rows)
    return JsonResponse(found)


urlpatterns: list[URLPattern] = [
    path("<slug:code>/closures/", listed, name="command-closures"),
    path("<slug:code>/closures/map", ground, name="command-closures-map"),
]
