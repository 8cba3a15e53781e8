"""The curve of one datastream over any range: from readings, minutes or hours, whichever is fine enough."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db.models import Max, Min
from numpy.typing import NDArray

from . import datastreams
from .history import DAY_US, engine
from .history_models import HistoryFile

RAW_UP_TO: Final = 3 * DAY_US
MINUTES_UP_TO: Final = 62 * DAY_US
MOST_ODD: Final = 400
FINEST: Final = {"raw": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}


@dataclass(frozen=True, slots=True)
class Series:
    """Buckets that hold readings, oldest first: start µs, count, least, mean, most; `odd` are flagged readings.

    `tier` says from what it was made: raw, minute or hour. `bucket` is their width in µs. Arrays of one length.
    """

    tier: str
    bucket: int
    at: NDArray[np.int64]
    n: NDArray[np.int64]
    least: NDArray[np.float64]
    mean: NDArray[np.float64]
    most: NDArray[np.float64]
    odd_at: NDArray[np.int64]
    odd_value: NDArray[np.float64]

    @property
    def readings(self) -> int:
        """How many readings the curve stands for."""
        return int(self.n.sum())


def series(stream: int, start: int, end: int, buckets: int = 720, data: Path | None = None) -> Series:
    """Return the curve of a datastream from `start` to before `end` (µs) in at most about `buckets` steps."""
    return drawn(_source(stream), stream, start, end, buckets, data)


def drawn(
    source: str, stream: int, start: int, end: int, buckets: int = 720, data: Path | None = None
) -> Series:
    """Return the same where the source (`pack:source`) of the datastream is known."""
    folder = (data or settings.DATA) / "history"
    span = end - start
    wanted = "raw" if span <= RAW_UP_TO else "minute" if span <= MINUTES_UP_TO else "hour"
    tier = _reaching(source, wanted, start, end)
    bucket = max(_round(span // max(buckets, 1)), FINEST[tier])
    sums, open_from = _summed(source, tier, start, end)
    raw = _paths(_inside(source, "raw", max(start, open_from), end))
    given = {"stream": stream, "start": start, "end": end, "bucket": bucket, "open": open_from}
    parts = {
        name: [str(folder / path) for path in paths]
        for name, paths in (("sums", sums), ("raw", raw))
        if paths
    }
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        empty = none.astype(np.float64)
        return Series(tier, bucket, none, none, empty, empty, empty, none, empty)
    union = " UNION ALL ".join(_PART[name] for name in parts)
    with engine() as con:
        rows = con.execute(_BUCKETS.format(parts=union), _named(_BUCKETS + union, given | parts)).fetchnumpy()
        odd = (
            _odd(con, parts.get("raw", []), given)
            if tier == "raw"
            else (np.zeros(0, dtype=np.int64), np.zeros(0))
        )
    at, n, least, mean, most = (np.asarray(rows[name]) for name in ("at", "n", "least", "mean", "most"))
    return Series(tier, bucket, at, n, least, mean, most, *odd)


def extent(stream: int) -> tuple[int, int] | None:
    """Return from when to when the history of a datastream's source reaches, in µs; None where there is none."""
    rows = HistoryFile.objects.filter(source=_source(stream), ended_at=None).exclude(tier="steps")
    bounds = list(rows.values_list("first_at", "last_at"))
    if not bounds:
        return None
    return min(first for first, _ in bounds), max(last for _, last in bounds)


_BUCKETS: Final = """
SELECT ("at" - $start) // $bucket * $bucket + $start AS "at", sum(n)::BIGINT AS n, min(least) AS least,
       sum(total) / sum(n) AS mean, max(most) AS most
FROM ({parts}) GROUP BY 1 ORDER BY 1"""
_WHERE: Final = 'datastream = $stream AND "at" >= $start AND "at" < $end'
_PART: Final = {
    "sums": f'SELECT "at", n, least, most, total FROM read_parquet($sums) WHERE {_WHERE}',  # noqa: S608
    "raw": 'SELECT "at", 1 AS n, min(value) AS least, min(value) AS most, min(value) AS total '  # noqa: S608
    f'FROM read_parquet($raw) WHERE {_WHERE} AND "at" >= $open GROUP BY "at", seq',
}


def _named(query: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a query names: DuckDB refuses those that it does not."""
    return {name: value for name, value in given.items() if f"${name}" in query}


def _inside(source: str, tier: str, start: int, end: int) -> Any:
    return HistoryFile.objects.filter(
        tier=tier, ended_at=None, source=source, first_at__lt=end, last_at__gte=start
    )


def _paths(files: Any) -> list[str]:
    return list(files.values_list("path", flat=True))


def _reaching(source: str, wanted: str, start: int, end: int) -> str:
    """Return the finest tier from `wanted` on that goes back as far as any coarser one: readings go first."""
    tiers = list(FINEST)[list(FINEST).index(wanted) :]
    reach = {
        tier: max(first, start)
        for tier in tiers
        if (first := _inside(source, tier, start, end).aggregate(first=Min("first_at"))["first"]) is not None
    }
    far = min(reach.values(), default=start)
    return next((tier for tier in tiers if tier in reach and reach[tier] < far + DAY_US), wanted)


def _summed(source: str, tier: str, start: int, end: int) -> tuple[list[str], int]:
    """Return the files of sums, and from when on readings themselves are taken: the days that are not closed yet."""
    if tier == "raw":
        return [], start
    files = _inside(source, tier, start, end)
    last = files.aggregate(last=Max("last_at"))["last"]
    return _paths(files), start if last is None else last + 1


def _odd(con: Any, raw: list[str], given: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return moment and value of the flagged readings."""
    query = f'SELECT "at", value FROM read_parquet($raw) WHERE {_WHERE} AND quality > 0 ORDER BY "at" LIMIT {MOST_ODD}'  # noqa: S608
    if not raw:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    rows = con.execute(query, _named(query, {**given, "raw": raw})).fetchnumpy()
    return np.asarray(rows["at"]), np.asarray(rows["value"])


def _source(stream: int) -> str:
    index = datastreams.index()
    if stream >= len(index.source):
        index = datastreams.refreshed()
    number = int(index.source[stream]) if stream < len(index.source) else -1
    return index.sources[number] if number >= 0 else "-"


def _round(us: int) -> int:
    """Return a width that people know: 1, 5, 10, 15 or 30 s or min, 1, 3, 6 or 12 h, whole days."""
    s = 1_000_000
    steps = [n * s for n in (1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 10800, 21600, 43200, 86400)]
    return next((step for step in steps if step >= us), -(-us // DAY_US) * DAY_US)
