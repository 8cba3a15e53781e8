"""Reads a delivered Parquet file in a process of its own, with bounds on memory and time: such a file is a program.

A small file may claim any size, repeat one long value a million times, or crash the library that reads it. The child
is given the key of this one file and gives back text columns; what happens to it is a reason for the office that sent
the file, never a fault of the worker.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from liangwang.base.errors import Refusal
from liangwang.base.keys import file_key

from .declare import Source
from .delivered import (
    MAX_COLUMNS,
    MAX_ROWS,
    Chunk,
    Delivered,
    TooDense,
    TooManyColumns,
    TooManyRows,
    UnreadableFile,
    completed,
    gathered,
    matched,
)
from .parquet_child import MAX_CELL
from .sealed_files import HEAD, ID_BYTES

MEMORY = 3 << 30
CPU_S = 900
MAGIC = b"PAR1"
REFUSALS: dict[str, Callable[[], Refusal]] = {
    "too_dense": lambda: TooDense(cell_kb=MAX_CELL >> 10),
    "too_many_rows": lambda: TooManyRows(limit=MAX_ROWS),
    "too_many_columns": lambda: TooManyColumns(limit=MAX_COLUMNS),
}


def delivered(path: Path, source: Source, zone: str) -> Delivered:
    """An opened Parquet file (sealed, at `path`); raises UnreadableFile, TooDense, TooManyRows or MissingColumns.

    `zone` is the city's: an instant with a zone is written in local time, as the other channels bring it.
    """
    child = _Child(path)
    try:
        header = child.ask({"zone": zone, "max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS})
        found = matched(header["columns"], source)
        wanted = {str(index): name for index, name in enumerate(found.names) if name}
        child.say({"wanted": wanted})
    except BaseException:
        child.end()
        raise
    return Delivered(gathered(_parts(child, source)), found.extra, found.absent)


def _parts(child: "_Child", source: Source) -> Iterator[Chunk]:
    done = 0
    try:
        with pa.ipc.open_stream(child.out) as stream:
            for batch in stream:
                table = completed(pa.Table.from_batches([batch]), source)
                yield Chunk(table, np.arange(done + 1, done + batch.num_rows + 1, dtype=np.int32))
                done += batch.num_rows
        child.finished()
    except (pa.ArrowInvalid, OSError) as fault:
        raise child.reason() from fault
    finally:
        child.end()


class _Child:
    """The reading process: a question and an answer in JSON, then an Arrow stream."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            file_id = file.read(HEAD)[-ID_BYTES:]
        command = [sys.executable, "-m", "liangwang.hub.parquet_child", str(path)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_bound,  # setrlimit only: no lock, no memory
            env={"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            cwd=Path(__file__).resolve().parents[2],
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.out = self.process.stdout
        self.say({"key": file_key(file_id).hex()})

    def say(self, words: dict[str, object]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(words).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as fault:
            raise self.reason() from fault

    def ask(self, words: dict[str, object]) -> dict[str, list[str]]:
        self.say(words)
        line = self.out.readline()
        if not line:
            raise self.reason()
        answer: dict[str, list[str]] = json.loads(line)
        return answer

    def finished(self) -> None:
        """Raises the child's reason unless it ended well: a stream cut between two batches looks whole."""
        if self.process.wait(timeout=60):
            raise self.reason()

    def reason(self) -> Exception:
        """The refusal that the child's last word, or its death, means."""
        assert self.process.stderr
        try:
            _, words = self.process.communicate(timeout=60)
        except (subprocess.TimeoutExpired, ValueError):
            words = b""
        last = (words or b"").decode(errors="replace").strip().rpartition("\n")[2]
        return REFUSALS.get(last, UnreadableFile)()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
