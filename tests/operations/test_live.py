"""From a posted reading to a signal and its incident; killed anywhere, nothing is lost and nothing happens twice."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.base.clock import now
from liangwang.base.hats import Actor, issue_source_key
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.cases.queries import Case
from liangwang.operations import actions, datastreams, quarantine, readings, signals
from liangwang.operations.live import Live, replay
from liangwang.operations.models import Datastream, Quarantined, Signal, WarningIn
from liangwang.operations.readings_log import QuarantineRecord, Unknown
from liangwang.rules.declare import LEVELS
from tests.tries import tries

from .factories import AT, load_city

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE = Actor(
    hat="source",
    role="source",
    key="source:test",
    label={"zh": "测", "en": "test"},
    scope=("manholes:covers",),
)


@pytest.fixture
def city(data_dir: Path) -> Iterator[Path]:
    """Testville with two covers, and a DATA of its own."""
    datastreams.forget()
    readings.close_log()
    with write():
        load_city()
        rows = [
            actions.NewAsset(key=key, kind="cover", lon=122.481, lat=30.491, owner="rain")
            for key in ("M1", "M2")
        ]
        actions.register_assets("manholes", rows, at=AT)
    yield data_dir
    readings.close_log()
    datastreams.forget()


def us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def post(rows: list[tuple[str, int, float]], now: datetime = AT, seq: int = 0) -> dict[str, Any]:
    body = "\n".join(
        json.dumps({"datastream": key, "at": us(AT) + offset * 1_000_000, "value": value, "seq": seq})
        for key, offset, value in rows
    )
    return readings.take_readings(SOURCE, body.encode(), "application/x-ndjson", us(now))


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def open_cover(live: Live, *, upto: int = 200) -> None:
    """A cover that opens at second 30; one step every ten seconds."""
    for offset in range(0, upto, 10):
        if offset % 30 == 0 and offset <= 120:
            post([("M1.tilt", offset, 2.0 if offset == 0 else 40.0)], later(offset))
        live.turn(later(offset))


def test_a_moved_cover_becomes_one_signal_and_one_incident_in_its_street(city: Path) -> None:
    live = Live()
    open_cover(live)
    live.close()
    signal = Signal.objects.get()
    assert (signal.rule, signal.level, signal.at) == ("manholes:cover_displaced", "red", later(90))
    assert signal.judged_at <= later(130)
    assert any(line["expression"] == "tilt > open_tilt" and line["verdict"] for line in signal.because)
    case = Case.objects.get()
    assert case.ref == signal.case_ref
    assert case.facts["asset_key"] == "M1"
    assert Datastream.objects.get(key="M1.tilt").last_value == 40.0


def test_it_clears_and_a_second_time_is_a_second_signal_of_the_same_open_incident(city: Path) -> None:
    live = Live()
    open_cover(live)
    post([("M1.tilt", 210, 1.0)], later(210))
    post([("M1.tilt", 240, 50.0), ("M1.tilt", 300, 50.0)], later(300))
    for offset in range(210, 400, 10):
        live.turn(later(offset))
    live.close()
    first, second = Signal.objects.order_by("at")
    assert (first.cleared_at, second.cleared_at) == (later(210), None)
    assert first.case_ref == second.case_ref
    assert Case.objects.count() == 1


def test_killed_after_any_step_a_new_process_finds_the_same(city: Path) -> None:
    """No close: what the process had in memory is gone, as after kill -9."""
    for offset in range(0, 200, 10):
        live = Live()
        if offset % 30 == 0 and offset <= 120:
            post([("M1.tilt", offset, 2.0 if offset == 0 else 40.0), ("M2.tilt", offset, 2.0)], later(offset))
        live.turn(later(offset))
        if offset == 60:
            live.snapshot()
        live.steps.close()
    assert Signal.objects.get().at == later(90)
    assert Case.objects.count() == 1
    found = [row for _, told in replay(signals.ruleset(), later(-10), later(900)) for row in told]
    assert [(int(row["at"]), int(row["kind"])) for row in found] == [(us(later(90)), 1)]


def test_killed_between_the_recorded_step_and_its_effects_the_effects_still_happen_once(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live()
    with monkeypatch.context() as broken:
        broken.setattr(Live, "_carry", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            open_cover(live)
    assert not Signal.objects.exists()
    live.steps.close()
    for _ in range(2):
        again = Live()
        again.close()
    assert Signal.objects.get().at == later(90)
    assert Case.objects.count() == 1


def test_bad_rows_are_told_good_ones_kept_and_strangers_quarantined(city: Path) -> None:
    rows = [
        ("M1.tilt", 0, 2.0),
        ("M1.tilt", 0, 2.0),
        ("X9.tilt", 0, 2.0),
        ("M1.tilt", 5, 999.0),
        ("M1.tilt", 700, 2.0),
        ("M1.tilt", -us(AT) // 1_000_000 - 1, 2.0),
    ]
    answer = post(rows)
    assert answer["accepted"] == 1
    assert [line["row"] for line in answer["rejected"]] == [3, 4, 5, 6]
    assert "X9.tilt" in answer["rejected"][0]["reason"]["en"]
    assert "180" in answer["rejected"][1]["reason"]["zh"]
    assert "1970" in answer["rejected"][3]["reason"]["en"], (
        "no calendar has it, and judging must not stop at it"
    )
    live = Live()
    live.turn(later(1))
    live.close()
    listed = {(row.device, row.reason): row for row in quarantine.quarantined()}
    assert set(listed) == {("X9.tilt", "unknown"), ("M1.tilt", "ahead")}
    stranger = listed["X9.tilt", "unknown"]
    assert str(us(AT)) in quarantine.sample(stranger)
    assert b"2.0" not in bytes(stranger.sample_sealed or b"")
    assert Quarantined.objects.count() == 2


def test_over_http_a_machine_posts_by_its_key_and_anyone_else_is_refused(city: Path, client: Client) -> None:
    bearer = "a-key-of-the-test"
    with write():
        issue_source_key(bearer, name="test", office=Office.objects.all()[0], sources=["manholes:covers"])
    body = json.dumps([{"datastream": "M1.tilt", "at": us(now()), "value": 1}, {"datastream": "M1.tilt"}])
    sent = {"data": body, "content_type": "application/json"}
    answer = client.post("/twin/readings", **sent, headers={"authorization": f"Bearer {bearer}"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["accepted"] == 1
    assert answer.json()["rejected"][0]["row"] == 2
    assert client.post("/twin/readings", **sent, headers={"authorization": "Bearer wrong"}).status_code in (
        401,
        403,
        404,
    )
    broken = {"data": "half", "content_type": "application/json"}
    refused = client.post("/twin/readings", **broken, headers={"authorization": f"Bearer {bearer}"})
    assert (refused.status_code, refused.json()["error"]) == (400, "unreadable")


def test_a_source_may_send_only_what_its_key_names(city: Path) -> None:
    other = Actor(
        hat="source", role="source", key="source:o", label={"zh": "", "en": ""}, scope=("flood:levels",)
    )
    answer = readings.take_readings(
        other,
        json.dumps([{"datastream": "M1.tilt", "at": us(AT), "value": 1}]).encode(),
        "application/json",
        us(AT),
    )
    assert answer["accepted"] == 0


def test_a_thing_registered_while_live_runs_is_judged(city: Path) -> None:
    live = Live()
    live.turn(AT)
    with write():
        actions.register_assets(
            "manholes",
            [actions.NewAsset(key="M3", kind="cover", lon=122.481, lat=30.491, owner="gas")],
            at=AT,
        )
    post([("M3.open", 0, 1.0), ("M3.open", 30, 1.0)], later(30))
    for offset in range(30, 100, 10):
        live.turn(later(offset))
    live.close()
    assert Signal.objects.get().rule == "manholes:cover_missing"


def test_a_new_rule_starts_by_replaying_its_own_window(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = signals.ruleset()
    monkeypatch.setattr("liangwang.operations.live.LOOK_S", 0.0)
    monkeypatch.setattr(
        signals, "ruleset", lambda: tuple(r for r in every if r.rule.rule != "cover_displaced")
    )
    live = Live()
    open_cover(live)
    assert not Signal.objects.exists()
    monkeypatch.setattr(signals, "ruleset", lambda: every)
    live.turn(later(200))
    assert Signal.objects.get().at == later(90)
    live.turn(later(210))
    live.close()
    again = Live()
    again.turn(later(220))
    again.close()
    assert Signal.objects.count() == Case.objects.count() == 1


def warn(at: datetime, ends: datetime, level: str = "orange", **more: Any) -> WarningIn:
    """A warning over the west of the street, where only M1 lies, received at an instant."""
    square = {
        "type": "Polygon",
        "coordinates": [[[122.4, 30.4], [122.49, 30.4], [122.49, 30.5], [122.4, 30.5], [122.4, 30.4]]],
    }
    return WarningIn.objects.create(
        sender="weather", identifier=f"w{WarningIn.objects.count()}", message="Alert", event="暴雨", level=level,
        areas=[{"geometry": square}], sent_at=at, received_at=at,
        **{"starts_at": at, "ends_at": ends, **more},
    )  # fmt: skip


@settings(max_examples=tries(4), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_live_under_warnings_finds_what_a_replay_finds(
    city: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Warnings that come late, are ended early or lie elsewhere; readings ahead of time; each step as live took it."""
    Signal.objects.all().delete()
    WarningIn.objects.all().delete()
    root = Path(mkdtemp(dir=tmp_path))  # of its own for each example: a drawn name may come again
    readings.close_log()
    warnings = data.draw(
        st.lists(
            st.tuples(st.integers(0, 40), st.integers(-120, 60), st.integers(0, 30), st.sampled_from(LEVELS)),
            max_size=3,
        )
    )
    ahead = data.draw(st.integers(0, 120))
    told: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "DATA", root)
        patch.setattr(Live, "_carry", lambda _live, _this, found, _strangers: told.extend(found))
        live = Live()
        rows: list[WarningIn] = []
        for second in range(0, 421, 5):
            for received, starts, ended, level in warnings:
                if second == 10 * received:
                    begins = later(second + starts)
                    rows.append(warn(later(second), begins + timedelta(seconds=200), level, starts_at=begins))
                if rows and second == 10 * ended:
                    rows[0].ended_at = later(second)
                    rows[0].save()
            if second % 60 == 0:
                post([(f"{key}.water_depth", second + ahead, 270.0) for key in ("M1", "M2")], later(second))
            live.turn(later(second))
        live.close()
        again = [row for _, found in replay(signals.ruleset(), later(-10), later(900)) for row in found]
    readings.close_log()
    assert [row.tolist() for row in told] == [row.tolist() for row in again]
    assert any(row["kind"] == 1 for row in told)


def test_an_orange_warning_makes_the_water_over_a_cover_orange(city: Path) -> None:
    warn(AT, later(3600))
    live = Live()
    for second in range(0, 301, 10):
        if second % 60 == 0:
            post([("M1.water_depth", second, 270.0)], later(second))
        live.turn(later(second))
    live.close()
    signal = Signal.objects.get()
    assert (signal.level, Case.objects.get().level) == ("orange", "orange")
    assert any(line["expression"] == "warned(orange)" and line["verdict"] for line in signal.because)


def test_only_one_live_process_may_run_on_one_data(city: Path) -> None:
    live = Live()
    with pytest.raises(RuntimeError):
        Live()
    live.close()


def test_after_a_night_in_which_nobody_listened_no_sensor_is_called_silent_until_it_has_been(
    city: Path,
) -> None:
    live = Live()
    post([("M1.tilt", 0, 2.0), ("M2.tilt", 0, 2.0)], AT)
    for offset in range(0, 120, 30):
        live.turn(later(offset))
    live.close()
    night = 8 * 3600
    live = Live()
    for minute in range(29):
        live.turn(later(night + 60 * minute))
    assert not Signal.objects.filter(rule="manholes:sensor_silent").exists()
    for minute in range(29, 33):
        live.turn(later(night + 60 * minute))
    assert Signal.objects.filter(rule="manholes:sensor_silent").count() == 2
    live.close()


@pytest.mark.both_databases
def test_strangers_are_listed_in_few_statements_and_summed(
    city: Path, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    def sent(n: int, minute: int) -> QuarantineRecord:
        rows = [
            Unknown(f"S{one}", reason, n, b"text") for one in range(30) for reason in ("unknown", "ahead")
        ]
        return QuarantineRecord("source:a", us(AT) + minute * 60_000_000, rows)

    for times in ([sent(1, 0), sent(2, 1)], [sent(4, 2)]):
        with write(), django_assert_max_num_queries(8):
            quarantine.land(times)
    monkeypatch.setattr(quarantine, "AT_A_TIME", 7)
    with write():
        quarantine.land([sent(8, 3)])
    rows = Quarantined.objects.all()
    assert {(row.rows, row.first_at, row.last_at) for row in rows} == {(15, AT, later(180))}
    assert len(rows) == 60
