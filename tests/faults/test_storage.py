"""Storage that cannot be written is a 503 with Retry-After, never a 500, and everything goes on when it can be written again."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.faults.city import KEY
from tests.house import House

CSRF = "c" * 32


@pytest.fixture(scope="module")
def house(house_factory: Callable[..., House]) -> House:
    """One house for the module; a file stands where the folder of the readings logs should be."""
    house = house_factory(DEMO="0", LOCK_WAIT_S="3")
    (house.data / "readings").write_text("in the way")
    house.city = house.do("from tests.faults import city; answer = city.prepare(2)")  # type: ignore[attr-defined]
    house.start()
    return house


@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="one writer is SQLite's own")
def test_a_locked_database_says_try_again(house: House) -> None:
    city = house.city  # type: ignore[attr-defined]
    form = {
        "what": "manholes:missing",
        "place": city["place"],
        "idempotency_key": "locked-1",
        "csrfmiddlewaretoken": CSRF,
    }
    headers = {
        "Cookie": f"sessionid={city['session']}; csrftoken={CSRF}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "text/html",
    }
    body = urlencode(form).encode()
    locker = sqlite3.connect(house.data / "liangwang.sqlite3", isolation_level=None, timeout=10)
    locker.execute("BEGIN IMMEDIATE")
    refused = house.ask("POST", "/field/report/", body, timeout=40, **headers)
    locker.execute("ROLLBACK")
    assert refused.status == 503 and int(refused.headers["retry-after"]) > 0
    assert "稍后再试" in refused.body.decode()
    assert house.ask("POST", "/field/report/", body, timeout=40, **headers).status == 302


def test_readings_that_cannot_be_stored_are_not_acknowledged(house: House) -> None:
    row = json.dumps(
        {"datastream": "F0.tilt", "at": round(time.time() * 1e6), "value": 2.0, "seq": 1}
    ).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"}
    refused = house.ask("POST", "/api/v1/readings", row, **headers)
    assert refused.status == 503 and int(refused.headers["retry-after"]) > 0
    (house.data / "readings").unlink()
    house.wait_until(
        lambda: house.ask("POST", "/api/v1/readings", row, **headers).status == 200, "it is taken again"
    )


def test_many_at_once_are_all_answered(house: House) -> None:
    """More requests than Django can take at once wait or are told so; none hangs and none is a 500."""
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(house.ask("GET", "/login/", timeout=60, Accept="text/html").status)

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 100 and set(statuses) <= {200, 503}
