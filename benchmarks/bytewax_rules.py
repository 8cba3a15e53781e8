"""The peer of the kernel: the same three rules as a Bytewax dataflow with a stateful map for each sensor."""

from __future__ import annotations

import time
from collections import deque
from importlib.util import find_spec
from typing import Any

from benchmarks.kernel import HIGH, LASTING, LOW, RISE, WINDOW
from liangwang.rules.state import Batch

MOST = 200_000


class Sensor:
    """What the dataflow remembers of one sensor."""

    def __init__(self) -> None:
        self.high = self.lasting = self.rising = False
        self.since: int | None = None
        self.window: deque[tuple[int, float]] = deque()

    def told(self, at: int, value: float) -> int:
        """Take one reading; returns how many signals it raised."""
        raised = 0
        if self.high:
            self.high = value >= LOW
        elif value > HIGH:
            self.high, raised = True, raised + 1
        if value > HIGH:
            self.since = at if self.since is None else self.since
            if at - self.since >= LASTING and not self.lasting:
                self.lasting, raised = True, raised + 1
        else:
            self.since, self.lasting = None, False
        self.window.append((at, value))
        while self.window[0][0] < at - WINDOW:
            self.window.popleft()
        rises = len(self.window) > 1 and value - self.window[0][1] >= RISE
        raised += rises and not self.rising
        self.rising = rises
        return raised


def readings_per_s(given: list[Batch]) -> dict[str, Any]:
    """Readings per CPU second of one worker on the first readings; says why where it is not installed."""
    if find_spec("bytewax") is None:
        return {"bytewax": "not installed (requirements/bench.txt)"}
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    rows = []
    streams = max(1, MOST // len(given))
    for batch in given:
        mine = batch.datastream < streams
        columns = (batch.datastream[mine].tolist(), batch.at[mine].tolist(), batch.value[mine].tolist())
        rows += [(str(stream), (at, value)) for stream, at, value in zip(*columns, strict=True)]

    def mapper(state: Sensor | None, reading: tuple[int, float]) -> tuple[Sensor, int]:
        sensor = state or Sensor()
        return sensor, sensor.told(*reading)

    out: list[Any] = []
    flow = Dataflow("rules")
    keyed = op.input("in", flow, TestingSource(rows))
    op.output("out", op.stateful_map("rules", keyed, mapper), TestingSink(out))
    started = time.process_time()
    run_main(flow)  # type: ignore[no-untyped-call]
    spent = time.process_time() - started
    return {"bytewax_per_s": round(len(rows) / spent), "bytewax_rows": len(rows)}
