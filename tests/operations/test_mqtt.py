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

    def take(topic: str, payload: bytes) -> None:
        did.append("take")
        if did.count("take") == 1:
            raise OSError("disk full")

    monkeypatch.setattr("liangwang.channels.mqtt.RETRY_S", 0.0)
    bridge = Bridge("mqtt://127.0.0.1:1", take)
    client = SimpleNamespace(ack=lambda mid, qos: did.append(f"ack {mid}"))
    message = SimpleNamespace(topic="readings/manholes/covers", payload=b"{}", mid=7, qos=1)
    bridge._came(client, None, message)
    assert did == ["take", "take", "ack 7"]


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
