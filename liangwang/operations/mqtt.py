"""The MQTT process: readings/<pack>/<source>/… from the broker into the same log as those over HTTP."""

import logging
import signal
import threading

from django.conf import settings
from django.db import close_old_connections

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.channels.mqtt import Bridge, check, content_type

from .readings import NoReadings, close_log, take_readings

logger = logging.getLogger("liangwang.mqtt")


def source_of(topic: str) -> Actor | None:
    """Return the hat of a topic's source: the broker lets a device publish under its own source only."""
    words = topic.split("/")
    if len(words) < 3 or words[0] != "readings":
        return None
    name = f"{words[1]}:{words[2]}"
    label: Label = {"zh": f"MQTT {name}", "en": f"MQTT {name}"}
    return Actor(
        hat="source", role="source", key=f"mqtt:{name}", label=label, scope=(name,), assurance="strong"
    )


def take(topic: str, payload: bytes) -> None:
    """Take one message; rows that are refused are logged, for MQTT has no answer."""
    source = source_of(topic)
    if source is None:
        logger.warning("%s: expected readings/<pack>/<source>", topic)
        return
    try:
        answer = take_readings(source, payload, content_type(payload), round(clock.now().timestamp() * 1e6))
    except NoReadings as error:
        logger.warning("%s: %s", topic, error.message("en"))
        return
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
    Bridge(settings.MQTT_URL, take).run(stop)
    close_log()
    return 0
