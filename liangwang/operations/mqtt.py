"""The MQTT process: readings from the broker into the same log as those over HTTP, by our topics or declared ones."""

import logging
import signal
import threading
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.channels import mapped, sensorthings
from liangwang.channels.mqtt import Bridge, check, content_type
from liangwang.channels.readings import Parsed, Unreadable, parse
from liangwang.hub.declare import Mapping

from . import datastreams
from .readings import MOST_BODY, close_log, take_parsed

logger = logging.getLogger("liangwang.mqtt")


class Taken(NamedTuple):
    """A message that can be read: whose it is, and its readings."""

    source: Actor
    parsed: Parsed


def source_hat(ref: str) -> Actor:
    """The hat of a topic's source: the broker lets a device publish under its own source only."""
    label: Label = {"zh": f"MQTT {ref}", "en": f"MQTT {ref}"}
    return Actor(
        hat="source", role="source", key=f"mqtt:{ref}", label=label, scope=(ref,), assurance="strong"
    )


def read(topic: str, payload: bytes, now: int) -> Taken | None:
    """Return the readings of a message by its topic, None where nobody declared such a topic. Raises Unreadable.

    `readings/<pack>/<source>/…` carries the forms of HTTP, `v1.1/…` SensorThings; the rest by declared templates.
    """
    words = topic.split("/")
    if words[0] == "readings" and len(words) >= 3:
        return Taken(source_hat(f"{words[1]}:{words[2]}"), parse(payload, content_type(payload), now))
    stream = sensorthings.topic(topic)
    if stream is not None:
        source = _source_of(stream or str(_said_id(payload)))
        return Taken(source_hat(source), sensorthings.observation(payload, now, stream))
    for ref, template in templates():
        said = mapped.said_by(template, topic)
        if said is not None:
            mapping = datastreams.stream_sources()[ref].mapping or Mapping()
            return Taken(source_hat(ref), mapped.parse(payload, mapping, now, said))
    return None


def templates() -> list[tuple[str, str]]:
    """Every declared topic template with its source."""
    return [(ref, one) for ref, stream in datastreams.stream_sources().items() for one in stream.topics]


def _said_id(payload: bytes) -> object:
    """The datastream that an Observation itself names. Raises Unreadable."""
    try:
        return msgspec.json.decode(payload)["Datastream"]["@iot.id"]
    except (msgspec.DecodeError, LookupError, TypeError) as error:
        raise Unreadable(f"缺少 Datastream:{error}", f"the Datastream is missing: {error}") from error


def _source_of(stream: str) -> str:
    """The source of a datastream by its id `pack:key`: the one of the pack's sources that has it."""
    pack, _, key = stream.partition(":")
    found = [
        ref for ref, keys in datastreams.index().keys.items() if ref.startswith(f"{pack}:") and key in keys
    ]
    return found[0] if found else f"{pack}:unknown"


def take(topic: str, payload: bytes) -> None:
    """Take one message; what is refused is logged, for MQTT has no answer. Raises OSError to have it again.

    Nothing is turned away in a storm: the broker holds what this one bridge has not yet taken, alarms in their turn.
    """
    now = round(clock.now().timestamp() * 1e6)
    try:
        if len(payload) > MOST_BODY:
            raise Unreadable("消息太大", f"{len(payload)} bytes, at most {MOST_BODY}")
        taken = read(topic, payload, now)
        if taken is None:
            logger.warning("%s: nobody declared such a topic", topic)
            return
        answer = take_parsed(taken.source, taken.parsed, now, shed=False)
    except Unreadable as error:
        logger.warning("%s: %s", topic, error.label["en"])
        return
    except DatabaseError as error:
        raise OSError(f"the database is away: {error}") from error
    finally:
        close_old_connections()
    for line in answer["rejected"][:5]:
        logger.warning("%s row %d: %s", topic, line["row"], line["reason"]["en"])


def main() -> int:
    """Run until SIGTERM."""
    wrong = check(settings.MQTT_URL)
    if wrong is not None:
        logger.error("%s · %s", wrong["zh"], wrong["en"])
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Bridge(settings.MQTT_URL, take, [mapped.subscription(one) for _, one in templates()]).run(stop)
    close_log()
    return 0
