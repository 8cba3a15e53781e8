"""The code page: in routine no colour anywhere; under an order the colour stands with word, reason, end and appeal."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.models import Party
from liangwang.base.subjects import register_person
from liangwang.base.transactions import write
from liangwang.services import queries_codes

pytestmark = pytest.mark.django_db

ROUTINE: dict[str, Any] = {
    "qr_svg": "<svg></svg>",
    "handle": "ABCD-EFGH",
    "name": "林*",
    "order": None,
    "status": None,
    "reason": None,
    "until": None,
    "as_of": None,
    "certificates": [],
}


@pytest.fixture
def client() -> Client:
    with write():
        at = datetime(2026, 11, 20, tzinfo=UTC)
        person = register_person(at=at, name="林晓", sex="f", birth_on=date(1994, 5, 18))
    party = Party.objects.create(
        login_name="linxiao", label={"zh": "林晓", "en": "Lin Xiao"}, subject=person.subject
    )
    client = Client()
    client.force_login(party, backend="django.contrib.auth.backends.ModelBackend")
    return client


def shown(client: Client, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> str:
    code = {**ROUTINE, "expires_at": clock.now() + timedelta(minutes=10), **changed}
    monkeypatch.setattr(queries_codes, "code_of", lambda actor, at: code)
    return client.get("/code/").content.decode()


def test_in_routine_no_colour_is_shown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(client, monkeypatch)
    assert "平时状态" in text and "verdict" not in text
    assert not any(word in text for word in ("绿码", "黄码", "红码"))


def test_under_an_order_a_colour_has_word_reason_end_and_appeal(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {
        "number": "沪应急〔2026〕1 号",
        "title": {"zh": "演练", "en": "Exercise"},
        "ends_at": clock.now(),
    }
    reason = {"zh": "7 日内到过风险区", "en": "was in a risk area within 7 days"}
    text = shown(
        client,
        monkeypatch,
        order=order,
        status="yellow",
        reason=reason,
        until=date(2026, 12, 1),
        as_of=clock.now(),
    )
    assert all(
        words in text for words in ("黄码", reason["zh"], "2026年12月1日", "/code/appeal/", order["number"])
    )
    assert 'class="verdict watch"' in text


def test_an_appeal_without_words_keeps_the_page(client: Client) -> None:
    answer = client.post("/code/appeal/", {"text": ""})
    assert answer.status_code == 200 and "wrong" in answer.content.decode()
