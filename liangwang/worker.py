"""The worker process: outbox effects, long jobs, the audit sequencer, the sweeper, and the tick that only enqueues."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from liangwang.base import clock, events, sequencer
from liangwang.base.transactions import write

log = logging.getLogger("liangwang.worker")

IDLE_S = 0.2
STOREYS = ("base", "hub", "cases", "services", "operations")
LONGEST_PAUSE_S = 30.0
QUEUES = ("default", settings.LOADS)
LONG = ("default", settings.LOADS, settings.LOADS)
"""The queue of each thread for long jobs: one load keeps one core busy and a little of another, so there are two."""


@dataclass(slots=True)
class Chore:
    """Something done again and again: every `every_s`, or at once while `do` says that there was work (a count)."""

    name: str
    every_s: float
    do: Callable[[datetime], int | None]
    due: float = 0.0
    failures: int = 0

    def turn(self, now: float) -> bool:
        """Does the chore if it is due; a failure is logged and its pause doubles. Returns whether there may be more."""
        if now < self.due:
            return False
        try:
            done = self.do(clock.now())
            self.failures = 0
        except OperationalError as error:
            self.failures += 1
            log.warning("%s: the database is busy or away, again soon: %s", self.name, error)
            done = 0
        except Exception:
            self.failures += 1
            log.exception("%s failed", self.name)
            done = 0
        pause = min(LONGEST_PAUSE_S, self.every_s * 2**self.failures) if self.failures else self.every_s
        self.due = now if done else now + pause
        return bool(done)


def outbox(at: datetime) -> int:
    return events.run_due(at)


def sweep(at: datetime) -> int:
    """Effects that a subscriber is owed and has no row for: after a new subscriber was added, or a crash."""
    with write():
        return events.sweep(at)


def tick(at: datetime) -> None:
    """Tells each storey that time has passed: `tick(at)` in its jobs.py; short transactions of its own, long work enqueued."""
    _call("tick", at)


def _call(name: str, at: datetime) -> None:
    for storey in STOREYS:
        if not find_spec(f"liangwang.{storey}.jobs"):
            continue
        said = getattr(import_module(f"liangwang.{storey}.jobs"), name, None)
        if said is not None:
            said(at)


def start(at: datetime) -> None:
    """Lets each storey set right what a crash left half-done: `start(at)` in its jobs.py."""
    _call("start", at)


def sequence(at: datetime) -> int | None:
    """Gives the audit entries their order and signs a checkpoint over them."""
    return sequencer.run_once(at)


def next_job(_at: datetime, queues: tuple[str, ...] = QUEUES) -> int:
    """Runs one long job of the queues, if there is one; looks without a lock first, because taking one stops writers."""
    if not DBTaskResult.objects.ready().filter(queue_name__in=queues).exists():
        return 0
    Worker(
        queue_names=list(queues),
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=1,
        worker_id=f"worker-{os.getpid()}-{threading.get_native_id()}",
        excluded_queue_names=[],
    ).run()
    return 1


def jobs_of(queue: str) -> Chore:
    return Chore(f"jobs of {queue}", 0.5, lambda at: next_job(at, (queue,)))


def give_back_jobs() -> int:
    """Makes jobs that a killed worker left half-done ready again; jobs are written so that a second run does no harm."""
    running = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING)
    return running.update(status=TaskResultStatus.READY, started_at=None)


def chores() -> list[Chore]:
    return [
        Chore("beat", 2.0, beat),
        Chore("outbox", 0.2, outbox),
        Chore("sequencer", 1.0, sequence),
        Chore("tick", 5.0, tick),
        Chore("sweeper", 60.0, sweep),
    ]


def beat(_at: datetime) -> None:
    """Leaves a sign of life for /healthz."""
    path = settings.DATA / "worker" / "beat"
    path.parent.mkdir(exist_ok=True)
    path.touch()


def turn_until(stop: threading.Event, rows: list[Chore]) -> None:
    """Turns through the chores until told to stop; a chore that is running is finished first."""
    while not stop.is_set():
        more = [chore.turn(time.monotonic()) for chore in rows]
        close_old_connections()
        if not any(more):
            stop.wait(IDLE_S)


def main() -> None:
    """Runs until SIGTERM; long jobs have threads of their own, so that effects never wait for one."""
    logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    give_back_jobs()
    start(clock.now())
    threads = [threading.Thread(target=turn_until, args=(stop, [jobs_of(q)]), daemon=True) for q in LONG]
    for thread in threads:
        thread.start()
    turn_until(stop, chores())
    for thread in threads:
        thread.join(timeout=5)
