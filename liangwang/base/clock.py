"""The one place that asks what time it is; everything below the edge is given `at`."""

from datetime import UTC, datetime, timedelta

_offset = timedelta()


def now() -> datetime:
    """The present instant in UTC, moved by the demo's offset if one is set."""
    return datetime.now(UTC) + _offset


def shift(offset: timedelta) -> None:
    """Moves this process's clock, for a demo day or a test that lets time pass."""
    global _offset
    _offset = offset
