"""The page of live sources: what fares badly stands first, each source opens, a stranger is taken off, a secret is audited."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.hats import issue_source_key, source_hat
from liangwang.base.models import AuditEntry, Office
from liangwang.operations import datastreams, live, pressure, quarantine, readings, watch
from liangwang.operations.actions import NewAsset, register_assets
from liangwang.operations.models import Asset, SequenceGap, SourceState
from liangwang.operations.quality import CHANGE, CLOCK
from tests.hub import factories as make
from tests.operations.factories import load_city
from tests.web.posts import browser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(data_dir: Path) -> Iterator[Client]:
    """Three covers of which one is heard, a gap, flags, a stranger; read by the data office."""
    for module in (datastreams, watch, pressure):
        module.forget()
    street = load_city()
    at = clock.now()
    rows = [
        NewAsset(key=f"L{n}", kind="cover", lon=street.lon, lat=street.lat, place=street) for n in range(3)
    ]
    register_assets("manholes", rows, at=at)
    minute = int(at.timestamp() // 60)
    SourceState.objects.create(
        source="manholes:covers", last_at=at, last_received_at=at, readings=12_345, missing=3, again=7, clock_s=1.4,
        minutes=[[minute - n, 40 + (n * 7) % 23] for n in range(60)], flagged={str(CHANGE): 4, str(CLOCK): 1},
    )  # fmt: skip
    asset = Asset.objects.get(key="L0")
    asset.datastreams.update(last_at=at, last_value=2)
    SequenceGap.objects.create(
        asset=asset, source="manholes:covers", after=3, before=7, missing=3, seen_at=at
    )
    issue_source_key(
        "live-key", name="live", office=Office.objects.order_by("id")[0], sources=["manholes:covers"]
    )
    now = round(at.timestamp() * 1e6)
    source = source_hat("live-key")
    assert source is not None
    row = json.dumps({"datastream": "L9.tilt", "at": now, "value": 1}).encode()
    readings.take_readings(source, row, "application/x-ndjson", now)
    judge = live.Live()
    judge.turn(at + timedelta(seconds=1))
    judge.close()
    yield browser(make.office("data-city", "big_data"), "data_engineer")
    readings.close_log()
    for module in (datastreams, watch, pressure):
        module.forget()


def test_the_page_says_how_each_source_fares(desk: Client) -> None:
    page = desk.get("/data/live/").content.decode()
    for words in (
        "智能井盖监测",
        "有数据",
        "队伍与车辆定位",
        "没有来过",
        "12345 热线工单",
        "L9.tilt",
        "没有登记的设备",
    ):
        assert words in page, words
    one = desk.get("/data/live/manholes:covers/").content.decode()
    for words in (
        "L1",
        "L2",
        "跳变",
        "12,345",
        "200 / 1min",
        "告警优先",
        "readings/manholes/covers/DEVICE",
        "v1.1/Datastreams",
    ):
        assert words in one, words
    assert ">L0<" in one, "its gap is told"
    assert desk.get("/data/live/manholes:nothing/").status_code == 404
    assert desk.post("/data/live/manholes:covers/secret").status_code == 404, "it signs nothing"
    english = browser_in_english(desk).get("/data/live/").content.decode()
    assert "Live sources" in english
    assert "Silent devices" in english


def browser_in_english(desk: Client) -> Client:
    desk.cookies["django_language"] = "en"
    return desk


def test_a_stranger_is_taken_off_and_comes_back_when_it_sends_again(desk: Client) -> None:
    row = quarantine.quarantined().get()
    before = AuditEntry.objects.count()
    assert desk.post(f"/data/live/settle/{row.pk}").status_code == 302
    assert not quarantine.quarantined().exists()
    assert AuditEntry.objects.count() == before + 1
    assert desk.post(f"/data/live/settle/{row.pk}").status_code == 404


def test_a_source_that_went_silent_stands_first(desk: Client) -> None:
    SourceState.objects.update(last_received_at=datetime.now(UTC) - timedelta(hours=3))
    page = desk.get("/data/live/?state=silent").content.decode()
    assert "智能井盖监测" in page
    assert "队伍与车辆定位" not in page
