"""A prefilled stream of the broker, drained into the readings log by one process and by two; a part of `bench operations`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from typing import Any

from benchmarks.operations_house import PACK
from liangwang.bench import Measured, figure
from tests.house import House

ROWS = 100
TOPICS = tuple(f"readings/{PACK}/sensors/{part}" for part in ("a", "b"))
PATIENCE_S = 120.0


def nats_drain_cpu_us(house: House, data: dict[str, Any], *, messages: int) -> Measured | None:
    """Worker processor time per reading, one process; with two beside it. None without the [nats] extra. The house is down."""
    from liangwang.supervise import NATS_SERVER

    if find_spec("paho") is None or not NATS_SERVER.exists():
        return None
    command = [sys.executable, "-m", "liangwang", "broker"]
    broker = subprocess.Popen(command, env=_env(house), stderr=subprocess.DEVNULL)
    try:
        _wait(house.mqtt_port)
        found = {
            name: _drained(house, data, messages, parts, work)
            for name, parts, work in (("bare", 1, False), ("one", 1, True), ("two", 2, True))
        }
    finally:
        broker.terminate()
        broker.wait(20)
    return figure(
        found["one"]["cpu_us"],
        "CPU µs",
        baseline=found["bare"]["cpu_us"],
        baseline_is="the same messages taken and acknowledged by paho, nothing done with them",
        less_is_better=True,
        readings=messages * ROWS,
        rows_a_message=ROWS,
        readings_per_s=found["one"]["per_s"],
        two_processes_cpu_us=found["two"]["cpu_us"],
        two_processes_readings_per_s=found["two"]["per_s"],
    )


def _drained(house: House, data: dict[str, Any], messages: int, parts: int, work: bool) -> dict[str, float]:
    """Fill the stream while nobody listens, then let `parts` processes empty it."""
    topics = [TOPICS] if parts == 1 else [(topic,) for topic in TOPICS]
    clients = [f"bench-{parts}-{int(work)}-{number}" for number in range(parts)]
    for client, mine in zip(clients, topics, strict=True):
        subscribe(house.mqtt_port, client, mine)
    data["began_us"] += 60_000_000
    publish(house.mqtt_port, data["sensors"], data["began_us"], messages)
    started = []
    for client, mine in zip(clients, topics, strict=True):
        call = f"drain({house.mqtt_port}, {client!r}, {mine!r}, {messages // parts}, {work})"
        code = (
            "import json, django; django.setup(); from benchmarks.operations_drain import drain;"
            f"print(json.dumps({call}))"
        )
        started.append(
            subprocess.Popen([sys.executable, "-c", code], env=_env(house), stdout=subprocess.PIPE, text=True)
        )
    answers = [json.loads(process.communicate(timeout=PATIENCE_S)[0].splitlines()[-1]) for process in started]
    wall = max(a["ended"] for a in answers) - min(a["began"] for a in answers)
    rows = messages // parts * parts * ROWS
    return {
        "cpu_us": round(sum(a["cpu_s"] for a in answers) / rows * 1e6, 2),
        "per_s": round(rows / wall),
    }


def _env(house: House) -> dict[str, str]:
    return {**house.env, "DJANGO_SETTINGS_MODULE": "liangwang.settings"}


def _wait(port: int) -> None:
    import socket

    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the broker does not listen")


def _client(port: int, name: str, *, keep: bool) -> Any:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=not keep)
    client.max_inflight_messages_set(200)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port, 30)
    return client


def subscribe(port: int, name: str, topics: tuple[str, ...]) -> None:
    """Open the session of a client, so that the broker keeps for it what comes while it is away."""
    client, done = _client(port, name, keep=True), threading.Event()
    client.on_subscribe = lambda *_: done.set()
    client.subscribe([(topic, 1) for topic in topics])
    client.loop_start()
    done.wait(10)
    client.disconnect()
    client.loop_stop()


def publish(port: int, sensors: list[str], at: int, messages: int) -> None:
    """Fill the stream: messages of 100 rows, in turn under both topics; returns when the broker has all of them."""
    client = _client(port, "bench-publisher", keep=False)
    client.loop_start()
    sent = []
    for number in range(messages):
        keys = [sensors[(number * ROWS + place) % len(sensors)] for place in range(ROWS)]
        shift = number * ROWS // len(sensors)
        rows = (f'{{"datastream":"{key}","at":{at + shift},"value":10,"seq":{shift + 1}}}' for key in keys)
        sent.append(client.publish(TOPICS[number % 2], "\n".join(rows), qos=1))
    for one in sent:
        one.wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


# --- run in a process of its own ---------------------------------------------------------------------------


def drain(port: int, client: str, topics: tuple[str, ...], messages: int, work: bool) -> dict[str, float]:
    """Take so many messages as the house's bridge does; the processor time from the first to the last of them."""
    from liangwang.channels import mqtt as channel
    from liangwang.operations import datastreams, mqtt, readings, watch

    watch.watch_of(datastreams.index())
    readings.log()
    channel.CLIENT = client  # type: ignore[misc]
    stop, taken, marks = threading.Event(), 0, [0.0, 0.0]

    def handle(topic: str, payload: bytes) -> None:
        nonlocal taken
        if not taken:
            marks[:] = time.process_time(), time.time()
        if work:
            mqtt.take(topic, payload)
        taken += 1
        if taken == messages:
            stop.set()

    bridge = channel.Bridge(f"mqtt://127.0.0.1:{port}", handle)
    bridge.topics = list(topics)
    waiting = threading.Timer(PATIENCE_S, stop.set)
    waiting.start()
    bridge.run(stop)
    waiting.cancel()
    if taken < messages:
        raise RuntimeError(f"{taken} of {messages} messages came")
    spent, ended = time.process_time() - marks[0], time.time()
    readings.close_log()
    return {"cpu_s": spent, "began": marks[1], "ended": ended}
