"""GeoJSON for maps: a place's outline, the areas below it, its streets, and points."""

import json
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from shapely import set_precision, simplify
from shapely.geometry import Point, mapping, shape
from shapely.prepared import prep as prepared

from liangwang.base.labels import pick
from liangwang.base.models import Place
from liangwang.operations.streets import streets_in

TOLERANCE_DEG = {"city": 0.0012, "district": 0.0003, "street": 0.00005}
"""How far a simplified outline may lie from the real one: about 120 m on the city map, 5 m in a street."""

Json = dict[str, Any]


def feature(geometry: Json, **properties: object) -> Json:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(lon: float, lat: float, **properties: object) -> Json:
    return feature({"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}, **properties)


def collection(features: list[Json]) -> Json:
    return {"type": "FeatureCollection", "features": features}


@lru_cache(maxsize=512)
def _outline(code: str, tolerance: float) -> Json | None:
    """A place's outline, simplified and rounded to about a metre; None where none is known."""
    text = Place.objects.filter(code=code).values_list("polygon", flat=True).first()
    if not text:
        return None
    geometry = set_precision(simplify(shape(json.loads(text)), tolerance), 1e-5)
    return dict(mapping(geometry))


def areas(place: Place) -> Json:
    """The place's outline (`role: outline`) and the areas one level below (`role: area`), with names to print."""
    tolerance = TOLERANCE_DEG.get(place.level, 0.00005)
    lang = get_language() or "zh"
    drawn = []
    if own := _outline(place.code, tolerance):
        drawn.append(feature(own, role="outline", code=place.code))
    for child in place.children.filter(ended_at=None).only(
        "code", "name", "lon", "lat", "approximate", "kind"
    ):
        name = pick(child.name, lang)
        if shape_of := _outline(child.code, tolerance):
            drawn.append(
                feature(shape_of, role="area", code=child.code, name=name, approximate=child.approximate)
            )
        if child.lon is not None and child.lat is not None:
            drawn.append(point(child.lon, child.lat, role="name", code=child.code, name=name))
    if place.level == "street":
        drawn += _streets(place)
    return collection(drawn)


def _streets(place: Place) -> list[Json]:
    """The street graph inside the place's outline, for the map of a street or town."""
    text = _outline(place.code, TOLERANCE_DEG["street"])
    if text is None:
        return []
    outline = prepared(shape(text))
    return [
        feature({"type": "LineString", "coordinates": [a, b]}, role="street", kind=kind)
        for kind, a, b in streets_in(*shape(text).bounds)
        if outline.contains(Point(a)) and outline.contains(Point(b))
    ]


def bounds(place: Place) -> list[float]:
    """west, south, east, north of a place, for the first view of the map."""
    outline = _outline(place.code, TOLERANCE_DEG.get(place.level, 0.00005))
    if outline is None:
        boxes = [shape(o).bounds for c in place.children.all() if (o := _outline(c.code, 0.0012))]
    else:
        boxes = [shape(outline).bounds]
    if not boxes:
        lon, lat = place.lon or 121.47, place.lat or 31.23
        return [lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02]
    west, south, east, north = zip(*boxes, strict=True)
    return [min(west), min(south), max(east), max(north)]
