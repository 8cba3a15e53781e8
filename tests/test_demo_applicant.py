"""An applicant of the demo day hands in an item through the public API, with the phone's own code."""

import json
import urllib.parse
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from django.test import Client

from liangwang import demo, demo_day, demo_phone, demo_readings
from liangwang.cases.models import Case


def wire(path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
    """The web process, in this one."""
    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    kind = given.pop("HTTP_CONTENT_TYPE", "application/json")
    host = urllib.parse.urlsplit(demo_phone.ORIGIN).netloc
    client = Client(HTTP_HOST=host)
    answer = (
        client.get(path, **given)
        if body is None
        else client.generic("POST", path, body, content_type=kind, **given)
    )
    assert answer.status_code == 200, answer.content.decode()
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize("item", demo_day.ITEMS)
def test_a_mother_hands_in(
    item: str, transactional_db: None, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_phone, "called", wire)
    monkeypatch.setattr(demo_day, "ITEMS", (item,))
    demo.load_demo(people=300, seed=1, at=at, covers=5)
    mothers = demo_phone.applicants(20)
    day = demo_day.Day(
        demo_readings.Covers([], [], np.random.default_rng(1)), np.random.default_rng(1), mothers=mothers
    )
    number = demo_day.hand_in(day, at)
    case = Case.objects.get(number=number)
    assert case.kind == "application"
    assert case.subject is not None
    assert case.place is not None
    assert case.place.code.startswith("900101")
