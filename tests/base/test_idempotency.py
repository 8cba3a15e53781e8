"""One key, one effect: however often and from wherever it comes at once."""

import threading
from datetime import datetime

import pytest
from django.db import OperationalError, connection

from liangwang.base.events import emit
from liangwang.base.idempotency import KeyReused, hash_request, once
from liangwang.base.models import Event, IdempotencyKey
from liangwang.base.transactions import write

THREADS, ROUNDS = 8, 5


def act(key: str, at: datetime, content: str = "a") -> dict[str, object]:
    """One submission: an event, under its idempotency key, in one transaction."""

    def do() -> dict[str, object]:
        return {"event": emit("test.acted", key, at, {"content": content}).pk}

    with write():
        return once("test", key, hash_request(content), do)


@pytest.mark.django_db(transaction=True)
def test_threads_with_the_same_key_have_one_effect_and_one_answer(at: datetime) -> None:
    for n in range(ROUNDS):
        answers: list[dict[str, object]] = []
        gate = threading.Barrier(THREADS)

        def submit(key: str = f"key-{n}", found: list[dict[str, object]] = answers) -> None:
            try:
                gate.wait()  # noqa: B023
                while True:
                    try:
                        found.append(act(key, at))
                        return
                    except OperationalError:  # a client tries again, as the page does
                        continue
            finally:
                connection.close()

        threads = [threading.Thread(target=submit) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == THREADS
        assert len({str(answer) for answer in answers}) == 1
    assert Event.objects.filter(type="test.acted").count() == ROUNDS
    assert IdempotencyKey.objects.count() == ROUNDS


@pytest.mark.django_db
def test_the_same_key_for_other_content_is_refused(at: datetime) -> None:
    first = act("k", at)
    assert act("k", at) == first
    with pytest.raises(KeyReused):
        act("k", at, "b")
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_failed_act_leaves_no_key_so_it_can_be_tried_again(at: datetime) -> None:
    def fails() -> dict[str, object]:
        emit("test.acted", "k", at)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), write():
        once("test", "k", hash_request("a"), fails)
    assert (Event.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert act("k", at)["event"]


@pytest.mark.django_db
def test_scopes_do_not_meet(at: datetime) -> None:
    with write():
        assert once("a", "k", "h", lambda: {"n": 1}) == {"n": 1}
        assert once("b", "k", "h", lambda: {"n": 2}) == {"n": 2}


def test_parts_cannot_be_shifted_into_each_other() -> None:
    assert hash_request("ab", "c") != hash_request("a", "bc")
    assert hash_request("ab") != hash_request("a", "b")
