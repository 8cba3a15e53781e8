"""The house as a browser and a machine meet it: real processes, real sockets."""

import http.client
import io
import json
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import OperationalError

from liangwang import wsgi_bridge
from tests.house import House

CITY = """
from datetime import UTC, datetime
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Party, Place, Post
from liangwang.base.subjects import new_subject
at = datetime.now(UTC)
def place(code, kind, level, parent=None):
    return Place.objects.create(code=code, kind=kind, level=level, parent=parent, name={"zh": code, "en": code},
                                lon=122.0, lat=30.0, subject=new_subject("place", at=at))
city = place("90", "city", "city"); here = place("900101", "district", "district", city)
there = place("900102", "district", "district", city)
sessions = {}
for name, where in (("here", here), ("there", there)):
    office = Office.objects.create(key=name, name={"zh": name, "en": name}, department="operations", level="district",
                                   kind="operations_centre", place=where)
    party = Party.objects.create_user(name, "x")
    Post.objects.create(party=party, office=office, role="duty_officer")
    session = SessionStore()
    session[SESSION_KEY] = str(party.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = party.get_session_auth_hash()
    session.save()
    sessions[name] = session.session_key
issue_source_key("the-key", name="covers", office=office, sources=["*"])
answer = sessions
"""


@pytest.fixture(scope="module")
def house(house_factory: Callable[..., House]) -> House:
    house = house_factory(DEMO="0")
    house.sessions = house.do(CITY)  # type: ignore[attr-defined]
    house.start()
    return house


def session(house: House, name: str) -> str:
    return f"sessionid={house.sessions[name]}"  # type: ignore[attr-defined]


def test_health_is_told_in_figures(house: House) -> None:
    house.wait_until(lambda: house.ask("GET", "/healthz").status == 200, "all is well")
    found = house.ask("GET", "/healthz").json()
    assert found["ok"] and set(found["checks"]) >= {
        "database",
        "outbox_lag_s",
        "live_lag_s",
        "checkpoint_age_s",
    }


def test_head_has_the_length_and_no_body(house: House) -> None:
    answer = house.ask("HEAD", "/healthz")
    assert answer.status in {200, 503} and answer.body == b"" and int(answer.headers["content-length"]) > 100


def test_a_page_that_is_not_there(house: House) -> None:
    assert house.ask("GET", "/no/such/page", accept="text/html").status == 404


def test_a_body_over_the_limit_is_refused_in_both_languages(house: House) -> None:
    too_much = b"x" * (33 * 1024 * 1024)
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10)
    try:
        connection.request(
            "POST", "/login/", headers={"Content-Length": str(len(too_much)), "Accept": "text/html"}
        )
        response = connection.getresponse()
        page = response.read().decode()
    finally:
        connection.close()
    assert response.status == 413 and "32 MB" in page and "Too large" in page


def two_cookies(_environ: dict[str, Any], start: Callable[..., None]) -> list[bytes]:
    start("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [b"ok"]


def test_two_cookies_stay_two_headers() -> None:
    answer = wsgi_bridge.call(two_cookies, {})
    assert answer.headers == [("set-cookie", "a=1"), ("set-cookie", "b=2")] and answer.body == b"ok"


def locked(_environ: dict[str, Any], start: Callable[..., None]) -> list[bytes]:
    """Django as it is when its database is locked: the exception has become a 500."""
    try:
        raise OperationalError("database is locked")
    except OperationalError:
        got_request_exception.send(sender=None)
    start("500 Internal Server Error", [])
    return Closing([b""])


class Closing(list[bytes]):
    def close(self) -> None:
        pass


def test_a_locked_database_is_not_our_bug() -> None:
    with pytest.raises(OperationalError):
        wsgi_bridge.call(locked, {})


def test_a_request_becomes_a_wsgi_environment() -> None:
    headers = [
        ("host", "city.example"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x_real_ip", "6.6.6.6"),
        ("accept", "x"),
        ("accept", "y"),
    ]
    scope = SimpleNamespace(
        method="POST", path="/事项/", query_string="q=%20", server="127.0.0.1:8000", client="10.0.0.9:4711",
        http_version="1.1", scheme="http", authority=None, headers=SimpleNamespace(items=lambda: headers),
    )  # fmt: skip
    body = io.BytesIO(b"name=value")
    body.seek(0, 2)
    env = wsgi_bridge.environ(scope, body)
    assert env["PATH_INFO"].encode("latin-1").decode() == "/事项/"
    assert (
        env["REMOTE_ADDR"] == "10.0.0.9"
        and env["CONTENT_LENGTH"] == "10"
        and env["wsgi.input"].read() == b"name=value"
    )
    assert env["HTTP_COOKIE"] == "a=1; b=2" and env["HTTP_ACCEPT"] == "x,y" and "HTTP_X_REAL_IP" not in env


@pytest.mark.parametrize("key", ["", "wrong"])
def test_readings_without_a_key_are_refused(house: House, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = house.ask("POST", "/api/v1/readings", b"[]", **headers)
    assert answer.status == 401 and answer.json()["message"]["en"]


def test_readings_with_a_key_are_taken_row_by_row(house: House) -> None:
    row = b'[{"datastream": "nobody.tilt", "at": "2026-11-22T00:00:00Z", "value": 1}]'
    answer = house.ask(
        "POST", "/api/v1/readings", row, Authorization="Bearer the-key", Content_Type="application/json"
    )
    assert answer.status == 200
    assert answer.json()["accepted"] == 0 and answer.json()["rejected"][0]["row"] == 1


def test_a_session_may_not_post_from_another_site(house: House) -> None:
    answer = house.ask(
        "POST", "/gate/check", b"{}", Cookie=session(house, "here"), Origin="https://elsewhere.example"
    )
    assert answer.status == 403


def test_static_files_are_kept_for_ever_under_their_version(house: House) -> None:
    page = house.ask("GET", "/login/", accept="text/html").body.decode()
    versioned = re.search(r'href="(/static/[0-9a-f]{8}/css/[^"]+)"', page)
    assert versioned, page[:1000]
    answer = house.ask("GET", versioned[1])
    assert answer.status == 200 and "immutable" in answer.headers["cache-control"]
    assert (
        house.ask("GET", re.sub(r"/[0-9a-f]{8}/", "/", versioned[1])).headers["cache-control"] == "no-cache"
    )


class Stream:
    """An open event stream, read line by line."""

    def __init__(self, house: House, cookie: str, topics: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=15)
        self.connection.request("GET", f"/events?topics={topics}", headers={"Cookie": cookie})
        self.response = self.connection.getresponse()

    def next(self, *names: str) -> dict[str, object]:
        """The data of the next event with one of these names; fails after the socket's time-out."""
        name = ""
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            if line.startswith("data: ") and name in names:
                return {"event": name, **json.loads(line[6:])}

    def close(self) -> None:
        self.connection.close()


EMIT = """
from datetime import UTC, datetime
from liangwang.base.events import emit
from liangwang.base.transactions import write
with write():
    for place in ("900102001", "900101001"):
        emit("case.opened", "case-in-" + place, datetime.now(UTC), {"kind": "incident"}, place_code=place)
"""


def test_events_need_a_hat(house: House) -> None:
    assert house.ask("GET", "/events").status == 401


def test_each_district_hears_its_own_incidents_until_its_post_ends(house: House) -> None:
    mine, other = (Stream(house, session(house, name), "case") for name in ("here", "there"))
    try:
        assert mine.response.status == 200
        house.do(EMIT)
        assert mine.next("case.opened")["ref"] == "case-in-900101001"
        assert other.next("case.opened")["ref"] == "case-in-900102001"
        house.do("from liangwang.base.models import Post; from datetime import UTC, datetime\n"
                 "Post.objects.filter(office__key='there').update(ended_at=datetime.now(UTC))")  # fmt: skip
        began = time.monotonic()
        assert other.next("signed-out")
        assert time.monotonic() - began < 12
    finally:
        mine.close()
        other.close()


def test_a_killed_process_comes_back(house: House) -> None:
    for name in ("web", "live", "worker"):
        before = house.pids(name)
        assert house.kill(name)
        house.wait_until(lambda n=name, b=before: house.pids(n) not in ([], b), f"{name} is back")  # type: ignore[misc]
    house.wait_until(lambda: house.answers() in {200, 503}, "web answers")


def test_ctrl_c_ends_it_cleanly(house_factory: Callable[..., House]) -> None:
    house = house_factory(DEMO="0")
    house.start()
    assert house.stop() == 0
    assert "已停止" in house.log[-1] and not any("Traceback" in line for line in house.log)
