"""The command screen and the fragments that keep it live."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.hats import Actor
from liangwang.base.models import Place

from ..shared import geometry
from . import shown


def place_of(code: str) -> Place | None:
    """A place that has a screen: city, district, street or town."""
    return (
        Place.objects.filter(code=code, level__in=shown.LEVELS, ended_at=None)
        .select_related("parent")
        .first()
    )


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
        "orders": shown.orders(at),
        **shown.panels(actor, place, at),
        **shown.feed(actor, place, at),
        **shown.day(actor, place, at),
    }
    return render(request, "command/screen.html", page)


@door("open", "board", of=place_of)
def panels(request: HttpRequest, place: Place) -> HttpResponse:
    return render(request, "command/panels.html", shown.panels(_actor(request), place, clock.now()))


@door("open", "board", of=place_of)
def feed(request: HttpRequest, place: Place) -> HttpResponse:
    return render(request, "command/feed.html", shown.feed(_actor(request), place, clock.now()))


@door("open", "board", of=place_of)
def day(request: HttpRequest, place: Place) -> HttpResponse:
    return render(request, "command/day.html", shown.day(_actor(request), place, clock.now()))


@door("read", "board", of=place_of)
def points(request: HttpRequest, place: Place) -> HttpResponse:
    """Things, units and open incidents as GeoJSON points."""
    return JsonResponse(shown.points(_actor(request), place, clock.now()))
