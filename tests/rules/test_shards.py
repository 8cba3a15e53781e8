"""The same rule file gives the same transitions in one kernel, in four shards, and in PySpark's local mode."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liangwang.rules.shards import joined, part_of, rows_of
from liangwang.rules.state import Batch, Datastreams, Params, fresh, params_for
from liangwang.rules.stream import Transitions, step

from .test_stream import REORDER, RULES, STALE, T0, S, compile_signal

SHARDS, STREAMS, ROUNDS = 4, 400, 60


def streams() -> Datastreams:
    thing = np.repeat(np.arange(STREAMS // 2, dtype=np.int32), 2)
    times = (np.full(STREAMS, n) for n in (5 * S, REORDER, STALE))
    return Datastreams(thing, ["x", "y"] * (STREAMS // 2), ["p:k"] * STREAMS, *times)


def programs() -> list[Any]:
    return [(compile_signal(one, None, {}, f"p:{one.rule}"), "p:k") for one in RULES]


def recorded() -> list[tuple[int, Batch]]:
    """Ten minutes of readings in steps of ten seconds, some of them late and twice."""
    random, steps = np.random.default_rng(5), []
    level = random.normal(12, 4, STREAMS)
    for number in range(ROUNDS):
        now = T0 + number * 10 * S
        level += random.normal(0, 1.5, STREAMS)
        picked = random.permutation(STREAMS)[: STREAMS * 3 // 4].astype(np.int32)
        at = now - random.integers(0, 40, len(picked)) * S
        steps.append((now, Batch(picked, at, np.zeros(len(picked), dtype=np.int64), level[picked])))
    return steps


def judged(params: Params, steps: list[tuple[int, Batch]]) -> Transitions:
    state, found = fresh(params), []
    for now, batch in steps:
        state, told = step(state, params, rows_of(params, batch), now)
        found.append(told)
    return joined(found)


def test_four_shards_find_what_one_kernel_finds() -> None:
    steps = recorded()
    whole = judged(params_for(streams(), programs()), steps)
    assert len(whole) > 100
    parts = [judged(params_for(part_of(streams(), SHARDS, n), programs()), steps) for n in range(SHARDS)]
    assert all(len(part) for part in parts)
    assert joined(parts).tobytes() == whole.tobytes()


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None,
    reason="Spark needs the [spark] extra and Java 17",
)
def test_pyspark_finds_what_one_kernel_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    from pyspark.sql import SparkSession

    steps = recorded()
    whole = judged(params_for(streams(), programs()), steps)
    frame = pd.concat(
        pd.DataFrame({**batch._asdict(), "now": now, "shard": batch.datastream // 2 % SHARDS})
        for now, batch in steps
    )
    moments = [now for now, _ in steps]

    def run(rows: pd.DataFrame) -> pd.DataFrame:
        # Every tick is judged, though a shard may have no reading in it.
        of = dict(list(rows.groupby("now")))
        mine = []
        for now in moments:
            part = of.get(now)
            columns = [part[name].to_numpy() for name in Batch._fields] if part is not None else Batch.empty()
            mine.append((now, Batch(*columns)))
        thing = np.full(STREAMS, -1, dtype=np.int32)
        own = streams().thing % SHARDS == int(rows["shard"].iloc[0])
        thing[own] = streams().thing[own]
        given = streams()
        part_streams = Datastreams(
            thing, given.quantity, given.kind, given.every, given.reorder, given.stale_after
        )
        found = judged(params_for(part_streams, programs()), mine)
        return pd.DataFrame({"row": [line.tobytes() for line in found]})

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        rows = spark.createDataFrame(frame).groupBy("shard").applyInPandas(run, "row binary").collect()
    finally:
        spark.stop()
    found = [np.frombuffer(bytes(line["row"]), dtype=whole.dtype) for line in rows]
    assert joined(found).tobytes() == whole.tobytes()
