"""From a pressed button to the crew that is sent, through a running house; a part of `bench operations`."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import numpy as np
from django.conf import settings

from benchmarks.house_data import KEY
from benchmarks.load import start_once
from benchmarks.operations_house import PACK, cpu_s
from benchmarks.operations_payloads import BATCH, MINUTE_US
from liangwang.base import clock
from liangwang.base.transactions import write
from liangwang.bench import Measured, figure
from liangwang.operations import incidents
from liangwang.operations.models import Datastream, Sending, Signal
from tests.house import House

HOT, PAYLOADS = "/api/v1/readings", "benchmarks.operations_payloads:payloads"
PATIENCE_S = 30.0
WATCHING = "bench-watching"
ALONE = 20
"""How many of the buttons are kept for the baseline."""


def signal_to_dispatch_p99_ms(
    house: House, data: dict[str, Any], *, presses: int, per_s: float, rounds: int
) -> Measured:
    """p99 from posting the reading to the committed sending of a crew; `rounds` of the sensors are judged beside it."""
    keys = data["buttons"][:presses]
    seen: dict[str, float] = {}
    watch = f"operations_signals.watch({len(keys)}, {len(keys) / per_s + PATIENCE_S})"

    def watching() -> None:
        seen.update(house.do(f"from benchmarks import operations_signals; answer = {watch}"))

    (house.data / WATCHING).unlink(missing_ok=True)
    before, began = cpu_s(house, "live"), time.time()
    given = {
        "sensors": data["sensors"], "began_us": data["began_us"], "rounds": rounds, "path": HOT,
        "headers": (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/x-ndjson")),
    }  # fmt: skip
    requests = max(1, rounds * len(data["sensors"]) // BATCH)
    thread = threading.Thread(target=watching)
    thread.start()
    beside = start_once(
        house.port, PAYLOADS, given, connections=1, seconds=240, think_s=len(keys) / per_s / requests
    )
    house.wait_until((house.data / WATCHING).exists, "somebody watches")
    pressed = _press(house, keys, per_s)
    thread.join()
    sent = beside.result()
    data["began_us"] += rounds * MINUTE_US
    if len(seen) < len(keys):
        raise RuntimeError(f"{len(seen)} of {len(keys)} got a crew")
    ms = np.array([seen[key] - pressed[key] for key in keys]) * 1000
    spent = cpu_s(house, "live") - before
    alone = house.do("from benchmarks import operations_signals; answer = operations_signals.alone()")
    return figure(
        round(float(np.percentile(ms, 99)), 1),
        "ms",
        baseline=alone,
        baseline_is="opening the incident and sending the crew, called directly, the slowest of 20",
        less_is_better=True,
        asked=1000,
        p50_ms=round(float(np.median(ms)), 1),
        presses=len(keys),
        presses_per_s=per_s,
        readings_beside_per_s=round(sent.requests * BATCH / sent.seconds),
        live_cpu_share=round(spent / (time.time() - began), 2),
    )


def _press(house: House, keys: list[str], per_s: float) -> dict[str, float]:
    """Press each button once; return when its reading was posted."""
    pressed, began = {}, time.time()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"}
    for number, key in enumerate(keys):
        time.sleep(max(began + number / per_s - time.time(), 0))
        pressed[key] = time.time()
        row = {"datastream": key, "at": round(pressed[key] * 1e6), "value": 1}
        answer = house.ask("POST", HOT, json.dumps(row).encode(), **headers)  # type: ignore[arg-type]
        if answer.status != 200 or answer.json()["accepted"] != 1:
            raise RuntimeError(f"the press of {key} was not taken: {answer.body.decode()}")
    return pressed


# --- run inside the house ----------------------------------------------------------------------------------


def watch(count: int, patience_s: float) -> dict[str, float]:
    """When the sending of a crew to each button was first to be read from another process."""
    keys = dict(Datastream.objects.filter(pack=PACK).values_list("asset__key", "key"))
    newest = Sending.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    seen: dict[str, float] = {}
    (settings.DATA / WATCHING).touch()
    until = time.time() + patience_s
    while len(seen) < count and time.time() < until:
        for pk, facts in Sending.objects.filter(pk__gt=newest).values_list("pk", "task__case__facts"):
            newest = max(newest, pk)
            key = keys.get(facts.get("asset_key", ""))
            if key is not None and key.startswith("button"):
                seen.setdefault(key, time.time())
        time.sleep(0.005)
    return seen


def alone() -> float:
    """ms of opening an incident and sending a crew to it, nothing else: the slowest of the last buttons."""
    took = []
    for stream in Datastream.objects.filter(pack=PACK, source="buttons").order_by("-id")[:ALONE]:
        at = clock.now()
        began = time.perf_counter()
        with write():
            signal = Signal.objects.create(
                key=f"alone/{stream.key}", rule=f"{PACK}:pressed", version="", asset=stream.asset,
                datastream=stream, at=at, judged_at=at, level="red", value=1.0,
            )  # fmt: skip
            incidents.open_incident(signal, at=at)
        took.append((time.perf_counter() - began) * 1000)
    return round(max(took[1:], default=0.0), 1)
