"""The hot routes: what the web process answers itself, without Django, one row each."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import msgspec

from liangwang.base.origin import same_origin as same_origin

if TYPE_CHECKING:
    from liangwang.base.hats import Actor

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HotRequest:
    """What a hot handler is given; `headers` has lower-case names, `body` is whole."""

    actor: Actor
    body: bytes
    content_type: str
    headers: dict[str, str]
    client: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class HotAnswer:
    """What a hot handler gives back."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def answer(value: object, status: int = 200, **headers: str) -> HotAnswer:
    """A JSON answer; header names are written with underscores (`retry_after="1"`)."""
    pairs = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return HotAnswer(status, msgspec.json.encode(value), headers=pairs)


Handler = Callable[[HotRequest], HotAnswer | Awaitable[HotAnswer]]


@dataclass(frozen=True, slots=True)
class HotRoute:
    """One row: the path, what is done to which kind of thing, by which function, and its Django twin.

    `handler` and `stream` are `module:function`, imported at the first request. A `stream` route is answered by
    `liangwang.sse`. The twin runs the same handler behind Django's middleware: it is the route's test and its baseline.
    """

    path: str
    method: str
    verb: str
    thing: str
    handler: str
    twin: str = ""
    stream: bool = False
    key_in: str = ""  # the query parameter that may carry the key of a device which can set no header


HOT: tuple[HotRoute, ...] = (
    HotRoute(
        "/api/v1/readings", "POST", "push", "reading", "liangwang.operations.readings:handle", "twin/readings"
    ),
    HotRoute(
        "/api/v1/sta/v1.1/Observations",
        "POST",
        "push",
        "reading",
        "liangwang.operations.sensorthings_api:handle_one",
        "twin/observations",
    ),
    HotRoute(
        "/api/v1/sta/v1.1/CreateObservations",
        "POST",
        "push",
        "reading",
        "liangwang.operations.sensorthings_api:handle_many",
        "twin/create-observations",
    ),
    HotRoute(
        "/api/v1/gps",
        "GET",
        "push",
        "reading",
        "liangwang.operations.gps:handle",
        "twin/gps-get",
        key_in="key",
    ),
    HotRoute(
        "/api/v1/gps", "POST", "push", "reading", "liangwang.operations.gps:handle", "twin/gps", key_in="key"
    ),
    HotRoute("/gate/check", "POST", "check", "code", "liangwang.services.gates:handle", "twin/gate/check"),
    HotRoute("/events", "GET", "open", "home", "liangwang.sse:serve", stream=True),
    HotRoute("/healthz", "GET", "open", "public", "liangwang.web.health:handle", "twin/healthz"),
)


@cache
def load(name: str) -> Handler:
    """The function that `module:function` names."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(import_module(module), function)
    return handler


async def run(handler: Handler, request: HotRequest) -> HotAnswer:
    """Runs a plain or an async handler."""
    result = handler(request)
    return await result if inspect.isawaitable(result) else result
