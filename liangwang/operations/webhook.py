"""Webhooks: another platform posts its own JSON; the source's mapping says where the readings are, its signature who sends."""

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest, JsonResponse
from ninja import Router

from liangwang.base import clock, keys
from liangwang.base.access import ApiDoor
from liangwang.base.errors import NotFound, Refusal, Refused
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.channels import mapped
from liangwang.channels.readings import Unreadable
from liangwang.hub.declare import Stream

from . import datastreams
from .readings import MOST_BODY, RETRY_AFTER_S, NoReadings, take_parsed
from .sensorthings import covers

router = Router(tags=["readings"])


class TooLarge(Refusal):
    status, code = 413, "too_large"
    template: ClassVar[Label] = {"zh": "一次最多 32 MB,请分批", "en": "at most 32 MB at a time; split it"}


def secret_of(ref: str) -> str:
    """The secret by which the sender of a source signs: derived from this house's key, so it is kept nowhere else."""
    return keys.keyed_hash(f"webhook/{ref}").hex() + keys.keyed_hash(f"webhook/{ref}/2").hex()


def mapped_stream(ref: str) -> Stream:
    """The declared stream with a mapping; raises NotFound."""
    stream = datastreams.stream_sources().get(ref)
    if stream is None or stream.mapping is None:
        raise NotFound
    found: Stream = stream
    return found


class SignedDoor(ApiDoor):
    """The door of a webhook: a bearer key as everywhere, or the declared signature over the body."""

    def __call__(self, request: HttpRequest) -> Actor:
        ref = str(request.resolver_match.kwargs.get("source", "")) if request.resolver_match else ""
        stream = datastreams.stream_sources().get(ref)
        if "Authorization" in request.headers or stream is None or stream.signature is None:
            return super().__call__(request)
        given = request.headers.get(stream.signature.header, "")
        secret = secret_of(ref).encode()
        if not mapped.is_signed(
            request.body, secret, given, prefix=stream.signature.prefix, form=stream.signature.form
        ):
            return super().__call__(request)
        request.actor = hook_hat(ref)  # type: ignore[attr-defined]
        self.door.enter(request, request.resolver_match.kwargs if request.resolver_match else {})
        actor: Actor = request.actor  # type: ignore[attr-defined]
        return actor


def hook_hat(ref: str) -> Actor:
    """The hat of whoever signs with a source's secret: that source and no other."""
    label: Label = {"zh": f"webhook {ref}", "en": f"webhook {ref}"}
    return Actor(
        hat="source", role="source", key=f"webhook:{ref}", label=label, scope=(ref,), assurance="strong"
    )


@router.post("/hooks/{source}", auth=SignedDoor("push", "reading"))
def push(request: HttpRequest, source: str) -> Any:
    """Takes a message of another platform; its readings are durable before the answer. Bad records come back with reasons."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    stream = mapped_stream(source)
    if not covers(actor, source):
        raise Refused(hat=actor.label["zh"])
    if len(request.body) > MOST_BODY:
        raise TooLarge
    found = take(actor, source, stream, request.body, clock.now())
    if found.get("shed") and not found["accepted"]:
        return JsonResponse(found, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return found


def take(actor: Actor, source: str, stream: Stream, body: bytes, at: datetime) -> dict[str, Any]:
    """Take a message by its source's mapping. Raises NoReadings, OSError."""
    assert stream.mapping is not None
    now = round(at.timestamp() * 1e6)
    try:
        parsed = mapped.parse(body, stream.mapping, now)
    except Unreadable as error:
        raise NoReadings(**error.label) from error
    return take_parsed(actor, parsed, now)
