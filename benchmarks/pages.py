"""`liangwang bench pages`: what each main page costs in CPU and in statements, with little to show and with much."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from json import dumps, loads
from pathlib import Path
from typing import Any

from liangwang.bench import Figures, figure

TURNS = 9
MORE = 15


def figures() -> Figures:
    """Every page by name: milliseconds of CPU, statements, and statements with fifteen more drafts and cases in hand."""
    with tempfile.TemporaryDirectory(prefix="liangwang-pages-") as folder:
        env = {
            **os.environ,
            "DATA": folder,
            "CITY": "testville",
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "liangwang.settings"),
        }
        command = [sys.executable, "-m", "benchmarks.pages"]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    for name, got in loads(done.stdout.splitlines()[-1]).items():
        yield (
            f"page_{name}_ms",
            figure(
                got["ms"],
                "ms CPU",
                baseline=got["ms_more"],
                baseline_is=f"the same page with {MORE} more drafts and cases in hand",
                less_is_better=True,
                statements=got["statements"],
                statements_with_more=got["statements_more"],
            ),
        )


def measure() -> dict[str, dict[str, float]]:
    """{page: ms, statements, ms_more, statements_more} in this process's own DATA: a family, one draft, one application."""
    from django.core.management import call_command

    from liangwang.base import clock
    from liangwang.base.transactions import write
    from liangwang.base.working_days import load_calendar
    from liangwang.services import actions
    from liangwang.services.models import Draft
    from tests.cases.factories import make_actor, make_office, open_application
    from tests.services.factories import AT, USUAL, make_town
    from tests.walks.test_birth import BIRTH, submitted
    from tests.web.posts import browser_of

    call_command("migrate", verbosity=0, run_syncdb=True)
    clock.shift(AT - clock.now())
    with write():
        load_calendar(at=AT)
        town = make_town()
        counter = make_actor(
            make_office("counter-b", town.home.parent, "subdistrict", "counter"),  # type: ignore[arg-type]
            "counter",
        )
    submission = submitted(town)
    with write():
        actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
        draft = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT)
        actions.answer_questions(actor=town.mother_actor, draft=draft, answers=USUAL, at=AT)
    mother, clerk = browser_of(town.mother_actor), browser_of(town.approvers["health"])
    case = submission.case
    pages: dict[str, tuple[Any, str]] = {
        "home": (mother, "/"),
        "me": (mother, "/me/"),
        "catalogue": (mother, "/services/"),
        "item": (mother, "/services/birth/birth/"),
        "drafts": (mother, "/drafts/"),
        "draft": (mother, f"/drafts/{draft.ref}/"),
        "form": (mother, f"/drafts/{draft.ref}/page/child/"),
        "check": (mother, f"/drafts/{draft.ref}/check/"),
        "case": (mother, f"/cases/{case.ref}/"),
        "inbox": (clerk, "/staff/"),
        "case_desk": (clerk, f"/staff/applications/{case.ref}/"),
        "counter": (browser_of(counter), "/staff/counter/"),
    }
    few = {name: cost(*one) for name, one in pages.items()}
    fresh = Draft.objects.get(pk=draft.pk)
    for n in range(MORE):
        with write():
            Draft.objects.create(
                version=fresh.version, key=f"birth:birth{n}", applicant=fresh.applicant, progress=fresh.progress,
                created_at=AT, updated_at=AT,
            )  # fmt: skip
            open_application(town.offices["health"], subject=town.mother.subject)
    many = {name: cost(*one) for name, one in pages.items()}
    return {
        name: {
            "ms": few[name][0],
            "statements": few[name][1],
            "ms_more": many[name][0],
            "statements_more": many[name][1],
        }
        for name in pages
    }


def cost(client: Any, address: str) -> tuple[float, int]:
    """Milliseconds of CPU of a page, the median of several turns after a first one, and its statements."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    with CaptureQueriesContext(connection) as seen:
        client.get(address)
    statements = len(seen)  # now: the next request empties the log
    taken = []
    for _ in range(TURNS):
        began = time.process_time()
        client.get(address)
        taken.append(1000 * (time.process_time() - began))
    return round(statistics.median(taken), 1), statements


if __name__ == "__main__":
    import django

    django.setup()
    print(dumps(measure()))
