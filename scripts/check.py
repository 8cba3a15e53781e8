"""`make check`: format, lint, types, import contracts, packs and docs, two at a time; says what failed and how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"


@dataclass(frozen=True)
class Step:
    name: str
    command: tuple[str, ...]
    remedy: str


STEPS = (
    Step("types (mypy)", ("mypy",), "see the lines above"),
    Step("format (ruff)", ("ruff", "format", "--check", "."), ".venv/bin/ruff format ."),
    Step("lint (ruff)", ("ruff", "check", "--output-format", "concise", "."), ".venv/bin/ruff check --fix ."),
    Step(
        "contracts (import-linter)",
        ("lint-imports", "--no-logo"),
        "pyproject.toml, [tool.importlinter], says who may import whom",
    ),
    Step(
        "packs (liangwang check)",
        ("python", "-m", "liangwang", "check"),
        "each line names file, line and remedy",
    ),
    Step(
        "docs and contracts (pytest)",
        (
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/test_docs.py",
            "tests/test_contracts.py",
            "tests/test_commands.py",
        ),
        "see the lines above",
    ),
)


def run(step: Step) -> tuple[Step, int, str, float]:
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / step.command[0]), *step.command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"},
    )
    return step, done.returncode, done.stdout + done.stderr, time.monotonic() - began


def main() -> int:
    began = time.monotonic()
    failed = []
    with ThreadPoolExecutor(2) as pool:
        for step, code, output, seconds in pool.map(run, STEPS):
            print(f"{'✓' if code == 0 else '✗'} {step.name:<28} {seconds:5.1f} s", flush=True)
            if code:
                failed.append(step.name)
                print(f"{output}\n  → {step.remedy}\n", flush=True)
    print(f"{time.monotonic() - began:.1f} s  {'failed: ' + ', '.join(failed) if failed else 'all well'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
