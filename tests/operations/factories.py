"""The small test city with its offices and crews, assets and signals."""

from datetime import datetime
from itertools import count

from django.conf import settings

from liangwang.base.geo import cell
from liangwang.base.models import Office, Place
from liangwang.base.places import forget_index, load_places
from liangwang.base.subjects import new_subject
from liangwang.demo_offices import load_offices
from liangwang.operations.crews import enlist_crews
from liangwang.operations.models import Asset, Datastream, Signal
from tests.cases.factories import AT

STREET = "900101001"
_serial = count(1)


def load_city() -> Place:
    """Testville with its offices and crews; returns its demo street."""
    forget_index()
    load_places(settings.CITY_DIR, at=AT)
    load_offices(settings.CITY_DIR, at=AT)
    enlist_crews(at=AT)
    return Place.objects.get(code=STREET)


def office(key: str) -> Office:
    return Office.objects.get(key=key)


def make_asset(owner: str = "rain", lon: float = 122.481, lat: float = 30.491, street: str = STREET) -> Asset:
    n = next(_serial)
    return Asset.objects.create(
        subject=new_subject("thing", at=AT), pack="manholes", key=f"M{n}", kind="cover", owner=owner,
        label={"zh": f"雨 {n} 号井盖", "en": f"cover {n}"}, place=Place.objects.get(code=street), lon=lon, lat=lat,
        h3_9=cell(lon, lat, 9),
    )  # fmt: skip


def make_signal(
    asset: Asset, rule: str = "manholes:cover_displaced", at: datetime = AT, level: str = "red"
) -> Signal:
    n = next(_serial)
    stream, _ = Datastream.objects.get_or_create(
        pack="manholes",
        key=f"{asset.key}.tilt",
        defaults={"asset": asset, "source": "covers", "quantity": "tilt"},
    )
    return Signal.objects.create(
        rule=rule,
        version="1",
        asset=asset,
        datastream=stream,
        at=at,
        judged_at=at,
        level=level,
        value=30.0,
        key=f"s{n}",
    )
