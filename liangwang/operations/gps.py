"""Positions of units: readings like any other, durable first; the live process moves the crews that they belong to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.models import Office
from liangwang.channels import gps as wire
from liangwang.channels.readings import Unreadable
from liangwang.hot import HotAnswer, HotRequest, answer

from . import datastreams
from .actions import NewAsset, register_assets
from .crews import move_crew
from .models import Datastream
from .readings import shed_told, taken_in

MOST_MOVED: Final = 20_000
ONE_DEVICE: Final = "source:gps:"
"""A key of this name followed by a device's id sends the positions of that device only."""


async def handle(request: HotRequest) -> HotAnswer:
    """Answer GET or POST /api/v1/gps: 200 when the position is durable; unknown devices are quarantined."""
    now = round(clock.now().timestamp() * 1e6)
    try:
        fixes = wire.fixes(request.query, request.body, request.content_type, now)
        parsed = wire.readings_of(fixes)
    except (Unreadable, ValueError) as error:
        label = (
            error.label
            if isinstance(error, Unreadable)
            else {"zh": "时间太远", "en": "the time is too far off"}
        )
        return answer({"error": "unreadable", "message": label}, 400)
    key = request.actor.key
    if key.startswith(ONE_DEVICE) and any(fix.device != key.removeprefix(ONE_DEVICE) for fix in fixes):
        return answer({"error": "not_allowed", "message": _OTHERS}, 403)
    return shed_told(await taken_in(request.actor, parsed, now))


_OTHERS: Final = {
    "zh": "这个密钥只能报送它自己那台设备的位置",
    "en": "this key sends the positions of its own device only",
}


def enlist_units(*, at: datetime) -> int:
    """Register a unit for every crew with tools in each declared stream that moves crews; its device id is the office's key.

    Returns how many were made. Call it inside a write.
    """
    offices = list(
        Office.objects.filter(ended_at=None, crew__repairs=True, lon__isnull=False).select_related("place")
    )
    made = 0
    for ref, stream in datastreams.stream_sources().items():
        if stream.moves == "crew":
            made += len(register_assets(ref.partition(":")[0], _units(offices, stream), at=at))
    return made


def _units(offices: Iterable[Office], stream: Any) -> Iterable[NewAsset]:
    for office in offices:
        yield NewAsset(
            key=office.key[:60], kind=stream.things, lon=office.lon or 0.0, lat=office.lat or 0.0, label=office.name,
            place=office.place, facts={"crew": office.key},
        )  # fmt: skip


def follow(fresh: ArrayLike, actor: Actor) -> int:
    """Move the crews whose units have a new position among these datastreams; returns how many moved. Inside a write."""
    moving = {ref for ref, stream in datastreams.stream_sources().items() if stream.moves == "crew"}
    if not moving:
        return 0
    index = datastreams.index()
    places = [place for place, ref in enumerate(index.sources) if ref in moving]
    known = np.asarray(fresh, dtype=np.int64)
    known = known[known < len(index.source)]
    wanted = known[np.isin(index.source[known], places)][:MOST_MOVED].tolist()
    if not wanted:
        return 0
    rows = Datastream.objects.filter(id__in=wanted, quantity__in=("lon", "lat")).select_related("asset")
    assets = {row.asset_id: row.asset for row in rows}
    said: dict[int, dict[str, Datastream]] = {}
    for row in Datastream.objects.filter(
        asset_id__in=assets, quantity__in=("lon", "lat"), last_at__isnull=False
    ):
        said.setdefault(row.asset_id, {})[row.quantity] = row
    offices = dict(
        Office.objects.filter(key__in=[a.facts.get("crew", "") for a in assets.values()]).values_list(
            "key", "id"
        )
    )
    moved = 0
    for asset, latest in said.items():
        office = offices.get(assets[asset].facts.get("crew", ""))
        # Longitude and latitude of one position have one time; one alone would put the crew into a third place.
        if office is None or len(latest) < 2 or latest["lon"].last_at != latest["lat"].last_at:
            continue
        lon, lat, when = latest["lon"].last_value, latest["lat"].last_value, latest["lon"].last_at
        assert lon is not None and lat is not None and when is not None
        moved += move_crew(actor=actor, at=when, office_id=office, lon=lon, lat=lat)
    return moved
