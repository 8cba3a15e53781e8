"""Readings over MQTT end in the same log; what is not durable is not acknowledged."""

import importlib.util
from types import SimpleNamespace

import pytest

from liangwang.base.hats import Actor
from liangwang.operations import mqtt

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("paho") is None, reason="the [nats] extra is not installed"
)


def test_a_message_is_acknowledged_only_when_it_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    from liangwang.channels.mqtt import Bridge

    did: list[str] = []
    full = True

    def take(topic: str, payload: bytes) -> None:
        if full:
            raise OSError("disk full")

    bridge = Bridge("mqtt://127.0.0.1:1", take)
    fake = SimpleNamespace(
        ack=lambda mid, qos: did.append(f"ack {mid}"), reconnect=lambda: did.append("reconnect")
    )
    message = SimpleNamespace(topic="readings/manholes/covers", payload=b"{}", mid=7, qos=1)
    bridge._came(fake, None, message)
    full = False
    bridge._came(fake, None, message)
    assert did == ["reconnect", "ack 7"]


def test_the_topic_names_the_source_and_its_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[tuple[str, ...], str]] = []

    def take_readings(source: Actor, body: bytes, kind: str, now: int) -> dict[str, list[object]]:
        taken.append((source.scope, kind))
        return {"rejected": []}

    monkeypatch.setattr(mqtt, "take_readings", take_readings)
    mqtt.take("readings/manholes/covers/M1", b'{"datastream": "M1.tilt", "at": 1, "value": 2}')
    mqtt.take("readings/manholes/covers", b'[{"n": "M1.tilt", "v": 2}]')
    mqtt.take("something/else", b"[]")
    assert taken == [
        (("manholes:covers",), "application/x-ndjson"),
        (("manholes:covers",), "application/senml+json"),
    ]
