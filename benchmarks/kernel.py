"""The stream kernel: 100,000 datastreams under three rules, beside the same rules as a plain Python loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from liangwang.base.labels import Label
from liangwang.bench import Figures, Measured, figure
from liangwang.rules.declare import SignalRule
from liangwang.rules.program import compile_signal
from liangwang.rules.state import Batch, Datastreams, Params, fresh, params_for
from liangwang.rules.stream import RAISE, flush_at, step

STREAMS, ROUNDS, S = 100_000, 15, 1_000_000
EVERY, REORDER, STALE = 60 * S, 30 * S, 900 * S
HIGH, LOW, RISE, LASTING, WINDOW = 16.0, 15.0, 3.0, 120 * S, 300 * S
LIMITS = {"high": (HIGH, None), "low": (LOW, None), "rise": (RISE, None)}


def rules() -> list[SignalRule]:
    """A threshold with hysteresis, one that must last, and a rise within a window."""
    label: Label = {"zh": "基准", "en": "bench"}
    return [
        SignalRule(rule="high", label=label, when="x > high", clear="x < low", level="red"),
        SignalRule(rule="lasting", label=label, when="x > high", lasting="2min", level="red"),
        SignalRule(rule="rise", label=label, when="rate(x, 5min) >= rise", level="red"),
    ]


def params() -> Params:
    """The kernel's parameters: every datastream is a thing of its own."""
    n = STREAMS
    times = (np.full(n, value) for value in (EVERY, REORDER, STALE))
    streams = Datastreams(np.arange(n, dtype=np.int32), ["x"] * n, ["k"] * n, *times)
    return params_for(streams, [(compile_signal(rule, None, LIMITS), "k") for rule in rules()])


def batches() -> list[Batch]:
    """A reading a minute of every datastream, in random order; 300 of them jump in the sixth minute."""
    random = np.random.default_rng(1)
    base, at, found = random.normal(10, 1, STREAMS), 1_760_000_000 * S, []
    for number in range(ROUNDS):
        base += random.normal(0, 0.05, STREAMS)
        base[:300] += 8 * (number == 5)
        order = random.permutation(STREAMS).astype(np.int32)
        values = base[order] + random.normal(0, 0.1, STREAMS)
        found.append(Batch(order, np.full(STREAMS, at), np.zeros(STREAMS, dtype=np.int64), values))
        at += EVERY
    return found


def by_kernel(given: list[Batch]) -> tuple[float, int]:
    """Return readings per CPU second and the signals that were raised."""
    ready = params()
    state, raised = fresh(ready), 0
    started = time.process_time()
    for batch in given:
        state, found = step(state, ready, batch, int(batch.at[-1]))
        raised += int((found["kind"] == RAISE).sum())
    _, found = step(state, ready, Batch.empty(), flush_at(ready, int(given[-1].at[-1])))
    raised += int((found["kind"] == RAISE).sum())
    return len(given) * STREAMS / (time.process_time() - started), raised


def by_plain_python(given: list[Batch]) -> tuple[float, int]:
    """Return the same for a loop over dicts, without disorder, repetition or staleness: what one writes first."""
    high: set[int] = set()
    since: dict[int, int] = {}
    lasting: set[int] = set()
    windows: dict[int, deque[tuple[int, float]]] = {}
    rising: set[int] = set()
    raised = 0
    lists = [(batch.datastream.tolist(), batch.at.tolist(), batch.value.tolist()) for batch in given]
    started = time.process_time()
    for streams, ats, values in lists:
        for stream, at, value in zip(streams, ats, values, strict=True):
            if stream in high:
                if value < LOW:
                    high.discard(stream)
            elif value > HIGH:
                high.add(stream)
                raised += 1
            if value > HIGH:
                first = since.setdefault(stream, at)
                if at - first >= LASTING and stream not in lasting:
                    lasting.add(stream)
                    raised += 1
            elif stream in since:
                del since[stream]
                lasting.discard(stream)
            window = windows.get(stream)
            if window is None:
                window = windows[stream] = deque()
            window.append((at, value))
            while window[0][0] < at - WINDOW:
                window.popleft()
            if len(window) > 1 and value - window[0][1] >= RISE:
                if stream not in rising:
                    rising.add(stream)
                    raised += 1
            else:
                rising.discard(stream)
    return len(given) * STREAMS / (time.process_time() - started), raised


def best(
    measure: Callable[[list[Batch]], tuple[float, int]], given: list[Batch], times: int
) -> tuple[float, int]:
    """The fastest of some runs: the machine is shared."""
    return max(measure(given) for _ in range(times))


def kernel_readings_per_s() -> Measured:
    """Readings judged in a CPU second by one core."""
    given = batches()
    value, raised = best(by_kernel, given, 3)
    baseline, raised_plainly = best(by_plain_python, given, 1)
    if raised != raised_plainly:
        raise RuntimeError(f"the kernel raised {raised} signals, the plain loop {raised_plainly}")
    from benchmarks.bytewax_rules import readings_per_s  # late: it takes its limits from here

    return figure(
        value=round(value),
        unit="readings/s",
        baseline=round(baseline),
        baseline_is="the same three rules as a plain Python loop over dicts, without reorder",
        **readings_per_s(given),
        note=f"one core, {STREAMS:,} datastreams, batches of {STREAMS:,}; both raised {raised} signals",
    )


def figures() -> Figures:
    """The kernel alone."""
    yield "kernel_readings_per_s", kernel_readings_per_s()
