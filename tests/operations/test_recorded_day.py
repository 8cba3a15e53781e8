"""A recorded day: what was open when, alarms with their levels then, where crews were, marks, and which days there are."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from liangwang.base import events
from liangwang.base.geo import cell
from liangwang.base.models import Office, Party
from liangwang.base.subjects import new_subject
from liangwang.base.transactions import write
from liangwang.cases import actions
from liangwang.cases.models import Case
from liangwang.operations import (
    boards,
    datastreams,
    history,
    incidents,
    recorded_day,
    signals,
    thing_then,
    unit_tracks,
)
from liangwang.operations.history_models import HistoryFile
from liangwang.operations.models import Asset, Datastream, ShiftHandover, Signal
from tests.cases.factories import make_actor

from .factories import AT, STREET, load_city, make_asset, make_signal
from .test_history import a_bad_hour, city, us

__all__ = ["city"]  # a fixture
pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 23)
START, END = recorded_day.bounds(DAY)
MINUTE = timedelta(minutes=1)
NIGHT = END + timedelta(hours=3)


def incident(at: datetime = AT, **where: float) -> Case:
    with write():
        case = incidents.open_incident(make_signal(make_asset(**where), at=at), at=at)  # type: ignore[arg-type]
    assert case is not None
    return case


def crew_and_task(case: Case) -> tuple[Office, object]:
    task = case.tasks.exclude(crew_office=None).order_by("id").last()
    assert task is not None and task.crew_office is not None
    return task.crew_office, task


def second(at: datetime) -> float:
    return (at - START).total_seconds()


@pytest.mark.both_databases
def test_the_last_minute_of_the_present_day_is_the_board_as_it_stands() -> None:
    load_city()
    one, other = incident(), incident(AT + 30 * MINUTE)
    with write():
        actions.change_level(actor=make_actor(Office.objects.get(key="operations.900101001"), "duty_officer"),
                             at=AT + 31 * MINUTE, case=other, level="yellow", because={"zh": "因", "en": "b"})  # fmt: skip
    at = AT + 40 * MINUTE
    day = recorded_day.recorded_day(STREET, DAY, at)
    then = {
        one.case.ref: (one.moments[-1], recorded_day.running(one, one.moments[-1])) for one in day.incidents
    }
    for row in boards.open_incidents(STREET, at):
        moment, (since, limit) = then[row["ref"]]
        assert (moment.level, moment.stage) == (row["level"], row["stage"])
        assert row["clock"] is not None and limit == pytest.approx(row["clock"]["whole_s"])
        assert since == row["clock"]["due_at"] - timedelta(seconds=limit or 0)
    assert set(then) == {one.ref, other.ref}
    assert (day.until, sum(day.slots), day.slots[int(second(AT) // 600)]) == (at, 2, 1)


def test_what_was_closed_before_or_opened_after_is_not_of_the_day_and_what_lasted_is() -> None:
    load_city()
    lasted, over, later = (
        incident(START - timedelta(hours=5)),
        incident(START - timedelta(hours=6)),
        incident(END),
    )
    Case.objects.filter(pk=over.pk).update(closed_at=START - MINUTE, state="closed")
    (kept,) = recorded_day.recorded_day(STREET, DAY, NIGHT).incidents
    assert kept.case.ref == lasted.ref
    assert kept.moments[0].at < START and len([m for m in kept.moments if m.at <= START]) == 1
    assert [one.case.ref for one in recorded_day.recorded_day(STREET, DAY + timedelta(days=1), NIGHT).incidents] == [
        lasted.ref, later.ref,
    ]  # fmt: skip
    assert recorded_day.recorded_day("900102", DAY, NIGHT).incidents == []


def test_an_alarm_has_the_level_of_then_though_it_climbed_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    load_city()
    asset, (first, *_) = make_asset(), signals.ruleset()
    signal = make_signal(asset, rule=first.program.key, at=AT, level="red")
    for what, at, level in (("raised", AT, "yellow"), ("climbed", AT + 20 * MINUTE, "red")):
        key = f"signal.raised/{signal.key}" if what == "raised" else f"signal.climbed/{signal.ref}/{level}"
        events.emit(f"signal.{what}", signal.ref, at, {"level": level}, key=key)
    monkeypatch.setattr(recorded_day, "_rising", lambda: {first.program.key})
    day = recorded_day.recorded_day(STREET, DAY, NIGHT)
    assert [(one.level, one.since_s, one.until_s) for one in day.alarms] == [
        ("yellow", second(AT), second(AT + 20 * MINUTE)), ("red", second(AT + 20 * MINUTE), None),
    ]  # fmt: skip
    assert day.things == {asset.pk: (asset.lon, asset.lat)}
    Signal.objects.update(cleared_at=START - MINUTE, at=START - 2 * MINUTE)
    assert recorded_day.recorded_day(STREET, DAY, NIGHT).alarms == []


def test_a_crew_is_where_it_arrived_and_has_in_hand_what_it_had_until_it_reported() -> None:
    load_city()
    case = incident()
    crew, task = crew_and_task(case)
    hand = make_actor(crew, "crew")
    with write():
        actions.accept_task(actor=hand, at=AT + 2 * MINUTE, task=task)  # type: ignore[arg-type]
        actions.arrive_task(actor=hand, at=AT + 9 * MINUTE, task=task)  # type: ignore[arg-type]
    day = recorded_day.recorded_day(STREET[:4], DAY, AT + timedelta(hours=1))
    (unit,) = [one for one in day.units if one.hands]
    assert unit.name == crew.name and (unit.lon, unit.lat) == (crew.lon, crew.lat)
    assert unit.hands == [(second(AT), None, case.ref)]
    assert unit.fixes == [(second(AT + 9 * MINUTE), case.lon, case.lat)]


def positions(data: Path, crew: Office, rows: list[tuple[datetime, float, float]]) -> None:
    """Positions that a crew's phone sent, as the history keeps them."""
    asset = Asset.objects.create(
        subject=new_subject("thing", at=AT), pack="city_sensing", key="unit-x", kind="unit", label=crew.name, place=crew.place,
        lon=0.0, lat=0.0, h3_9=cell(0.0, 0.0, 9), facts={"crew": crew.key},
    )  # fmt: skip
    stream = {
        name: Datastream.objects.create(
            asset=asset, pack="city_sensing", source="units", quantity=name, key=f"x.{name}"
        )
        for name in ("lon", "lat")
    }
    columns = [(stream["lon"].pk, us(at), lon) for at, lon, _ in rows] + [
        (stream["lat"].pk, us(at), lat) for at, _, lat in rows
    ]
    numbers, at, value = zip(*columns, strict=True)
    table = pa.table(
        {"datastream": np.array(numbers, dtype=np.int32), "at": np.array(at), "value": np.array(value)}
    )
    path = data / "history" / "units.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    history.put(path, table)
    HistoryFile.objects.create(
        tier="raw", source="city_sensing:units", path="units.parquet", rows=len(at), bytes=1, first_at=min(at), last_at=max(at),
        made_at=AT,
    )  # fmt: skip


def test_positions_that_phones_sent_are_thinned_to_where_a_crew_moved(city: Path) -> None:
    crew = Office.objects.filter(kind="crew", lon__isnull=False).first()
    assert crew is not None
    rows = [(AT + n * timedelta(seconds=20), 122.5 + (0.001 if n > 60 else 0.0), 30.5) for n in range(120)]
    positions(city, crew, rows)
    datastreams.forget()
    (unit,) = [one for one in unit_tracks.units(crew.place.code, [], START, END) if one.name == crew.name]
    assert unit.fixes == [(second(AT), 122.5, 30.5), (second(AT + 20 * MINUTE), 122.501, 30.5)]


@pytest.mark.both_databases
def test_marks_are_shifts_of_this_place_and_the_days_that_have_a_record_can_be_chosen() -> None:
    load_city()
    centre = Office.objects.get(key="operations.900101001")
    party = Party.objects.create(login_name="p", label={"zh": "p", "en": "p"})
    ShiftHandover.objects.create(office=centre, at=AT, given_by=party, given_at=AT)
    incident()
    incident(START - timedelta(days=2))
    (mark,) = recorded_day.recorded_day(STREET, DAY, NIGHT).marks
    assert (mark.kind, mark.at_s, mark.label) == ("shift", second(AT), centre.name)
    assert recorded_day.recorded_day("900101", DAY, NIGHT).marks == []
    assert {day: one.incidents for day, one in recorded_day.days(STREET, date(2026, 11, 1), DAY).items()} == {
        date(2026, 11, 21): 1, DAY: 1,
    }  # fmt: skip
    assert recorded_day.first_day(STREET) == date(2026, 11, 21)


@pytest.mark.django_db(transaction=True)
def test_a_thing_says_what_it_said_then(city: Path) -> None:
    a_bad_hour()
    history.Historian().archive(AT + timedelta(hours=1))
    asset = Asset.objects.get(key="M1")
    value = {
        minute: next(
            one.value
            for one in thing_then.card_then(asset, AT + minute * MINUTE).latest
            if one.value is not None
        )
        for minute in (5, 15, 50)
    }
    assert value == {5: 2.0, 15: 40.0, 50: 2.0}
    early, late = (thing_then.card_then(asset, AT + minute * MINUTE) for minute in (5, 15))
    assert (early.standing, early.incident) == ([], None)
    assert late.standing and late.incident is not None
    assert DAY in recorded_day.days_with_readings(START, END)


def test_a_day_twice_as_full_asks_no_more_of_the_database() -> None:
    load_city()
    asked = []
    for _ in range(2):
        for _ in range(4):
            incident()
        with CaptureQueriesContext(connection) as log:
            recorded_day.recorded_day(STREET, DAY, NIGHT)
        asked.append(len(log))
    assert asked[0] >= asked[1] <= 14
