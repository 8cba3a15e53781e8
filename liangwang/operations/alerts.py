"""What rules know of warnings: which things each covers, from when to when, and from which step on that was known."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import shapely
from django.db.models import Max
from numpy.typing import NDArray

from liangwang.rules.declare import LEVELS
from liangwang.rules.state import Alert

from .models import Asset, WarningIn

KNOWN_AFTER_US = 10_000_000
"""A step knows a warning ten seconds after it was received: live looks every two, so no step can have missed it."""
LOOK_BACK_US = 2 * 86_400_000_000  # conditions that last are judged at moments that are past
FOREVER = 2**62


def version() -> str:
    """Changes when a warning comes or ends."""
    found = WarningIn.objects.aggregate(last=Max("pk"), ended=Max("ended_at"))
    return f"{found['last']}/{found['ended']}"


def alerts(kinds: Sequence[str], since: int) -> list[Alert]:
    """The warnings that did not end before `since` (µs), each with the things of these kinds that it covers.

    A thing lies where it is registered; a warning without an outline covers them all.
    """
    edge = _instant(since - LOOK_BACK_US)
    rows = WarningIn.objects.filter(test=False, message__in=("Alert", "Update"), level__in=LEVELS)
    rows = rows.exclude(ends_at__lt=edge).exclude(ended_at__lt=edge).order_by("pk")
    found = list(rows)
    if not found:
        return []
    assets = Asset.objects.filter(pack__in={kind.partition(":")[0] for kind in kinds}, ended_at=None)
    things = np.array(list(assets.order_by("pk").values_list("pk", "lon", "lat")), dtype=float).reshape(-1, 3)
    return [_alert(row, things) for row in found]


def _alert(row: WarningIn, things: NDArray[np.float64]) -> Alert:
    outlines = [shapely.geometry.shape(area["geometry"]) for area in row.areas if area.get("geometry")]
    covered = np.full(len(things), not outlines)
    for outline in outlines:
        shapely.prepare(outline)
        covered |= shapely.intersects_xy(outline, things[:, 1], things[:, 2])
    known = _us(row.received_at) + KNOWN_AFTER_US
    ended = _us(row.ended_at) if row.ended_at else FOREVER
    return Alert(
        level=LEVELS.index(row.level), things=things[covered, 0].astype(np.int32), starts=_us(row.starts_at),
        ends=_us(row.ends_at) if row.ends_at else FOREVER, known=known, ended=ended,
        ended_known=ended + KNOWN_AFTER_US if row.ended_at else FOREVER,
    )  # fmt: skip


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(max(us, 0) / 1e6, UTC)
