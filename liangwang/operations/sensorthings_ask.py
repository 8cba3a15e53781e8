"""Answers a SensorThings address: which entities, filtered and ordered by the database where it can, with what is expanded."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from django.db.models import Q, QuerySet

from liangwang.base import clock
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.channels import odata
from liangwang.channels.odata import BadQuery, Call, Field, Node, Query

from . import sensorthings as sta
from .models import Datastream
from .observations import EARLIEST, LATEST, Observations, readings_between
from .quality import FLAG_LABELS
from .sensorthings import Json

ROOT: Final = "/api/v1/sta/v1.1"
MOST_STREAMS: Final = 500
MOST_LOOKED: Final = 100_000
SINGULAR: Final = {
    "Things": "Thing", "Locations": "Location", "Datastreams": "Datastream", "Sensors": "Sensor",
    "ObservedProperties": "ObservedProperty", "Observations": "Observation", "FeaturesOfInterest": "FeatureOfInterest",
}  # fmt: skip
TARGETS: Final = {**{name: name for name in SINGULAR}, **{one: many for many, one in SINGULAR.items()}}
FLIPPED: Final = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
LOOKUPS: Final = {"gt": "gt", "ge": "gte", "lt": "lt", "le": "lte", "eq": "exact"}


class Unreadable(Refusal):
    """An address or option that SensorThings does not have, or that is not served here."""

    status, code = 400, "bad_query"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


def answer(actor: Actor, address: str, options: Mapping[str, str], root: str) -> Any:
    """Return what an address names: a collection, an entity, a property or a value. Raises Unreadable, NotFound."""
    try:
        return Asking(actor, root).answer(odata.path(address), odata.query(options), options)
    except BadQuery as error:
        raise Unreadable(zh=error.zh, en=error.en) from error


def service_document(root: str) -> Json:
    """The root: where each collection is, and which parts of the standard are met."""
    conform = "http://www.opengis.net/spec/iot_sensing/1.1/req"
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in SINGULAR],
        "serverSettings": {
            "conformance": [
                f"{conform}/{part}"
                for part in (
                    "datamodel",
                    "resource-path",
                    "request-data",
                    "create-update-delete",
                    "data-array",
                    "create-observations-via-mqtt",
                )
            ]
        },
    }


class Asking:
    """One question of one actor; `root` is the address before the first collection."""

    def __init__(self, actor: Actor, root: str) -> None:
        self.actor, self.root, self.now = actor, root, clock.now()

    def answer(self, steps: Sequence[odata.Segment], query: Query, options: Mapping[str, str]) -> Any:
        """Walk the steps of an address, then answer the query about where they lead."""
        name, rows = self._start(steps[0])
        address = f"{steps[0].name}{self._key(steps[0])}"
        for at, step in enumerate(steps[1:], 1):
            if isinstance(rows, MANY):
                raise NotFound
            related = self._related(name, rows, step.name)
            if related is None:
                return self._property(name, rows, steps[at:])
            name, rows = related
            address += f"/{step.name}{self._key(step)}"
            if step.key is not None:
                rows = self._one_of(name, rows, step.key)
        _check_relations(name, query)
        if isinstance(rows, MANY):
            return self._page(name, rows, query, address, options)
        return self._whole(name, rows, query)

    @staticmethod
    def _key(step: odata.Segment) -> str:
        return f"('{step.key}')" if step.key is not None else ""

    def _start(self, step: odata.Segment) -> tuple[str, Any]:
        if step.name not in SINGULAR:
            raise NotFound
        if step.key is not None:
            return step.name, self._found(step.name, step.key)
        if step.name == "Observations":
            return step.name, Streams(self._all_streams())
        return step.name, sta.COLLECTIONS[step.name].rows(self.actor)

    def _all_streams(self) -> list[Datastream]:
        found = list(sta.streams(self.actor)[: MOST_STREAMS + 1])
        if len(found) > MOST_STREAMS:
            raise BadQuery(
                "数据流太多，请从某个数据流查询：Datastreams('…')/Observations",
                "too many datastreams; ask through one: Datastreams('…')/Observations",
            )
        return found

    def _found(self, name: str, key: str) -> Any:
        row = self._observation(key) if name == "Observations" else sta.find(name, self.actor, key)
        if row is None:
            raise NotFound
        return row

    def _observation(self, key: str) -> Any:
        stream_key, at, seq = (*key.rsplit("~", 2), "", "")[:3]
        stream = sta.find_stream(self.actor, stream_key)
        if stream is None or not at.lstrip("-").isdigit() or not seq.lstrip("-").isdigit():
            return None
        found = readings_between([stream.pk], int(at), int(at))
        rows = [
            one for one in observation_jsons(found, {stream.pk: stream}) if one["@iot.id"].endswith(f"~{seq}")
        ]
        return {**rows[0], "_stream": stream} if rows else None

    def _related(self, name: str, row: Any, wanted: str) -> tuple[str, Any] | None:
        """Return the collection and rows to which a relation leads; None where `wanted` is no relation."""
        if name == "Datastreams" and wanted == "Observations":
            return wanted, Streams([row])
        if name == "Observations" and wanted == "Datastream":
            return "Datastreams", row["_stream"]
        if name == "Observations" and wanted == "FeatureOfInterest":
            return "FeaturesOfInterest", row["_stream"].asset
        if name == "Observations":
            return None
        lead = sta.COLLECTIONS[name].related.get(wanted)
        if lead is None:
            return None
        target, rows = lead(self.actor, row)
        if rows is None:
            raise NotFound
        return target, rows

    def _one_of(self, name: str, rows: Any, key: str) -> Any:
        """The entity of an id, if it is among the related ones."""
        row = self._found(name, key)
        if name == "Observations":
            if row["_stream"].pk not in {one.pk for one in rows.streams}:
                raise NotFound
        elif isinstance(rows, list):
            if row not in rows:
                raise NotFound
        elif not rows.filter(pk=row.pk).exists():
            raise NotFound
        return row

    def _property(self, name: str, row: Any, steps: Sequence[odata.Segment]) -> Any:
        whole = self._json(name, [row])[0]
        value = odata.valued("/".join(step.name for step in steps if step.name != "$value"), whole)
        if value is None:
            raise NotFound
        return value if steps[-1].name == "$value" else {steps[-1].name: value}

    # --- one page of a collection --------------------------------------------------------------------

    def _page(self, name: str, rows: Any, query: Query, address: str, options: Mapping[str, str]) -> Json:
        if isinstance(rows, Streams):
            found, count, more = self._observed(rows, query)
        elif isinstance(rows, list):
            found, count, more = self._listed(rows, query)
        else:
            found, count, more = self._queried(name, rows, query)
        page: Json = {"@iot.count": count} if query.count else {}
        page["value"] = [
            self._shaped(name, row, one, query)
            for row, one in zip(found, self._json(name, found), strict=True)
        ]
        if more and query.limit:
            further = {**options, "$skip": str(query.skip + query.limit)}
            page["@iot.nextLink"] = f"{self.root}/{quote(address, safe=PATH_SAFE)}?{urlencode(further)}"
        return page

    def _queried(self, name: str, rows: Any, query: Query) -> tuple[list[Any], int, bool]:
        paths = sta.COLLECTIONS[name].paths
        rows = rows.filter(condition(query.where, name, paths))
        wanted = [("-" if down else "") + _lookup(path, name, paths) for path, down in query.orderby]
        count = rows.count() if query.count else 0
        found = list(rows.order_by(*wanted, "pk")[query.skip : query.skip + query.limit + 1])
        return found[: query.limit], count, len(found) > query.limit

    def _listed(self, rows: list[Json], query: Query) -> tuple[list[Any], int, bool]:
        found = [row for row in rows if odata.holds(query.where, row, self.now)]
        found = _ordered(found, query.orderby)
        end = query.skip + query.limit
        return found[query.skip : end], len(found), len(found) > end

    def _observed(self, rows: "Streams", query: Query) -> tuple[list[Any], int, bool]:
        """Observations: the time bounds go to the store, what else is asked is judged here, over a bounded number."""
        first, last = bounds(query.where)
        newest = (
            bool(query.orderby)
            and query.orderby[0][0] in {"phenomenonTime", "resultTime", "id"}
            and query.orderby[0][1]
        )
        simple = (query.where is True or only_time(query.where)) and len(query.orderby) <= 1
        simple = simple and not (
            query.orderby and query.orderby[0][0] not in {"phenomenonTime", "resultTime"}
        )
        most = query.skip + query.limit + 1 if simple and not query.count else MOST_LOOKED
        streams = {one.pk: one for one in rows.streams}
        found = readings_between(list(streams), first, last, most, newest=newest)
        made = [
            one | {"_stream": streams[int(stream)]}
            for stream, one in zip(found.datastream, observation_jsons(found, streams), strict=True)
        ]
        if query.where is not True:
            made = [one for one in made if odata.holds(query.where, one, self.now)]
        if not simple:
            made = _ordered(made, query.orderby)
        end = query.skip + query.limit
        return made[query.skip : end], len(made), len(made) > end

    # --- one entity ----------------------------------------------------------------------------------

    def _json(self, name: str, rows: Sequence[Any]) -> list[Json]:
        if name == "Observations":
            return [{key: value for key, value in row.items() if key != "_stream"} for row in rows]
        return sta.COLLECTIONS[name].json(self.actor, rows)

    def _whole(self, name: str, row: Any, query: Query) -> Json:
        return self._shaped(name, row, self._json(name, [row])[0], query)

    def _shaped(self, name: str, row: Any, one: Json, query: Query) -> Json:
        """Add links, what is expanded, and keep what is selected."""
        address = f"{name}({_quoted(one['@iot.id'])})"
        link = f"{self.root}/{quote(address, safe=PATH_SAFE)}"
        shaped = {"@iot.id": one["@iot.id"], "@iot.selfLink": link, **one}
        for relation in relations(name):
            if relation in query.expand:
                shaped |= self._expanded(name, row, relation, query.expand[relation], address)
            else:
                shaped[f"{relation}@iot.navigationLink"] = f"{link}/{relation}"
        if query.select:
            kept = {*query.select, *query.expand}
            shaped = {
                key: value for key, value in shaped.items()
                if key in kept or ("id" in kept and key == "@iot.id") or key.partition("@")[0] in query.expand
            }  # fmt: skip
        return shaped

    def _expanded(self, name: str, row: Any, relation: str, query: Query, address: str) -> Json:
        try:
            found = self._related(name, row, relation)
        except NotFound:
            return {relation: None}
        assert found is not None
        target, rows = found
        if not isinstance(rows, MANY):
            return {relation: self._whole(target, rows, query)}
        options = {} if query.top is None else {"$top": str(query.top)}
        page = self._page(target, rows, query, f"{address}/{relation}", options)
        made: Json = {relation: page["value"]}
        for mark in ("@iot.count", "@iot.nextLink"):
            if mark in page:
                made[f"{relation}{mark}"] = page[mark]
        return made


class Streams:
    """The observations of some datastreams, not read yet."""

    def __init__(self, streams: Sequence[Datastream]) -> None:
        self.streams = streams


PATH_SAFE: Final = "/()':~,-._"
MANY: Final = (QuerySet, list, Streams)


def relations(name: str) -> tuple[str, ...]:
    """The relations of a collection's entities."""
    if name == "Observations":
        return "Datastream", "FeatureOfInterest"
    more = ("Observations",) if name == "Datastreams" else ()
    return (*sta.COLLECTIONS[name].related, *more)


def _check_relations(name: str, query: Query) -> None:
    for relation, inner in query.expand.items():
        if relation not in relations(name):
            raise BadQuery(f"{name} 没有关系 {relation}", f"{name} has no relation {relation}")
        _check_relations(TARGETS[relation], inner)


def observation_jsons(found: Observations, streams: Mapping[int, Datastream]) -> list[Json]:
    """Readings as Observations; what is odd about one stands in its resultQuality."""
    made = []
    for stream, at, seq, value, flags in zip(*(column.tolist() for column in found), strict=True):
        text = sta.instant_text(at)
        one: Json = {
            "@iot.id": f"{sta.stream_id(streams[stream])}~{at}~{seq}",
            "phenomenonTime": text,
            "resultTime": text,
            "result": value,
            "parameters": {"seq": seq},
        }
        if flags:
            one["resultQuality"] = [label["en"] for bit, label in FLAG_LABELS.items() if flags & bit]
        made.append(one)
    return made


def _quoted(key: object) -> str:
    return "'" + str(key).replace("'", "''") + "'"


def _ordered(rows: list[Json], orderby: Sequence[tuple[str, bool]]) -> list[Json]:
    for path, down in reversed(orderby):
        rows = sorted(rows, key=lambda one: _sortable(odata.valued(path, one)), reverse=down)
    return rows


def _sortable(value: Any) -> tuple[int, float, str]:
    """Numbers before texts, what is missing first."""
    if value is None:
        return 0, 0.0, ""
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))


# --- the filter as a condition of the database ---------------------------------------------------------


def condition(node: Node, name: str, paths: Mapping[str, str]) -> Q:
    """The filter as a condition; raises BadQuery for what the database cannot judge."""
    if node is True:
        return Q()
    if isinstance(node, Call):
        if node.name in {"and", "or"}:
            left, right = (condition(arg, name, paths) for arg in node.args)
            return left & right if node.name == "and" else left | right
        if node.name == "not":
            return ~condition(node.args[0], name, paths)
        if node.name in {"startswith", "endswith", "contains", "substringof"}:
            return _text(node, name, paths)
        if len(node.args) == 2:
            return _comparison(node, name, paths)
    raise _cannot(name, paths)


def _comparison(node: Call, name: str, paths: Mapping[str, str]) -> Q:
    sign, (left, right) = node.name, node.args
    if isinstance(right, Field):
        left, right, sign = right, left, FLIPPED.get(sign, sign)
    if not isinstance(left, Field) or isinstance(right, Call | Field) or sign not in {*LOOKUPS, "ne"}:
        raise _cannot(name, paths)
    if name == "Datastreams" and left.path in {"id", "@iot.id"}:
        pack, _, key = str(right).partition(":")
        return ~Q(pack=pack, key=key) if sign == "ne" else Q(pack=pack, key=key)
    lookup = _lookup(left.path, name, paths)
    if right is None:
        return Q(**{f"{lookup}__isnull": sign == "eq"})
    if sign == "ne":
        return ~Q(**{lookup: right})
    return Q(**{f"{lookup}__{LOOKUPS[sign]}" if sign != "eq" else lookup: right})


def _text(node: Call, name: str, paths: Mapping[str, str]) -> Q:
    left, right = reversed(node.args) if node.name == "substringof" else node.args
    if not isinstance(left, Field) or not isinstance(right, str):
        raise _cannot(name, paths)
    how = "contains" if node.name == "substringof" else node.name
    return Q(**{f"{_lookup(left.path, name, paths)}__{how}": right})


def _lookup(path: str, name: str, paths: Mapping[str, str]) -> str:
    found = paths.get("id" if path == "@iot.id" else path)
    if found is None:
        raise _cannot(name, paths)
    return found


def _cannot(name: str, paths: Mapping[str, str]) -> BadQuery:
    known = ", ".join(paths)
    return BadQuery(f"{name} 只能按这些属性查：{known}", f"{name} can be filtered and ordered by: {known}")


def bounds(node: Node) -> tuple[int, int]:
    """The time span (µs, both ends included) outside of which no observation can meet a filter."""
    if isinstance(node, Call) and node.name == "and":
        spans = [bounds(arg) for arg in node.args]
        return max(first for first, _ in spans), min(last for _, last in spans)
    moment = _moment_of(node)
    if moment is None:
        return EARLIEST, LATEST
    sign, at = moment
    return {
        "gt": (at, LATEST),
        "ge": (at, LATEST),
        "lt": (EARLIEST, at),
        "le": (EARLIEST, at),
        "eq": (at, at),
    }[sign]


def only_time(node: Node) -> bool:
    """Whether a filter says nothing but time bounds joined by `and`."""
    if isinstance(node, Call) and node.name == "and":
        return all(only_time(arg) for arg in node.args)
    found = _moment_of(node)
    return found is not None and found[0] in {"ge", "le", "eq"}


def _moment_of(node: Node) -> tuple[str, int] | None:
    """A comparison of the observation's time with a moment, as (sign, µs)."""
    if not isinstance(node, Call) or node.name not in LOOKUPS:
        return None
    left, right, sign = *node.args, node.name
    if isinstance(right, Field):
        left, right, sign = right, left, FLIPPED.get(sign, sign)
    if not isinstance(left, Field) or left.path not in {"phenomenonTime", "resultTime"}:
        return None
    if isinstance(right, str):
        try:
            right = datetime.fromisoformat(right)
        except ValueError:
            return None
    if not isinstance(right, datetime):
        return None
    if right.tzinfo is None:
        right = right.replace(tzinfo=UTC)
    return sign, round(right.timestamp() * 1e6)
