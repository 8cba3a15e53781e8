"""What operations does in the worker: follows its cases, and makes good what the live process could not open."""

from datetime import datetime

from . import follow, signals


def tick(at: datetime) -> None:
    """Send whom it can, let late tasks climb, and open the incidents that standing signals still lack."""
    follow.tick(at)
    signals.open_missing(at)
