"""What history is measured by: a day of a city judged anew, and the curve of one sensor over years; run inside a house."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
from django.conf import settings

from benchmarks import kernel
from benchmarks.history_data import fill
from liangwang.bench import Measured, figure
from liangwang.operations.history import DAY_US, HOUR_US, recorded
from liangwang.operations.history_models import HistoryFile
from liangwang.operations.series import drawn
from liangwang.rules.state import fresh
from liangwang.rules.stream import RAISE, step

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SOURCE = "manholes:covers"
YEARS = 3


def replay_day_s(sensors: int, hours: int) -> Measured:
    """Seconds in which a recorded day of sensors, one reading a minute, is judged anew by three rules; from `hours` of it."""
    streams = np.arange(sensors, dtype=np.int32)
    _clear()
    fill(settings.DATA / "history", SOURCE, streams, NOW, years=0, minute_days=0, raw_hours=hours)
    end = round(NOW.timestamp() * 1e6)
    params = kernel.params()
    state, raised, readings, steps = fresh(params), 0, 0, 0
    began, cpu = time.perf_counter(), time.process_time()
    for past, batch in recorded(settings.DATA, end - hours * HOUR_US, end):
        state, found = step(state, params, batch, past.now)
        raised += int((found["kind"] == RAISE).sum())
        readings, steps = readings + len(batch.at), steps + 1
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    given = kernel.batches()[:2]
    plain, _ = kernel.by_plain_python(given)
    return figure(
        round(wall * 24 / hours, 1),
        "s",
        baseline=round(readings / plain * 24 / hours, 1),
        baseline_is="the same rules as a plain Python loop over dicts, from memory",
        less_is_better=True,
        asked=180,
        hours_replayed=hours,
        whole_day="measured" if hours == 24 else "extrapolated",
        sensors=sensors,
        readings=readings,
        steps=steps,
        cpu_s=round(spent, 1),
        readings_per_cpu_s=round(readings / spent),
        raised=raised,
        bytes=sum(HistoryFile.objects.filter(tier="raw").values_list("bytes", flat=True)),
    )


def chart_years_ms(sensors: int, asked: int) -> Measured:
    """Milliseconds for the curve of one sensor over three years, p95 of some, from the history's files."""
    streams = np.arange(sensors, dtype=np.int32)
    _clear()
    rows = fill(settings.DATA / "history", SOURCE, streams, NOW, years=YEARS, minute_days=0, raw_hours=0)
    end = round(NOW.timestamp() * 1e6)
    random, spent, wall = np.random.default_rng(1), [], []
    for stream in random.choice(streams, asked):
        began, cpu = time.perf_counter(), time.process_time()
        curve = drawn(SOURCE, int(stream), end - YEARS * 365 * DAY_US, end)
        wall.append(time.perf_counter() - began)
        spent.append(time.process_time() - cpu)
        if len(curve.at) < 500:
            raise RuntimeError(f"the curve has {len(curve.at)} points only")
    return figure(
        round(float(np.percentile(wall, 95)) * 1000, 1),
        "ms",
        baseline=round(_scan(int(streams[0])) * 1000, 1),
        baseline_is="the same files read whole by pyarrow",
        less_is_better=True,
        cpu_ms=round(float(np.median(spent)) * 1000, 1),
        rows=rows,
        files=HistoryFile.objects.filter(tier="hour").count(),
    )


def _scan(stream: int) -> float:
    began = time.perf_counter()
    for path in HistoryFile.objects.filter(tier="hour").values_list("path", flat=True):
        table = pq.read_table(settings.DATA / "history" / path, columns=["datastream", "at", "total", "n"])
        mine = table.column("datastream").to_numpy() == stream
        table.column("total").to_numpy()[mine].sum()
    return time.perf_counter() - began


def _clear() -> None:
    """Forget what the house has recorded: the files of an earlier figure, and the log of steps."""
    HistoryFile.objects.all().delete()
    shutil.rmtree(settings.DATA / "live", ignore_errors=True)
