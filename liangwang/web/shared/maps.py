"""The ground of every map: outlines, names and streets of a place, which are public."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.models import Place

from . import geometry

KEPT_S = 3600


@door("read", "public")
def ground(request: HttpRequest, code: str) -> HttpResponseBase:
    """GeoJSON of a place; it changes only when the city is loaded anew, so a browser keeps it for an hour."""
    place = Place.objects.filter(code=code, ended_at=None).first()
    if place is None:
        raise NotFound
    answer = JsonResponse(geometry.areas(place))
    answer["Cache-Control"] = f"private, max-age={KEPT_S}"
    answer["Vary"] = "Accept-Language, Cookie"
    return answer
