"""What makes judging exact across a kill: the log of steps, written before each, and snapshots of the kernel's state.

A step is (number, now, which bytes of which writer's log). It is durable before it is judged, so that a restart and a
replay judge the same readings in the same batches at the same ticks, and find the same transitions.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from liangwang.rules.state import Batch, Params, State, fitted, fresh, load, save

from .readings_log import READINGS, Position, Reader, Record, Writer, read_range, unpacked

logger = logging.getLogger(__name__)

STEP: Final = 3
KEPT: Final = 2
FOLDER: Final = "steps0"
START: Final = Position()
SEGMENT_BYTES: Final = 16 * 1024 * 1024  # some days of steps: the history reads them anew when it starts


class Span(msgspec.Struct, array_like=True):
    """The part of one writer's log that a step judged: after `start`, up to and with `end`."""

    writer: str
    start: Position
    end: Position


class Step(msgspec.Struct, array_like=True):
    """One step: its number, its moment in µs, what it judged, and whether nobody had listened before it."""

    number: int
    now: int
    spans: list[Span]
    deaf: bool = False


class Steps:
    """The log of steps of the one live process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = Writer(folder, prefix="steps", segment_bytes=SEGMENT_BYTES)
        if self.writer.folder.name != FOLDER:
            self.writer.close()
            raise RuntimeError("a live process is running already on this DATA")

    def append(self, step: Step) -> None:
        """Write a step durably."""
        self.writer.append(STEP, msgspec.msgpack.encode(step)).result()

    @property
    def position(self) -> Position:
        """Where the log of steps ends."""
        return Position(self.writer.segment, self.writer.size)

    def close(self) -> None:
        """Write what waits and give the folder back."""
        self.writer.close()


def steps_after(folder: Path, number: int, start: Position = START) -> Iterator[Step]:
    """Yield the recorded steps after a number, in order; `start` spares reading what lies before."""
    reader = Reader(folder, {FOLDER: start} if start != START else None)
    before = None
    while before != reader.positions:
        before = dict(reader.positions)
        for record in reader.read():
            if record.writer == FOLDER and record.kind == STEP:
                step = decoded(record.payload)
                if step.number > number:
                    yield step


def decoded(payload: bytes) -> Step:
    """Return the step that a record of the log of steps holds."""
    return msgspec.msgpack.decode(payload, type=Step)


def records_of(readings: Path, step: Step) -> Iterator[Record]:
    """Yield the records that a step judged, in the order in which it did."""
    for span in step.spans:
        yield from read_range(readings, span.writer, span.start, span.end)


def batch_of(records: list[Record]) -> Batch:
    """Return the readings of some records as one batch."""
    batches = [unpacked(record.payload)[0] for record in records if record.kind == READINGS]
    if not batches:
        return Batch.empty()
    return Batch(
        np.concatenate([batch.datastream for batch in batches]),
        np.concatenate([batch.at for batch in batches]),
        np.concatenate([batch.seq for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
    )


class Snapshot(NamedTuple):
    """The state as of a step, positions in the readings logs, where the log of steps stood, rules that it knows."""

    state: State
    step: int
    positions: dict[str, Position]
    steps_at: Position
    rules: frozenset[str] = frozenset()


def keep(folder: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; the last two stay."""
    folder.mkdir(parents=True, exist_ok=True)
    note = {"step": snapshot.step, "positions": snapshot.positions, "steps_at": snapshot.steps_at}
    save(snapshot.state, folder / f"{snapshot.step:012d}.npz", note)
    for old in sorted(folder.glob("*.npz"))[:-KEPT]:
        old.unlink()


def latest(folder: Path, params: Params) -> Snapshot:
    """Return the newest snapshot that can be read, fitted to `params`; a fresh state where there is none."""
    for path in sorted(folder.glob("*.npz"), reverse=True):
        try:
            state, note = load(path)
        except (ValueError, OSError, KeyError):
            logger.exception("%s cannot be read; taking the one before", path)
            continue
        positions = {writer: Position(*place) for writer, place in note["positions"].items()}
        rules, steps_at = frozenset(state.rules), Position(*note["steps_at"])
        return Snapshot(fitted(state, params), int(note["step"]), positions, steps_at, rules)
    return Snapshot(fresh(params), 0, {}, START)
