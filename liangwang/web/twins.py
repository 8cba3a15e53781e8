"""The Django twin of each hot route: the same handler behind Django's middleware, as its test and its baseline."""

from __future__ import annotations

from functools import partial

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from liangwang.base.access import door
from liangwang.base.errors import Refused
from liangwang.hot import HOT, HotRequest, HotRoute, load, run, same_origin


def answer_as_django(request: HttpRequest, *, route: HotRoute) -> HttpResponseBase:
    """Runs the hot handler for a Django request."""
    if (
        "Authorization" not in request.headers
        and request.method != "GET"
        and not same_origin(request.headers.get)
    ):
        raise Refused(hat=request.actor.label["zh"])  # type: ignore[attr-defined]
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = HotRequest(
        request.actor,  # type: ignore[attr-defined]
        request.body,
        request.content_type or "",
        headers,
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("QUERY_STRING", ""),
    )
    given = async_to_sync(run)(load(route.handler), asked)
    return HttpResponse(
        given.body, status=given.status, content_type=given.content_type, headers=dict(given.headers)
    )


def twin(route: HotRoute) -> URLPattern:
    """The URL of one route's twin, behind the same verb and thing."""
    view = partial(answer_as_django, route=route)
    view.__name__ = route.twin.replace("/", "_")  # type: ignore[attr-defined]
    get, post = (route.verb, None) if route.method == "GET" else (None, route.verb)
    return path(route.twin, csrf_exempt(door(get, route.thing, post=post)(view)), name=view.__name__)  # type: ignore[attr-defined]


urlpatterns = [twin(route) for route in HOT if route.twin]
