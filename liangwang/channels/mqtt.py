"""Readings over MQTT: subscribes at QoS 1 and acknowledges a message only when its handler says that it is durable."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from liangwang.base.labels import Label

logger = logging.getLogger("liangwang.mqtt")

OWN_TOPICS: Final = ("readings/#", "v1.1/#")
CLIENT: Final = "liangwang"
RETRY_S: Final = 1.0
DEFAULT_PORT: Final = {"mqtt": 1883, "mqtts": 8883}

Handler = Callable[[str, bytes], None]
"""Takes topic and payload; returns when the message is durable or refused, raises OSError to have it sent again."""


class ExtraMissing(RuntimeError):
    """MQTT is an extra: this installation came without it."""

    def __init__(self) -> None:
        super().__init__(
            "没有安装 MQTT 组件：用 NATS=1 make run 安装；不装也可以用 HTTP 送读数"
            " | MQTT is not installed: run `NATS=1 make run`; readings can come by HTTP without it"
        )


def _client() -> Any:
    """A client of the [nats] extra; raises ExtraMissing where it was not installed."""
    try:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError:
        raise ExtraMissing from None
    version = CallbackAPIVersion.VERSION2
    return paho.Client(version, client_id=CLIENT, clean_session=False, manual_ack=True)


class Bridge:
    """One connection to a broker; after a break it comes back by itself, and unacknowledged messages with it."""

    def __init__(self, url: str, handle: Handler, topics: Sequence[str] = ()) -> None:
        self.parts = urlsplit(url)
        self.handle = handle
        self.topics = [*OWN_TOPICS, *topics]
        self.stop = threading.Event()
        self.client: Any = _client()
        if self.parts.username:
            self.client.username_pw_set(unquote(self.parts.username), unquote(self.parts.password or ""))
        if self.parts.scheme == "mqtts":
            self.client.tls_set()
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._came
        self.client.reconnect_delay_set(1, 30)

    def run(self, stop: threading.Event) -> None:
        """Take messages until `stop`; a broker that is away is waited for."""
        self.stop = stop
        port = self.parts.port or DEFAULT_PORT.get(self.parts.scheme, 1883)
        self.client.connect_async(self.parts.hostname or "127.0.0.1", port, keepalive=30)
        self.client.loop_start()
        stop.wait()
        self.client.disconnect()
        self.client.loop_stop()

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            logger.error("the broker refuses: %s", reason)
            return
        client.subscribe([(topic, 1) for topic in self.topics])

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """Only now does the broker keep messages for us: before, it acknowledged and dropped them."""
        for topic, reason in zip(self.topics, reasons, strict=False):
            if reason.is_failure:
                logger.error("the broker refuses %s: %s", topic, reason)
        logger.info("listening to %s at %s", ", ".join(self.topics), self.parts.hostname)

    def _came(self, client: Any, _data: Any, message: Any) -> None:
        """Acknowledge when it is durable; a full disk is waited for here, which holds the broker back too."""
        while not self.stop.is_set():
            try:
                self.handle(message.topic, message.payload)
            except OSError:
                logger.exception("%s could not be stored, again in %g s", message.topic, RETRY_S)
                self.stop.wait(RETRY_S)
                continue
            except Exception:
                # A poison message would come again for ever and hold up all behind it: it is told and let go.
                logger.exception("%s: a message that nobody can take", message.topic)
            client.ack(message.mid, message.qos)
            return


def content_type(payload: bytes) -> str:
    """Return the form of a payload, which MQTT 3 does not say: NDJSON, SenML or a JSON array.

    >>> content_type(b'[{"bn": "M1.", "n": "tilt", "v": 2}]')
    'application/senml+json'
    """
    start = payload.lstrip()[:200]
    if start.startswith(b"{"):
        return "application/x-ndjson"
    return "application/senml+json" if b'"n"' in start or b'"bn"' in start else "application/json"


def check(url: str) -> Label | None:
    """Return what to fix, None when the address can be used."""
    parts = urlsplit(url)
    if parts.scheme in DEFAULT_PORT and parts.hostname:
        return None
    return {
        "zh": f"MQTT_URL 应写成 mqtt://主机：端口，现在是“{url}”",
        "en": f"MQTT_URL should be mqtt://host:port, it is '{url}'",
    }
