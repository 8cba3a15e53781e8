"""kill -9 of web, live and worker at random: nothing acknowledged is lost, nothing is done twice."""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from liangwang.demo_applicant import Applicant, apply, multipart
from tests.faults.city import KEY
from tests.house import House

STEP = timedelta(seconds=30)
DISPLACED_STEPS = range(4, 12)
OPEN_DEG, SHUT_DEG = 40.0, 2.0
CSRF = "c" * 32
ITEM = "health:vaccination_booklet"  # what one parent alone can apply for


def batch(covers: int, number: int, start: datetime) -> list[dict[str, Any]]:
    """The readings of one moment; every fourth cover lies open for four minutes."""
    at = (start + number * STEP).isoformat()
    tilted = number in DISPLACED_STEPS
    return [
        {
            "datastream": f"F{n}.tilt",
            "at": at,
            "seq": number,
            "value": OPEN_DEG if tilted and n % 4 == 0 else SHUT_DEG,
        }
        for n in range(covers)
    ]


class Sender:
    """A client that repeats a request, with its key, until it is acknowledged."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.retries = 0

    def insist(
        self, method: str, path: str, body: bytes, accepted: range, **headers: str
    ) -> http.client.HTTPResponse | Any:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                answer = self.house.ask(method, path, body, timeout=15, **headers)
            except (OSError, http.client.HTTPException):
                answer = None
            if answer is not None and answer.status in accepted:
                return answer
            assert answer is None or answer.status >= 500, (answer.status, answer.body[:2000].decode())
            self.retries += 1
            time.sleep(0.05)
        raise AssertionError(f"{path} was not taken within two minutes\n" + "".join(self.house.log[-40:]))


def send_readings(
    sender: Sender, covers: int, steps: int, start: datetime, acknowledged: list[dict[str, Any]]
) -> None:
    for number in range(steps):
        rows = batch(covers, number, start)
        body = "\n".join(json.dumps(row) for row in rows).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"}
        answer = sender.insist("POST", "/api/v1/readings", body, range(200, 201), **headers)
        assert answer.json() == {"accepted": covers, "rejected": []}
        acknowledged.extend(rows)


def send_reports(sender: Sender, numbers: range, city: dict[str, Any], acknowledged: list[int]) -> None:
    """Reports of incidents, each with its own key, as a committee worker's phone sends them.

    They name a neighbourhood and no point, so that none joins another: each is an incident of its own.
    """
    for number in numbers:
        form = {
            "what": "manholes:missing",
            "text": f"report {number}",
            "place": city["place"],
            "address": f"{number} 号门前",
            "idempotency_key": f"fault-report-{number:05}",
            "csrfmiddlewaretoken": CSRF,
        }
        headers = {
            "Cookie": f"sessionid={city['session']}; csrftoken={CSRF}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "text/html",
        }
        sender.insist("POST", "/field/report/", urlencode(form).encode(), range(302, 304), **headers)
        acknowledged.append(number)


class InsistingPhone:
    """An app that repeats each request until it is answered; the submission has its Idempotency-Key."""

    def __init__(self, sender: Sender, session: str) -> None:
        self.sender, self.session = sender, session

    def read(self, path: str) -> dict[str, Any]:
        return self._call("GET", path, b"")

    def post(self, path: str, body: object, *, key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        sent = b"" if body is None else json.dumps(body).encode()
        return self._call("POST", path, sent, Content_Type="application/json", **headers)

    def upload(self, path: str, name: str, content: bytes) -> dict[str, Any]:
        sent, kind = multipart(name, content)
        return self._call("POST", path, sent, Content_Type=kind)

    def _call(self, method: str, path: str, body: bytes, **headers: str) -> dict[str, Any]:
        cookie = f"sessionid={self.session}"
        answer = self.sender.insist(method, path, body, range(200, 201), Cookie=cookie, **headers)
        found: dict[str, Any] = answer.json()
        return found


def send_applications(sender: Sender, phones: list[Any], acknowledged: list[str]) -> None:
    """Each mother fills in a draft, page by page, and hands it in."""
    random = np.random.default_rng(7)
    for session, who in phones:
        phone = InsistingPhone(sender, session)
        acknowledged.append(apply(phone, ITEM, Applicant(*who), random, datetime.now(UTC)))


def kill_in_the_middle(
    house: House,
    progress: Callable[[], float],
    moments: list[tuple[float, str]],
    killed: list[str],
    stop: threading.Event,
) -> None:
    """Kills each process when that share of the work is acknowledged, so that every kill hits work under way."""
    for moment, name in moments:
        while progress() < moment and not stop.wait(0.01):
            pass
        while not house.kill(name) and not stop.wait(0.05):  # it may be coming back from the last kill
            pass
        killed.append(name)


def settled(house: House) -> bool:
    checks = house.ask("GET", "/healthz").json()["checks"]
    return bool(checks["outbox_lag_s"]["value"] == 0 and checks["live_lag_s"]["ok"])


@pytest.mark.parametrize(
    ("reports", "applications", "covers", "steps", "kills"),
    [
        pytest.param(140, 5, 40, 50, 4, id="short"),
        pytest.param(
            1850, 150, 200, 100, 24, id="long", marks=[pytest.mark.slow, pytest.mark.both_databases]
        ),
    ],
)
def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(
    make_house: Callable[..., House],
    reports: int,
    applications: int,
    covers: int,
    steps: int,
    kills: int,
) -> None:
    house = make_house(DEMO="0")
    city = house.do(f"from tests.faults import city; answer = city.prepare({covers}, {applications})")
    house.start()
    start = datetime.now(UTC) - steps * STEP
    taken: list[dict[str, Any]] = []
    reported: list[int] = []
    applied: list[str] = []
    killed: list[str] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def guarded(work: Callable[..., None], *arguments: Any) -> Callable[[], None]:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                failures.append(error)

        return run

    halves = [range(reports // 2), range(reports // 2, reports)]
    senders = [
        guarded(send_readings, Sender(house), covers, steps, start, taken),
        *(guarded(send_reports, Sender(house), half, city, reported) for half in halves),
        guarded(send_applications, Sender(house), city["phones"], applied),
    ]
    threads = [threading.Thread(target=work) for work in senders]
    rng = random.Random(7)
    names = [("web", "live", "worker", "web")[n % 4] for n in range(kills)]
    moments = list(zip(sorted(rng.uniform(0.05, 0.9) for _ in names), names, strict=True))
    work = reports + 8 * applications + covers * steps / 20  # an application is about eight requests

    def progress() -> float:
        return (len(reported) + 8 * len(applied) + len(taken) / 20) / work

    killer = threading.Thread(target=guarded(kill_in_the_middle, house, progress, moments, killed, stop))
    for thread in (*threads, killer):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    killer.join()
    assert not failures, failures
    house.wait_until(lambda: house.answers() == 200 and settled(house), "all effects are done", 60)
    house.wait_until(
        lambda: len(outcome(house)["signals"]) >= covers // 4, "every open cover is signalled", 60
    )
    found = outcome(house)

    sent = {(row["datastream"], microseconds(row["at"]), row["seq"]) for row in taken}
    assert {tuple(row) for row in found["readings"]} == sent, (
        "acknowledged readings and stored readings are the same"
    )
    assert sorted(found["signals"]) == sorted(f"F{n}" for n in range(0, covers, 4)), (
        "one signal for each open cover"
    )
    assert len(found["by_rule"]) == len(set(found["by_rule"])) == covers // 4, "one incident for each signal"
    assert sorted(reported) == list(range(reports))
    assert len(found["reports"]) == len(set(found["reports"])) == reports, "one incident for each report"
    assert len(applied) == applications
    assert sorted(found["applications"]) == sorted(applied), "one application for each that was acknowledged"
    assert not found["effects"].get("failed") and not found["effects"].get("pending"), found["effects"]
    assert killed == names
    checked = house.command("verify-log")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def outcome(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.do("from tests.faults import city; answer = city.outcome()")
    return found


def microseconds(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1e6)
