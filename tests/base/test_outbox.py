"""The outbox: each effect once, retried, visible when it fails for good, and found again when its mark is lost."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError, connection

from liangwang.base import events
from liangwang.base.models import Effect, Event
from liangwang.base.transactions import write

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscribe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, events.Handler], None]]:
    """Registers handlers of `test.happened` for one test."""
    monkeypatch.setattr(events, "_subscribers", {})

    def registered(name: str, handler: events.Handler) -> None:
        events.subscribe("test.happened", name=name)(handler)

    yield registered


def happened(n: int, at: datetime) -> None:
    with write():
        for i in range(n):
            events.emit("test.happened", f"ref{i}", at, {"n": i})


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Effect.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


Subscribe = Callable[[str, events.Handler], None]


def test_each_subscriber_gets_each_event_once(subscribe: Subscribe, at: datetime) -> None:
    seen: list[tuple[str, str]] = []
    subscribe("a", lambda event: seen.append(("a", event.ref)))
    subscribe("b", lambda event: seen.append(("b", event.ref)))
    happened(20, at)
    assert events.run_due(at) == 40
    assert events.run_due(at) == 0
    assert sorted(seen) == sorted((name, f"ref{i}") for name in "ab" for i in range(20))
    assert states() == {"done": 40}


def test_an_event_of_a_failed_act_never_happened(subscribe: Subscribe, at: datetime) -> None:
    subscribe("a", lambda event: None)
    with pytest.raises(ZeroDivisionError), write():
        events.emit("test.happened", "ref", at)
        raise ZeroDivisionError
    assert (Event.objects.count(), Effect.objects.count()) == (0, 0)


def test_a_failing_effect_is_tried_again_ever_later_and_ends_visibly(
    subscribe: Subscribe, at: datetime
) -> None:
    tried: list[datetime] = []

    def fails(event: Event) -> None:
        tried.append(now)
        events.emit("test.side", event.ref, now)  # must be undone with the failure
        raise RuntimeError("the other side is away")

    subscribe("a", fails)
    happened(1, at)
    now = at
    for _ in range(3000):
        events.run_due(now)
        now += timedelta(seconds=1)
    gaps = [(b - a).total_seconds() for a, b in pairwise(tried)]
    assert len(tried) == events.MAX_TRIES
    assert gaps == [2.0 * 2**n for n in range(events.MAX_TRIES - 1)]
    (effect,) = Effect.objects.all()
    assert (effect.state, effect.tries) == ("failed", events.MAX_TRIES)
    assert "the other side is away" in effect.error
    assert Event.objects.filter(type="test.side").count() == 0


def test_a_failed_effect_gets_a_second_chance(subscribe: Subscribe, at: datetime) -> None:
    well = False
    done: list[str] = []

    def sometimes(event: Event) -> None:
        if not well:
            raise RuntimeError("away")
        done.append(event.ref)

    subscribe("a", sometimes)
    happened(1, at)
    for n in range(events.MAX_TRIES):
        events.run_due(at + timedelta(days=n))
    (effect,) = Effect.objects.all()
    assert effect.state == "failed"
    well = True
    events.retry_failed(effect.pk, at)
    events.run_due(at)
    assert (done, states()) == (["ref0"], {"done": 1})


def test_one_failing_effect_does_not_hold_up_the_others(subscribe: Subscribe, at: datetime) -> None:
    done: list[str] = []

    def picky(event: Event) -> None:
        if event.ref == "ref3":
            raise RuntimeError("poison")
        done.append(event.ref)

    subscribe("a", picky)
    happened(10, at)
    events.run_due(at)
    assert len(done) == 9
    assert states() == {"done": 9, "pending": 1}


def test_the_sweeper_finds_a_random_hundredth_of_lost_marks(subscribe: Subscribe, at: datetime) -> None:
    seen: list[str] = []
    subscribe("a", lambda event: seen.append(event.ref))
    subscribe("b", lambda event: None)
    happened(500, at)
    while events.run_due(at, limit=400):
        pass
    seen.clear()
    lost = random.Random(7).sample(list(Effect.objects.values_list("pk", flat=True)), 10)
    names = list(Effect.objects.filter(pk__in=lost, subscriber="a").values_list("event__ref", flat=True))
    Effect.objects.filter(pk__in=lost).delete()
    assert events.sweep(at) == 10
    assert events.sweep(at) == 0
    while events.run_due(at):
        pass
    assert sorted(seen) == sorted(names)
    assert states() == {"done": 1000}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_nothing_twice(subscribe: Subscribe, at: datetime) -> None:
    subscribe("a", lambda event: events.emit("test.done", event.ref, at, key=f"done/{event.key}") and None)
    happened(60, at)
    gate = threading.Barrier(2)

    def work() -> None:
        try:
            gate.wait()
            for n in range(40):
                with suppress(OperationalError):  # busy: the worker's next turn takes it up again
                    events.run_due(at + timedelta(hours=n))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert states() == {"done": 60}
    assert Event.objects.filter(type="test.done").count() == 60
