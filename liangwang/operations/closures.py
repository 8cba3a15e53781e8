"""封路: areas whose streets are not driven, entered by the duty officer with a start and an end, lifted when over."""

from datetime import datetime
from typing import Any, ClassVar

import shapely
from django.db.models import Q, QuerySet

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Place

from .dispatch_models import Closure

MOST_DEGREES = 0.2  # about 20 km: a larger box is a slip of the hand, and would close the city


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


def _is_area(area: dict[str, Any]) -> bool:
    try:
        shape = shapely.geometry.shape(area)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
        return False
    west, south, east, north = shape.bounds if not shape.is_empty else (0.0, 0.0, 1.0, 1.0)
    return shape.geom_type == "Polygon" and shape.is_valid and max(east - west, north - south) <= MOST_DEGREES
