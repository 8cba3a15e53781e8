"""封路: areas whose streets are not driven, entered by the duty officer with a start and an end, lifted when over."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import shapely
from django.db.models import Q, QuerySet

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.errors import Refusal
from liangwang.base.geo import Point, area_of, degrees_of, metres_xy
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Place

from .dispatch_models import Closure

MOST_DEGREES = 0.2  # about 20 km: a larger box is a slip of the hand, and would close the city


MOST_M = 5_000.0  # about a point or across a street
LISTED = timedelta(days=1)


class NoClosure(Refusal):
    """The area, the times or the reason of a closure do not hold together."""

    status, code = 422, "no_closure"
    template: ClassVar[Label] = {
        "zh": "封路没有保存：需要一个不超过约 20 公里的区域、一个原因，结束时间要晚于开始时间",
        "en": "The closure was not kept: it needs an area of at most about 20 km, a reason, and an end after its start",
    }


def close_streets(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    area: dict[str, Any],
    reason: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Closure:
    """Closes the streets that touch an area (a GeoJSON Polygon) from now or `starts_at` on; raises NoClosure."""
    starts = starts_at or at
    if not reason.strip() or (ends_at is not None and ends_at <= starts) or not _is_area(area):
        raise NoClosure
    by = {"party": actor.party_ref, "office": actor.office_key, "label": actor.label}
    row = Closure.objects.create(
        place=place, area=area, reason=reason.strip()[:200], starts_at=starts, ends_at=ends_at, by=by
    )
    audit.record(
        actor, "handle", thing_of("board", place), at=at, body={"closure": row.ref, "part": "closed"}
    )
    return row


def lift_closure(*, actor: Actor, at: datetime, row: Closure) -> Closure:
    """Opens the streets again; one that has ended stays as it was."""
    if row.ends_at is None or row.ends_at > at:
        row.ends_at = max(at, row.starts_at)
        row.save(update_fields=["ends_at"])
        audit.record(
            actor, "handle", thing_of("board", row.place), at=at, body={"closure": row.ref, "part": "lifted"}
        )
    return row


def closed_now(at: datetime) -> QuerySet[Closure]:
    """The closures in force at an instant, the oldest first."""
    rows = Closure.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)
    return rows.select_related("place").order_by("pk")


def of_place(place: Place, at: datetime) -> list[Closure]:
    """Closures of a place, of those in it and of those it lies in: in force, to come, or ended within a day; newest first."""
    above = [place.code[:length] for length in range(1, len(place.code))]
    rows = Closure.objects.filter(Q(place__code__startswith=place.code) | Q(place__code__in=above))
    rows = rows.filter(Q(ends_at=None) | Q(ends_at__gt=at - LISTED))
    found = list(rows.select_related("place").order_by("-starts_at", "-pk"))
    if not place.polygon or not any(len(row.place.code) < len(place.code) for row in found):
        return found
    outline = area_of(place.polygon)
    return [
        row
        for row in found
        if row.place.code.startswith(place.code) or outline.intersects(shapely.geometry.shape(row.area))
    ]


def state_of(row: Closure, at: datetime) -> str:
    """ahead, closed or over."""
    if row.starts_at > at:
        return "ahead"
    return "closed" if row.ends_at is None or row.ends_at > at else "over"


def shapes(rows: Iterable[Closure]) -> list[dict[str, Any]]:
    """GeoJSON features for a map (`role: closed`), each with its reason as name."""
    return [
        {
            "type": "Feature",
            "geometry": row.area,
            "properties": {"role": "closed", "name": row.reason, "key": row.ref},
        }
        for row in rows
    ]


def drawn(points: Sequence[Point], width_m: float, *, filled: bool) -> dict[str, Any]:
    """The area about a point, along a line of points, or (`filled`) inside them, as a GeoJSON Polygon; raises NoClosure."""
    if not points or not MOST_M >= width_m > 0 or (filled and len(points) < 3):
        raise NoClosure
    origin = points[0]
    lon, lat = np.array(points, dtype=float).T
    metres = metres_xy(lon, lat, origin)
    if filled:
        shape = shapely.Polygon(metres)
    else:
        shape = (shapely.Point(metres[0]) if len(points) == 1 else shapely.LineString(metres)).buffer(
            width_m / 2, 8
        )
    if not shape.is_valid or shape.geom_type != "Polygon":
        raise NoClosure
    east, north = degrees_of(1.0, origin[1])
    ring = [
        [round(origin[0] + x * east, 7), round(origin[1] + y * north, 7)] for x, y in shape.exterior.coords
    ]
    return {"type": "Polygon", "coordinates": [ring]}


def _is_area(area: dict[str, Any]) -> bool:
    try:
        shape = shapely.geometry.shape(area)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
        return False
    west, south, east, north = shape.bounds if not shape.is_empty else (0.0, 0.0, 1.0, 1.0)
    return shape.geom_type == "Polygon" and shape.is_valid and max(east - west, north - south) <= MOST_DEGREES
