"""Single readings of a few datastreams between two moments: from the history's files and from what the log still holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from . import datastreams
from .history import engine
from .history_models import HistoryFile
from .readings_log import READINGS, Reader, quality_of, unpacked

EARLIEST: Final = -(2**62)
LATEST: Final = 2**62
MOST_LOG_BYTES: Final = 512 * 1024 * 1024


class Observations(NamedTuple):
    """Readings as columns of one length, each (datastream, at, seq) once, ordered by time; `at` in µs."""

    datastream: NDArray[np.int64]
    at: NDArray[np.int64]
    seq: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.int64]

    def pick(self, rows: NDArray[np.intp]) -> "Observations":
        """Return the rows of some positions."""
        picked = (self.datastream[rows], self.at[rows], self.seq[rows], self.value[rows], self.quality[rows])
        return Observations(*picked)


def readings_between(
    streams: Sequence[int],
    first: int = EARLIEST,
    last: int = LATEST,
    most: int = 200_000,
    *,
    newest: bool = False,
) -> Observations:
    """Return up to `most` readings of datastreams from `first` to `last` (both in µs, both included).

    The oldest ones in the order of time; with `newest` the newest ones, the newest first.
    """
    parts = [_logged(streams, first, last), _archived(streams, first, last, most, newest)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    stream, at, seq = (column.astype(np.int64) for column in columns[:3])
    order = np.lexsort((seq, stream, at))
    stream, at, seq = stream[order], at[order], seq[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (stream[1:] != stream[:-1]) | (at[1:] != at[:-1]) | (seq[1:] != seq[:-1])
    order = order[fresh]
    order = order[::-1][:most] if newest else order[:most]
    return Observations(*(column[order] for column in columns))


def _archived(
    streams: Sequence[int], first: int, last: int, most: int, newest: bool
) -> list[NDArray[np.generic]]:
    """Read what the history holds, at most `most` rows from the wanted end."""
    index = datastreams.index()
    known = [n for n in streams if n < len(index.source) and index.source[n] >= 0]
    sources = {index.sources[int(index.source[n])] for n in known}
    files = HistoryFile.objects.filter(
        tier="raw", ended_at=None, source__in=sources, first_at__lte=last, last_at__gte=first
    )
    folder: Path = settings.DATA / "history"
    paths = [str(folder / path) for path in files.values_list("path", flat=True)]
    if not paths:
        return _none()
    with engine() as con:
        rows = con.execute(
            _ROWS.format(way="DESC" if newest else "ASC"),
            {"paths": paths, "streams": list(streams), "first": first, "last": last, "most": most},
        ).fetchnumpy()
    return [np.asarray(rows[name]) for name in ("datastream", "at", "seq", "value", "quality")]


_ROWS: Final = """
SELECT datastream, at, seq, value, quality FROM read_parquet($paths)
WHERE datastream IN (SELECT unnest($streams)) AND at >= $first AND at <= $last
ORDER BY at {way}, seq {way} LIMIT $most"""


def _logged(streams: Sequence[int], first: int, last: int) -> list[NDArray[np.generic]]:
    """Read what the log holds that is not yet in the history (a little of it may be in both)."""
    found = [_none()]
    wanted = np.asarray(sorted(streams), dtype=np.int64)
    reader, before, looked = Reader(settings.DATA / "readings"), None, 0
    while before != reader.positions and looked < MOST_LOG_BYTES:
        before = dict(reader.positions)
        for record in reader.read():
            looked += len(record.payload)
            if record.kind != READINGS:
                continue
            batch = unpacked(record.payload)[0]
            mine = np.isin(batch.datastream, wanted) & (batch.at >= first) & (batch.at <= last)
            if mine.any():
                found.append([*(column[mine] for column in batch), quality_of(record.payload)[mine]])
    return [np.concatenate(column) for column in zip(*found, strict=True)]


def _none() -> list[NDArray[np.generic]]:
    none = np.zeros(0, dtype=np.int64)
    return [none, none, none, none.astype(np.float64), none]
