"""Writes of operations: registers assets with their datastreams, ends them; takes reports (reporting.py)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction

from liangwang.base.errors import Refusal
from liangwang.base.geo import cell
from liangwang.base.labels import Label
from liangwang.base.models import Place, Subject
from liangwang.base.places import OutsideCity, codes_containing
from liangwang.base.subjects import new_subjects

from . import datastreams
from .models import Asset, Datastream
from .reporting import Reporter, report

__all__ = ["NewAsset", "Reporter", "UnknownSource", "end_assets", "register_assets", "report"]
BATCH = 2000


class UnknownSource(Refusal):
    """A thing of a kind that no stream of its pack speaks of."""

    status, code = 422, "unknown_source"
    template: ClassVar[Label] = {
        "zh": "应用 {pack} 的 sources.yaml 没有关于“{kind}”的数据流",
        "en": "no stream in sources.yaml of pack {pack} is about things of kind '{kind}'",
    }


@dataclass(frozen=True, kw_only=True)
class NewAsset:
    """A thing to register; its street is found from the point where no `place` is given."""

    key: str
    kind: str
    lon: float
    lat: float
    owner: str = ""
    label: Label | None = None
    place: Place | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def register_assets(pack: str, rows: Iterable[NewAsset], *, at: datetime) -> list[Asset]:
    """Register things with a datastream for each quantity that the pack's streams declare for their kind.

    Things whose key is known already are left as they are; the new ones are returned. Raises UnknownSource.
    """
    known = set(Asset.objects.filter(pack=pack).values_list("key", flat=True))
    fresh = [row for row in rows if row.key not in known]
    quantities = {kind: _quantities(pack, kind) for kind in {row.kind for row in fresh}}
    subjects = new_subjects("thing", len(fresh), at=at)
    assets = Asset.objects.bulk_create(
        [_asset(pack, *three) for three in zip(fresh, subjects, _places(fresh), strict=True)],
        batch_size=BATCH,
    )
    streams = [
        Datastream(asset=asset, pack=pack, source=source, quantity=name, key=f"{asset.key}.{name}")
        for asset in assets
        for source, name in quantities[asset.kind]
    ]
    Datastream.objects.bulk_create(streams, batch_size=BATCH)
    transaction.on_commit(datastreams.forget)
    return assets


def end_assets(pack: str, keys: Sequence[str], *, at: datetime) -> int:
    """End things that are no more; their readings are quarantined from now on. Returns how many."""
    ended = Asset.objects.filter(pack=pack, key__in=keys, ended_at=None)
    numbers = list(ended.values_list("id", flat=True))
    Datastream.objects.filter(asset_id__in=numbers, ended_at=None).update(ended_at=at)
    transaction.on_commit(datastreams.forget)
    return Asset.objects.filter(id__in=numbers).update(ended_at=at)


def _places(rows: Sequence[NewAsset]) -> list[Place]:
    """Return the place of each thing: the one given, else the street around its point. Raises OutsideCity."""
    unplaced = [row for row in rows if row.place is None]
    codes = codes_containing([row.lon for row in unplaced], [row.lat for row in unplaced])
    by_code = {place.code: place for place in Place.objects.filter(code__in={code for code in codes if code})}
    found = {id(row): by_code.get(code or "") for row, code in zip(unplaced, codes, strict=True)}
    places = []
    for row in rows:
        place = row.place or found[id(row)]
        if place is None:
            raise OutsideCity(lon=row.lon, lat=row.lat)
        places.append(place)
    return places


def _asset(pack: str, row: NewAsset, subject: Subject, place: Place) -> Asset:
    return Asset(
        subject=subject,
        pack=pack,
        key=row.key,
        kind=row.kind,
        owner=row.owner,
        label=row.label or {},
        place=place,
        lon=row.lon,
        lat=row.lat,
        h3_9=cell(row.lon, row.lat, 9),
        facts=row.facts,
    )


def _quantities(pack: str, kind: str) -> list[tuple[str, str]]:
    """Return (source, quantity) of every stream of a pack about one kind of thing."""
    found = [
        (ref.partition(":")[2], name)
        for ref, stream in datastreams.stream_sources().items()
        if ref.startswith(f"{pack}:") and stream.things == kind
        for name in stream.quantities
    ]
    if not found:
        raise UnknownSource(pack=pack, kind=kind)
    return found
