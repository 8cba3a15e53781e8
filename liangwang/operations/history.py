"""History: what the live process has judged goes from the log to Parquet by source and hour; the log is freed after.

A run reads the recorded steps that no restart needs any more, writes their readings with the number of their step
(aside, fsynced, renamed), then lists the files and moves the mark in one transaction. Killed before it, the files are
orphans and the next run writes them anew; killed after it, the log is freed by the next run.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from numpy.typing import NDArray

from liangwang.base.transactions import write
from liangwang.rules.state import Batch

from . import datastreams
from .history_models import HistoryFile
from .models import JudgedTo
from .readings_log import READINGS, Position, Reader, quality_of, unpacked
from .snapshots import FOLDER, STEP, Step, batch_of, decoded, records_of

MARK: Final = "history"
MOST_ROWS: Final = 4_000_000
ROW_GROUP: Final = 65_536
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
UNKNOWN: Final = "-"  # readings of a datastream that no source declares any more


class Rows(NamedTuple):
    """Readings of some steps as columns of one length."""

    batch: Batch
    quality: NDArray[np.uint8]
    step: NDArray[np.int64]


class Historian:
    """Carries the log into the history; one per DATA, run by the live process beside its judging."""

    def __init__(self, data: Path | None = None) -> None:
        self.data = data or settings.DATA
        self.readings, self.live, self.folder = (
            self.data / "readings",
            self.data / "live",
            self.data / "history",
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = Reader(self.live)
        self.ahead: list[Step] = []
        self.reached: dict[str, Position] = {}

    def archive(self, at: datetime) -> int:
        """Carry over what may go, at most four million readings; returns how many steps. Call it until it says 0."""
        mark = archived_to()
        steps = self._due(mark, settled_step(self.live))
        if not steps:
            return 0
        taken, rows = self._read(steps)
        files = [*self._raw(rows, taken, at), self._steps(taken, at)]
        with write():
            HistoryFile.objects.filter(path__in=[one.path for one in files]).delete()
            HistoryFile.objects.bulk_create(files)
            JudgedTo.objects.update_or_create(name=MARK, defaults={"step": taken[-1].number})
        self.ahead = self.ahead[len(taken) :]
        for step in taken:
            self.reached |= {span.writer: Position(*span.end) for span in step.spans}
        self.free()
        return len(taken)

    def _due(self, mark: int, settled: int) -> list[Step]:
        """Return the recorded steps after `mark` that every snapshot has behind it."""
        for record in self.log.read():
            if record.writer == FOLDER and record.kind == STEP:
                step = decoded(record.payload)
                if step.number > mark:
                    self.ahead.append(step)
        self.ahead = [step for step in self.ahead if step.number > mark]
        return [step for step in self.ahead if step.number <= settled]

    def _read(self, steps: Sequence[Step]) -> tuple[list[Step], Rows]:
        """Return the first steps that together have about MOST_ROWS readings, with these."""
        taken: list[Step] = []
        batches, qualities, numbers, n = [Batch.empty()], [np.zeros(0, dtype=np.uint8)], [], 0
        for step in steps:
            taken.append(step)
            for record in records_of(self.readings, step):
                if record.kind != READINGS:
                    continue
                batch = unpacked(record.payload)[0]
                batches.append(batch)
                qualities.append(quality_of(record.payload))
                numbers.append(np.full(len(batch.at), step.number, dtype=np.int64))
                n += len(batch.at)
            if n >= MOST_ROWS:
                break
        columns = [np.concatenate(column) for column in zip(*batches, strict=True)]
        step_of = np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64)
        return taken, Rows(Batch(*columns), np.concatenate(qualities), step_of)

    def _raw(self, rows: Rows, steps: Sequence[Step], at: datetime) -> Iterator[HistoryFile]:
        """Write the readings by source and by the hour in which they were judged."""
        if not len(rows.step):
            return
        names, of = sources_of(rows.batch.datastream)
        hour = np.array([step.now // HOUR_US for step in steps])[
            np.searchsorted([step.number for step in steps], rows.step)
        ]
        order = np.lexsort((rows.batch.seq, rows.batch.at, rows.batch.datastream))
        for source in np.unique(of):
            for one in np.unique(hour[of == source]):
                mine = order[(of[order] == source) & (hour[order] == one)]
                yield self._file("raw", names[source], int(one), _table(rows, mine), steps, at)

    def _steps(self, steps: Sequence[Step], at: datetime) -> HistoryFile:
        table = pa.table(
            {
                "step": [step.number for step in steps],
                "at": [step.now for step in steps],
                "deaf": [step.deaf for step in steps],
            }
        )
        return self._file("steps", "", steps[0].now // HOUR_US, table, steps, at)

    def _file(
        self, tier: str, source: str, hour: int, table: pa.Table, steps: Sequence[Step], at: datetime
    ) -> HistoryFile:
        arrived = hour_name(hour)
        span = f"{steps[0].number}-{steps[-1].number}"
        path = (
            self.folder
            / tier
            / (source or "all").replace(":", ".")
            / arrived[:10]
            / f"{arrived[11:]}-{span}.parquet"
        )
        put(path, table)
        return listed(
            self.folder, path, table, tier=tier, source=source, arrived=arrived, made_at=at,
            first_step=steps[0].number, last_step=steps[-1].number,
        )  # fmt: skip

    def free(self) -> list[Path]:
        """Remove the log segments that lie wholly behind the history and behind every snapshot."""
        needed = dict(self.reached)
        for positions in snapshot_positions(self.live):
            for writer in list(needed):
                needed[writer] = min(needed[writer], positions.get(writer, Position()))
        gone = []
        for writer, position in needed.items():
            for path in sorted((self.readings / writer).glob("*.log")):
                if int(path.stem) < position.segment:
                    path.unlink()
                    gone.append(path)
        return gone


def archived_to() -> int:
    """Return the number of the last step that the history holds."""
    return JudgedTo.objects.filter(name=MARK).values_list("step", flat=True).first() or 0


def settled_step(live: Path) -> int:
    """Return the last step that no restart would judge again: that of the oldest snapshot kept."""
    kept = sorted(live.glob("*.npz"))
    return int(kept[0].stem) if kept else 0


def snapshot_positions(live: Path) -> Iterator[dict[str, Position]]:
    """Yield where each kept snapshot stands in the readings logs."""
    import json

    for path in live.glob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            note = json.loads(str(file["about"]))["note"]
        yield {writer: Position(*place) for writer, place in note["positions"].items()}


def sources_of(stream: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the sources by name, and for each reading the place of its source among them: int32[n]."""
    index = datastreams.index()
    names, source = list(index.sources), index.source
    known = np.where(stream < len(source), source[np.minimum(stream, len(source) - 1)], -1)
    return [*names, UNKNOWN], np.where(known < 0, len(names), known).astype(np.int32)


def recorded(
    data: Path, first: int, last: int, streams: NDArray[np.int32] | None = None
) -> Iterator[tuple[Step, Batch]]:
    """Yield the steps of the live process from `first` to before `last` (µs), each with its readings as it judged them.

    What the history holds comes from it, the rest from the log; `streams` picks datastreams.
    """
    after = archived_to()
    yield from _archived(first, last, after, data, streams)
    reader = Reader(data / "live")
    before: dict[str, Position] | None = None
    while before != reader.positions:
        before = dict(reader.positions)
        for record in reader.read():
            if record.writer != FOLDER or record.kind != STEP:
                continue
            step = decoded(record.payload)
            if step.number > after and first <= step.now < last:
                batch = batch_of(list(records_of(data / "readings", step)))
                yield step, batch if streams is None else batch.pick(np.isin(batch.datastream, streams))


def _archived(
    first: int, last: int, after: int, data: Path, streams: NDArray[np.int32] | None
) -> Iterator[tuple[Step, Batch]]:
    """Yield archived steps with their readings, an hour of arrival at a time."""
    inside = HistoryFile.objects.filter(ended_at=None, last_step__lte=after)
    hours = inside.filter(tier="steps", last_at__gte=first, first_at__lt=last)
    for arrived in sorted(set(hours.values_list("arrived", flat=True))):
        steps = _columns(
            data, inside.filter(tier="steps", arrived=arrived), 'step, "at", deaf', "ORDER BY step"
        )
        files = inside.filter(
            tier="raw", first_step__lte=int(steps["step"][-1]), last_step__gte=int(steps["step"][0])
        )
        picked = "" if streams is None else f"WHERE datastream IN ({', '.join(map(str, streams.tolist()))})"
        rows = _columns(data, files, 'step, datastream, "at", seq, value', picked)
        order = np.argsort(rows["step"], kind="stable")
        bounds = np.searchsorted(rows["step"][order], [steps["step"], steps["step"] + 1])
        batch = Batch(rows["datastream"], rows["at"], rows["seq"], rows["value"]).pick(order)
        for place, number in enumerate(steps["step"]):
            now = int(steps["at"][place])
            if first <= now < last:
                step = Step(int(number), now, [], bool(steps["deaf"][place]))
                yield step, batch.pick(slice(*bounds[:, place]))  # type: ignore[arg-type]


def _columns(data: Path, files: Any, columns: str, rest: str = "") -> dict[str, NDArray[Any]]:
    paths = [str(data / "history" / path) for path in files.values_list("path", flat=True)]
    if not paths:
        kinds = {"datastream": np.int32, "value": np.float64}
        return {
            name: np.zeros(0, dtype=kinds.get(name, np.int64))
            for name in columns.replace('"', "").split(", ")
        }
    with engine() as con:
        # The columns are ours and the paths of our own manifest.
        return con.execute(
            f"SELECT {columns} FROM read_parquet($paths) {rest}",  # noqa: S608
            {"paths": paths},
        ).fetchnumpy()


def engine(threads: int = 2, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """Return a DuckDB in memory with bounds; there is no shared database file."""
    return duckdb.connect(config={"threads": threads, "memory_limit": memory})


def hour_name(hour: int) -> str:
    """Return an hour since 1970 as it is written in the list.

    >>> hour_name(0)
    '1970-01-01T00'
    """
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H")


def put(path: Path, table: pa.Table) -> None:
    """Write a Parquet file durably: aside, fsynced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as file:
        pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)
        file.flush()
        os.fsync(file.fileno())
    settle(aside, path)


def settle(aside: Path, path: Path) -> None:
    """Give a file that is whole on disk its name."""
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def listed(folder: Path, path: Path, table: pa.Table, **about: Any) -> HistoryFile:
    """Return the row of the list for a file."""
    at = table.column("at").to_numpy() if table.num_rows else np.zeros(1, dtype=np.int64)
    days = np.unique(at // DAY_US).tolist() if about["tier"] == "raw" else []
    return HistoryFile(
        path=path.relative_to(folder).as_posix(), rows=table.num_rows, bytes=path.stat().st_size,
        first_at=int(at.min()), last_at=int(at.max()), days=days, **about,
    )  # fmt: skip


def _table(rows: Rows, mine: NDArray[np.intp]) -> pa.Table:
    batch = rows.batch.pick(mine)
    return pa.table({**batch._asdict(), "quality": rows.quality[mine], "step": rows.step[mine]})


def by_source(rows: Sequence[HistoryFile]) -> dict[str, list[HistoryFile]]:
    """Return files by source."""
    found: dict[str, list[HistoryFile]] = defaultdict(list)
    for row in rows:
        found[row.source].append(row)
    return found
