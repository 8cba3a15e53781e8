"""`completions_per_s`: tasks of a six-node approval completed durably, with audit and outbox, beside SpiffWorkflow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from json import loads
from pathlib import Path
from typing import Any

NEEDS = {
    "intake": [],
    "police": ["intake"],
    "insurance": ["intake"],
    "health": ["intake"],
    "social_security": ["intake"],
    "issue": ["police", "insurance", "health", "social_security"],
}
"""Intake, four offices in parallel, issue: the shape of a bundle of offices."""
CASES = 240
PEER_CASES = 80
CLIENTS = {"SQLite": 1, "PostgreSQL": 2}
"""How many complete at the same time: a web process has one thread that writes, and beside PostgreSQL stand two of them."""


def at_once(clients: int, work: Callable[[int], None]) -> tuple[float, float]:
    """Wall and CPU seconds of work(0) … work(clients - 1), all beginning together, each a process with its own connection.

    CPU is that of the clients, without the database server's.
    """
    from django.db import connection, connections

    connections.close_all()
    ready, go = os.pipe(), os.pipe()
    children = []
    for number in range(clients):
        child = os.fork()
        if not child:
            status = 1
            try:
                connection.ensure_connection()
                os.write(ready[1], b".")
                os.read(go[0], 1)
                work(number)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for _ in children:
        os.read(ready[0], 1)
    began = time.perf_counter()
    os.write(go[1], b"." * clients)
    ended = [os.wait4(child, 0) for child in children]
    seconds = time.perf_counter() - began
    for end in (*ready, *go):
        os.close(end)
    if any(status for _, status, _ in ended):
        raise RuntimeError("a client of the benchmark failed")
    return seconds, sum(used.ru_utime + used.ru_stime for _, _, used in ended)


def _plan() -> dict[str, Any]:
    nodes = [
        {
            "key": key, "label": {"zh": key, "en": key}, "by": {"role": "approver"}, "needs": needs,
            "within": {"working_days": 3}, "uses": ["name"], "gives": [f"{key}_done"],
        }
        for key, needs in NEEDS.items()
    ]  # fmt: skip
    return {
        "key": "bench:approval", "kind": "application", "label": {"zh": "审批", "en": "Approval"}, "nodes": nodes,
        "legal_days": 20, "promised_days": 9,
    }  # fmt: skip


def measure_ours(cases: int = CASES, clients: int = 1) -> dict[str, float]:
    """Completions per second of so many clients on the configured database, one durable transaction each.

    Run in a process whose DATA is its own; returns also CPU milliseconds and SQL statements per completion.
    """
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from liangwang.base import clock
    from liangwang.base.hats import platform, post_hat
    from liangwang.base.models import AuditEntry, Event, Office, Party, Place, Post
    from liangwang.base.subjects import new_subject, new_subjects
    from liangwang.base.transactions import write
    from liangwang.base.working_days import load_calendar
    from liangwang.cases import actions
    from liangwang.cases.models import Task
    from liangwang.cases.plans import store_plan

    call_command("migrate", verbosity=0, run_syncdb=True)
    at = clock.now()
    with write():
        load_calendar(at=at)
        place = Place.objects.create(
            subject=new_subject("place", at=at),
            code="310105002",
            level="street",
            kind="street",
            name={"zh": "街", "en": "s"},
        )
        office = Office.objects.create(
            key="bench", name={"zh": "局", "en": "office"}, department="civil_affairs", kind="department",
            level="street", place=place,
        )  # fmt: skip
        party = Party.objects.create(login_name="bench", label={"zh": "审批员", "en": "approver"})
        actor = post_hat(Post.objects.create(party=party, office=office, role="approver"))
        plan = store_plan(_plan(), at=at)
        for person in new_subjects("person", cases, at=at):
            case = actions.open_case(
                actor=platform("bench"), at=at, plan=plan, title={"zh": "申请", "en": "application"}, source="person",
                pack="bench", place=place, subject=person, lead_office=office, facts={"name": "林晓"},
            )  # fmt: skip
            actions.accept_case(actor=actor, at=at, case=case)
    # As inboxes are: everyone's intake, then the four offices, then the issuing; cases interleave.
    tasks: dict[str, list[Task]] = {node: [] for node in NEEDS}
    for task in Task.objects.order_by("case_id").iterator():
        tasks[task.node].append(task)
    before = AuditEntry.objects.count(), Event.objects.count()
    done = cases * len(NEEDS)

    def work(number: int) -> None:
        for node in NEEDS:
            for task in tasks[node][number::clients]:
                with write():
                    actions.complete_task(actor=actor, at=at, task=task, result={f"{node}_done": True})

    seconds, cpu_s = at_once(clients, work)
    if Task.objects.exclude(state=Task.State.DONE).exists():
        raise AssertionError("a completion was lost")
    if AuditEntry.objects.count() - before[0] < done or Event.objects.count() - before[1] < done:
        raise AssertionError("a completion left no audit entry or no event")
    case = actions.open_case(
        actor=platform("bench"), at=at, plan=plan, title={"zh": "申", "en": "a"}, source="person", pack="bench",
        place=place, lead_office=office, facts={"name": "林晓"},
    )  # fmt: skip
    actions.accept_case(actor=actor, at=at, case=case)
    statements = []
    for node in NEEDS:
        task = case.tasks.get(node=node)
        with CaptureQueriesContext(connection) as seen, write():
            actions.complete_task(actor=actor, at=at, task=task)
        plumbing = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
        statements.append(len([q for q in seen if not q["sql"].startswith(plumbing)]))
    return {
        "per_s": done / seconds,
        "cpu_ms": 1000 * cpu_s / done,
        "statements": sum(statements) / len(statements),
        "statements_most": max(statements),
    }


def measure_spiff(cases: int = PEER_CASES, *, whole: bool = True, clients: int = 1) -> float:
    """The same completions by SpiffWorkflow, its state saved after each in the same database, one transaction each.

    As many clients as we have, each with its own workflows.

    `whole` gives it the same duties: an audit leaf and an outbox event. Without them it only remembers where it is.
    """
    from django.db import connection

    from benchmarks.bpmn import Spiff, random_plan, ready_sets_agree
    from liangwang.base import audit, clock, events
    from liangwang.base.access import Thing
    from liangwang.base.hats import platform
    from liangwang.base.transactions import write

    if not all(ready_sets_agree(random_plan(10, seed), seed) for seed in range(5)):
        raise AssertionError("our counters and SpiffWorkflow disagree about what is ready")
    spec, at, actor = Spiff.spec_of(_plan()), clock.now(), platform("bench")
    with connection.cursor() as db:
        db.execute("DROP TABLE IF EXISTS bench_workflow")
        db.execute("CREATE TABLE bench_workflow (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
        for number in range(cases):
            db.execute("INSERT INTO bench_workflow VALUES (%s, %s)", (number, Spiff(spec).saved()))

    def work(first: int) -> None:
        with connection.cursor() as db:
            for node in NEEDS:
                for number in range(first, cases, clients):
                    with write():
                        db.execute("SELECT state FROM bench_workflow WHERE id = %s", (number,))
                        one = Spiff.loaded(db.fetchone()[0])
                        one.complete(node)
                        db.execute(
                            "UPDATE bench_workflow SET state = %s WHERE id = %s", (one.saved(), number)
                        )
                        if whole:
                            thing = Thing(kind="task", ref=f"{number}/{node}")
                            audit.record(actor, "decide", thing, at=at, purpose="case")
                            events.emit("task.done", thing.ref, at, {"case": number, "node": node})

    return cases * len(NEEDS) / at_once(clients, work)[0]


def completions_per_s(database: str = "", scale: float = 1.0) -> dict[str, Any]:
    """Our completions per second beside SpiffWorkflow's, one after the other in this run; `database` is a DATABASE_URL."""
    engine = "PostgreSQL" if database else "SQLite"
    clients = CLIENTS[engine]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATA": folder,
            "CITY": "testville",
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "liangwang.settings"),
            **({"DATABASE_URL": database} if database else {}),
        }
        command = [sys.executable, "-m", "benchmarks.completions", str(clients), str(scale)]
        root = Path(__file__).resolve().parent.parent
        out = subprocess.run(
            command, env=environment, cwd=root, check=True, capture_output=True, text=True
        ).stdout
    ours = loads(out.strip().splitlines()[-1])
    peer = ours["peer_per_s"]
    return {
        "value": round(ours["per_s"], 1),
        "unit": "completions/s",
        "baseline": round(peer, 1),
        "baseline_is": "SpiffWorkflow, state saved after each act, with the same audit leaf and outbox event; it keeps no inbox, "
        "clocks, timeline or reasons",
        "ratio": round(ours["per_s"] / peer, 2),
        "engine": engine,
        "clients": clients,
        "note": f"{clients} at a time, of either; {ours['cpu_ms']:.2f} ms CPU and {ours['statements']:.1f} statements each; "
        f"SpiffWorkflow without audit and outbox: {ours['bare_peer_per_s']:.0f}/s",
        **{key: ours[key] for key in ("cpu_ms", "statements", "statements_most", "bare_peer_per_s")},
    }


def main() -> None:
    """Prints one measurement as JSON: the process that `completions_per_s` starts with a DATA of its own."""
    import django

    django.setup()
    from json import dumps

    clients, scale = int(sys.argv[1]), float(sys.argv[2])
    ours = measure_ours(max(12, int(CASES * scale)), clients)
    peers = max(6, int(PEER_CASES * scale))
    peer = measure_spiff(peers, clients=clients)
    bare = measure_spiff(peers, whole=False, clients=clients)
    print(dumps({**ours, "peer_per_s": peer, "bare_peer_per_s": bare}))


if __name__ == "__main__":
    main()
