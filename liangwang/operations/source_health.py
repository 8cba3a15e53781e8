"""How each source of readings fares: last heard, how much a minute, flags, repeats, gaps, its clock; told every few seconds.

The live process sees every reading once and keeps the sums; a kill may lose the last seconds of them, never a reading.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from django.db import DatabaseError
from django.db.models import F
from numpy.typing import NDArray

from liangwang.base import clock
from liangwang.base.transactions import write
from liangwang.rules.state import Batch

from . import quality
from .counting import Count, Gap, sort_keys
from .datastreams import Index
from .models import SequenceGap, SourceState
from .readings_log import READINGS, Record, quality_of, unpacked
from .signals import instant

logger = logging.getLogger(__name__)

MINUTE_US: Final = 60_000_000
KEPT_MINUTES: Final = 60
CLOCK_WEIGHT: Final = 0.2


@dataclass
class Tally:
    """The sums of one source since the house began; `clock_s` is how late its readings arrive by their own clock."""

    last_at: int = 0
    last_received_at: int = 0
    readings: int = 0
    minutes: dict[int, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    again: int = 0
    clock_s: float | None = None


class Health:
    """The tallies of all sources; one per live process."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.changed: set[str] = set()
        self.gaps: list[tuple[str, Gap]] = []
        self.filled: list[Gap] = []
        self.count = Count()
        self.behind_s = 0.0
        self._load()

    def _load(self) -> None:
        try:
            for row in SourceState.objects.all():
                self.tallies[row.source] = Tally(
                    round(row.last_at.timestamp() * 1e6), round(row.last_received_at.timestamp() * 1e6), row.readings,
                    {int(minute): int(n) for minute, n in row.minutes}, dict(row.flagged), row.missing, row.again, row.clock_s,
                )  # fmt: skip
        except DatabaseError:
            logger.exception("how sources fared before cannot be read")

    def see(self, records: Iterable[Record], index: Index, now: int) -> None:
        """Add the readings of some records to their sources' sums; `now` in µs."""
        heard = [(*unpacked(record.payload), record.payload) for record in records if record.kind == READINGS]
        self.behind_s = max(now - max(one[1] for one in heard), 0) / 1e6 if heard else 0.0
        if not heard:
            return
        # All at once: what a record costs is paid once a step, however many a storm brings.
        batch = Batch(*(np.concatenate(column) for column in zip(*(one[0] for one in heard), strict=True)))
        received = np.repeat([one[1] for one in heard], [len(one[0].at) for one in heard])
        flags = np.concatenate([quality_of(one[2]) for one in heard])
        known = batch.datastream < len(index.source)
        source = np.where(known, index.source[np.minimum(batch.datastream, len(index.source) - 1)], -1)
        for place in np.flatnonzero(np.bincount(source + 1, minlength=1)[1:]):
            mine = source == place
            self._add(index.sources[place], batch.at[mine], flags[mine], received[mine])
        self._counted(batch, source, index)

    def _add(
        self, name: str, at: NDArray[np.int64], flags: NDArray[np.uint8], received: NDArray[np.int64]
    ) -> None:
        tally = self.tallies.setdefault(name, Tally())
        self.changed.add(name)
        tally.last_at = max(tally.last_at, int(at.max()))
        tally.last_received_at = max(tally.last_received_at, int(received.max()))
        tally.readings += len(at)
        first = int(received.min()) // MINUTE_US
        for minute, n in enumerate(np.bincount(received // MINUTE_US - first).tolist(), first):
            if n:
                tally.minutes[minute] = tally.minutes.get(minute, 0) + n
        if len(tally.minutes) > KEPT_MINUTES:
            last = max(tally.minutes)
            tally.minutes = {one: n for one, n in tally.minutes.items() if one > last - KEPT_MINUTES}
        late = float(np.median(received - at)) / 1e6
        tally.clock_s = (
            late if tally.clock_s is None else tally.clock_s + CLOCK_WEIGHT * (late - tally.clock_s)
        )
        for bit, n in quality.counts(flags).items():
            tally.flagged[str(bit)] = tally.flagged.get(str(bit), 0) + n

    def _counted(self, batch: Any, source: NDArray[np.int32], index: Index) -> None:
        """Look for numbers that a device left out, and for readings that came before."""
        known = source >= 0
        if not known.any():
            return
        stream = batch.datastream[known]
        thing = index.streams.thing[stream].astype(np.int64)
        gaps, filled = self.count.see(thing, batch.seq[known], batch.at[known])
        by_thing = dict(zip(thing.tolist(), source[known].tolist(), strict=True)) if gaps or filled else {}
        for gap in gaps:
            name = index.sources[by_thing[gap.thing]]
            self.gaps.append((name, gap))
            self.tallies[name].missing += gap.before - gap.after - 1
        for gap in filled:
            self.tallies[index.sources[by_thing[gap.thing]]].missing -= 1
        self.filled += filled
        self._repeated(stream, batch.at[known], batch.seq[known], source[known], index)

    def _repeated(
        self,
        stream: NDArray[np.int32],
        at: NDArray[np.int64],
        seq: NDArray[np.int64],
        source: NDArray[np.int32],
        index: Index,
    ) -> None:
        """Count readings that repeat one of the same batch: a device or a broker that sends again."""
        keys = sort_keys(stream, at)
        if keys is not None:
            # Only those of one datastream and one moment are worth a closer look.
            ordered = np.sort(keys)
            twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
            if not len(twice):
                return
            few = np.flatnonzero(np.isin(keys, twice))
            stream, at, seq, source = stream[few], at[few], seq[few], source[few]
        order = np.lexsort((seq, at, stream))
        stream, at, seq, source = stream[order], at[order], seq[order], source[order]
        same = (stream[1:] == stream[:-1]) & (at[1:] == at[:-1]) & (seq[1:] == seq[:-1])
        for place in np.unique(source[1:][same]):
            self.tallies[index.sources[place]].again += int(np.count_nonzero(same & (source[1:] == place)))

    def keep(self) -> int:
        """Write the sums that changed; returns how many sources. What cannot be written waits: judging goes first."""
        names, gaps, filled = sorted(self.changed), self.gaps, self.filled
        if not names:
            return 0
        try:
            with write():
                for name in names:
                    _write(name, self.tallies[name])
                _write_gaps(gaps, filled)
        except DatabaseError:
            logger.exception("how sources fare cannot be written")
            self.gaps = gaps[-1000:]
            return 0
        self.changed, self.gaps, self.filled = set(), [], []
        return len(names)


def _write(name: str, tally: Tally) -> None:
    SourceState.objects.update_or_create(
        source=name,
        defaults={
            "last_at": instant(tally.last_at),
            "last_received_at": instant(tally.last_received_at),
            "readings": tally.readings,
            "minutes": sorted(tally.minutes.items()),
            "flagged": tally.flagged,
            "missing": tally.missing,
            "again": tally.again,
            "clock_s": round(tally.clock_s or 0.0, 3),
        },
    )


def _write_gaps(gaps: list[tuple[str, Gap]], filled: list[Gap]) -> None:
    at = clock.now()
    rows = [
        SequenceGap(
            asset_id=gap.thing, source=name, after=gap.after, before=gap.before,
            missing=gap.before - gap.after - 1, seen_at=at,
        )
        for name, gap in gaps
    ]  # fmt: skip
    SequenceGap.objects.bulk_create(rows, ignore_conflicts=True)
    for gap in filled:
        SequenceGap.objects.filter(asset_id=gap.thing, after=gap.after, missing__gt=0).update(
            missing=F("missing") - 1
        )
