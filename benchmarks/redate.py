"""`redate_400k_s`: a holiday is announced while so many applications are open: their due days anew, in the database and alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from json import dumps, loads
from pathlib import Path
from typing import Any

CASES = 400_000
DAYS = 90  # since acceptance, at most
LIMITS = ((20, 9), (20, 5), (45, 20), (10, 3), (30, 15), (20, 1), (60, 30), (15, 7))
"""法定 and 承诺 working days of the items that they ask for."""
PEER_CASES = 20_000


def measure(cases: int = CASES) -> dict[str, float]:
    """Seconds of CPU and wall to re-date all open cases after a new holiday; run in a process whose DATA is its own."""
    from django.core.management import call_command

    from liangwang.base import clock
    from liangwang.base.transactions import write
    from liangwang.base.working_days import load_calendar, local_day, set_day, working_days
    from liangwang.cases.redate import redate_open_cases

    call_command("migrate", verbosity=0, run_syncdb=True)
    at = clock.now()
    today = local_day(at)
    with write():
        load_calendar(at=at)
        _fill(cases, at)
    with write():
        redate_open_cases()
    holiday = next(day for n in range(1, 15) if working_days().is_working(day := today + timedelta(days=n)))
    with write():
        set_day(holiday, works=False, name={"zh": "新增放假", "en": "new holiday"}, source="bench", at=at)
    began, cpu = time.perf_counter(), time.process_time()
    with write():
        moved = redate_open_cases()
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "moved": moved,
        "alone_s": _alone(cases, today),
        "day_by_day_s": _day_by_day(PEER_CASES, today) * cases / PEER_CASES,
    }


def _accepted(cases: int, today: date) -> list[tuple[date, int, int]]:
    dice = random.Random(1)
    return [(today - timedelta(days=dice.randrange(DAYS)), *dice.choice(LIMITS)) for _ in range(cases)]


def _alone(cases: int, today: date) -> float:
    """CPU seconds for both due days of each case, without a database."""
    from liangwang.base.working_days import working_days

    calendar, rows = working_days(), _accepted(cases, today)
    began = time.process_time()
    for day, legal, promised in rows:
        calendar.due_on(day, legal)
        calendar.due_on(day, promised)
    return time.process_time() - began


def _day_by_day(cases: int, today: date) -> float:
    """The same by walking from day to day, as it is usually written."""
    from liangwang.base.working_days import working_days

    calendar, rows = working_days(), _accepted(cases, today)
    began = time.process_time()
    for start, legal, promised in rows:
        for limit in (legal, promised):
            day, left = start, limit
            while left:
                day += timedelta(days=1)
                left -= calendar.is_working(day)
            if day != calendar.due_on(start, limit):
                raise AssertionError(f"{limit} working days after {start}: {day}")
    return time.process_time() - began


def _fill(cases: int, at: Any) -> None:
    """Open cases of eight plans accepted over ninety days: one row by the models, the rest copied inside the database."""
    from django.db import connection

    from liangwang.cases.models import Case
    from liangwang.cases.plans import store_plan

    node = {"key": "do", "label": {"zh": "办", "en": "do"}, "by": {"role": "approver"}}
    plans = [
        store_plan(
            {
                "key": f"bench:item{n}", "kind": "application", "label": {"zh": "审批", "en": "approval"}, "nodes": [node],
                "legal_days": legal, "promised_days": promised,
            },
            at=at,
        )
        for n, (legal, promised) in enumerate(LIMITS)
    ]  # fmt: skip
    first = Case.objects.create(
        number="first", kind="application", plan=plans[0], title={"zh": "审批", "en": "approval"}, source="person",
        pack="bench", state="accepted", opened_at=at, accepted_at=at,
    )  # fmt: skip
    fields = [f for f in Case._meta.concrete_fields if f.column != "id"]
    columns = ", ".join(f'"{f.column}"' for f in fields)
    table = Case._meta.db_table
    # Copied inside the database: by the models the rows alone would take minutes.
    copies = (
        f"INSERT INTO {table} ({columns}) WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series"  # noqa: S608
        f" WHERE n < {{size}}) SELECT {{chosen}} FROM {table}, series WHERE {table}.id = %s"
    )
    each = -(-cases // (DAYS * len(plans)))
    made = 0
    for day in range(DAYS):
        for plan in plans:
            size = min(each, cases - made)
            if size <= 0:
                break
            own = {
                "ref": f"'r{made}-' || n",
                "number": f"'n{made}-' || n",
                "plan_id": f"'{plan.hash}'",
                "accepted_at": "%s",
            }
            chosen = ", ".join(own.get(str(f.column), f'"{f.column}"') for f in fields)
            accepted = connection.ops.adapt_datetimefield_value(at - timedelta(days=day))
            with connection.cursor() as db:
                db.execute(copies.format(size=size, chosen=chosen), [accepted, first.pk])
            made += size
    first.delete()


def in_a_process(cases: int = CASES, database: str = "") -> dict[str, float]:
    """Measures in a process with a new DATA."""
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "DATA": folder,
            "CITY": "testville",
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "liangwang.settings"),
        }
        if database:
            own["DATABASE_URL"] = database
        command = [sys.executable, "-m", "benchmarks.redate", str(cases)]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(
            command, env={**os.environ, **own}, cwd=root, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    import django

    django.setup()
    print(dumps(measure(int(sys.argv[1]))))
