"""A gateway of text messages is spoken to in its declared shape; a number and a code stand in no error."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from liangwang.channels import sms

PHONE, CODE = "13800000009", "482913"


class Answers:
    """What the test's gateway heard, and what it answers next."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.next: list[tuple[int, bytes]] = []
        self.url = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    told = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.heard.append((dict(self.headers), body))
            status, answer = told.next.pop(0) if told.next else (200, b'{"id": "r-1"}')
            self.send_response(status)
            if status == 302:
                self.send_header("Location", told.url + "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def sent(answers: Answers, provider: str = "json") -> str:
    gateway = sms.Gateway(url=answers.url, secret="s3cret", template="T7", shape=sms.shapes()[provider])
    return sms.send(gateway, phone=PHONE, values={"code": CODE, "minutes": "10"}, key="k/1")


def test_json_and_form_gateways_hear_the_same_message(answers: Answers) -> None:
    assert sent(answers) == "r-1"
    headers, body = answers.heard[0]
    assert json.loads(body) == {
        "to": PHONE, "template": "T7", "values": {"code": CODE, "minutes": "10"}, "key": "k/1",
    }  # fmt: skip
    assert headers["Authorization"] == "Bearer s3cret" and headers["Idempotency-Key"] == "k/1"
    answers.next.append((200, b'{"code": 0, "sid": "f-9"}'))
    assert sent(answers, "form") == "f-9"
    assert parse_qs(answers.heard[1][1].decode())["mobile"] == [PHONE]


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (400, False), (401, False), (302, False)]
)
def test_a_refusal_says_whether_to_try_again_and_names_nobody(
    answers: Answers, status: int, again: bool
) -> None:
    answers.next.append((status, f"{PHONE} {CODE}".encode()))
    with pytest.raises(sms.NotSent) as refused:
        sent(answers)
    assert refused.value.again is again and len(answers.heard) == 1, "a redirect is not followed"
    assert PHONE not in str(refused.value) and CODE not in str(refused.value)


def test_an_answer_that_is_no_success_is_none(answers: Answers) -> None:
    answers.next.append((200, b'{"code": 22, "sid": ""}'))
    with pytest.raises(sms.NotSent) as refused:
        sent(answers, "form")
    assert (refused.value.why, refused.value.again) == ("code=22", False)
    answers.url = "http://127.0.0.1:9"
    with pytest.raises(sms.NotSent) as nobody:
        sent(answers)
    assert nobody.value.again


def test_a_configuration_says_what_is_wrong() -> None:
    assert sms.fault_of("https://gateway.example/send", "json", "T1") is None
    assert "https" in str(sms.fault_of("http://gateway.example/send", "json", "T1"))
    assert "json" in str(sms.fault_of("https://gateway.example/", "nobody", "T1"))
    assert "SMS_TEMPLATE" in str(sms.fault_of("https://gateway.example/", "json", ""))
