"""The ground of every map: outlines, names and streets of a place, which are public."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.operations.road import imported

from . import geometry

KEPT_S = 3600
OSM: Label = {
    "zh": "道路 © OpenStreetMap 贡献者（ODbL）",
    "en": "Streets © OpenStreetMap contributors (ODbL)",
}


def credit() -> Label | None:
    """What a map that draws imported streets or ways along them says (ODbL 4.3); None for our own sketched ones."""
    return OSM if imported() is not None else None


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
