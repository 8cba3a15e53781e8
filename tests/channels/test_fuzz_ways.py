"""Whatever a sender sends, a parser answers with readings or with a reason, never with a fault of ours."""

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.channels import cap, gps, mapped, odata, open311, readings, sensorthings, sheets, work_orders
from liangwang.channels.readings import Unreadable
from liangwang.hub.declare import Mapping

NOW = 1_795_406_400_000_000
FIELDS = {
    "number": ("工单编号",),
    "text": ("诉求内容",),
    "lon": ("lon",),
    "lat": ("lat",),
    "asked_at": ("受理时间",),
}
MAPPING = Mapping(
    rows="$.data[*]", device="$.sn", at="$.ts", time="ms", seq="$.no", values={"level": "$.v.level"}
)
SMALL = settings(max_examples=25)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
words = st.sampled_from(
    ["data", "sn", "ts", "no", "v", "level", "location", "coords", "latitude", "longitude", "timestamp", "device_id", "battery",
     "result", "phenomenonTime", "Datastream", "@iot.id", "parameters", "seq", "dataArray", "components", "工单编号", "诉求内容",
     "lon", "lat", "受理时间", "n", "t", "bn", "bt", "datastream", "at", "value"]
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=20,
)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


bodies = st.binary(max_size=200) | documents.map(encoded) | st.lists(documents, max_size=3).map(encoded)

PARSERS: dict[str, Callable[[bytes], Any]] = {
    "ndjson": lambda body: readings.parse(body, "application/x-ndjson", NOW),
    "array": lambda body: readings.parse(body, "application/json", NOW),
    "senml": lambda body: readings.parse(body, "application/senml+json", NOW),
    "csv": lambda body: readings.parse(b"datastream,at,value,seq\n" + body, "text/csv", NOW),
    "observation": lambda body: sensorthings.observation(body, NOW),
    "data array": sensorthings.observations,
    "webhook": lambda body: mapped.parse(body, MAPPING, NOW),
    "topic": lambda body: mapped.parse(body, MAPPING, NOW, {"device": "G1", "quantity": "level"}),
    "gps": lambda body: gps.readings_of(gps.fixes("", body, "application/json", NOW)),
    "work orders": lambda body: work_orders.parse(
        body, "application/json", FIELDS, ZoneInfo("Asia/Shanghai")
    ),
    "sheet": lambda body: work_orders.parse(body, "text/csv", FIELDS, ZoneInfo("Asia/Shanghai")),
    "workbook": sheets.xlsx_rows,
    "cap": cap.parse,
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_answers_or_refuses(name: str) -> None:
    @SMALL
    @given(bodies)
    def run(body: bytes) -> None:
        try:
            found = PARSERS[name](body)
        except Unreadable as refused:
            assert refused.label["zh"]
            assert refused.label["en"]
            return
        if isinstance(found, readings.Parsed):
            import numpy as np

            assert (
                len(found.rows)
                == len(found.datastream)
                == len(found.at)
                == len(found.value)
                == len(found.seq)
            )
            np.array(found.at, dtype=np.int64), np.array(found.seq, dtype=np.int64)
            assert all(one.reason["zh"] and one.reason["en"] for one in found.bad)

    run()


@SMALL
@given(
    st.dictionaries(
        st.sampled_from(["id", "lat", "lon", "timestamp", "speed", "batt", "location"]), st.text(max_size=20)
    )
)
def test_any_address_of_a_tracker(said: dict[str, str]) -> None:
    from urllib.parse import urlencode

    try:
        gps.readings_of(gps.fixes(urlencode(said), b"", "", NOW))
    except Unreadable as refused:
        assert refused.label["zh"]


@SMALL
@given(st.text(alphabet="abc'()/$,;= eqandornot<>0123456789.-T:Z", max_size=60), st.text(max_size=40))
def test_any_question_of_sensorthings(filter_text: str, path: str) -> None:
    for ask in (
        lambda: odata.path(path),
        lambda: odata.query({"$filter": filter_text, "$expand": path}),
        lambda: odata.query({"$orderby": filter_text, "$top": path}),
    ):
        try:
            found = ask()
        except odata.BadQuery as refused:
            assert refused.zh
            assert refused.en
        else:
            if isinstance(found, odata.Query):
                from datetime import UTC, datetime

                odata.holds(found.where, {"a": 1, "b": "x"}, datetime(2026, 1, 1, tzinfo=UTC))


@SMALL
@given(
    st.dictionaries(
        st.sampled_from(["service_code", "lat", "long", "description", "phone", "address_string"]),
        st.text(max_size=30),
    )
)
def test_any_report_by_open311(said: dict[str, str]) -> None:
    import xml.etree.ElementTree as ET

    try:
        asked = open311.asked(said)
    except Unreadable as refused:
        assert refused.label["en"]
    else:
        assert len(asked.text) <= open311.MOST_CHARS
    ET.fromstring(open311.xml("request", said))
