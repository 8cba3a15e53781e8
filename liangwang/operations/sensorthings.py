"""The entities of SensorThings 1.1 as this house has them: things are assets, observations readings; who sees which.

Ids: a Thing, its Location and its FeatureOfInterest have the asset's ref; a Datastream is `pack:key`, a Sensor the
`pack:source` that was declared, an ObservedProperty `pack:source.quantity`, an Observation `datastream~at~seq`. What a
client said in its own words is kept beside (`Described`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import QuerySet

from liangwang.base.access import visible
from liangwang.base.hats import Actor
from liangwang.hub.declare import Stream

from . import datastreams
from .models import Asset, Datastream, Described

MEASUREMENT: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
ENCODING: Final = "application/geo+json"
DEFINITION: Final = "https://www.rfc-editor.org/rfc/rfc8428"

Json = dict[str, Any]
Rows = QuerySet[Any] | list[Json]


def packs_of(actor: Actor) -> set[str] | None:
    """The packs whose things a source may see; None = all, for `*` and for people, whom the policy limits by place."""
    if actor.hat != "source" or "*" in actor.scope:
        return None
    return {name.partition(":")[0] for name in actor.scope}


def covers(actor: Actor, ref: str) -> bool:
    """Whether a source's own list names a declared stream; people are limited by place, not by stream."""
    pack = ref.partition(":")[0]
    return actor.hat != "source" or bool({"*", ref, f"{pack}:*"} & set(actor.scope))


def streams_of(actor: Actor) -> dict[str, Stream]:
    """The declared streams that an actor may speak of, by `pack:source`."""
    return {ref: one for ref, one in datastreams.stream_sources().items() if covers(actor, ref)}


def assets(actor: Actor) -> "QuerySet[Asset]":
    """The things that the actor may read."""
    rows = visible(actor, "read", "asset", Asset.objects.filter(ended_at=None)).select_related("place")
    packs = packs_of(actor)
    return rows if packs is None else rows.filter(pack__in=packs)


def streams(actor: Actor) -> "QuerySet[Datastream]":
    """The datastreams that the actor may read."""
    rows = Datastream.objects.filter(ended_at=None, asset__in=assets(actor)).select_related("asset__place")
    if actor.hat != "source" or "*" in actor.scope:
        return rows
    mine = [ref.partition(":") for ref in streams_of(actor)]
    return rows.filter(pack__in={pack for pack, _, _ in mine}, source__in={source for _, _, source in mine})


def described(kind: str, keys: Iterable[str]) -> dict[str, Described]:
    """What clients said of entities of a kind, by id."""
    return {one.key: one for one in Described.objects.filter(kind=kind, key__in=list(keys), ended_at=None)}


def own_words(kind: str, actor: Actor) -> list[Described]:
    """The entities of a kind that exist only because a client described them; a source sees its own."""
    rows = Described.objects.filter(kind=kind, ended_at=None).order_by("id")
    return list(rows.filter(source=actor.key) if actor.hat == "source" and "*" not in actor.scope else rows)


def stream_id(row: Datastream) -> str:
    """The id of a datastream outside."""
    return f"{row.pack}:{row.key}"


def find_stream(actor: Actor, key: str) -> Datastream | None:
    """The datastream of an id (`pack:key`, or the key alone), None where there is none that the actor may read."""
    pack, colon, rest = key.partition(":")
    rows = streams(actor)
    return (rows.filter(pack=pack, key=rest) if colon else rows.filter(key=key)).first()


# --- as JSON -----------------------------------------------------------------------------------------


def thing_json(row: Asset, said: Described | None) -> Json:
    """A Thing; what a client said of it goes before the label of the register."""
    body = said.body if said else {}
    own = {"pack": row.pack, "key": row.key, "kind": row.kind, "owner": row.owner, "place": row.place.code}
    return {
        "@iot.id": row.ref,
        "name": (said and said.name) or row.label.get("zh") or row.key,
        "description": body.get("description") or row.label.get("en") or row.key,
        "properties": {**body.get("properties", {}), **own},
    }


def location_json(row: Asset, said: Described | None) -> Json:
    """Where a thing is; WGS-84."""
    body = said.body if said else {}
    name = (said and said.name) or row.facts.get("address") or row.place.name.get("zh", "")
    return {
        "@iot.id": row.ref,
        "name": name or row.key,
        "description": body.get("description") or row.place.name.get("en", ""),
        "encodingType": ENCODING,
        "location": {"type": "Point", "coordinates": [row.lon, row.lat]},
        "properties": body.get("properties", {}),
    }


def feature_json(row: Asset, said: Described | None) -> Json:
    """The FeatureOfInterest of a fixed thing: the spot where it stands."""
    found = location_json(row, said)
    found["feature"] = found.pop("location")
    return found


def stream_json(row: Datastream, said: Described | None) -> Json:
    """A Datastream with its unit as declared."""
    body = said.body if said else {}
    declared = datastreams.stream_sources().get(f"{row.pack}:{row.source}")
    quantity = declared.quantities.get(row.quantity) if declared else None
    label = quantity.label if quantity else {"zh": row.quantity, "en": row.quantity}
    found: Json = {
        "@iot.id": stream_id(row),
        "name": (said and said.name) or row.key,
        "description": body.get("description") or f"{label['zh']} · {label['en']}",
        "observationType": MEASUREMENT,
        "unitOfMeasurement": {
            "name": label["en"],
            "symbol": quantity.unit if quantity else "",
            "definition": DEFINITION,
        },
        "observedArea": {"type": "Point", "coordinates": [row.asset.lon, row.asset.lat]},
        "properties": {
            **body.get("properties", {}),
            "quantity": row.quantity,
            "source": f"{row.pack}:{row.source}",
        },
    }
    if row.last_at is not None:
        found["properties"] |= {"latestAt": row.last_at.isoformat(), "latest": row.last_value}
    return found


def sensor_jsons(actor: Actor) -> list[Json]:
    """The Sensors: each declared stream stands for the kind of device behind it, then what clients described."""
    return [
        {
            "@iot.id": ref,
            "name": one.label["zh"],
            "description": one.label["en"],
            "encodingType": "text/html",
            "metadata": f"/data/live/{ref}/",
            "properties": {"things": one.things, "every": one.every},
        }
        for ref, one in streams_of(actor).items()
    ] + [_own(one, {"encodingType": "application/pdf", "metadata": ""}) for one in own_words("Sensor", actor)]


def property_jsons(actor: Actor) -> list[Json]:
    """The ObservedProperties: every declared quantity, then what clients described."""
    return [
        {
            "@iot.id": f"{ref}.{name}",
            "name": name,
            "description": f"{quantity.label['zh']} · {quantity.label['en']}",
            "definition": DEFINITION,
            "properties": {"unit": quantity.unit, "min": quantity.min, "max": quantity.max},
        }
        for ref, one in streams_of(actor).items()
        for name, quantity in one.quantities.items()
    ] + [_own(one, {"definition": DEFINITION}) for one in own_words("ObservedProperty", actor)]


def _own(one: Described, defaults: Json) -> Json:
    return {**defaults, "description": "", "properties": {}, **one.body, "@iot.id": one.key, "name": one.name}


def waiting_things(actor: Actor) -> list[Json]:
    """Things that a client described and that have no location yet, so that they are not registered."""
    rows = [one for one in own_words("Thing", actor) if one.body.get("waits")]
    return [_without_marks(_own(one, {})) for one in rows]


def _without_marks(found: Json) -> Json:
    return {name: value for name, value in found.items() if name not in {"waits", "links"}}


def instant_text(us: int) -> str:
    """An instant in µs as ISO 8601 in UTC, with as many digits as it has.

    >>> instant_text(1_795_305_600_000_000)
    '2026-11-22T00:00:00Z'
    """
    at = datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)
    return at.isoformat(timespec="auto").replace("+00:00", "Z")


@dataclass(frozen=True)
class Collection:
    """A set of entities: its rows for an actor, a row as JSON, which paths of it the database can filter and order by.

    `related` leads from a row to (collection, rows of it, whether there are many).
    """

    name: str
    rows: Callable[[Actor], Rows]
    json: Callable[[Actor, Sequence[Any]], list[Json]]
    paths: Mapping[str, str]
    related: Mapping[str, Callable[[Actor, Any], tuple[str, Any]]]


def _things(actor: Actor, rows: Sequence[Any]) -> list[Json]:
    said = described("Thing", [row.ref for row in rows if not isinstance(row, dict)])
    return [row if isinstance(row, dict) else thing_json(row, said.get(row.ref)) for row in rows]


def _places(
    kind: str, make: Callable[[Asset, Described | None], Json]
) -> Callable[[Actor, Sequence[Any]], list[Json]]:
    def made(actor: Actor, rows: Sequence[Any]) -> list[Json]:
        said = described(kind, [row.ref for row in rows])
        return [make(row, said.get(row.ref)) for row in rows]

    return made


def _streams(actor: Actor, rows: Sequence[Any]) -> list[Json]:
    said = described("Datastream", [stream_id(row) for row in rows])
    return [stream_json(row, said.get(stream_id(row))) for row in rows]


def _plain(actor: Actor, rows: Sequence[Any]) -> list[Json]:
    return list(rows)


def _linked(kind: str, otherwise: Callable[[Datastream], str]) -> Callable[[Actor, Any], tuple[str, Any]]:
    """The Sensor or ObservedProperty of a datastream: the client's own, else the declared one."""
    plural = {"Sensor": "Sensors", "ObservedProperty": "ObservedProperties"}[kind]
    find = {"Sensor": sensor_jsons, "ObservedProperty": property_jsons}[kind]

    def found(actor: Actor, row: Datastream) -> tuple[str, Any]:
        said = described("Datastream", [stream_id(row)]).get(stream_id(row))
        wanted = (said.body.get("links", {}).get(kind) if said else None) or otherwise(row)
        one = next((one for one in find(actor) if one["@iot.id"] == wanted), None)
        return plural, one

    return found


def _streams_linked(kind: str) -> Callable[[Actor, Any], tuple[str, Any]]:
    """The datastreams of a Sensor or ObservedProperty."""

    def found(actor: Actor, row: Json) -> tuple[str, Any]:
        key = str(row["@iot.id"])
        rows = streams(actor)
        pack, colon, rest = key.partition(":")
        if not colon:
            said = Described.objects.filter(kind="Datastream", ended_at=None, **{f"body__links__{kind}": key})
            keys = [one.partition(":")[2] for one in said.values_list("key", flat=True)]
            return "Datastreams", rows.filter(key__in=keys)
        source, _, quantity = rest.partition(".")
        rows = rows.filter(pack=pack, source=source)
        return "Datastreams", rows.filter(quantity=quantity) if quantity else rows

    return found


COLLECTIONS: Final[dict[str, Collection]] = {
    one.name: one
    for one in (
        Collection(
            "Things",
            assets,
            _things,
            {"id": "ref", "name": "label__zh", "properties/key": "key", "properties/kind": "kind", "properties/pack": "pack",
             "properties/owner": "owner", "properties/place": "place__code"},
            {
                "Datastreams": lambda actor, row: ("Datastreams", _of_thing(actor, row)),
                "Locations": lambda actor, row: ("Locations", _spot(actor, row)),
            },
        ),
        Collection(
            "Locations",
            assets,
            _places("Location", location_json),
            {"id": "ref", "name": "facts__address"},
            {"Things": lambda actor, row: ("Things", assets(actor).filter(pk=row.pk))},
        ),
        Collection(
            "FeaturesOfInterest",
            assets,
            _places("FeatureOfInterest", feature_json),
            {"id": "ref", "name": "facts__address"},
            {},
        ),
        Collection(
            "Datastreams",
            streams,
            _streams,
            {"name": "key", "properties/quantity": "quantity", "Thing/id": "asset__ref", "Thing/properties/key": "asset__key",
             "Thing/name": "asset__label__zh", "ObservedProperty/name": "quantity", "properties/latest": "last_value",
             "properties/latestAt": "last_at"},
            {
                "Thing": lambda actor, row: ("Things", row.asset),
                "Sensor": _linked("Sensor", lambda row: f"{row.pack}:{row.source}"),
                "ObservedProperty": _linked("ObservedProperty", lambda row: f"{row.pack}:{row.source}.{row.quantity}"),
            },
        ),
        Collection("Sensors", sensor_jsons, _plain, {}, {"Datastreams": _streams_linked("Sensor")}),
        Collection(
            "ObservedProperties", property_jsons, _plain, {}, {"Datastreams": _streams_linked("ObservedProperty")}
        ),
    )
}  # fmt: skip


def _of_thing(actor: Actor, row: Any) -> Rows:
    return [] if isinstance(row, dict) else streams(actor).filter(asset=row)


def _spot(actor: Actor, row: Any) -> Rows:
    return [] if isinstance(row, dict) else assets(actor).filter(pk=row.pk)


def find(collection: str, actor: Actor, key: str) -> Any | None:
    """The row of an id in a collection, None where there is none that the actor may read."""
    if collection == "Datastreams":
        return find_stream(actor, key)
    rows = COLLECTIONS[collection].rows(actor)
    if not isinstance(rows, list):
        found = rows.filter(ref=key).first()
        if found is not None or collection != "Things":
            return found
        rows = waiting_things(actor)
    return next((row for row in rows if row["@iot.id"] == key), None)
