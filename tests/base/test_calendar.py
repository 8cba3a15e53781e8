"""Working days: published dates, a brute-force oracle, two independent calendars, and the time for 400,000."""

import random
import time
from datetime import date, timedelta

import chinese_calendar
import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base.calendar import DayKind, OutOfRange, Stop, WorkingDays
from tests.tries import tries

ONE = timedelta(days=1)
FROM, TO = date(2024, 1, 1), date(2026, 12, 31)


def official() -> WorkingDays:
    days = {}
    day = FROM
    while day <= TO:
        off, name = chinese_calendar.get_holiday_detail(day)
        if off != (day.weekday() >= 5):
            days[day] = DayKind(not off, {"zh": name or "调休", "en": name or "adjusted"})
        day += ONE
    return WorkingDays(days)


CALENDAR = official()


def brute(start: date, n: int, stops: list[Stop]) -> date | None:
    day, used = start, 0
    while used < n:
        day += ONE
        if day.year > 2040:
            return None
        stopped = any(a <= day and (b is None or day < b) for a, b in stops)
        used += CALENDAR.is_working(day) and not stopped
    return day


day_in_range = st.dates(FROM, date(2026, 9, 30))
stop = st.tuples(day_in_range, st.one_of(st.none(), st.integers(-3, 40))).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + timedelta(days=pair[1]))
)


@settings(max_examples=tries(400), deadline=None)
@given(start=day_in_range, n=st.integers(0, 60), stops=st.lists(stop, max_size=4))
def test_due_day_equals_counting_day_by_day(start: date, n: int, stops: list[Stop]) -> None:
    assert CALENDAR.due_on(start, n, stops) == brute(start, n, stops)


@settings(max_examples=tries(200), deadline=None)
@given(start=day_in_range, n=st.integers(1, 60), stops=st.lists(stop, max_size=3))
def test_the_explanation_adds_up(start: date, n: int, stops: list[Stop]) -> None:
    due = CALENDAR.due(start, n, stops)
    lines = due.counted
    assert lines[0].day == start and not lines[0].counted
    assert [line.day for line in lines] == [start + timedelta(days=i) for i in range(len(lines))]
    if due.day is not None:
        assert lines[-1].day == due.day and lines[-1].number == n and lines[-1].counted
        assert sum(line.counted for line in lines) == n == CALENDAR.between(start, due.day, stops)


@pytest.mark.parametrize(
    ("start", "n", "stops", "due"),
    [
        (date(2026, 9, 18), 5, [], date(2026, 9, 24)),  # Sunday 20 September is worked
        (date(2026, 9, 30), 3, [], date(2026, 10, 10)),  # National Day week, Saturday 10 October is worked
        (date(2026, 2, 13), 1, [], date(2026, 2, 14)),  # Saturday before Spring Festival is worked
        (date(2026, 9, 18), 5, [(date(2026, 9, 21), date(2026, 9, 24))], date(2026, 9, 30)),
    ],
)
def test_days_of_2026(start: date, n: int, stops: list[Stop], due: date) -> None:
    assert CALENDAR.due_on(start, n, stops) == due == brute(start, n, stops)


def test_adjusted_days_are_named() -> None:
    kinds = {line.day: line for line in CALENDAR.due(date(2026, 9, 30), 3).counted}
    assert kinds[date(2026, 10, 10)].kind == "adjusted"
    assert kinds[date(2026, 10, 1)].kind == "holiday"
    assert kinds[date(2026, 10, 1)].name["zh"]


def test_every_day_of_2026_agrees_with_two_other_calendars() -> None:
    other = holidays.country_holidays("CN", years=2026)
    for i in range(365):
        day = date(2026, 1, 1) + timedelta(days=i)
        assert CALENDAR.is_working(day) == chinese_calendar.is_workday(day), day
        assert CALENDAR.is_working(day) == other.is_working_day(day), day


def test_a_running_stop_has_no_due_day_and_a_later_one_does_not_matter() -> None:
    stopped = CALENDAR.due(date(2026, 3, 2), 10, [(date(2026, 3, 5), None)])
    assert stopped.day is None
    assert stopped.counted[-1].day == date(2026, 3, 5)
    assert CALENDAR.due_on(date(2026, 3, 2), 10, [(date(2026, 5, 1), None)]) == date(2026, 3, 16)


def test_a_year_that_is_not_announced_is_provisional() -> None:
    assert CALENDAR.due(date(2026, 12, 30), 5).provisional
    assert not CALENDAR.due(date(2026, 12, 1), 5).provisional


def test_outside_the_table_is_an_error() -> None:
    with pytest.raises(OutOfRange):
        CALENDAR.due_on(date(1999, 1, 1), 1)
    with pytest.raises(OutOfRange):
        CALENDAR.due_on(date(2069, 12, 30), 10)


def test_400000_due_dates_in_under_a_second_and_a_half() -> None:
    pick = random.Random(1)
    starts = [FROM + timedelta(days=pick.randrange(800)) for _ in range(1000)]
    began = time.process_time()
    for i in range(400_000):
        CALENDAR.due_on(starts[i % 1000], 1 + i % 60)
    assert time.process_time() - began < 1.5
