"""A rule that would raise hundreds of incidents is limited: every signal is kept, and one incident tells so."""

from datetime import timedelta

import pytest

from liangwang.base.transactions import write
from liangwang.cases.queries import Case
from liangwang.operations import actions, readings, storms
from liangwang.operations.live import Live
from liangwang.operations.models import Datastream, Signal

from .factories import AT
from .test_history import S, city, send, us

__all__ = ["city"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
COVERS, MANY = 40, 10_000


def all_tilted(value: float, at: float) -> None:
    streams = Datastream.objects.filter(quantity="tilt").values_list("pk", flat=True)
    send([(stream, AT + timedelta(seconds=at), value) for stream in streams], AT + timedelta(seconds=at))


def test_the_surplus_has_one_incident_and_clears_with_the_others(
    city: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storms, "MOST_AN_HOUR", 5)
    monkeypatch.setattr("liangwang.operations.signals.MANY", 10)
    with write():
        rows = [
            actions.NewAsset(key=f"N{n}", kind="cover", lon=122.481, lat=30.491, owner="rain")
            for n in range(COVERS)
        ]
        actions.register_assets("manholes", rows, at=AT)
    live = Live()
    for second in range(0, 200, 30):
        all_tilted(2.0 if second == 0 else 40.0, second)
        live.turn(AT + timedelta(seconds=second))
    live.turn(AT + timedelta(seconds=220))
    signals = Signal.objects.filter(rule="manholes:cover_displaced", cleared_at=None)
    assert signals.count() == COVERS + 2
    storm = storms.standing("manholes:cover_displaced")
    assert storm is not None
    assert "已限流" in storm.title["zh"]
    assert signals.filter(case_ref=storm.ref).count() == COVERS + 2 - 5
    assert Case.objects.count() == 6
    for second in range(230, 330, 30):
        all_tilted(1.0, second)
        live.turn(AT + timedelta(seconds=second))
    live.close()
    assert not signals.exists()
    assert us(AT) % S == 0
    readings.close_log()
    again = Live()
    again.close()
    assert Signal.objects.count() == COVERS + 2


@pytest.mark.slow  # half a minute of CPU: 10,000 things are registered and 200 incidents really opened
def test_of_ten_thousand_incidents_two_hundred_are_opened_and_one_tells_of_the_rest(city: object) -> None:
    with write():
        rows = [
            actions.NewAsset(key=f"N{n}", kind="cover", lon=122.481, lat=30.491, owner="rain")
            for n in range(MANY - 2)
        ]
        actions.register_assets("manholes", rows, at=AT)
    live = Live()
    for second in (0, 30, 60, 90, 120):
        all_tilted(2.0 if second == 0 else 40.0, second)
        live.turn(AT + timedelta(seconds=second))
    live.turn(AT + timedelta(seconds=150))
    live.close()
    signals = Signal.objects.filter(rule="manholes:cover_displaced", cleared_at=None)
    storm = storms.standing("manholes:cover_displaced")
    assert storm is not None and signals.count() == MANY
    assert signals.filter(case_ref=storm.ref).count() == MANY - storms.MOST_AN_HOUR
    assert signals.exclude(case_ref=storm.ref).values("case_ref").distinct().count() == storms.MOST_AN_HOUR
    assert Case.objects.count() == storms.MOST_AN_HOUR + 1
