"""How soon thousands of open pages hear of an event; a part of `liangwang bench operations`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.house_data import session_of
from benchmarks.operations_house import cpu_s
from liangwang.base import clock, events
from liangwang.base.models import Party
from liangwang.base.transactions import write
from liangwang.bench import Measured, figure
from liangwang.cases.queries import Case
from liangwang.identity import Credentials, look_up
from liangwang.sse import Reader, Told, thing_of_event
from tests.house import House

TOPIC, EVERY_S, SESSIONS = "signal", 0.4, 40
PATIENCE_S = 90.0


def sse_2000_p99_ms(house: House, *, listeners: int, told: int) -> Measured:
    """p99 of all deliveries from just before the event's commit to its arrival at each of the pages."""
    ready = house.do("from benchmarks import operations_listeners; answer = operations_listeners.ready()")
    alone = _run(house, ready, 1, told)
    before = cpu_s(house, "web")
    crowd = _run(house, ready, listeners, told)
    spent = cpu_s(house, "web") - before
    return figure(
        crowd["p99_ms"],
        "ms",
        baseline=alone["p99_ms"],
        baseline_is="the same events, one page open",
        less_is_better=True,
        asked=1000,
        listeners=listeners,
        people=len(ready["cookies"]),
        deliveries=crowd["deliveries"],
        p50_ms=crowd["p50_ms"],
        web_cpu_us_a_delivery=round(spent / crowd["deliveries"] * 1e6, 1),
        generator_cpu_share=crowd["share"],
    )


def _run(house: House, ready: dict[str, Any], count: int, told: int) -> dict[str, Any]:
    spec = {
        "port": house.port, "cookies": ready["cookies"], "count": count, "topic": TOPIC, "events": told,
        "seconds": PATIENCE_S,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.listeners"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(spec))
    process.stdin.close()
    if process.stdout.readline().strip() != "open":
        raise RuntimeError("the pages could not all be opened")
    call = f"operations_listeners.tell({told}, {ready['place']!r})"
    house.do(f"from benchmarks import operations_listeners; answer = {call}")
    found = json.loads(process.stdout.read())
    process.wait()
    delays = np.array(found["delays"]) * 1000
    if len(delays) != count * told or found["lost"]:
        raise RuntimeError(
            f"{len(delays)} of {count * told} deliveries came, {found['lost']} pages were lost"
        )
    return {
        "p99_ms": round(float(np.percentile(delays, 99)), 1),
        "p50_ms": round(float(np.median(delays)), 1),
        "deliveries": len(delays),
        "share": round(found["share"], 2),
    }


# --- run inside the house ----------------------------------------------------------------------------------


def ready() -> dict[str, Any]:
    """A place with incidents, and the cookies of people who may hear of what happens there."""
    place = str(Case.objects.filter(pack="bench").values_list("place__code", flat=True)[0])
    event = events.unsent(f"{TOPIC}.raised", "S", clock.now(), {"kind": "incident"}, place_code=place)
    about = Told(1, event.type, event.ref, "", place, thing_of_event(event))
    cookies = []
    for party in Party.objects.filter(is_active=True).order_by("pk"):
        session = session_of(party)
        if Reader(look_up(Credentials("", session)), frozenset({TOPIC})).hears(about):
            cookies.append(f"sessionid={session}")
        if len(cookies) == SESSIONS:
            break
    return {"place": place, "cookies": cookies}


def tell(told: int, place: str) -> int:
    """Commit events one by one, each stamped just before."""
    for number in range(told):
        with write():
            at = clock.now()
            events.emit(f"{TOPIC}.raised", f"bench-{number}", at, {"kind": "incident"}, place_code=place)
        time.sleep(EVERY_S)
    return told
