"""`liangwang bench operations`: readings judged and durable, crews sent, pages told, days replayed; one house for all."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    operations_dispatch,
    operations_drain,
    operations_house,
    operations_ingest,
    operations_listeners,
    operations_signals,
)
from liangwang.bench import Figures, Measured
from tests.house import House

WITHIN = ("kernel",)
HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything: the whole by default, a little of it in tests."""

    sensors: int = 100_000
    rounds: int = 60  # minutes of every sensor, sent flat out
    single_s: float = 5.0
    buttons: int = 240
    presses: int = 200
    presses_per_s: float = 10.0
    beside_rounds: int = 2
    listeners: int = 2_000
    told: int = 20
    messages: int = 2_000
    covers: int = 2_000
    of_years: int = 1_000
    asked: int = 40


def figures(scale: float = 0.05, size: Size | None = None) -> Figures:
    """Every figure of operations; `scale` is the share of the day that is replayed (an hour at least), 1 for all of it."""
    from benchmarks.kernel import kernel_readings_per_s

    sized = size or Size()
    yield "kernel_readings_per_s", kernel_readings_per_s()
    yield from operations_dispatch.measured()
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-", ignore_cleanup_errors=True) as folder:
        house = operations_house.new_house(Path(folder))
        data = operations_house.loaded(
            house, sensors=sized.sensors, buttons=sized.buttons, covers=sized.covers
        )
        with operations_house.running(house):
            yield from _running(house, data, sized)
        try:
            drained = operations_drain.nats_drain_cpu_us(house, data, messages=sized.messages)
            if drained is not None:
                yield "nats_drain_cpu_us", drained
            hours = max(1, round(HOURS * scale))
            yield "replay_day_s", _history(house, f"replay_day_s({sized.sensors}, {hours})")
            yield "chart_years_ms", _history(house, f"chart_years_ms({sized.of_years}, {sized.asked})")
        finally:
            house.stop()


def _running(house: House, data: dict[str, Any], size: Size) -> Figures:
    """What is measured through the processes of a running house."""
    yield (
        "ingest_batched_per_s",
        operations_ingest.ingest_batched_per_s(house, data, rounds=size.rounds),
    )
    yield (
        "ingest_single_per_s",
        operations_ingest.ingest_single_per_s(house, data, seconds=size.single_s),
    )
    yield (
        "signal_to_dispatch_p99_ms",
        operations_signals.signal_to_dispatch_p99_ms(
            house, data, presses=size.presses, per_s=size.presses_per_s, rounds=size.beside_rounds
        ),
    )
    yield (
        "sse_2000_p99_ms",
        operations_listeners.sse_2000_p99_ms(house, listeners=size.listeners, told=size.told),
    )


def _history(house: House, call: str) -> Measured:
    name = call.partition("(")[0]
    found: Measured = house.do(f"from benchmarks.operations_history import {name}; answer = {call}")
    return found
