"""A webhook with a declared mapping: signed or by key, its readings durable, its bad records told."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office
from liangwang.operations import datastreams, webhook
from liangwang.operations.observations import readings_between
from tests.operations import ways

pytestmark = pytest.mark.django_db(transaction=True)
PAYLOAD = (Path(__file__).parent.parent / "channels" / "payloads" / "webhook_levels.json").read_bytes()
URL = "/api/v1/hooks/foreign:levels"


@pytest.fixture(autouse=True)
def house(db: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ways.house(monkeypatch, data_dir / "packs"):
        yield


def signed(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def send(body: bytes = PAYLOAD, **headers: str) -> Any:
    return Client().post(URL, body, content_type="application/json", headers=headers)


def test_a_signed_message_is_mapped_to_readings_and_kept_once() -> None:
    mark = signed(PAYLOAD, webhook.secret_of("foreign:levels"))
    for _ in range(2):
        found = send(**{"x-hub-signature-256": mark})
        assert (found.status_code, found.json()["accepted"]) == (200, 3), found.content
    rejected = found.json()["rejected"]
    assert [line["row"] for line in rejected] == [3, 4]
    assert "soon" in rejected[0]["reason"]["en"]
    assert "G7.level" in rejected[1]["reason"]["en"]
    keys = datastreams.index().keys["foreign:levels"]
    read = readings_between([keys["G1.level"], keys["G1.battery"], keys["G2.level"]])
    assert sorted(zip(read.seq.tolist(), read.value.tolist(), strict=True)) == [
        (12, 3.02),
        (41, 2.31),
        (41, 87.0),
    ]


def test_a_wrong_signature_opens_nothing_and_a_key_does() -> None:
    mark = signed(PAYLOAD, webhook.secret_of("foreign:levels"))
    assert send(PAYLOAD + b" ", **{"x-hub-signature-256": mark}).status_code == 401
    assert send(**{"x-hub-signature-256": signed(PAYLOAD, "guessed")}).status_code == 401
    assert send().status_code == 401
    office = Office.objects.order_by("id")[0]
    issue_source_key("hook", name="hook", office=office, sources=["foreign:levels"])
    issue_source_key("not-hook", name="not-hook", office=office, sources=["manholes:covers"])
    assert send(authorization="Bearer hook").json()["accepted"] == 3
    assert send(authorization="Bearer not-hook").status_code == 403
    headers = {"authorization": "Bearer hook"}
    other = Client().post(
        "/api/v1/hooks/foreign:other", PAYLOAD, content_type="application/json", headers=headers
    )
    assert other.status_code == 404


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b'{"data": 7}', b"\xff\xfe", b"[" * 5000])
def test_what_holds_no_records_is_refused_as_a_whole(body: bytes) -> None:
    found = send(body, **{"x-hub-signature-256": signed(body, webhook.secret_of("foreign:levels"))})
    assert found.status_code == 400
    assert found.json()["message"]["zh"]
