"""The PyPI client of SensorThings, unchanged, against this house: creates things, posts observations, asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Place
from liangwang.operations import datastreams, readings, watch
from tests.operations.factories import load_city

fsc = pytest.importorskip("frost_sta_client")


@pytest.fixture
def service(live_server: Any, data_dir: Path) -> Iterator[tuple[Any, Place]]:
    datastreams.forget()
    watch.forget()
    street = load_city()
    issue_source_key(
        "frost-key", name="frost", office=Office.objects.order_by("id")[0], sources=["manholes:covers"]
    )
    auth = fsc.AuthHandler("frost", "frost-key")
    yield fsc.SensorThingsService(f"{live_server.url}/api/v1/sta/v1.1", auth_handler=auth), street
    readings.close_log()
    datastreams.forget()
    watch.forget()


def test_the_client_creates_things_posts_observations_and_queries_them(service: tuple[Any, Place]) -> None:
    sta, street = service
    location = fsc.Location(
        name="North Road 12", description="lane", encoding_type="application/geo+json",
        location={"type": "Point", "coordinates": [street.lon, street.lat]},
    )  # fmt: skip
    thing = fsc.Thing(name="F 1", description="a cover", properties={"owner": "rain"}, locations=[location])
    sta.create(thing)
    unit = fsc.UnitOfMeasurement(name="degree", symbol="deg", definition="x")
    stream = fsc.Datastream(
        name="tilt of F 1", description="tilt", observation_type="OM_Measurement", unit_of_measurement=unit,
        thing=fsc.Thing(id=thing.id),
        sensor=fsc.Sensor(name="HB-3", description="", encoding_type="application/pdf", metadata="x"),
        observed_property=fsc.ObservedProperty(name="tilt", definition="x", description="angle"),
    )  # fmt: skip
    sta.create(stream)
    assert stream.id == "manholes:F-1.tilt"
    sta.create(
        fsc.Observation(
            phenomenon_time="2026-11-23T04:00:00Z", result=2.5, datastream=fsc.Datastream(id=stream.id)
        )
    )
    array = fsc.model.ext.data_array_value.DataArrayValue()
    array.datastream = fsc.Datastream(id=stream.id)
    array.components = {array.Property.PHENOMENON_TIME, array.Property.RESULT}
    for n in range(30):
        array.add_observation(fsc.Observation(phenomenon_time=f"2026-11-23T04:01:{n:02}Z", result=float(n)))
    document = fsc.model.ext.data_array_document.DataArrayDocument()
    document.add_data_array_value(array)
    assert len(sta.observations().create(document)) == 30

    found = sta.datastreams().find(stream.id)
    assert (found.name, found.unit_of_measurement.symbol) == ("tilt of F 1", "deg")
    late = (
        found.get_observations()
        .query()
        .filter("result ge 20")
        .orderby("phenomenonTime", "desc")
        .top(4)
        .list()
    )
    assert [one.result for one in late] == [float(n) for n in range(29, 19, -1)], (
        "pages follow each other by nextLink"
    )
    things = sta.things().query().filter("name eq 'F 1'").expand("Datastreams").count().list()
    assert (things.count, len(things.get(0).datastreams.entities)) == (1, 5)
    thing.description = "moved"
    sta.update(thing)
    assert sta.things().find(thing.id).description == "moved"
    sta.delete(thing)
    with pytest.raises(Exception, match="404"):
        sta.things().find(thing.id)
