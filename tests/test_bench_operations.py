"""`liangwang bench operations` at a tiny size: every figure is there, beside a baseline of the same run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import kernel, operations, operations_dispatch, operations_house, operations_payloads
from tests.house import House

FIGURES = {
    "kernel_readings_per_s", "nearest_p99_ms", "nearest_of_few_p99_ms", "assign_500x1000_ms",
    "ingest_batched_per_s", "ingest_single_per_s", "signal_to_dispatch_p99_ms", "sse_2000_p99_ms",
    "nats_drain_cpu_us", "replay_day_s", "chart_years_ms",
}  # fmt: skip
TINY = operations.Size(
    sensors=1_000, rounds=8, single_s=2.0, buttons=25, presses=4, presses_per_s=2.0, beside_rounds=1,
    listeners=150, told=2, messages=20, covers=60, of_years=10, asked=2,
)  # fmt: skip


def test_the_readings_that_are_sent_are_what_the_page_says_of_them() -> None:
    sensors = [f"s-{n}.x" for n in range(1_000)]
    sent = operations_payloads.payloads(
        sensors=sensors, began_us=0, rounds=10, host="h", path="/p", headers=[["Authorization", "Bearer k"]]
    )
    bodies = [one.partition(b"\r\n\r\n")[2].decode().split("\n") for one in sent]
    rows = [json.loads(line) for body in bodies for line in body]
    assert len(sent) == 20 and {len(body) for body in bodies} == {operations_payloads.BATCH}
    assert all(body[0] == body[-1] and len(set(body)) == len(body) - 1 for body in bodies), "one comes twice"
    high = [row for row in rows if row["value"] > 16]
    assert 3 <= len({row["datastream"] for row in high}) <= 4, "0.3 % for a minute, 0.02 % for four"
    assert b"Authorization: Bearer k" in sent[0]


@pytest.mark.slow
def test_every_figure_is_measured_in_one_run(
    make_house: Callable[..., House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bytewax", reason="the peers of benchmarks come with requirements/bench.txt")
    pytest.importorskip("paho", reason="the drained stream needs the [nats] extra")
    for module, name, value in (
        (kernel, "STREAMS", 1_000), (kernel, "ROUNDS", 8), (operations_dispatch, "SIDE_DEG", 0.06),
        (operations_dispatch, "EVENTS", 5), (operations_dispatch, "BY_HAND", 2), (operations_dispatch, "RUNS", 1),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)

    def small(folder: Path) -> House:
        return make_house(PACKS=str(operations_house.packs(tmp_path)), CITY="testville", DEMO="0")

    monkeypatch.setattr(operations_house, "new_house", small)
    found = dict(operations.figures(0.01, TINY))
    assert set(found) == FIGURES
    assert all(one["value"] > 0 and one["baseline_is"] for one in found.values())
    assert all(one["baseline"] for one in found.values()), "each beside what was measured in the same run"
    assert found["ingest_batched_per_s"]["signals"] >= 2
