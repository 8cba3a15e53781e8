"""Durations and times of day as the declarations write them: `30s`, `5min`, `22:00`."""

import re
from typing import Final

from .errors import RuleError

MICROSECONDS: Final = {
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
PATTERN: Final = r"\d+(?:\.\d+)?(?:ms|min|s|h|d)\b"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|h|d)")


def microseconds(text: str) -> int:
    """Return a duration such as `30s` or `1.5h` in microseconds.

    >>> microseconds("5min")
    300000000
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise RuleError("duration", text=text)
    return round(float(match[1]) * MICROSECONDS[match[2]])


def spelled(us: int) -> str:
    """Return a duration in the largest unit that divides it.

    >>> spelled(300_000_000)
    '5min'
    """
    for unit in ("d", "h", "min", "s", "ms"):
        if us and us % MICROSECONDS[unit] == 0:
            return f"{us // MICROSECONDS[unit]}{unit}"
    return f"{us / MICROSECONDS['s']:g}s"


def minute_of_day(text: str) -> int:
    """Return a time of day such as `22:00` in minutes after midnight."""
    hour, minute = (int(part) for part in text.split(":"))
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise RuleError("clock", text=text)
    return hour * 60 + minute
