"""Invented history for measurements: years of hours, weeks of minutes and days of readings of many sensors."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from liangwang.operations.history import DAY_US, MARK, hour_name, listed, put
from liangwang.operations.history_models import HistoryFile
from liangwang.operations.models import JudgedTo

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
BUCKET = {"minute": MINUTE_US, "hour": HOUR_US}


def level(streams: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A value with a day, a year and its own height: float64[n_streams, n_at], always the same for the same moment."""
    day, year = at / DAY_US * 2 * np.pi, at / DAY_US / 365.25 * 2 * np.pi
    own = np.sin(streams * 12.9898) * 0.5 + 0.5
    return 3 + own[:, None] * 4 + np.sin(day)[None, :] * 0.8 + np.sin(year)[None, :] * 1.5


def sums(streams: np.ndarray, start: int, end: int, bucket: int) -> pa.Table:
    """The rows of a tier from `start` to before `end` (µs), sorted by datastream and time."""
    at = np.arange(start, end, bucket, dtype=np.int64)
    mean = level(streams, at)
    n = np.full(mean.size, bucket // 60_000_000, dtype=np.int32)
    return pa.table(
        {
            "datastream": np.repeat(streams.astype(np.int32), len(at)),
            "at": np.tile(at, len(streams)),
            "n": n,
            "least": (mean - 0.7).ravel(),
            "most": (mean + 0.9).ravel(),
            "total": mean.ravel() * n,
            "odd": np.zeros(mean.size, dtype=np.int32),
        }
    )


def readings(streams: np.ndarray, start: int, end: int, every: int) -> pa.Table:
    """Readings from `start` to before `end` (µs), one each `every`, sorted by datastream and time; a step a minute.

    Once a day each sensor stands much higher for three minutes.
    """
    at = np.arange(start, end, every, dtype=np.int64)
    noise = np.random.default_rng(int(start // every) % 2**31).normal(0, 0.3, (len(streams), len(at)))
    minute = (at // MINUTE_US)[None, :] - streams.astype(np.int64)[:, None] * 37
    value = level(streams, at) + noise + np.where(minute % 1440 < 3, 12.0, 0.0)
    return pa.table(
        {
            "datastream": np.repeat(streams.astype(np.int32), len(at)),
            "at": np.tile(at, len(streams)),
            "seq": np.zeros(value.size, dtype=np.int64),
            "value": value.ravel(),
            "quality": (np.abs(noise) > 1.25).astype(np.uint8).ravel(),
            "step": np.tile(at // MINUTE_US, len(streams)),
        }
    )


def fill(
    folder: Path,
    source: str,
    streams: np.ndarray,
    now: datetime,
    *,
    years: int,
    minute_days: int,
    raw_hours: int,
) -> int:
    """Write and list a source's history up to the day of `now`; returns how many rows stand in it."""
    today = round(now.timestamp() * 1e6) // DAY_US
    files = []
    name = source.replace(":", ".")

    def keep(tier: str, path: str, table: pa.Table, arrived: str, first: int, last: int) -> None:
        target = folder / tier / name / path
        put(target, table)
        row = listed(folder, target, table, tier=tier, source=source, arrived=arrived, made_at=now)
        row.first_at, row.last_at = first, last
        row.first_step, row.last_step = first // MINUTE_US, last // MINUTE_US
        files.append(row)

    for month in months(now, years):
        start, end = (round(m.timestamp() * 1e6) for m in month)
        end = min(end, today * DAY_US)
        text = month[0].strftime("%Y-%m")
        keep("hour", f"{text}.parquet", sums(streams, start, end, HOUR_US), text, start, end - 1)
    for day in range(today - minute_days, today):
        start, text = day * DAY_US, hour_name(day * 24)[:10]
        keep(
            "minute",
            f"{text}.parquet",
            sums(streams, start, start + DAY_US, BUCKET["minute"]),
            text,
            start,
            start + DAY_US - 1,
        )
    for hour in range(today * 24 - raw_hours, today * 24):
        start, text = hour * HOUR_US, hour_name(hour)
        files.append(steps(folder, start, now))
        keep(
            "raw",
            f"{text}.parquet",
            readings(streams, start, start + HOUR_US, 60_000_000),
            text,
            start,
            start + HOUR_US - 1,
        )
    HistoryFile.objects.bulk_create(files)
    JudgedTo.objects.update_or_create(name=MARK, defaults={"step": today * DAY_US // MINUTE_US})
    return sum(one.rows for one in files)


def steps(folder: Path, start: int, now: datetime) -> HistoryFile:
    """The steps of one hour: one each minute, at its end."""
    at = np.arange(start, start + HOUR_US, MINUTE_US, dtype=np.int64)
    table = pa.table(
        {"step": at // MINUTE_US, "at": at + MINUTE_US - 1, "deaf": np.zeros(len(at), dtype=bool)}
    )
    text = hour_name(start // HOUR_US)
    path = folder / "steps" / f"{text}.parquet"
    put(path, table)
    first, last = int(at[0]) // MINUTE_US, int(at[-1]) // MINUTE_US
    return listed(
        folder,
        path,
        table,
        tier="steps",
        source="",
        arrived=text,
        made_at=now,
        first_step=first,
        last_step=last,
    )


def months(now: datetime, years: int) -> list[tuple[datetime, datetime]]:
    """The months of the last years, this one included, each with the start of the next."""
    first = now.year * 12 + now.month - 1 - 12 * years
    starts = [
        datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(first, now.year * 12 + now.month + 1)
    ]
    return list(pairwise(starts))
