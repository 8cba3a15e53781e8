"""Working days by prefix sums: when something is due, and why, day by day. No Django here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from .labels import Label

FIRST, LAST = date(2000, 1, 1), date(2069, 12, 31)
ONE_DAY = timedelta(days=1)

WEEKDAY: Label = {"zh": "工作日", "en": "working day"}
WEEKEND: Label = {"zh": "周末", "en": "weekend"}
START: Label = {"zh": "受理当日，不计入", "en": "day of acceptance, not counted"}
STOPPED: Label = {"zh": "特别程序期间，不计入", "en": "special procedure, not counted"}

Stop = tuple[date, date | None]
"""Days that do not count: from the first, up to and without the second; None while it still lasts."""


class DayKind(NamedTuple):
    """A day on which the city departs from Monday to Friday."""

    works: bool
    name: Label


class CountedDay(NamedTuple):
    """One line of an explanation: `number` is the working days used up at the end of this day."""

    day: date
    kind: str  # start | work | adjusted | weekend | holiday | stopped
    number: int
    name: Label

    @property
    def counted(self) -> bool:
        return self.kind in {"work", "adjusted"}


class OutOfRange(ValueError):
    """A day outside the years that the table covers."""


@dataclass(frozen=True)
class Due:
    """A due day with its reasons; `day` is None while a stop is running that began before it was reached.

    `provisional` is true when the count runs into a year whose holidays are not announced yet.
    """

    calendar: "WorkingDays"
    start: date
    days: int
    stops: tuple[Stop, ...]
    day: date | None
    provisional: bool

    @property
    def counted(self) -> list[CountedDay]:
        """Every day from the start to the due day, with why it counts or does not."""
        if self.day is None:
            running = next(since for since, until in self.stops if until is None)
            return self.calendar.explained(self.start, max(running, self.start), self.stops)
        return self.calendar.explained(self.start, self.day, self.stops)


class WorkingDays:
    """Monday to Friday, except where `days` says otherwise.

    >>> calendar = WorkingDays({date(2026, 10, 1): DayKind(False, {"zh": "国庆节", "en": "National Day"})})
    >>> calendar.due(date(2026, 9, 30), 1).day
    datetime.date(2026, 10, 2)
    """

    def __init__(self, days: Mapping[date, DayKind], first: date = FIRST, last: date = LAST) -> None:
        self.days = dict(days)
        self.first, self.last = first, last
        self._base = first.toordinal()
        span = last.toordinal() - self._base + 1
        works = [(self._base + i - 1) % 7 < 5 for i in range(span)]  # ordinal 1 was a Monday
        for day, kind in self.days.items():
            if first <= day <= last:
                works[day.toordinal() - self._base] = kind.works
        self._works = works
        self._before = [0, *accumulate(works)]  # working days before day i
        self._nth = [self._base + i for i, work in enumerate(works) if work]
        known = [day.year for day in self.days]
        self.announced_to = date(max(known), 12, 31) if known else first

    def is_working(self, day: date) -> bool:
        return self._works[self._index(day)]

    def between(self, start: date, end: date, stops: Iterable[Stop] = ()) -> int:
        """Working days after `start` up to and with `end`, less the stopped ones; 0 when `end` is not later."""
        if end <= start:
            return 0
        n = self._before[self._index(end) + 1] - self._before[self._index(start) + 1]
        for since, until in _merged(stops, start):
            if since > end:
                break
            until = min(until or end + ONE_DAY, end + ONE_DAY)
            n -= self._before[self._index(until)] - self._before[self._index(since)]
        return n

    def due_on(self, start: date, n: int, stops: Iterable[Stop] = ()) -> date | None:
        """The last of `n` working days after `start`, which itself is not counted; None while stopped."""
        base, before, nth = self._base, self._before, self._nth
        i = start.toordinal() - base
        if n < 0 or i < 0:
            raise OutOfRange(start, n)
        if n == 0:
            return start
        try:
            k = before[i + 1] + n - 1
            day = nth[k]
            for since, until in _merged(stops, start) if stops else ():
                if since.toordinal() > day:
                    break
                if until is None:
                    return None
                k += before[until.toordinal() - base] - before[since.toordinal() - base]
                day = nth[k]
        except IndexError:
            raise OutOfRange(start, n) from None
        return date.fromordinal(day)

    def due(self, start: date, n: int, stops: Iterable[Stop] = ()) -> Due:
        """When `n` working days after `start` are used up, ready to explain each day."""
        kept = tuple(stops)
        day = self.due_on(start, n, kept)
        return Due(self, start, n, kept, day, provisional=day is not None and day > self.announced_to)

    def explained(self, start: date, end: date, stops: Iterable[Stop] = ()) -> list[CountedDay]:
        """Each day from `start` to `end`: the start, working days with their number, and why others do not count."""
        merged = list(_merged(stops, start))
        lines = [CountedDay(start, "start", 0, START)]
        number = 0
        for day in _each(start + ONE_DAY, end):
            kind, name = self._kind(day)
            if any(since <= day and (until is None or day < until) for since, until in merged):
                kind, name = "stopped", STOPPED
            number += kind in {"work", "adjusted"}
            lines.append(CountedDay(day, kind, number, name))
        return lines

    def _kind(self, day: date) -> tuple[str, Label]:
        special = self.days.get(day)
        weekend = day.weekday() >= 5
        if special is None:
            return ("weekend", WEEKEND) if weekend else ("work", WEEKDAY)
        if special.works:
            return ("adjusted" if weekend else "work"), special.name
        return "holiday", special.name

    def _index(self, day: date) -> int:
        if not self.first <= day <= self.last:
            raise OutOfRange(day)
        return day.toordinal() - self._base


def _each(first: date, last: date) -> Iterator[date]:
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)


def _merged(stops: Iterable[Stop], start: date) -> Iterator[Stop]:
    """The stops in order, joined where they touch or overlap, and cut to what lies after `start`."""
    floor = start + ONE_DAY
    held: tuple[date, date | None] | None = None
    for since, until in sorted(stops, key=lambda stop: stop[0]):
        since = max(since, floor)
        if until is not None and until <= since:
            continue
        if held is None:
            held = since, until
        elif held[1] is None or since <= held[1]:
            held = held[0], None if held[1] is None or until is None else max(held[1], until)
        else:
            yield held
            held = since, until
    if held is not None:
        yield held
