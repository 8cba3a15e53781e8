"""Many at once, on both databases: one wins, counters come out right, one key opens one case, no crew goes twice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from liangwang.base.errors import Refusal
from liangwang.base.hats import platform
from liangwang.base.models import AuditEntry, Event
from liangwang.base.transactions import write
from liangwang.cases import actions
from liangwang.cases.models import Case, Task
from liangwang.cases.numbers import is_case_number
from tests.cases.factories import AT, make_street, node, open_application, open_incident

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
RULE = platform("test")


@pytest.fixture(autouse=True)
def real_file(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """On SQLite a file, as in a city: the tests' shared memory knows no waiting writers."""
    if connection.vendor != "sqlite":
        yield
        return
    before, name = connection.connection, connection.settings_dict["NAME"]
    connection.connection = None
    connection.settings_dict["NAME"] = str(tmp_path / "cases.sqlite3")
    call_command("migrate", verbosity=0, run_syncdb=True)
    yield
    connection.close()
    connection.settings_dict["NAME"] = name
    connection.connection = before


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Runs each act in a thread with a connection and a transaction of its own, all starting together."""
    barrier = Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            with write():
                results[number] = act()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def complete(case: Case, key: str) -> Callable[[], Task]:
    task = Task.objects.get(case=case, node=key)
    return lambda: actions.complete_task(actor=RULE, at=AT, task=task)


def test_of_eight_clicks_one_counts() -> None:
    with write():
        case = open_application(make_street().centre)
    events = Event.objects.count()
    leaves = AuditEntry.objects.count()
    results = at_once(*[complete(case, "intake")] * 8)
    refused = [r for r in results if isinstance(r, Exception)]
    assert len(refused) == 7 and all(isinstance(r, Refusal) and r.status == 409 for r in refused), refused
    assert Event.objects.count() - events == 1 and AuditEntry.objects.count() - leaves == 1
    assert set(case.tasks.exclude(node="intake").values_list("node", "waits")) == {
        ("police", 0), ("insurance", 0), ("health", 0), ("issue", 3),
    }  # fmt: skip


def test_branches_that_end_together_start_the_join_once() -> None:
    keys = [f"b{n}" for n in range(6)]
    with write():
        case = open_application(make_street().centre, [*(node(k) for k in keys), node("join", keys)])
    results = at_once(*[complete(case, key) for key in keys])
    assert not [r for r in results if isinstance(r, Exception)], results
    join = Task.objects.get(case=case, node="join")
    assert (join.state, join.waits, join.attempt) == ("ready", 0, 1)
    with write():
        complete(case, "join")()
    case.refresh_from_db()
    assert case.state == "closed"
    assert Event.objects.filter(type="case.closed", ref=case.ref).count() == 1


def test_one_key_opens_one_case_and_numbers_are_unique() -> None:
    with write():
        street = make_street()
    results = at_once(*[lambda: open_incident(street, key="asset/rule/0")] * 6)
    cases = {r.pk for r in results if isinstance(r, Case)}
    assert len(cases) == 1 and Case.objects.count() == 1, results
    at_once(*[lambda: open_incident(street)] * 6)
    numbers = list(Case.objects.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) == 7 and all(is_case_number(n) for n in numbers)


def test_closing_twice_at_once_closes_once() -> None:
    from tests.cases.factories import make_actor

    with write():
        street = make_street()
        case = open_incident(street, [node("look")])
        actions.complete_task(actor=RULE, at=AT, task=case.tasks.get())
        duty = make_actor(street.centre, "duty_officer")
    results = at_once(*[lambda: actions.close_case(actor=duty, at=AT, case=case)] * 4)
    assert sum(isinstance(r, Case) for r in results) == 1
    assert Event.objects.filter(type="case.closed").count() == 1


def test_a_wrong_digit_in_a_case_number_is_found() -> None:
    with write():
        number = open_application(make_street().centre).number
    assert is_case_number(number)
    for i, digit in enumerate(number):
        if digit.isdigit():
            for other in "0123456789":
                assert other == digit or not is_case_number(number[:i] + other + number[i + 1 :])


def test_of_two_hundred_clicks_one_counts_and_everyone_else_is_told_why() -> None:
    with write():
        case = open_application(make_street().centre, [node("only")])
    act = complete(case, "only")
    results: list[Any] = []
    for _ in range(10):  # twenty at a time: PostgreSQL gives a hundred connections
        results += at_once(*[act] * 20)
    refused = [r for r in results if isinstance(r, Refusal)]
    assert len(refused) == 199 and sum(isinstance(r, Task) for r in results) == 1, results
    assert all(r.status == 409 and r.message("zh") and r.message("en") for r in refused)
    assert Event.objects.filter(type="task.done").count() == 1
    assert Event.objects.filter(type="case.closed", ref=case.ref).count() == 1
