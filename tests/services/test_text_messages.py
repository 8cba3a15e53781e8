"""Codes by text: once for a key, tried again, given up, never after their time; the number is in no row that can be read."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from liangwang.base import clock
from liangwang.base.models import AuditEntry, Notice, Subject
from liangwang.base.subjects import register_person
from liangwang.channels import sms
from liangwang.services import text_messages
from liangwang.services.models_messages import TextMessage
from liangwang.services.text_messages import NoGateway, NoPhone
from tests.cases.factories import AT, make_applicant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir"), pytest.mark.both_databases]
PHONE, CODE = "13800000009", "482913"


@pytest.fixture
def her(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Subject:
    monkeypatch.setattr(clock, "now", lambda: AT)
    settings.SMS_URL, settings.SMS_TEMPLATE = "https://gateway.example/send", "T7"
    return register_person(at=AT, name="林晓", sex="f", birth_on=AT.date(), phone=PHONE).subject


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the gateway hears; an exception in `say` is raised instead of an answer."""
    heard: list[Any] = []

    def send(_gateway: Any, **words: Any) -> str:
        heard.append(words)
        if getattr(send, "say", None) is not None:
            raise send.say  # type: ignore[attr-defined]
        return "r-1"

    heard_send: Any = send
    monkeypatch.setattr(sms, "send", heard_send)
    heard.append(heard_send)
    return heard


def queued(her: Subject, key: str = "k/1") -> TextMessage:
    until = AT + timedelta(minutes=10)
    return text_messages.queue(to=her, values={"code": CODE}, key=key, until=until, at=AT)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(seconds=seconds))
    text_messages.send_due.func()


def test_one_key_is_one_message_and_nothing_readable_is_left(
    her: Subject, gateway: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    first, again = queued(her), queued(her)
    assert first == again and TextMessage.objects.count() == 1
    text_messages.send_due.func()
    text_messages.send_due.func()
    assert [words["phone"] for words in gateway[1:]] == [PHONE] and gateway[1]["values"] == {"code": CODE}
    kept = TextMessage.objects.values().get()
    assert (kept["state"], kept["receipt"], kept["sealed"]) == ("sent", "r-1", None)
    everything = (
        f"{kept}{caplog.text}{[e.body for e in AuditEntry.objects.all()]}{list(Notice.objects.values())}"
    )
    assert PHONE not in everything and CODE not in everything


def test_it_is_tried_again_with_growing_waits_and_then_given_up(
    her: Subject, gateway: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway[0].say = sms.NotSent("HTTP 503", again=True)
    queued(her)
    seconds = 0.0
    for wait in (0, 1, 2.1, 6.1, 12.1, 24.1, 48.1):
        later(monkeypatch, seconds := seconds + wait)
    row = TextMessage.objects.get()
    assert len(gateway) - 1 == text_messages.TRIES and (row.state, row.fault) == ("failed", "HTTP 503")
    assert row.sealed is None and text_messages.failed_since(AT) == 1


def test_a_code_that_has_ended_is_not_sent(
    her: Subject, gateway: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(her)
    later(monkeypatch, 601)
    assert TextMessage.objects.get().state == "lapsed" and len(gateway) == 1


def test_what_a_dead_worker_took_is_sent_by_the_next_one(
    her: Subject, gateway: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(her)
    assert text_messages._take(AT) is not None  # and dies
    later(monkeypatch, 30)
    assert len(gateway) == 1
    later(monkeypatch, 61)
    assert len(gateway) == 2 and TextMessage.objects.get().state == "sent"


def test_without_gateway_or_number_it_says_so(her: Subject, settings: Any) -> None:
    subject, _ = make_applicant()
    with pytest.raises(NoPhone):
        queued(subject)
    settings.SMS_URL, settings.DEMO = "", False
    assert text_messages.mode() == "none"
    with pytest.raises(NoGateway) as none:
        queued(her)
    assert "没有配置短信网关" in none.value.message("zh")
    settings.DEMO = True
    assert text_messages.mode() == "demo"
    settings.SMS_URL = "http://gateway.example/"
    assert "https" in str(text_messages.check())
    with pytest.raises(NoGateway):
        queued(her)
