"""Readings that wait in one chunk or in many leave at the same steps and raise the same signals, also from a snapshot."""

from pathlib import Path

import numpy as np
import pytest

from liangwang.base.labels import Label
from liangwang.rules import held
from liangwang.rules.declare import SignalRule
from liangwang.rules.program import compile_signal
from liangwang.rules.state import Batch, Datastreams, Params, State, fitted, fresh, load, params_for, save
from liangwang.rules.stream import flush_at, step

S, THINGS, STEPS = 1_000_000, 40, 60
LABEL: Label = {"zh": "试", "en": "try"}


def params() -> Params:
    rules = [
        SignalRule(rule="high", label=LABEL, when="x > 1", lasting="3s", level="red"),
        SignalRule(rule="rise", label=LABEL, when="rate(x, 10s) >= 2", level="red"),
    ]
    reorder = np.where(np.arange(THINGS) % 3 == 0, 2 * S, 15 * S)
    times = (np.full(THINGS, S), reorder, np.full(THINGS, 60 * S))
    streams = Datastreams(np.arange(THINGS, dtype=np.int32), ["x"] * THINGS, ["k"] * THINGS, *times)
    return params_for(streams, [(compile_signal(rule, None, {}), "k") for rule in rules])


def batches() -> list[tuple[int, Batch]]:
    """Steps a second apart: disorder, repetition, some long kept back, one clock that runs ahead."""
    random = np.random.default_rng(3)
    found = []
    for number in range(STEPS):
        now, n = (1_000 + number) * S, int(random.integers(0, 30))
        stream = random.integers(0, THINGS, n).astype(np.int32)
        at = now - random.integers(0, 12, n) * S - (random.random(n) < 0.1) * 40 * S
        at[stream == 7] += 300 * S
        found.append((now, Batch(stream, at, np.zeros(n, np.int64), random.normal(0, 1.2, n))))
    return found


def told(ready: Params, folder: Path | None = None) -> list[bytes]:
    """The transitions of each step; with a folder, the state goes through a file every few steps."""
    state: State = fresh(ready)
    found, last = [], 0
    for number, (now, batch) in enumerate(batches()):
        state, transitions = step(state, ready, batch, now)
        found.append(transitions.tobytes())
        last = max(last, now, int(batch.at.max(initial=0)))
        if folder is not None and number % 7 == 0:
            save(state, folder / "state.npz", {})
            state = fitted(load(folder / "state.npz")[0], ready)
    state, transitions = step(state, ready, Batch.empty(), flush_at(ready, last))
    assert not len(state.held)
    return [*found, transitions.tobytes()]


@pytest.mark.parametrize("small", [1, 16])
def test_many_chunks_are_as_one(small: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = told(params())
    assert sum(map(len, whole)) > 0
    monkeypatch.setattr(held, "SMALL", small)
    assert told(params()) == whole
    assert told(params(), tmp_path) == whole
