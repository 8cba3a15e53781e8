"""CAP 1.2: an alert is in force where and while it says, an update and a cancel end it; nothing is fetched, nothing expanded."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Event, Office
from liangwang.channels import cap
from liangwang.channels.readings import Unreadable
from liangwang.operations import warnings_in
from liangwang.operations.models import WarningIn
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RAIN = (Path(__file__).parent.parent / "channels" / "payloads" / "cap_rain.xml").read_text()
NOON = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&x;</identifier></alert>"""
LAUGHS = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><alert>&b;</alert>'


@pytest.fixture(autouse=True)
def authority(db: None) -> None:
    office = factories.office()
    assert Office.objects.exists()
    issue_source_key("weather", name="weather", office=office, sources=["warnings"])
    issue_source_key("devices", name="devices", office=office, sources=["manholes:covers"])


def send(body: str, key: str = "weather", status: int = 200) -> Any:
    answer = Client().post(
        "/api/v1/warnings",
        body,
        content_type="application/cap+xml",
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def follow_up(kind: str, number: str, event: str = "暴雨") -> str:
    reference = (
        "<references>warning@weather.example,demo-20261123-0007,2026-11-23T11:30:00+08:00</references>"
    )
    text = RAIN.replace("<msgType>Alert", f"<msgType>{kind}").replace("demo-20261123-0007", number)
    return text.replace("<code>demo</code>", reference).replace("暴雨橙色", f"{event}红色")


def test_an_alert_is_kept_once_with_its_areas_and_its_colour() -> None:
    first, again = send(RAIN), send(RAIN)
    assert (first["warning"], again["known"]) == (again["warning"], True)
    row = WarningIn.objects.get()
    assert (row.level, row.headline["zh"], row.headline["en"]) == (
        "orange",
        "暴雨橙色预警（演示）",
        "Orange rainstorm warning (demo)",
    )
    assert row.areas[0]["geometry"]["coordinates"][0][0][0] == [122.4, 30.4], (
        "CAP writes lat,lon; GeoJSON lon,lat"
    )
    assert row.areas[0]["codes"] == {"division": "900101001"}
    assert Event.objects.filter(type="warning.received").count() == 1


def test_it_holds_inside_its_areas_and_its_hours() -> None:
    send(RAIN)
    found = [
        warnings_in.at_point(NOON, lon, lat) != []
        for lon, lat in ((122.5, 30.5), (122.04, 31.0), (122.06, 31.0), (121, 29))
    ]
    assert found == [True, True, False, False]
    assert not warnings_in.in_force(NOON.replace(hour=3)).exists(), "not before its onset"
    assert not warnings_in.in_force(NOON.replace(hour=10)).exists(), "not after it expires"


def test_an_update_replaces_and_a_cancel_ends() -> None:
    send(RAIN)
    send(follow_up("Update", "demo-8"))
    assert [row.identifier for row in warnings_in.in_force(NOON)] == ["demo-8"]
    cancel = follow_up("Cancel", "demo-9").replace("demo-20261123-0007,", "demo-8,")
    assert send(cancel)["in_force"] is False
    assert not warnings_in.in_force(NOON).exists()
    assert WarningIn.objects.count() == 3, "nothing is deleted"


def test_an_exercise_is_not_in_force_and_a_parameter_says_the_colour() -> None:
    send(RAIN.replace("<status>Actual", "<status>Exercise"))
    assert not warnings_in.in_force(NOON).exists()
    assert warnings_in.in_force(NOON, tests=True).count() == 1
    said = "<parameter><valueName>ColorCode</valueName><value>Red</value></parameter>"
    coloured = RAIN.replace("0007", "0010").replace("<headline>暴雨", f"{said}<headline>暴雨")
    assert WarningIn.objects.get(ref=send(coloured)["warning"]).level == "red"


def test_anyone_may_read_what_is_in_force_and_only_an_authority_may_send() -> None:
    send(RAIN, "devices", 403)
    assert Client().post("/api/v1/warnings", RAIN, content_type="text/xml").status_code == 401
    assert Client().get("/api/v1/warnings").json() == {"warnings": []}


@pytest.mark.parametrize(
    "body",
    [
        EXTERNAL, LAUGHS, "", "<alert/>", "<a", RAIN.replace("cap:1.2", "cap:1.1"), RAIN.replace("Severe", "Bad"),
        RAIN.replace("<sent>2026-11-23T11:30:00+08:00", "<sent>2026-11-23T11:30:00"),
        RAIN.replace("30.40,122.40 30.60", "95,122.40 30.60", 1),
        RAIN.replace("31.00,122.00 5", "31.00,122.00 far"), RAIN.replace("<msgType>Alert", "<msgType>Update"),
        RAIN.replace("demo-20261123-0007", "two words"), RAIN + "x" * cap.MOST_BYTES,
    ],
)  # fmt: skip
def test_what_is_no_warning_is_refused_in_both_languages(body: str) -> None:
    with pytest.raises(Unreadable) as refused:
        cap.parse(body.encode())
    assert refused.value.label["zh"]
    assert send(body, status=400)["message"]["en"]
    assert not WarningIn.objects.exists()
