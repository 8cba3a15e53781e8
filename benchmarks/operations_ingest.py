"""Readings over HTTP: in batches, durable and judged; one by one, by the web process's time; a part of `bench operations`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.house_data import KEY
from benchmarks.load import Request, Result, start, start_once
from benchmarks.operations_house import cpu_s
from benchmarks.operations_payloads import BATCH, MINUTE_US
from liangwang.bench import Measured, figure
from liangwang.operations.snapshots import steps_after
from tests.house import House

HOT, TWIN = "/api/v1/readings", "/twin/readings"
HEADERS = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/x-ndjson"))
CONNECTIONS, SINGLES = 4, 64
PAYLOADS = "benchmarks.operations_payloads:payloads"
PATIENCE_S = 240.0


def ingest_batched_per_s(house: House, data: dict[str, Any], *, rounds: int) -> Measured:
    """Readings a second from the first byte sent until all are durable and judged; each sent once, flat out."""
    given = _given(data, HOT, rounds)
    rows = rounds * len(data["sensors"])
    before = _cpu(house)
    result = start_once(house.port, PAYLOADS, given, connections=CONNECTIONS, seconds=PATIENCE_S).result()
    after_sending = _cpu(house)
    judged = _judged_after(house, data, result)
    spent = {name: round((s - before[name]) / rows * 1e6, 2) for name, s in _cpu(house).items()}
    found = _found(house, rows)
    data["began_us"] += rounds * MINUTE_US
    twin = _by_twin(house, data)
    if result.statuses.keys() != {"200"}:
        raise RuntimeError(f"not all was taken: {result.statuses}")
    return figure(
        round(rows / (result.seconds + judged)),
        "readings/s",
        baseline=twin,
        baseline_is="its Django twin, only accepted",
        asked=300_000,
        accepted_per_s=round(rows / result.seconds),
        judged_after_s=round(judged, 2),
        rows=rows,
        sensors=len(data["sensors"]),
        rules_each=3,
        rows_a_request=BATCH,
        signals=found["signals"],
        incidents=found["incidents"],
        p99_ms=result.p99_ms,
        cpu_us_a_reading=spent,
        cores_while_sending=round((sum(after_sending.values()) - sum(before.values())) / result.seconds, 2),
        readings_a_core_s=round(1e6 / (spent["web"] + spent["live"])),
        generator_cpu_share=result.generator_cpu_share,
    )


def _cpu(house: House) -> dict[str, float]:
    return {name: cpu_s(house, name) for name in ("web", "live", "worker")}


def _judged_after(house: House, data: dict[str, Any], result: Result) -> float:
    """Seconds from the last answer until nothing that was sent waits; a reading now and then makes the next step come."""
    headers = dict(HEADERS)
    sent = _sizes(house.data)
    while _unjudged_bytes(house.data, sent):
        if time.time() - result.ended_at > PATIENCE_S:
            raise TimeoutError("the live process has not judged what was sent in time")
        row = {"datastream": data["buttons"][-1], "at": round(time.time() * 1e6), "value": 0}
        house.ask("POST", HOT, json.dumps(row).encode(), **headers)  # type: ignore[arg-type]
        time.sleep(0.02)
    return max(time.time() - result.ended_at, 0.0)


def _found(house: House, rows: int) -> dict[str, int]:
    """What the live process says that it has judged, as it tells every three seconds; all that was sent must be there."""
    for _ in range(20):
        found: dict[str, int] = house.do(
            "from benchmarks import operations_house; answer = operations_house.judged()"
        )
        if found["readings"] >= rows:
            return found
        time.sleep(0.5)
    raise RuntimeError(f"of {rows} readings {found['readings']} were judged")


def _by_twin(house: House, data: dict[str, Any]) -> int:
    call = start_once(
        house.port, PAYLOADS, _given(data, TWIN, 1), connections=CONNECTIONS, seconds=PATIENCE_S
    )
    data["began_us"] += MINUTE_US
    return round(len(data["sensors"]) / call.result().seconds)


def _given(data: dict[str, Any], path: str, rounds: int) -> dict[str, Any]:
    """What the generator makes its requests of."""
    return {
        "sensors": data["sensors"],
        "began_us": data["began_us"],
        "rounds": rounds,
        "path": path,
        "headers": HEADERS,
    }


def _sizes(data: Path) -> dict[str, tuple[int, int]]:
    """Where each writer's log ends now: its last segment and byte."""
    found = {}
    for folder in (data / "readings").iterdir():
        segments = sorted(folder.glob("*.log"))
        if segments:
            found[folder.name] = (int(segments[-1].stem), segments[-1].stat().st_size)
    return found


def _unjudged_bytes(data: Path, sent: dict[str, tuple[int, int]]) -> bool:
    """Whether a writer has something up to `sent` that no step has judged: a step is judged when another follows it."""
    judged: dict[str, tuple[int, int]] = {}
    last: dict[str, tuple[int, int]] = {}
    for step in steps_after(data / "live", 0):
        judged |= last
        last = {span.writer: (span.end[0], span.end[1]) for span in step.spans}
    return any(judged.get(writer, (0, 0)) < end for writer, end in sent.items())


def ingest_single_per_s(house: House, data: dict[str, Any], *, seconds: float) -> Measured:
    """Requests of one reading answered, durable, in a processor second of the web process."""
    streams, began = data["sensors"], data["began_us"]
    data["began_us"] += MINUTE_US

    def requests(path: str, shift_us: int) -> list[Request]:
        rows = ({"datastream": key, "at": began + shift_us, "value": 10, "seq": 1} for key in streams)
        return [Request("POST", path, json.dumps(row).encode(), HEADERS) for row in rows]

    def run(path: str, shift_us: int, for_s: float) -> tuple[Result, float]:
        before = cpu_s(house, "web")
        result = start(
            house.port, requests(path, shift_us), connections=SINGLES, seconds=for_s, warm_s=0.2
        ).result()
        return result, (cpu_s(house, "web") - before) * result.seconds / (result.seconds + 0.2)

    hot, spent = run(HOT, 0, seconds)
    twin, twin_spent = run(TWIN, 10_000_000, seconds / 2)
    return figure(
        round(hot.good / spent),
        "readings/CPU-s",
        baseline=round(twin.good / twin_spent),
        baseline_is="its Django twin",
        asked=10_000,
        per_s=hot.per_s,
        p99_ms=hot.p99_ms,
        connections=SINGLES,
        statuses=hot.statuses,
        generator_cpu_share=hot.generator_cpu_share,
    )
