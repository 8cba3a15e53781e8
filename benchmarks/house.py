"""`liangwang bench house`: the whole house on this machine, over HTTP, in the demo city of 20,000 people and 5,000 covers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import operations_house
from benchmarks.house_data import GATE, KEY
from benchmarks.load import Request, start
from benchmarks.operations_ingest import ingest_batched_per_s, ingest_single_per_s
from liangwang.bench import Figures, Measured, figure
from tests.house import ROOT, House

WITHIN = ("kernel",)
CONNECTIONS = 32
PAGE_USERS = 8
SECONDS = 5.0
SENSORS, ROUNDS = 20_000, 60
TWIN = "/twin"
PAGES = (
    ("resident", "/"),
    ("resident", "/me/"),
    ("resident", "/messages/"),
    ("duty", "/staff/"),
    ("duty", "/command/"),
)


def figures() -> Figures:
    """Every figure of the benchmark `house`; those of one part alone come from the module of that part."""
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        house = House(Path(folder), environment={"CITY": "shanghai", "DEMO": "1"})
        yield "start_s", start_s(house)
        house.environment["DEMO"] = "0"  # no demo day beside the measurement
        data = house.do("from benchmarks import house_data; answer = house_data.prepare()")
        with running(house):
            pages = pages_of(house, data)
            yield "page_p95_ms", page_p95_ms(house, pages)
            yield "gate_checks_per_s", gate(house, data["handles"], pages)
            yield "gate_verifies_per_s", gate(house, data["signed"], pages)
    yield from readings()
    for part in ("kernel_readings_per_s", "completions_per_s"):
        measured = other(part)
        if measured is not None:
            yield part, measured


def other(name: str) -> Measured | None:
    """A figure that a module of its own measures: benchmarks/kernel.py has `kernel_readings_per_s`, and so on."""
    module = f"benchmarks.{name.partition('_')[0]}"
    if find_spec(module) is None:
        return None
    measure = getattr(import_module(module), name)
    found: Measured = measure()
    return found


@contextmanager
def running(house: House) -> Iterator[None]:
    house.start()
    try:
        house.wait_until(lambda: house.answers() == 200, "all is well", 60)
        yield
    finally:
        house.stop()


# --- starting --------------------------------------------------------------------------------------------


def first_page_s(house: House) -> float:
    """Seconds from `make run` to the first page; ends the house again."""
    began = time.perf_counter()
    log = (house.data / "make-run.log").open("w+")
    process = subprocess.Popen(
        ["make", "run"], cwd=ROOT, env=house.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        while True:
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"make run ended by itself:\n{log.read()[-3000:]}")
            try:
                if house.ask("GET", "/", accept="text/html").status == 200:
                    return time.perf_counter() - began
            except OSError:
                time.sleep(0.02)
            if time.perf_counter() - began > 300:
                raise TimeoutError("no first page within five minutes")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
        log.close()


def start_s(house: House) -> Measured:
    fresh = first_page_s(house)
    second = first_page_s(house)
    return figure(
        round(second, 2),
        "s",
        baseline=round(fresh, 2),
        baseline_is="first `make run` on an empty DATA: tables and the demo city, packages installed before",
        less_is_better=True,
    )


# --- pages -----------------------------------------------------------------------------------------------


def pages_of(house: House, data: dict[str, Any]) -> list[Request]:
    """The pages that a resident and a duty officer open most; only those that answer 200 are asked."""
    sessions = data["sessions"]
    found = []
    for session in sessions.values():
        for path in {path for _who, path in PAGES}:
            cookie = f"sessionid={session}"
            answer = house.ask("GET", path, Cookie=cookie, Accept="text/html")
            if answer.status == 200:
                found.append(Request("GET", path, headers=(("Cookie", cookie), ("Accept", "text/html"))))
        if len(found) >= 60:
            break
    if not found:
        raise RuntimeError("no page answers")
    return found


def page_p95_ms(house: House, pages: list[Request]) -> Measured:
    alone = start(house.port, pages, connections=1, seconds=SECONDS, think_s=0.2).result()
    crowd = start(house.port, pages, connections=50, seconds=2 * SECONDS, think_s=1.0, warm_s=2).result()
    return figure(
        crowd.p95_ms,
        "ms",
        baseline=alone.p95_ms,
        baseline_is="the same pages, one user alone",
        less_is_better=True,
        users=50,
        think_s=1.0,
        pages_per_s=crowd.per_s,
        p50_ms=crowd.p50_ms,
        statuses=crowd.statuses,
        generator_cpu_share=crowd.generator_cpu_share,
    )


# --- gates -----------------------------------------------------------------------------------------------


def page_p95_alone() -> Measured:
    """The same in a house of its own, for `bench services`."""
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        house = House(Path(folder), environment={"CITY": "shanghai", "DEMO": "1"})
        first_page_s(house)
        house.environment["DEMO"] = "0"  # no demo day beside the measurement
        data = house.do("from benchmarks import house_data; answer = house_data.prepare()")
        with running(house):
            return page_p95_ms(house, pages_of(house, data))


def gate(house: House, codes: list[str], pages: list[Request]) -> Measured:
    """Checks a second while Django's thread is kept busy with pages, beside the Django twin left alone."""

    def checks(path: str) -> list[Request]:
        headers = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json"))
        return [
            Request("POST", path, json.dumps({"code": code, "gate": GATE}).encode(), headers)
            for code in codes
        ]

    check(house, checks("/gate/check")[0])
    alone = start(house.port, checks("/gate/check"), connections=CONNECTIONS, seconds=SECONDS).result()
    beside = start(house.port, pages, connections=PAGE_USERS, seconds=SECONDS + 2)
    busy = start(
        house.port, checks("/gate/check"), connections=CONNECTIONS, seconds=SECONDS, warm_s=1
    ).result()
    page_load = beside.result()
    twin = start(house.port, checks(f"{TWIN}/gate/check"), connections=CONNECTIONS, seconds=SECONDS).result()
    return figure(
        busy.per_s,
        "checks/s",
        baseline=twin.per_s,
        baseline_is="its Django twin, without page load",
        p99_ms=busy.p99_ms,
        page_load=f"{PAGE_USERS} users without a pause, {page_load.per_s} pages/s",
        without_page_load_per_s=alone.per_s,
        without_page_load_p99_ms=alone.p99_ms,
        twin_p99_ms=twin.p99_ms,
        statuses=busy.statuses,
        generator_cpu_share=busy.generator_cpu_share,
    )


def check(house: House, request: Request) -> None:
    """One check must say yes, or the figure would count refusals."""
    answer = house.ask(request.method, request.path, request.body, **dict(request.headers))  # type: ignore[arg-type]
    if answer.status != 200 or not answer.json()["ok"]:
        raise RuntimeError(f"the gate refuses a good code: {answer.status} {answer.body.decode()}")


# --- readings --------------------------------------------------------------------------------------------


def readings() -> Figures:
    """The figures of `bench operations` on what comes in over HTTP, with fewer sensors, in a house of their own."""
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-", ignore_cleanup_errors=True) as folder:
        house = operations_house.new_house(Path(folder))
        data = operations_house.loaded(house, sensors=SENSORS, buttons=1)
        with operations_house.running(house):
            yield "ingest_batched_per_s", ingest_batched_per_s(house, data, rounds=ROUNDS)
            yield "ingest_single_per_s", ingest_single_per_s(house, data, seconds=SECONDS)


if __name__ == "__main__":
    sys.exit("python -m liangwang bench house")
