"""In a storm: which readings are turned away at the door, so that alarms are still judged in time.

How far judging is behind is told by the live process in DATA/live/behind; how much waits for the disk is this process's
own. What is turned away was never acknowledged, so its sender keeps it and sends it again.
"""

import time
from pathlib import Path
from typing import Final

from django.conf import settings

FILE: Final = "behind"
LOOK_S: Final = 0.5
LOW_AFTER_S: Final = 10.0
NORMAL_AFTER_S: Final = 60.0
WAITING_BYTES: Final = 48 * 1024 * 1024
LEAST: Final = {"low": 0, "normal": 1, "alarm": 2}
"""The pressure above which a priority is turned away: alarms never are."""

_looked, _behind = 0.0, 0.0


def tell_behind(folder: Path, seconds: float) -> None:
    """Say how long the newest judged reading had waited; the live process calls it every few seconds."""
    fresh = folder / f".{FILE}"
    fresh.write_text(f"{seconds:.3f}")
    fresh.rename(folder / FILE)


def behind_s() -> float:
    """Return how many seconds judging is behind, looked up at most twice a second; 0 where nobody judges."""
    global _looked, _behind
    if time.monotonic() - _looked >= LOOK_S:
        _looked = time.monotonic()
        try:
            _behind = float((settings.DATA / "live" / FILE).read_text())
        except (OSError, ValueError):
            _behind = 0.0
    return _behind


def pressure(waiting_bytes: int) -> int:
    """Return 0 when all is well, 1 when low priority has to wait, 2 when only alarms are taken."""
    behind = behind_s()
    if behind > NORMAL_AFTER_S:
        return 2
    return int(behind > LOW_AFTER_S or waiting_bytes > WAITING_BYTES)


def forget() -> None:
    """Look anew at the next question (in tests)."""
    global _looked
    _looked = 0.0
