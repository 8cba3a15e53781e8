"""Instants written in the city's time to UTC, by the zone's own changes of offset, alike on every engine."""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import ibis

FIRST_YEAR, LAST_YEAR = 1970, 2100


def to_utc(local: ibis.Value, zone: ZoneInfo) -> ibis.Value:
    """A naive local timestamp as naive UTC; in an hour that occurs twice the first is meant."""
    spans = offsets(zone)
    branches = [
        (local >= ibis.literal(since), local - ibis.interval(seconds=seconds))
        for since, seconds in reversed(spans[1:])
    ]
    first = local - ibis.interval(seconds=spans[0][1])
    return ibis.cases(*branches, else_=first) if branches else first


@cache
def offsets(zone: ZoneInfo) -> list[tuple[datetime, int]]:
    """From which local instant which offset of the zone holds, in seconds east of UTC, oldest first.

    >>> offsets(ZoneInfo("Asia/Shanghai"))[-1]
    (datetime.datetime(1991, 9, 15, 2, 0), 28800)
    """
    day = datetime(FIRST_YEAR, 1, 1)  # noqa: DTZ001 - local on purpose
    spans = [(day, _offset(day, zone))]
    while day.year < LAST_YEAR:
        after = day + timedelta(days=1)
        if _offset(after, zone) != spans[-1][1]:
            spans.append((_change(day, after, zone), _offset(after, zone)))
        day = after
    return spans


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first local minute with the new offset, by halving."""
    old = _offset(before, zone)
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        middle = middle.replace(second=0, microsecond=0)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(local: datetime, zone: ZoneInfo) -> int:
    found = local.replace(tzinfo=zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())
