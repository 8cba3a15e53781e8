"""Creates, changes and ends SensorThings entities: a Thing with a location becomes an asset of the source's pack.

A Datastream must be of a quantity that the source declares, in its unit: a reading that no rule can judge would be kept
in vain. What a client adds in its own words is kept beside.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.geo import cell
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import new_ref
from liangwang.base.places import containing
from liangwang.hub.declare import Stream

from . import sensorthings as sta
from .actions import NewAsset, end_assets, register_assets
from .models import Asset, Datastream, Described
from .sensorthings import Json
from .sensorthings_ask import SINGULAR

KINDS: Final = {plural: one for plural, one in SINGULAR.items() if plural != "Observations"}
UNITS: Final = {
    "°": "deg", "degree": "deg", "℃": "degC", "°c": "degC", "celsius": "degC", "percent": "%", "centimetre": "cm",
    "centimeter": "cm", "metre": "m", "meter": "m", "db(a)": "dB", "decibel": "dB",
}  # fmt: skip
MOST_DEEP: Final = 200


class NoSource(Refusal):
    status, code = 422, "no_source"
    template: ClassVar[Label] = {
        "zh": "请在 properties.source 写明归哪个来源（可选：{known}），且该来源在 sources.yaml 里写有 registers: true",
        "en": "Say in properties.source whose it is (one of: {known}); sources.yaml must give it registers: true",
    }


class NoQuantity(Refusal):
    status, code = 422, "no_quantity"
    template: ClassVar[Label] = {
        "zh": "来源 {source} 没有量“{name}”，可用的有：{known}",
        "en": "Source {source} has no quantity '{name}'; it has: {known}",
    }


class OtherUnit(Refusal):
    status, code = 422, "other_unit"
    template: ClassVar[Label] = {
        "zh": "“{name}”的单位应是 {unit}，收到的是“{given}”，请换算后再送",
        "en": "The unit of '{name}' is {unit}, '{given}' was given: convert before sending",
    }


class Incomplete(Refusal):
    status, code = 422, "incomplete"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


class NotHere(Refusal):
    """A change that this house does not let a client make."""

    status, code = 405, "not_here"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


def create(
    actor: Actor, at: datetime, collection: str, body: Json, parent: tuple[str, str] | None = None
) -> str:
    """Create an entity with everything inside it; return its id. `parent` is (collection, id) of the address.

    Creating a Thing again under the same key returns the first. Call it inside a write. Raises Refusals.
    """
    if collection not in KINDS:
        raise NotFound
    if parent is not None:
        body = {**body, SINGULAR[parent[0]]: {"@iot.id": parent[1]}}
    if collection == "Things":
        return _thing(actor, at, body)
    if collection == "Datastreams":
        return _stream(actor, at, body)
    if collection == "Locations":
        return _location(actor, at, body)
    return _describe(actor, at, KINDS[collection], new_ref(), body).key


def change(actor: Actor, at: datetime, collection: str, key: str, body: Json) -> None:
    """Change an entity's own words; a Location moves its thing. Raises NotFound, NotHere, OutsideCity."""
    row = sta.find(collection, actor, key)
    if row is None:
        raise NotFound
    if collection in {"Locations", "FeaturesOfInterest"} and "location" in body:
        _move(actor, at, row, _point(body))
    if isinstance(row, dict) and ":" in key:
        raise NotHere(
            zh="声明在 sources.yaml 里的不能经接口修改", en="what sources.yaml declares is not changed here"
        )
    if collection == "Things" and isinstance(row, Asset) and body.get("name"):
        row.label = {"zh": str(body["name"])[:200], "en": str(body["name"])[:200]}
        row.save(update_fields=["label"])
    _describe(actor, at, KINDS[collection], _key_of(row), body)


def end(actor: Actor, at: datetime, collection: str, key: str) -> None:
    """End an entity: nothing is deleted, its readings stay and new ones are quarantined. Raises NotFound, NotHere."""
    row = sta.find(collection, actor, key)
    if row is None:
        raise NotFound
    if collection == "Things" and isinstance(row, Asset):
        end_assets(row.pack, [row.key], at=at)
    elif collection == "Datastreams":
        Datastream.objects.filter(pk=row.pk).update(ended_at=at)
    elif not isinstance(row, dict) or ":" in key:
        raise NotHere(
            zh="位置随物件，声明随应用，不能单独删除",
            en="a location goes with its thing, a declaration with its pack",
        )
    Described.objects.filter(kind=KINDS[collection], key=_key_of(row)).update(ended_at=at)
    _audited(actor, at, "close", KINDS[collection], key)


def patched(body: bytes, current: Json) -> Json:
    """Return what a JSON Patch (RFC 6902: add, replace, remove) leaves of an entity's first level. Raises Incomplete."""
    try:
        steps = msgspec.json.decode(body, type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise Incomplete(zh=f"不是 JSON Patch:{error}", en=f"not a JSON Patch: {error}") from error
    made = dict(current)
    for step in steps:
        path = [
            part.replace("~1", "/").replace("~0", "~") for part in str(step.get("path", "")).split("/")[1:]
        ]
        holder = made
        for part in path[:-1]:
            inner = holder.get(part)
            holder[part] = dict(inner) if isinstance(inner, dict) else {}
            holder = holder[part]
        if not path or step.get("op") not in {"add", "replace", "remove"}:
            raise Incomplete(zh="只支持 add、replace、remove", en="only add, replace and remove are served")
        if step["op"] == "remove":
            holder.pop(path[-1], None)
        else:
            holder[path[-1]] = step.get("value")
    return made


# --- things ------------------------------------------------------------------------------------------


def _thing(actor: Actor, at: datetime, body: Json) -> str:
    name = _name(body)
    inside = body.get("Locations") or []
    point = _first_point(actor, inside)
    if point is None:
        kept = _describe(actor, at, "Thing", new_ref(), {**body, "waits": True})
        return kept.key
    row = _registered(actor, at, body, point, name)
    _describe(actor, at, "Thing", row.ref, body)
    for one in inside:
        if isinstance(one, dict) and one.get("name"):
            _describe(actor, at, "Location", row.ref, one)
    for one in _several(body, "Datastreams"):
        _stream(actor, at, {**one, "Thing": {"@iot.id": row.ref}})
    return row.ref


def _registered(
    actor: Actor, at: datetime, body: Json, point: tuple[float, float], name: str, ref: str | None = None
) -> Asset:
    """The asset of a Thing: its key is `properties.key`, else made from the name; known keys are left as they are."""
    source, stream = _source(actor, body)
    pack = source.partition(":")[0]
    wanted = str(_properties(body).get("key") or _slug(name))[:60]
    new = NewAsset(
        key=wanted,
        kind=stream.things,
        lon=point[0],
        lat=point[1],
        owner=str(_properties(body).get("owner", ""))[:20],
        label={"zh": name, "en": name},
        facts={"registered_by": actor.key},
    )
    made = register_assets(pack, [new], at=at)
    row = made[0] if made else Asset.objects.get(pack=pack, key=wanted)
    if ref and made:
        row.ref = ref
        row.save(update_fields=["ref"])
    if made:
        _audited(actor, at, "create", "Thing", row.ref, row.place.code)
    return row


def _source(actor: Actor, body: Json) -> tuple[str, Stream]:
    """The declared stream that a Thing belongs to: named in its properties, or the only one that the key may use."""
    open_ones = {ref: one for ref, one in sta.streams_of(actor).items() if one.registers}
    named = _properties(body).get("source")
    if named in open_ones:
        return str(named), open_ones[str(named)]
    if named is None and len(open_ones) == 1:
        return next(iter(open_ones.items()))
    raise NoSource(known=", ".join(open_ones) or "–")


def _first_point(actor: Actor, locations: Any) -> tuple[float, float] | None:
    for one in locations if isinstance(locations, list) else [locations]:
        if not isinstance(one, dict):
            continue
        if "@iot.id" in one and "location" not in one:
            known = Described.objects.filter(
                kind="Location", key=str(one["@iot.id"]), source=actor.key
            ).first()
            if known is not None:
                return _point(known.body)
        elif "location" in one:
            return _point(one)
    return None


def _point(body: Json) -> tuple[float, float]:
    """Longitude and latitude of a GeoJSON point (or a Feature of one). Raises Incomplete."""
    found = body.get("location")
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if (
        isinstance(found, dict)
        and found.get("type") == "Point"
        and isinstance(found.get("coordinates"), list)
    ):
        numbers = [
            one for one in found["coordinates"] if isinstance(one, int | float) and not isinstance(one, bool)
        ]
        if len(numbers) >= 2 and abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90:
            return float(numbers[0]), float(numbers[1])
    raise Incomplete(
        zh="location 应是 GeoJSON Point，坐标为 [经度, 纬度]（WGS-84）",
        en="'location' must be a GeoJSON Point with [longitude, latitude] in WGS-84",
    )


def _location(actor: Actor, at: datetime, body: Json) -> str:
    """A Location: of a Thing that waits for one it makes an asset, of a registered one it says where it is now."""
    point = _point(body)
    things = [*_several(body, "Things"), *([body["Thing"]] if isinstance(body.get("Thing"), dict) else [])]
    for link in things:
        key = str(link.get("@iot.id", ""))
        row = sta.find("Things", actor, key)
        if row is None:
            raise NotFound
        if isinstance(row, dict):
            row = _registered(actor, at, row, point, _name(row), ref=key)
            _describe(actor, at, "Thing", key, {"waits": False})
        else:
            _move(actor, at, row, point)
        _describe(actor, at, "Location", row.ref, body)
        return row.ref
    return _describe(actor, at, "Location", new_ref(), body).key


def _move(actor: Actor, at: datetime, row: Asset, point: tuple[float, float]) -> None:
    row.place = containing(*point)
    row.lon, row.lat = point
    row.h3_9 = cell(*point, 9)
    row.save(update_fields=["lon", "lat", "place", "h3_9"])
    _audited(actor, at, "update", "Location", row.ref, row.place.code)


# --- datastreams -------------------------------------------------------------------------------------


def _stream(actor: Actor, at: datetime, body: Json) -> str:
    link = body.get("Thing")
    if not isinstance(link, dict):
        raise Incomplete(zh="Datastream 要写明 Thing", en="a Datastream needs its Thing")
    key = str(link["@iot.id"]) if "@iot.id" in link else _thing(actor, at, link)
    thing = sta.find("Things", actor, key)
    if thing is None:
        raise NotFound
    if isinstance(thing, dict):
        raise Incomplete(
            zh="这个 Thing 还没有位置，请先给它 Location",
            en="this Thing has no location yet: create its Location first",
        )
    links = {kind: _link(actor, at, kind, body.get(kind)) for kind in ("Sensor", "ObservedProperty")}
    row = _of_quantity(actor, thing, body, links["ObservedProperty"])
    kept = {
        name: value
        for name, value in body.items()
        if name not in {"Thing", "Sensor", "ObservedProperty", "Observations"}
    }
    said = {"links": {kind: link for kind, link in links.items() if link}}
    _describe(actor, at, "Datastream", sta.stream_id(row), {**kept, **said})
    return sta.stream_id(row)


def _link(actor: Actor, at: datetime, kind: str, body: Any) -> str:
    """The id of a Sensor or ObservedProperty that is named or described inside a Datastream; "" where none is."""
    if not isinstance(body, dict):
        return ""
    if "@iot.id" in body:
        plural = {"Sensor": "Sensors", "ObservedProperty": "ObservedProperties"}[kind]
        if sta.find(plural, actor, str(body["@iot.id"])) is None:
            raise NotFound
        return str(body["@iot.id"])
    return _describe(actor, at, kind, new_ref(), body).key


def _of_quantity(actor: Actor, thing: Asset, body: Json, link: str) -> Datastream:
    """The registered datastream of what a client calls its observed property. Raises NoQuantity, OtherUnit."""
    rows = {row.quantity: row for row in sta.streams(actor).filter(asset=thing)}
    declared: dict[str, Any] = {}
    for ref, one in sta.streams_of(actor).items():
        if ref.startswith(f"{thing.pack}:") and one.things == thing.kind:
            declared |= {name: quantity for name, quantity in one.quantities.items() if name in rows}
    said = sta.find("ObservedProperties", actor, link) if link else None
    words = [
        str(one).strip().lower()
        for one in (_properties(body).get("quantity"), said and said["name"], body.get("name"))
        if one
    ]
    for name, quantity in declared.items():
        if {name.lower(), *(text.lower() for text in quantity.label.values())} & set(words):
            _same_unit(name, quantity.unit, body.get("unitOfMeasurement"))
            return rows[name]
    raise NoQuantity(source=thing.pack, name=words[0] if words else "", known=", ".join(declared))


def _same_unit(name: str, unit: str, given: Any) -> None:
    said = given if isinstance(given, dict) else {}
    words = [str(said.get(key) or "").strip() for key in ("symbol", "name")]
    if not any(words):
        return
    if not {unit} & {UNITS.get(word.lower(), word) for word in words}:
        raise OtherUnit(name=name, unit=unit, given=words[0] or words[1])


# --- own words ---------------------------------------------------------------------------------------


def _describe(actor: Actor, at: datetime, kind: str, key: str, body: Mapping[str, Any]) -> Described:
    """Keep what a client said of an entity; what it said before and does not repeat stays."""
    links = {"Things", "Thing", "Datastreams", "Locations", "Observations", "name"}
    kept = {name: value for name, value in body.items() if name not in links and "@iot" not in name}
    row = Described.objects.filter(kind=kind, key=key).first() or Described(
        kind=kind, key=key, source=actor.key, at=at
    )
    row.body = {**row.body, **kept}
    row.name = str(body.get("name") or row.name)[:200]
    row.ended_at = None
    row.save()
    return row


def _key_of(row: Any) -> str:
    if isinstance(row, dict):
        return str(row["@iot.id"])
    return sta.stream_id(row) if isinstance(row, Datastream) else str(row.ref)


def _name(body: Mapping[str, Any]) -> str:
    name = str(body.get("name") or "").strip()
    if not name:
        raise Incomplete(zh="缺少 name", en="'name' is missing")
    return name[:200]


def _several(body: Mapping[str, Any], name: str) -> list[Json]:
    found = body.get(name) or []
    if not isinstance(found, list) or len(found) > MOST_DEEP:
        raise Incomplete(
            zh=f"{name} 应是至多 {MOST_DEEP} 项的列表", en=f"{name} must be a list of at most {MOST_DEEP}"
        )
    return [one for one in found if isinstance(one, dict)]


def _properties(body: Mapping[str, Any]) -> Json:
    found = body.get("properties")
    return found if isinstance(found, dict) else {}


def _slug(name: str) -> str:
    """A key from a name: what may stand in a key stays.

    >>> _slug("Pump 7 (east)")
    'Pump-7-east'
    """
    return re.sub(r"[^\w-]+", "-", name).strip("-") or new_ref()


def _audited(actor: Actor, at: datetime, verb: str, kind: str, ref: str, place: str = "") -> None:
    audit.record(
        actor, verb, Thing(kind="asset", ref=ref[:60], place_code=place), at=at, body={"sensorthings": kind}
    )
