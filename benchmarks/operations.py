"""`liangwang bench operations`: readings judged, durable and replayed; other parts add figures in `operations_*.py`."""

from __future__ import annotations

import json
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks.house_data import KEY
from benchmarks.load import Request, start
from liangwang.bench import Figures, Measured, figure
from tests.house import House

BATCH, CONNECTIONS, SECONDS = 500, 4, 15.0
HOT = "/api/v1/readings"


def figures(scale: float = 1.0) -> Figures:
    """Every figure of operations; `scale` is the share of the whole size at which history is made."""
    from benchmarks.kernel import kernel_readings_per_s

    yield "kernel_readings_per_s", kernel_readings_per_s()
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        house = House(Path(folder), environment={"CITY": "shanghai", "DEMO": "0"})
        house.prepare()
        for name in ("replay_day_s", "chart_years_ms"):
            call = f"from benchmarks.operations_history import {name}; answer = {name}({scale})"
            yield name, house.do(call)
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        house = House(Path(folder), environment={"CITY": "shanghai", "DEMO": "0"})
        house.prepare()
        data = house.do("from benchmarks import operations_house; answer = operations_house.prepare()")
        house.start()
        try:
            yield "ingest_batched_per_s", ingest_batched_per_s(house, data)
        finally:
            house.stop()
    yield from others()


def others() -> Figures:
    """Figures of the other parts: each module `benchmarks/operations_<part>.py` with `measured()` has its own."""
    for path in sorted((settings.ROOT / "benchmarks").glob("operations_*.py")):
        module = import_module(f"benchmarks.{path.stem}")
        measured = getattr(module, "measured", None)
        if measured is not None:
            yield from measured()


# --- ingest, durable and judged --------------------------------------------------------------------------


def ingest_batched_per_s(house: House, data: dict[str, Any]) -> Measured:
    """Readings accepted durably a second, sent flat out, and how long after the last of them all were judged."""
    headers = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/x-ndjson"))
    began = data["now_us"] + 1_000_000
    count = 6_000
    bodies = [_body(data["datastreams"], began, number) for number in range(count)]
    result = start(
        house.port, [Request("POST", HOT, body, headers) for body in bodies],
        connections=CONNECTIONS, seconds=SECONDS, warm_s=0.2,
    ).result()  # fmt: skip
    sent = time.perf_counter()
    behind = _unjudged_bytes(house.data)
    while _unjudged_bytes(house.data):
        if time.perf_counter() - sent > 120:
            raise TimeoutError("the live process has not judged what was sent within two minutes")
        time.sleep(0.02)
    judged = time.perf_counter() - sent
    rows = result.per_s * BATCH
    return figure(
        round(rows),
        "readings/s",
        baseline=300_000,
        baseline_is="the figure that was asked for",
        judged_after_s=round(judged, 2),
        behind_when_sent_bytes=behind,
        durable_and_judged_per_s=round(rows * SECONDS / (SECONDS + judged)),
        rows_a_request=BATCH,
        seconds=SECONDS,
        p99_ms=result.p99_ms,
        statuses=result.statuses,
        generator_cpu_share=result.generator_cpu_share,
    )


def _body(streams: list[str], began_us: int, number: int) -> bytes:
    lines = []
    for place in range(BATCH):
        serial = number * BATCH + place
        at = began_us + serial // len(streams) * 1000
        row = {"datastream": streams[serial % len(streams)], "at": at, "value": 2.0, "seq": serial}
        lines.append(json.dumps(row, separators=(",", ":")))
    return "\n".join(lines).encode()


def _unjudged_bytes(data: Path) -> int:
    """Bytes of the readings logs that no step has judged: a step is judged when another has followed it."""
    judged = _positions(data)
    waiting = 0
    for path in (data / "readings").glob("*/*.log"):
        segment, byte = judged.get(path.parent.name, (1, 0))
        number, size = int(path.stem), path.stat().st_size
        waiting += size if number > segment else max(size - byte, 0) if number == segment else 0
    return waiting


def _positions(data: Path) -> dict[str, tuple[int, int]]:
    from liangwang.operations.snapshots import steps_after

    found: dict[str, tuple[int, int]] = {}
    before: dict[str, tuple[int, int]] = {}
    for step in steps_after(data / "live", 0):
        found |= before
        before = {span.writer: (span.end[0], span.end[1]) for span in step.spans}
    return found
