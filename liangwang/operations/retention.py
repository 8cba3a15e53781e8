"""What becomes of history: an hour's files are merged, a day is down-sampled, what is past its time goes.

`keep` of a source in sources.yaml says for how long readings stay as they came (`raw`), as least, most and mean of each
minute (`minute`) and of each hour (`hour`). Every file is replaced by listing the new one and ending the old ones in
one transaction; ended files are swept once no reader can still have them open.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import Max, Q

from liangwang.base.transactions import write
from liangwang.hub.declare import Keep

from . import datastreams
from .history import DAY_US, HOUR_US, ROW_GROUP, engine, hour_name, settle
from .history_models import HistoryFile

CLOSE_AFTER_US: Final = HOUR_US
SWEEP_AFTER: Final = timedelta(minutes=10)
DAY_NAME: Final = len("2026-11-23")
AT_A_TIME: Final = 3_000_000  # minutes that one group-by may hold: about half a gigabyte
YEAR_D: Final = 365
BUCKETS: Final = {"minute": 60_000_000, "hour": HOUR_US}
COLUMNS: Final = 'datastream, "at", n, least, most, total, odd'


def days_of(text: str) -> int:
    """Return a declared term in days.

    >>> days_of("2y"), days_of("90d")
    (730, 90)
    """
    number, unit = int(text[:-1]), text[-1]
    return number * {"d": 1, "y": YEAR_D}[unit]


def keep_of(source: str) -> Keep:
    """Return the terms of a source; those of a source that is gone are the usual ones."""
    declared = datastreams.stream_sources().get(source)
    return declared.keep if declared is not None else Keep()


def housekeep(folder: Path, at: datetime) -> dict[str, int]:
    """Do one piece of each kind of work that is due; returns how many files each made or removed."""
    now = round(at.timestamp() * 1e6)
    return {
        "merged": sum(1 for _ in merge_hours(folder, now, at)),
        "closed": sum(1 for _ in close_days(folder, now, at)),
        "months": sum(1 for _ in merge_months(folder, now, at)),
        "expired": expire(now, at),
        "swept": sweep(folder, at),
    }


def in_force(tier: str, source: str | None = None) -> "Any":
    """Return the files of a tier that stand, oldest first."""
    found = HistoryFile.objects.filter(tier=tier, ended_at=None).order_by("first_at", "id")
    return found if source is None else found.filter(source=source)


# --- merging ---------------------------------------------------------------------------------------------


def merge_hours(folder: Path, now: int, at: datetime) -> Iterator[HistoryFile]:
    """Merge the files of each hour that is over into one for each source, sorted by datastream and time."""
    over = hour_name((now - 2 * 60_000_000) // HOUR_US)
    groups: dict[tuple[str, str, str], list[HistoryFile]] = {}
    for row in HistoryFile.objects.filter(
        tier__in=("raw", "steps"), ended_at=None, arrived__lt=over
    ).order_by("id"):
        groups.setdefault((row.tier, row.source, row.arrived), []).append(row)
    for (tier, _, arrived), rows in groups.items():
        if len(rows) < 2:
            continue
        order = "step" if tier == "steps" else 'datastream, "at", seq, step'
        first, last = min(r.first_step for r in rows), max(r.last_step for r in rows)
        name = f"{arrived[11:]}-{first}-{last}-merged.parquet"
        path = (folder / rows[0].path).with_name(name)
        copied(folder, rows, path, f"SELECT * FROM read_parquet($paths) ORDER BY {order}")  # noqa: S608
        row = _row(
            folder, path, rows[0], first_at=min(r.first_at for r in rows), last_at=max(r.last_at for r in rows),
            first_step=first, last_step=last, days=sorted({day for r in rows for day in r.days}), made_at=at,
        )  # fmt: skip
        _replace(row, rows, at)
        yield row


def copied(folder: Path, rows: Sequence[HistoryFile], path: Path, query: str) -> None:
    """Write the result of a query over files as a file, durably."""
    aside = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with engine() as con:
        con.execute(
            f"COPY ({query}) TO '{aside}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
            {"paths": [str(folder / row.path) for row in rows]},
        )
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    settle(aside, path)


def _row(folder: Path, path: Path, like: HistoryFile, **about: Any) -> HistoryFile:
    return HistoryFile(
        tier=about.pop("tier", like.tier), source=like.source, path=path.relative_to(folder).as_posix(),
        arrived=about.pop("arrived", like.arrived), rows=pq.read_metadata(path).num_rows, bytes=path.stat().st_size,
        **about,
    )  # fmt: skip


def _replace(new: HistoryFile, old: Sequence[HistoryFile], at: datetime) -> None:
    with write():
        HistoryFile.objects.filter(path=new.path).delete()
        HistoryFile.objects.filter(pk__in=[row.pk for row in old]).update(ended_at=at)
        new.save()


# --- down-sampling ---------------------------------------------------------------------------------------


def close_days(folder: Path, now: int, at: datetime) -> Iterator[HistoryFile]:
    """Down-sample each day that is over, and again those for which readings came late."""
    today = (now - CLOSE_AFTER_US) // DAY_US
    for source in list(in_force("raw").order_by().values_list("source", flat=True).distinct()):
        raw = list(in_force("raw", source))
        for day in sorted({day for row in raw for day in row.days if day < today}):
            done = (
                in_force("minute", source).filter(first_at=day * DAY_US).aggregate(to=Max("last_step"))["to"]
            )
            mine = [row for row in raw if day in row.days]
            if done is None or max(row.last_step for row in mine) > done:
                yield from _close(folder, source, day, mine, at)


def _close(
    folder: Path, source: str, day: int, raw: Sequence[HistoryFile], at: datetime
) -> Iterator[HistoryFile]:
    """Write the minutes and hours of one day of a source; what is there already counts where readings have expired."""
    start = day * DAY_US
    expired = (day + days_of(keep_of(source).raw)) * DAY_US < at.timestamp() * 1e6
    minutes = list(_of_day("minute", source, start))
    path = _day_path(folder, "minute", source, day, at)
    _down_sample(folder, path, raw, minutes if expired else [], (start, BUCKETS["minute"]))
    name, last = hour_name(day * 24)[:10], max(r.last_step for r in raw)
    about = {
        "first_at": start,
        "last_at": start + DAY_US - 1,
        "arrived": name,
        "last_step": last,
        "made_at": at,
    }
    row = _row(folder, path, raw[0], tier="minute", **about)
    _replace(row, minutes, at)
    yield row
    path, hours = _day_path(folder, "hour", source, day, at), list(_of_day("hour", source, start))
    _down_sample(folder, path, [], [row], (start, BUCKETS["hour"]))
    row = _row(folder, path, raw[0], tier="hour", **about)
    if hours and hours[0].last_at - hours[0].first_at > DAY_US:  # a month: its other days stay as they are
        row = _into_month(folder, row, hours[0], at)
    _replace(row, hours, at)
    yield row


def _of_day(tier: str, source: str, start: int) -> "Any":
    """Return the files in force that hold a day: of that day alone, or of its month."""
    return in_force(tier, source).filter(first_at__lte=start, last_at__gte=start)


def _day_path(folder: Path, tier: str, source: str, day: int, at: datetime) -> Path:
    name = hour_name(day * 24)[:10]
    return (
        folder / tier / source.replace(":", ".") / name[:7] / f"{name}-{round(at.timestamp() * 1e6)}.parquet"
    )


def _into_month(folder: Path, row: HistoryFile, month: HistoryFile, at: datetime) -> HistoryFile:
    """Put a day that was down-sampled anew into the file of its month."""
    path = (folder / month.path).with_name(f"{month.arrived}-{round(at.timestamp() * 1e6)}.parquet")
    kept = f'filename LIKE \'%{row.path}\' OR "at" < {row.first_at} OR "at" > {row.last_at}'
    query = (
        f'SELECT {COLUMNS} FROM read_parquet($paths, filename=true) WHERE {kept} ORDER BY datastream, "at"'  # noqa: S608
    )
    copied(folder, [month, row], path, query)
    (folder / row.path).unlink()
    return _row(
        folder,
        path,
        month,
        first_at=month.first_at,
        last_at=month.last_at,
        last_step=row.last_step,
        made_at=at,
    )


def merge_months(folder: Path, now: int, at: datetime) -> Iterator[HistoryFile]:
    """Merge the hours of each month that has been over for a day: years are then a few dozen files."""
    over = hour_name((now - DAY_US) // HOUR_US)[:7]
    groups: dict[tuple[str, str], list[HistoryFile]] = {}
    for row in in_force("hour").filter(arrived__lt=over):
        if len(row.arrived) == DAY_NAME:
            groups.setdefault((row.source, row.arrived[:7]), []).append(row)
    for (_, month), rows in groups.items():
        path = (folder / rows[0].path).with_name(f"{month}-{round(at.timestamp() * 1e6)}.parquet")
        copied(folder, rows, path, f'SELECT {COLUMNS} FROM read_parquet($paths) ORDER BY datastream, "at"')  # noqa: S608
        merged = _row(
            folder, path, rows[0], arrived=month, first_at=rows[0].first_at, last_at=max(r.last_at for r in rows),
            last_step=max(r.last_step for r in rows), made_at=at,
        )  # fmt: skip
        _replace(merged, rows, at)
        yield merged


def _down_sample(
    folder: Path, path: Path, raw: Sequence[HistoryFile], sums: Sequence[HistoryFile], when: tuple[int, int]
) -> None:
    """Write count, least, most and total of each bucket of one day; `when` is (start of the day, bucket) in µs.

    A reading that came twice counts once. Datastreams are taken some thousands at a time, because a group-by over a
    city's whole day would not fit into memory.
    """
    start, us = when
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    parts = {"raw": [str(folder / row.path) for row in raw], "sums": [str(folder / row.path) for row in sums]}
    writer: pq.ParquetWriter | None = None
    with engine() as con, aside.open("wb") as file:
        for low, high in _slices(con, parts):
            table = con.execute(
                _SUMMED.format(source=_union(parts)),
                {"start": start, "end": start + DAY_US, "us": us, "low": low, "high": high}
                | {name: paths for name, paths in parts.items() if paths},
            ).to_arrow_table()
            writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=ROW_GROUP)
        if writer is None:
            pq.write_table(
                pa.table({name: pa.array([], pa.int64()) for name in COLUMNS.replace('"', "").split(", ")}),
                file,
            )
        else:
            writer.close()
        file.flush()
        os.fsync(file.fileno())
    settle(aside, path)


_SUMMED: Final = """
SELECT datastream, ("at" - $start) // $us * $us + $start AS "at", sum(n)::INTEGER AS n, min(least) AS least,
       max(most) AS most, sum(total) AS total, sum(odd)::INTEGER AS odd
FROM ({source}) WHERE datastream >= $low AND datastream < $high AND "at" >= $start AND "at" < $end
GROUP BY 1, 2 ORDER BY 1, 2"""
_RAW: Final = """
SELECT datastream, "at", 1 AS n, min(value) AS least, min(value) AS most, min(value) AS total,
       (max(quality) > 0)::INTEGER AS odd
FROM read_parquet($raw) WHERE datastream >= $low AND datastream < $high AND "at" >= $start AND "at" < $end
GROUP BY datastream, "at", seq"""
_SUMS: Final = f"SELECT {COLUMNS} FROM read_parquet($sums)"  # noqa: S608


def _union(parts: dict[str, list[str]]) -> str:
    return " UNION ALL ".join(text for name, text in (("raw", _RAW), ("sums", _SUMS)) if parts[name])


def _slices(con: Any, parts: dict[str, list[str]]) -> Iterator[tuple[int, int]]:
    """Yield ranges of datastreams, each with few enough readings."""
    paths = [*parts["raw"], *parts["sums"]]
    n, low, high = con.execute(
        "SELECT count(*), coalesce(min(datastream), 0), coalesce(max(datastream), -1) FROM read_parquet($paths)",
        {"paths": paths},
    ).fetchone()
    pieces = max(1, -(-n // AT_A_TIME))
    width = max(1, -(-(high - low + 1) // pieces))
    for start in range(low, high + 1, width):
        yield start, start + width


# --- going -----------------------------------------------------------------------------------------------


def expire(now: int, at: datetime) -> int:
    """End the files that are past the term of their source; readings go only once their days are down-sampled."""
    done = 0
    for source in (
        HistoryFile.objects.filter(ended_at=None)
        .exclude(source="")
        .values_list("source", flat=True)
        .distinct()
    ):
        terms = keep_of(source)
        for tier in ("raw", "minute", "hour"):
            before = now - days_of(getattr(terms, tier)) * DAY_US
            past = in_force(tier, source).filter(last_at__lt=before)
            if tier == "raw":
                closed = {
                    at // DAY_US for at in in_force("minute", source).values_list("first_at", flat=True)
                }
                past = HistoryFile.objects.filter(
                    pk__in=[row.pk for row in past if closed.issuperset(row.days)]
                )
            done += past.update(ended_at=at)
    return done


def sweep(folder: Path, at: datetime) -> int:
    """Remove files that ended a while ago, and what a killed run left behind unlisted; returns how many."""
    gone = HistoryFile.objects.filter(ended_at__lt=at - SWEEP_AFTER)
    paths = list(gone.values_list("path", flat=True))
    for path in paths:
        (folder / path).unlink(missing_ok=True)
    with write():
        HistoryFile.objects.filter(path__in=paths).filter(~Q(ended_at=None)).delete()
    return len(paths) + _sweep_unlisted(folder, at)


def _sweep_unlisted(folder: Path, at: datetime) -> int:
    known = set(HistoryFile.objects.values_list("path", flat=True))
    done = 0
    for path in folder.rglob("*.parquet*"):
        old = at.timestamp() - path.stat().st_mtime > SWEEP_AFTER.total_seconds()
        if old and path.relative_to(folder).as_posix() not in known:
            path.unlink()
            done += 1
    return done
