"""`inbox_100k_ms`: an office's whole inbox page at 100,000 live cases in the city, beside listing and counting them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from json import loads
from pathlib import Path
from typing import Any

from liangwang.bench import Measured, figure

CASES = 100_000
OFFICES = 20
FIGURES = ("inbox_100k_ms", "inbox_one_office_ms")
TURNS = 15
BATCH = 2000


def measure(cases: int = CASES, offices: int = OFFICES) -> dict[str, dict[str, float]]:
    """The inbox of one office of several, then of one office that has taken over all of them, in this process's own DATA.

    A tenth of the cases wait to be accepted, one in nine tasks is late.
    """
    from django.core.management import call_command
    from django.db import connection

    from liangwang.base import clock
    from liangwang.base.models import Party, Post
    from liangwang.base.transactions import write
    from liangwang.base.working_days import load_calendar
    from liangwang.cases.models import Case, Task

    call_command("migrate", verbosity=0, run_syncdb=True)
    at = clock.now()
    with write():
        load_calendar(at=at)
        homes = _city(offices)
        party = Party.objects.create(login_name="bench", label={"zh": "经办", "en": "clerk"})
        post = Post.objects.create(party=party, office=homes[0], role="approver")
        _fill(homes, cases, at)
    found = {}
    for key in FIGURES:
        if key == "inbox_one_office_ms":
            Task.objects.update(office=homes[0])
            Case.objects.update(lead_office=homes[0], place=homes[0].place)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        share = Case.objects.filter(lead_office=homes[0]).count()
        found[key] = {**_pages(post, at), "share": share}
    return found


def _pages(post: Any, at: Any) -> dict[str, float]:
    """CPU milliseconds of the inbox page of a post, of pages by filter and of one deep page."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from liangwang.base.hats import post_hat
    from liangwang.cases import history, inbox, queries

    client = Client()
    client.force_login(post.party, "django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["hat"] = f"post:{post.ref}"
    session.save()
    actor = post_hat(post)

    def ms(address: str) -> float:
        assert client.get(address).status_code == 200  # the first is warm-up: templates, declarations, plans
        return _median(lambda: client.get(address))

    def naive() -> None:
        """What the page did before: everything visible, counted and cut, and what waits for acceptance beside it."""
        rows = queries.inbox(actor)
        rows.count()
        rows.filter(due_at__lt=at).count()
        list(rows[:50])
        history.to_accept(actor)

    page = ms("/staff/")
    with CaptureQueriesContext(connection) as seen:
        client.get("/staff/")
    statements = len(seen)
    lines, _ = inbox.lines(actor, inbox.Asked(), at)
    deep = lines[-1].mark
    for _turn in range(10):
        lines, more = inbox.lines(actor, inbox.Asked(after=deep), at)
        deep = lines[-1].mark if more else deep
    return {
        "page_ms": page,
        "late_ms": ms("/staff/?when=late"),
        "deep_ms": ms(f"/staff/?after={deep}"),
        "newest_ms": ms("/staff/?sort=new"),
        "naive_ms": _median(naive),
        "statements": statements,
    }


def _median(do: Any) -> float:
    """CPU milliseconds of one turn, the median of several: other work on the machine does not count."""
    taken = []
    for _turn in range(TURNS):
        began = time.process_time()
        do()
        taken.append(1000 * (time.process_time() - began))
    return statistics.median(taken)


def _city(offices: int) -> list[Any]:
    from liangwang.base import clock
    from liangwang.base.models import Office, Place
    from liangwang.base.subjects import new_subject

    at, made = clock.now(), []
    city = Place.objects.create(
        subject=new_subject("place", at=at),
        code="90",
        level="city",
        kind="city",
        name={"zh": "市", "en": "city"},
    )
    for n in range(offices):
        place = Place.objects.create(
            subject=new_subject("place", at=at), code=f"90{n + 1:04d}", level="district", kind="district",
            name={"zh": f"区{n}", "en": f"district {n}"}, parent=city,
        )  # fmt: skip
        office = Office(
            key=f"health.{n}", name={"zh": f"局{n}", "en": f"office {n}"}, department="health", kind="department",
            level="district", place=place,
        )  # fmt: skip
        office.save(force_insert=True)
        made.append(office)
    return made


def _fill(homes: list[Any], cases: int, at: Any) -> None:
    """The cases, each with a person, one open task or none where it waits for acceptance."""
    from datetime import date

    from liangwang.base.models import Person
    from liangwang.base.subjects import new_subjects
    from liangwang.cases.models import Case, Task
    from liangwang.cases.numbers import case_number
    from liangwang.cases.plans import store_plan

    node = {
        "key": "decide", "label": {"zh": "审批", "en": "Decide"}, "by": {"role": "approver"},
        "within": {"working_days": 5},
    }  # fmt: skip
    body = {
        "key": "bench:item", "kind": "application", "label": {"zh": "审批", "en": "Approval"}, "nodes": [node],
        "legal_days": 20, "promised_days": 9,
    }  # fmt: skip
    plan = store_plan(body, at=at)
    for start in range(0, cases, BATCH):
        size = min(BATCH, cases - start)
        subjects = new_subjects("person", size, at=at)
        Person.objects.bulk_create(
            [Person(subject=s, name=f"林{s.pk}", sex="f", birth_on=date(1990, 1, 1)) for s in subjects]
        )
        rows = []
        for i, subject in enumerate(subjects, start):
            office, waits = homes[i % len(homes)], i % 10 == 0
            opened = at - timedelta(hours=i % 240)
            case = Case(
                number=case_number("BE", at, i + 1), kind="application", plan=plan, subject=subject,
                title={"zh": "审批", "en": "Approval"}, place=office.place, source="person", pack="bench",
                state="open" if waits else "accepted", lead_office=office, opened_at=opened,
                accept_by=opened + timedelta(days=7) if waits else None, accepted_at=None if waits else opened,
            )  # fmt: skip
            rows.append(case)
        made = Case.objects.bulk_create(rows, batch_size=500)
        tasks = [
            Task(
                case=case, node="decide", label=node["label"], by=node["by"], role="approver", office=case.lead_office,
                state="ready", ready_at=case.opened_at, due_at=case.opened_at + timedelta(days=9, minutes=i % 1440),
            )
            for i, case in enumerate(made)
            if case.state == "accepted"
        ]  # fmt: skip
        Task.objects.bulk_create(tasks, batch_size=500)


def _in_a_process(cases: int) -> dict[str, dict[str, float]]:
    """Measures in a process with a new DATA."""
    code = (
        "import django; django.setup(); from json import dumps; from benchmarks.inbox import measure;"
        f" print(dumps(measure({cases})))"
    )
    with tempfile.TemporaryDirectory() as data:
        env = {
            **os.environ,
            "DATA": data,
            "CITY": "testville",
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "liangwang.settings"),
        }
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, dict[str, float]] = loads(done.stdout.splitlines()[-1])
    return found


def figures(scale: float = 1.0) -> Iterator[tuple[str, Measured]]:
    """The page of one office of twenty, and of one office that has all of them."""
    for key, got in _in_a_process(max(2000, int(CASES * scale))).items():
        yield (
            key,
            figure(
                got["page_ms"],
                "ms CPU",
                baseline=got["naive_ms"],
                baseline_is="all that the policy shows, counted and cut, without page or clocks",
                less_is_better=True,
                late_ms=round(got["late_ms"], 1),
                deep_ms=round(got["deep_ms"], 1),
                newest_ms=round(got["newest_ms"], 1),
                statements=int(got["statements"]),
                of_the_office=int(got["share"]),
            ),
        )
