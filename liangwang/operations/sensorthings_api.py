"""SensorThings 1.1 over HTTP: entities by Django, single observations and data arrays on the hot routes."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from liangwang.base import clock
from liangwang.base.access import ApiDoor
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.channels import odata, readings
from liangwang.channels import sensorthings as wire
from liangwang.hot import HotAnswer, HotRequest, answer

from . import sensorthings_ask as asking
from . import sensorthings_write as writing
from .readings import MOST_BODY, RETRY_AFTER_S, take_parsed, taken_in

router = Router(tags=["sensorthings"])
READ, PUSH = ("read", "reading"), ("push", "reading")
PATCH = "application/json-patch+json"


class NotTaken(Refusal):
    """An observation that was not taken: why."""

    status, code = 422, "not_taken"
    template = {"zh": "{zh}", "en": "{en}"}


class Busy(Refusal):
    """A storm: this observation is of low priority and waits at its sender."""

    status, code = 503, "busy"
    template = {"zh": "{zh}", "en": "{en}"}


@router.get("/sta/v1.1", auth=ApiDoor(*READ))
def root(request: HttpRequest) -> dict[str, Any]:
    """The collections of SensorThings 1.1 and which parts of the standard are met."""
    return asking.service_document(_root(request))


@router.get("/sta/v1.1/{path:rest}", auth=ApiDoor(*READ))
def read(request: HttpRequest, rest: str) -> HttpResponse:
    """Entities and observations: `Things('…')/Datastreams?$expand=Observations($top=1;$orderby=phenomenonTime desc)`."""
    options = {name: str(value) for name, value in request.GET.items() if name.startswith("$")}
    found = asking.answer(_actor(request), rest, options, _root(request))
    if isinstance(found, dict | list):
        return HttpResponse(
            json.dumps(found, ensure_ascii=False, default=str), content_type="application/json"
        )
    return HttpResponse(str(found), content_type="text/plain; charset=utf-8")


@router.post("/sta/v1.1/{path:rest}", auth=ApiDoor(*PUSH))
def create(request: HttpRequest, rest: str) -> HttpResponse:
    """Creates an entity with everything inside it (deep insert), or observations. 201 with its address in Location."""
    steps, actor = _steps(rest), _actor(request)
    name = steps[-1].name
    if name == "CreateObservations":
        return _as_django(
            _many_answer(request.body, lambda parsed: take_parsed(actor, parsed, _now()), _root(request))
        )
    if name == "Observations":
        key = steps[0].key or "" if len(steps) == 2 and steps[0].name == "Datastreams" else ""
        return _as_django(
            _one_answer(request.body, key, lambda parsed: take_parsed(actor, parsed, _now()), _root(request))
        )
    parent = (steps[0].name, str(steps[0].key)) if len(steps) == 2 and steps[0].key is not None else None
    if len(steps) - bool(parent) != 1 or (parent and parent[0] not in asking.SINGULAR):
        raise NotFound
    with write():
        key = writing.create(actor, clock.now(), name, _json(request), parent)
    link = f"{_root(request)}/{name}('{key}')"
    made = HttpResponse(
        json.dumps({"@iot.id": key, "@iot.selfLink": link}), status=201, content_type="application/json"
    )
    made["Location"] = link
    return made


@router.patch("/sta/v1.1/{path:rest}", auth=ApiDoor(*PUSH))
def change(request: HttpRequest, rest: str) -> HttpResponse:
    """Changes an entity: a part of it as JSON, or a JSON Patch."""
    return _changed(request, rest)


@router.put("/sta/v1.1/{path:rest}", auth=ApiDoor(*PUSH))
def replace(request: HttpRequest, rest: str) -> HttpResponse:
    """Changes an entity by its new properties."""
    return _changed(request, rest)


@router.delete("/sta/v1.1/{path:rest}", auth=ApiDoor(*PUSH))
def end(request: HttpRequest, rest: str) -> HttpResponse:
    """Ends an entity; what it sent stays."""
    name, key = _entity(rest)
    with write():
        writing.end(_actor(request), clock.now(), name, key)
    return HttpResponse(status=200)


def _changed(request: HttpRequest, rest: str) -> HttpResponse:
    name, key = _entity(rest)
    actor = _actor(request)
    if (request.content_type or "").startswith(PATCH):
        body = writing.patched(request.body, asking.answer(actor, rest, {}, _root(request)))
    else:
        body = _json(request)
    with write():
        writing.change(actor, clock.now(), name, key, body)
    return HttpResponse(status=200)


def _entity(rest: str) -> tuple[str, str]:
    steps = _steps(rest)
    if len(steps) != 1 or steps[0].key is None or steps[0].name not in writing.KINDS:
        if steps and steps[0].name == "Observations":
            raise writing.NotHere(zh="读数一经收下就不改不删", en="observations are never changed or deleted")
        raise NotFound
    return steps[0].name, steps[0].key


def _steps(rest: str) -> list[odata.Segment]:
    try:
        steps = odata.path(rest)
    except odata.BadQuery as error:
        raise asking.Unreadable(zh=error.zh, en=error.en) from error
    if not steps:
        raise NotFound
    return steps


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise asking.Unreadable(zh=f"不是 JSON:{error}", en=f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise asking.Unreadable(zh="应是 JSON 对象", en="expected a JSON object")
    return body


def _root(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}{asking.ROOT}"


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _now() -> int:
    return round(clock.now().timestamp() * 1e6)


# --- observations --------------------------------------------------------------------------------------


async def handle_one(request: HotRequest) -> HotAnswer:
    """POST Observations on the hot route: 201 when it is durable."""
    return await _hot(request, many=False)


async def handle_many(request: HotRequest) -> HotAnswer:
    """POST CreateObservations on the hot route: a data array, one link or reason for each row."""
    return await _hot(request, many=True)


async def _hot(request: HotRequest, *, many: bool) -> HotAnswer:
    if len(request.body) > MOST_BODY:
        return answer({"error": "too_large", "message": {"zh": "一批最多 32 MB", "en": "at most 32 MB"}}, 413)
    now, root = _now(), f"{settings.SITE}{asking.ROOT}"
    try:
        parsed = wire.observations(request.body) if many else wire.observation(request.body, now)
    except readings.Unreadable as error:
        return answer({"error": "unreadable", "message": error.label}, 400)
    found = await taken_in(request.actor, parsed, now)
    return _links(parsed, found, root) if many else _link(parsed, found, root)


def _one_answer(
    body: bytes, key: str, take: Callable[[readings.Parsed], dict[str, Any]], root: str
) -> HotAnswer:
    try:
        parsed = wire.observation(body, _now(), key)
    except readings.Unreadable as error:
        raise asking.Unreadable(**error.label) from error
    return _link(parsed, take(parsed), root)


def _many_answer(body: bytes, take: Callable[[readings.Parsed], dict[str, Any]], root: str) -> HotAnswer:
    try:
        parsed = wire.observations(body)
    except readings.Unreadable as error:
        raise asking.Unreadable(**error.label) from error
    return _links(parsed, take(parsed), root)


def _link(parsed: readings.Parsed, found: dict[str, Any], root: str) -> HotAnswer:
    """201 with the address of the observation, or the reason why it was not taken."""
    if found["rejected"]:
        reason: Label = found["rejected"][0]["reason"]
        refusal = Busy(**reason) if found.get("shed") else NotTaken(**reason)
        more = {"retry_after": str(RETRY_AFTER_S)} if found.get("shed") else {}
        return answer(refusal.as_json(), refusal.status, **more)
    key = f"{parsed.datastream[0]}~{parsed.at[0]}~{parsed.seq[0]}"
    link = f"{root}/Observations('{key}')"
    return answer({"@iot.id": key, "@iot.selfLink": link}, 201, location=link)


def _links(parsed: readings.Parsed, found: dict[str, Any], root: str) -> HotAnswer:
    """201 with an address for each row of the data arrays, `error: …` for one that was not taken."""
    wrong = {line["row"]: f"error: {line['reason']['en']}" for line in found["rejected"]}
    made = {
        row: f"{root}/Observations('{key}~{at}~{seq}')"
        for row, key, at, seq in zip(parsed.rows, parsed.datastream, parsed.at, parsed.seq, strict=True)
    }
    lines = made | wrong
    status = 503 if found.get("shed") and not found["accepted"] else 201
    more = {"retry_after": str(RETRY_AFTER_S)} if status == 503 else {}
    return answer([lines[row] for row in sorted(lines)], status, **more)


def _as_django(given: HotAnswer) -> HttpResponse:
    return HttpResponse(
        given.body, status=given.status, content_type=given.content_type, headers=dict(given.headers)
    )
