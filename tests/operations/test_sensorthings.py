"""SensorThings 1.1: entities by deep insert and one by one, observations durable, questions answered; all by a source's key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Place
from liangwang.operations import datastreams, readings, watch
from liangwang.operations.models import Asset, Datastream
from tests.operations.factories import load_city

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ROOT = "/api/v1/sta/v1.1"
KEY = "sensorthings-test-key"
PAYLOADS = Path(__file__).parent.parent / "channels" / "payloads"


@pytest.fixture
def street(db: None, data_dir: Path) -> Iterator[Place]:
    datastreams.forget()
    watch.forget()
    place = load_city()
    issue_source_key(KEY, name="sta", office=_any_office(), sources=["manholes:covers"])
    yield place
    readings.close_log()
    datastreams.forget()
    watch.forget()


def _any_office() -> Any:
    from liangwang.base.models import Office

    return Office.objects.order_by("id")[0]


class Sta:
    """A client with the source's key; `ask` gives JSON."""

    def __init__(self, key: str = KEY) -> None:
        self.client, self.headers = Client(), {"authorization": f"Bearer {key}"}

    def ask(self, path: str, status: int = 200, **options: str) -> Any:
        answer = self.client.get(f"{ROOT}/{path}", options, headers=self.headers)
        assert answer.status_code == status, answer.content
        return answer.json() if "json" in answer["Content-Type"] else answer.content.decode()

    def send(
        self, path: str, body: Any, status: int = 201, method: str = "POST", kind: str = "application/json"
    ) -> Any:
        answer = self.client.generic(
            method, f"{ROOT}/{path}", json.dumps(body), content_type=kind, headers=self.headers
        )
        assert answer.status_code == status, answer.content
        return answer


def cover(street: Place, key: str = "S1") -> dict[str, Any]:
    made: dict[str, Any] = json.loads((PAYLOADS / "sensorthings_thing.json").read_text())
    made["properties"]["key"] = key
    made["Locations"][0]["location"]["coordinates"] = [street.lon, street.lat]
    return made


def test_a_deep_insert_registers_the_thing_with_its_datastreams(street: Place) -> None:
    sta = Sta()
    link = sta.send("Things", cover(street))["Location"]
    asset = Asset.objects.get(key="S1")
    assert link.endswith(f"/Things('{asset.ref}')")
    assert asset.place_id == street.pk
    thing = sta.ask(f"Things('{asset.ref}')", **{"$expand": "Locations,Datastreams($orderby=name;$top=2)"})
    assert thing["name"] == "Cover 1 in North Road"
    assert thing["Locations"][0]["location"]["coordinates"] == [street.lon, street.lat]
    assert [one["name"] for one in thing["Datastreams"]] == ["S1.battery", "S1.noise"]
    assert thing["Datastreams@iot.nextLink"].startswith("http")
    again = sta.send("Things", cover(street))["Location"]
    assert again == link, "a creation sent twice makes one thing"
    assert Asset.objects.filter(key="S1").count() == 1


def test_observations_are_taken_once_and_found_again(street: Place) -> None:
    sta = Sta()
    sta.send("Things", cover(street))
    key = "manholes:S1.tilt"
    for n, value in enumerate((2.0, 3.5, 20.0)):
        body = {"phenomenonTime": f"2026-11-23T04:0{n}:00Z", "result": value, "parameters": {"seq": n}}
        link = sta.send(f"Datastreams('{key}')/Observations", body)["Location"]
    sta.send("Observations", {**body, "Datastream": {"@iot.id": key}})  # sent again: the same reading
    assert sta.ask(link.partition("/sta/v1.1/")[2])["result"] == 20.0
    found = sta.ask(
        f"Datastreams('{key}')/Observations", **{"$count": "true", "$orderby": "phenomenonTime desc"}
    )
    assert found["@iot.count"] == 3
    assert [one["result"] for one in found["value"]] == [20.0, 3.5, 2.0]
    wanted = {"$filter": "phenomenonTime ge 2026-11-23T04:01:00Z and result lt 10", "$select": "result"}
    assert sta.ask(f"Datastreams('{key}')/Observations", **wanted)["value"] == [{"result": 3.5}]
    newest = sta.ask(
        "Datastreams",
        **{
            "$filter": "name eq 'S1.tilt'",
            "$expand": "Observations($top=1;$orderby=phenomenonTime desc),Thing",
        },
    )
    assert newest["value"][0]["Observations"][0]["result"] == 20.0
    assert newest["value"][0]["Thing"]["properties"]["key"] == "S1"


def test_a_data_array_answers_each_row_with_a_link_or_an_error(street: Place) -> None:
    sta = Sta()
    sta.send("Things", cover(street))
    body = json.loads((PAYLOADS / "sensorthings_data_array.json").read_text())
    lines = sta.send("CreateObservations", body).json()
    assert len(lines) == 4
    assert lines[0].endswith("/Observations('S1.tilt~1795406400000000~7')")
    assert [line.startswith("error") for line in lines] == [False, False, True, True]
    assert "180" in lines[2]
    assert "not registered" in lines[3]


def test_entities_come_one_by_one_too_and_a_thing_waits_for_its_location(street: Place) -> None:
    sta = Sta()
    body = cover(street, "S2")
    spot = body.pop("Locations")[0]
    thing = sta.send("Things", body).json()["@iot.id"]
    assert not Asset.objects.filter(key="S2").exists(), "nobody can be sent to a thing that is nowhere"
    assert sta.ask(f"Things('{thing}')")["name"] == body["name"]
    sta.send(f"Things('{thing}')/Locations", spot)
    assert Asset.objects.get(key="S2").ref == thing
    sensor = sta.send(
        "Sensors", {"name": "HB-3", "description": "", "encodingType": "application/pdf", "metadata": "x"}
    ).json()
    prop = sta.send("ObservedProperties", {"name": "Tilt", "definition": "x", "description": ""}).json()
    stream = {"name": "tilt of S2", "description": "d", "observationType": "x", "Thing": {"@iot.id": thing},
              "unitOfMeasurement": {"name": "degree", "symbol": "°", "definition": "x"},
              "Sensor": {"@iot.id": sensor["@iot.id"]}, "ObservedProperty": {"@iot.id": prop["@iot.id"]}}  # fmt: skip
    key = sta.send("Datastreams", stream).json()["@iot.id"]
    assert key == "manholes:S2.tilt"
    assert sta.ask(f"Datastreams('{key}')/Sensor")["name"] == "HB-3"
    assert sta.ask(f"Sensors('{sensor['@iot.id']}')/Datastreams")["value"][0]["name"] == "tilt of S2"
    sta.send("Datastreams", {**stream, "unitOfMeasurement": {"symbol": "rad"}}, 422)
    refused = sta.send(
        "Datastreams", {**stream, "name": "colour", "ObservedProperty": {"name": "colour"}}, 422
    )
    assert "tilt" in refused.json()["message"]["en"], "it says which quantities there are"


def test_changes_and_ends_leave_what_was_sent(street: Place) -> None:
    sta = Sta()
    thing = sta.send("Things", cover(street)).json()["@iot.id"]
    sta.send(f"Things('{thing}')", {"description": "moved to the corner"}, 200, "PATCH")
    patch = [{"op": "replace", "path": "/properties/colour", "value": "black"}]
    sta.send(f"Things('{thing}')", patch, 200, "PATCH", "application/json-patch+json")
    found = sta.ask(f"Things('{thing}')")
    assert (found["description"], found["properties"]["colour"]) == ("moved to the corner", "black")
    assert sta.ask(f"Things('{thing}')/properties/$value")
    sta.send(
        "Datastreams('manholes:S1.tilt')/Observations",
        {"phenomenonTime": "2026-11-23T04:00:00Z", "result": 2},
    )
    sta.send(f"Things('{thing}')", None, 200, "DELETE")
    sta.ask(f"Things('{thing}')", 404)
    assert Datastream.objects.filter(key="S1.tilt", ended_at=None).count() == 0


def test_a_source_sees_and_changes_its_own_list_only(street: Place) -> None:
    Sta().send("Things", cover(street))
    issue_source_key("other", name="other", office=_any_office(), sources=["rain:gauges"])
    other = Sta("other")
    assert other.ask("Things")["value"] == other.ask("Datastreams")["value"] == []
    other.ask("Datastreams('manholes:S1.tilt')", 404)
    other.send("Things", cover(street, "S9"), 422)
    assert Client().get(f"{ROOT}/Things").status_code == 401
    basic = Client().get(
        f"{ROOT}/Things", headers={"authorization": "Basic c3RhOnNlbnNvcnRoaW5ncy10ZXN0LWtleQ=="}
    )
    assert len(basic.json()["value"]) == 1, "frost clients know Basic only: the password is the key"


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("Things", {"$filter": "name eq"}), ("Things", {"$filter": "shoe eq 1"}), ("Things", {"$top": "-1"}),
        ("Things", {"$expand": "Shoes"}), ("Things", {"$shoe": "1"}), ("Things(", {}), ("Things", {"$orderby": "x y z"}),
        ("Things", {"$filter": "(" * 60 + "1 eq 1" + ")" * 60}), ("Observations", {"$filter": "result eq 'a"}),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_read_is_told_in_both_languages(
    street: Place, path: str, options: dict[str, str]
) -> None:
    said = Sta().ask(path, 400, **options)
    assert said["message"]["zh"]
    assert said["message"]["en"]
