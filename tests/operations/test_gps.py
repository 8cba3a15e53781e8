"""Positions by the OsmAnd and Traccar protocol: durable, readings, and the crew stands where its phone says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from liangwang.base.hats import issue_source_key, platform
from liangwang.base.models import Office, Place
from liangwang.channels.gps import fixes, readings_of
from liangwang.operations import datastreams, gps, readings, watch
from liangwang.operations.models import Crew, Datastream
from liangwang.operations.observations import readings_between
from tests.operations.factories import AT, load_city

PAYLOAD = (Path(__file__).parent.parent / "channels" / "payloads" / "gps_traccar.json").read_text()
NOW = 1_795_406_400_000_000


@pytest.fixture
def unit(db: None, data_dir: Path) -> Iterator[Crew]:
    datastreams.forget()
    watch.forget()
    load_city()
    assert gps.enlist_units(at=AT) > 3
    assert gps.enlist_units(at=AT) == 0
    crew = Crew.objects.select_related("office").filter(repairs=True).order_by("id")[0]
    for name in ("tracker", f"gps:{crew.office.key}", "gps:somebody"):
        issue_source_key(f"key-{name}", name=name, office=crew.office, sources=["city_sensing:units"])
    yield crew
    readings.close_log()
    datastreams.forget()
    watch.forget()


def test_the_three_forms_say_the_same() -> None:
    rest = "altitude=11.2&accuracy=4.6&batt=63&speed=9.7192"
    by_address = fixes(
        f"id=U1&lat=30.4915&lon=122.4815&timestamp=1795406410500&bearing=181.3&{rest}", b"", "", NOW
    )
    form = f"deviceid=U1&location=30.4915,122.4815&timestamp=2026-11-23+04:00:10.5&heading=181.3&{rest}"
    by_form = fixes("", form.encode(), "application/x-www-form-urlencoded", NOW)
    by_json = fixes("", PAYLOAD.replace("UNIT", "U1").encode(), "application/json", NOW)
    for found in (by_address, by_form, by_json):
        (fix,) = found
        assert (fix.device, fix.lon, fix.lat, fix.battery) == ("U1", 122.4815, 30.4915, 63.0)
        assert fix.speed == pytest.approx(18.0, abs=1e-3)
        assert len(readings_of(found).at) == 7
    assert by_address[0].at == by_json[0].at == by_form[0].at == NOW + 10_500_000


@pytest.mark.django_db(transaction=True)
def test_a_position_is_durable_and_moves_its_crew_only_forward_in_time(unit: Crew) -> None:
    headers = {"authorization": "Bearer key-tracker"}
    body = json.loads(PAYLOAD.replace("UNIT", unit.office.key))
    for lat, at in ((30.4915, "2026-11-23T04:00:10Z"), (30.4, "2026-11-23T03:00:00Z")):
        body["location"]["coords"]["latitude"], body["location"]["timestamp"] = lat, at
        answer = Client().post(
            "/twin/gps", json.dumps(body), content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["accepted"]) == (200, 7), answer.content
    assert (
        Client().get(f"/twin/gps-get?id={unit.office.key}&lat=1&lon=2", headers=headers).json()["accepted"]
        == 2
    )
    rows = {row.quantity: row for row in Datastream.objects.filter(asset__key=unit.office.key)}
    assert list(readings_between([rows["lat"].pk], last=NOW + 11_000_000).value) == [30.4, 30.4915]
    for name, value in (("lon", 122.4815), ("lat", 30.4915)):
        Datastream.objects.filter(pk=rows[name].pk).update(last_at=AT, last_value=value)
    assert gps.follow([rows["lat"].pk], platform("city_sensing")) == 1
    unit.refresh_from_db()
    assert (unit.lon, unit.lat, unit.seen_at) == (122.4815, 30.4915, AT)
    Datastream.objects.filter(pk=rows["lat"].pk).update(last_value=30.3)
    Datastream.objects.filter(pk=rows["lon"].pk).update(last_at=AT.replace(hour=0))
    assert gps.follow([rows["lat"].pk], platform("city_sensing")) == 0, "half a position moves nobody"


@pytest.mark.django_db(transaction=True)
def test_a_device_with_a_key_of_its_own_speaks_for_itself_only(unit: Crew) -> None:
    def send(key: str) -> Any:
        return Client().get(
            f"/twin/gps-get?id={unit.office.key}&lat=30&lon=122", headers={"authorization": f"Bearer {key}"}
        )

    assert send(f"key-gps:{unit.office.key}").json()["accepted"] == 2
    assert send("key-gps:somebody").status_code == 403
    assert Office.objects.filter(key=unit.office.key).exists()
    assert Place.objects.exists()


@pytest.mark.parametrize(
    ("query", "body", "kind"),
    [
        ("", b"", ""), ("id=1&lat=91&lon=0", b"", ""), ("lat=1&lon=1", b"", ""), ("id=1&lat=x&lon=1", b"", ""),
        ("id=1&lat=1&lon=1&timestamp=soon", b"", ""), ("", b"{", "application/json"), ("", b"[1]", "application/json"),
        ("", b'{"location": {"coords": {}}, "device_id": "x"}', "application/json"),
        ("&".join("a=1" for _ in range(99)), b"", ""),
        ("id=1&lat=nan&lon=1", b"", ""), ("", b"\xff", "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_what_is_no_position_is_told_so(query: str, body: bytes, kind: str) -> None:
    from liangwang.channels.readings import Unreadable

    with pytest.raises(Unreadable) as refused:
        fixes(query, body, kind, NOW)
    assert refused.value.label["zh"]
