"""The duty page: the screen of a place, the fragments that keep it live, the map's points, an incident in brief."""

import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.hats import Actor
from liangwang.base.labels import pick
from liangwang.base.models import Place
from liangwang.cases import queries
from liangwang.cases.queries import Case
from liangwang.operations import things, ways

from ..shared import geometry, maps
from . import brief, incident_list, shown


def place_of(code: str) -> Place | None:
    """A place that has a screen: city, district, street or town."""
    return (
        Place.objects.filter(code=code, level__in=shown.LEVELS, ended_at=None)
        .select_related("parent")
        .first()
    )


def _case_of(ref: str) -> Case | None:
    return queries.case_by_ref(ref)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


@door("open", "board")
def own_screen(request: HttpRequest) -> HttpResponse:
    """Leads to the screen of the actor's own place."""
    return HttpResponseRedirect(reverse("command", args=[_actor(request).place_code]))


@door("open", "board", of=place_of)
def screen(request: HttpRequest, place: Place) -> HttpResponse:
    """The whole screen; its parts renew themselves."""
    actor, at = _actor(request), clock.now()
    page: dict[str, Any] = {
        "place": place,
        "crumbs": shown.crumbs(actor, place),
        "bounds": json.dumps(geometry.bounds(place)),
        "drill": "" if place.level == "street" else reverse("command", args=["CODE"]),
        "approximate": place.level != "city",
        "credit": maps.credit(),
        "orders": shown.orders(at),
        "keyboard": _keyboard(),
        **shown.panels(actor, place, at),
        **incident_list.feed(place, at, incident_list.asked(request.GET, place.level)),
        **shown.day(place, at),
    }
    return render(request, "command/screen.html", page)


def _keyboard() -> list[tuple[str, str]]:
    return [
        ("J  K", _("下一件、上一件")),
        ("Enter", _("进入选中的案件，字母对应按钮")),
        ("O", _("打开整页")),
        ("/", _("查找")),
        ("Esc", _("关闭，回到列表")),
        ("?", _("显示这张表")),
    ]


@door("open", "board", of=place_of)
def panels(request: HttpRequest, place: Place) -> HttpResponse:
    return render(request, "command/panels.html", shown.panels(_actor(request), place, clock.now()))


@door("open", "board", of=place_of)
def feed(request: HttpRequest, place: Place) -> HttpResponse:
    """The rows of the list: ?show= open decide late unassigned led told, ?kind= pack:kind, ?q= words, ?n= rows."""
    ask = incident_list.asked(request.GET, place.level)
    return render(request, "command/feed.html", incident_list.feed(place, clock.now(), ask))


@door("open", "board", of=place_of)
def day(request: HttpRequest, place: Place) -> HttpResponse:
    return render(request, "command/day.html", shown.day(place, clock.now()))


def _unless_known(request: HttpRequest, mark: str) -> HttpResponse | None:
    """304 where the browser has what bears this mark already."""
    told = request.headers.get("If-None-Match", "").removeprefix(
        "W/"
    )  # packed on the way, a mark becomes a weak one
    return HttpResponse(status=304) if told == mark else None


def _marked(answer: HttpResponse, mark: str) -> HttpResponse:
    """Kept by the browser, which asks each time whether it still holds."""
    answer["ETag"] = mark
    answer["Cache-Control"] = "private, no-cache"
    answer["Vary"] = "Accept-Language, Cookie"
    return answer


@door("open", "board", of=place_of)
@gzip_page
def points(request: HttpRequest, place: Place) -> HttpResponse:
    """What moves on the map as GeoJSON: incidents, units, things in alarm, counts (see shown.points)."""
    answer = JsonResponse(shown.points(place, clock.now()))
    mark = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    return _marked(_unless_known(request, mark) or answer, mark)


@door("open", "board", of=place_of)
@gzip_page
def ground(request: HttpRequest, place: Place) -> HttpResponse:
    """Where every thing of the place stands; read again only when one came, went or was moved."""
    mark = f'"{things.version(place.code)}"'
    return _marked(_unless_known(request, mark) or JsonResponse(shown.ground(place)), mark)


@door("read", "asset", of=things.asset_by_number)
def thing(request: HttpRequest, asset: Any) -> HttpResponse:
    """The card of one thing: name, state, latest values with their curves, its incident."""
    return render(request, "command/thing.html", {"card": things.card(asset), "status_of": shown.STATUS_OF})


@door("read", "incident", of=_case_of)
def in_brief(request: HttpRequest, case: Case) -> HttpResponse:
    """An incident beside the list; its acts are those of its own page, and answer with this again."""
    return brief.answer(request, case, _actor(request))


@door("read", "incident", of=_case_of)
def ways_to(request: HttpRequest, case: Case) -> HttpResponseBase:
    """The ways of crews that were sent and have not arrived, as GeoJSON lines with minutes and name."""
    lang, drawn = get_language() or "zh", []
    for task, way in ways.ways_of(case, at=clock.now()):
        line, name = way.geojson(), pick(task.crew_office.name, lang) if task.crew_office else ""
        line["properties"] |= {"key": f"w:{task.ref}", "name": name}
        drawn.append(line)
    return JsonResponse(geometry.collection(drawn))


urlpatterns: list[URLPattern] = [
    path("", own_screen, name="command-home"),
    path("incidents/<slug:ref>/brief", in_brief, name="command-brief"),
    path("incidents/<slug:ref>/ways", ways_to, name="command-ways"),
    path("things/<int:number>/", thing, name="command-thing"),
    path("<slug:code>/", screen, name="command"),
    path("<slug:code>/panels", panels, name="command-panels"),
    path("<slug:code>/feed", feed, name="command-feed"),
    path("<slug:code>/day", day, name="command-day"),
    path("<slug:code>/points", points, name="command-points"),
    path("<slug:code>/things", ground, name="command-things"),
]
