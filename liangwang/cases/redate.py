"""Re-dates every open case when a holiday is announced: a few statements for all, because due days repeat.

A due day follows from the plan, the day on which the clock began and the extension: a city with 400,000 open cases has
a few thousand such sums. They are worked out once each and written by one UPDATE; cases with a stopped clock have
days of their own and are done one by one.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.db import connection

from liangwang.base.calendar import Stop, WorkingDays
from liangwang.base.working_days import end_of_day, local_day, working_days

from .actions.open import ACCEPT_WITHIN_WORKING_DAYS
from .clock import dates
from .models import OPEN_TASK_STATES, Case, CaseEvent, ClockStop
from .plans import graph_of


class Sum(NamedTuple):
    """One set of days to be worked out, and what comes out: `key` finds the rows again."""

    key: tuple[Any, ...]
    values: tuple[datetime | None, ...]


def redate_open_cases() -> int:
    """Works out the due times of every open case and task again, by today's calendar; returns how many moved."""
    calendar = working_days()
    return _running(calendar) + _stopped(calendar) + _tasks(calendar) + _waiting(calendar)


def _hour(column: str) -> str:
    """SQL for the UTC hour of an instant, as text: fine enough to tell the city's day."""
    if connection.vendor == "sqlite":
        return f"substr({column}, 1, 13)"
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


def _day(hour: str) -> date:
    return local_day(datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC))


def _instant(value: Any) -> datetime | None:
    """What a database gives for an instant when no field converts it: text, naive in UTC, or aware."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None:
        return None
    found: datetime = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return found


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


RUNNING = (
    "state = 'accepted' AND kind = 'application' AND accepted_at IS NOT NULL"
    " AND id NOT IN (SELECT case_id FROM cases_clockstop)"
)


def _running(calendar: WorkingDays) -> int:
    """Cases whose clock never stopped."""
    hour = _hour("accepted_at")
    found = _rows(
        f"SELECT DISTINCT plan_id, {hour}, extended_days, due_at, promised_at FROM cases_case WHERE {RUNNING}"
    )
    moved: dict[tuple[Any, ...], Sum] = {}
    for plan, began, extended, due_was, promised_was in found:
        body = graph_of(plan).body
        due, promised = dates(calendar, _day(began), body.legal_days, body.promised_days, extended, [])
        if (due, promised) != (_instant(due_was), _instant(promised_was)):
            moved[plan, began, extended] = Sum((plan, began, extended), (due, promised))
    update = (
        "UPDATE cases_case SET due_at = m.due_at, promised_at = m.promised_at FROM redated m"
        f" WHERE {RUNNING} AND m.plan_id = cases_case.plan_id AND m.began = {hour}"
        " AND m.extended = cases_case.extended_days"
    )
    return _write(moved.values(), "plan_id, began, extended", "due_at, promised_at", update)


def _tasks(calendar: WorkingDays) -> int:
    """Open tasks with a limit in working days; a limit in minutes knows no holidays."""
    hour, open_states = _hour("t.ready_at"), ", ".join(f"'{state}'" for state in OPEN_TASK_STATES)
    where = (
        f"t.case_id = c.id AND t.state IN ({open_states}) AND t.due_at IS NOT NULL AND t.ready_at IS NOT NULL"
        " AND c.state = 'accepted' AND c.kind <> 'incident'"
    )
    found = _rows(
        f"SELECT DISTINCT c.plan_id, t.node, {hour}, t.due_at FROM cases_task t, cases_case c WHERE {where}"
    )
    moved: dict[tuple[Any, ...], Sum] = {}
    for plan, node, began, due_was in found:
        within = graph_of(plan).nodes[node].within
        if within is None or within.working_days is None:
            continue
        day = calendar.due_on(_day(began), within.working_days)
        if day and end_of_day(day) != _instant(due_was):
            moved[plan, node, began] = Sum((plan, node, began), (end_of_day(day),))
    where = where.replace("t.", "cases_task.")
    update = (
        f"UPDATE cases_task SET due_at = m.due_at FROM redated m, cases_case c WHERE {where}"
        f" AND m.plan_id = c.plan_id AND m.node = cases_task.node AND m.began = {_hour('cases_task.ready_at')}"
    )
    return _write(moved.values(), "plan_id, node, began", "due_at", update)


def _write(sums: Iterable[Sum], keys: str, values: str, update: str) -> int:
    """Lays the sums into a table of this connection alone and writes them all by one UPDATE; returns the rows moved."""
    rows = [(*one.key, *(_plain(value) for value in one.values)) for one in sums]
    if not rows:
        return 0
    instant = "text" if connection.vendor == "sqlite" else "timestamptz"
    columns = [f"{name} text" if name != "extended" else "extended integer" for name in keys.split(", ")]
    columns += [f"{name} {instant}" for name in values.split(", ")]
    marks = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS redated")
        cursor.execute(f"CREATE TEMPORARY TABLE redated ({', '.join(columns)}, PRIMARY KEY ({keys}))")
        cursor.executemany(f"INSERT INTO redated VALUES ({marks})", rows)
        cursor.execute(update)
        done = cursor.rowcount
        cursor.execute("DROP TABLE redated")
    return int(done)


def _plain(value: datetime | None) -> Any:
    """An instant as the database keeps it."""
    if value is None or connection.vendor != "sqlite":
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _stopped(calendar: WorkingDays) -> int:
    """Cases whose clock has stopped once or more."""
    stops: dict[int, list[Stop]] = defaultdict(list)
    live = ClockStop.objects.filter(case__state=Case.State.ACCEPTED)
    for case_id, since, until in live.values_list("case_id", "since", "until"):
        stops[case_id].append((since, until))
    moved = []
    for case in Case.objects.filter(pk__in=stops, accepted_at__isnull=False).iterator(chunk_size=500):
        assert case.accepted_at is not None
        body = graph_of(case.plan_id).body
        due, promised = dates(
            calendar, local_day(case.accepted_at), body.legal_days, body.promised_days, case.extended_days,
            stops[case.pk],
        )  # fmt: skip
        if (due, promised) != (case.due_at, case.promised_at):
            case.due_at, case.promised_at = due, promised
            moved.append(case)
    Case.objects.bulk_update(moved, ["due_at", "promised_at"], batch_size=500)
    return len(moved)


def _waiting(calendar: WorkingDays) -> int:
    """Applications that nobody has answered yet: silence accepts five working days after their receipt."""
    waiting = Case.objects.filter(state=Case.State.OPEN, kind="application", accept_by__isnull=False)
    supplied = dict(
        CaseEvent.objects.filter(what="case.supplied", case__in=waiting)
        .order_by("id")
        .values_list("case_id", "at")
    )
    moved = []
    for case in waiting.only("opened_at", "accept_by").iterator(chunk_size=500):
        day = calendar.due_on(local_day(supplied.get(case.pk, case.opened_at)), ACCEPT_WITHIN_WORKING_DAYS)
        if day and end_of_day(day) != case.accept_by:
            case.accept_by = end_of_day(day)
            moved.append(case)
    Case.objects.bulk_update(moved, ["accept_by"], batch_size=500)
    return len(moved)
