"""From the log to the history and down its tiers: nothing lost, nothing twice, and a curve over years in a moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liangwang.base.transactions import write
from liangwang.operations import actions, datastreams, history, readings, retention, signals
from liangwang.operations.history import DAY_US, Historian, recorded
from liangwang.operations.history_models import HistoryFile
from liangwang.operations.live import Live, replay
from liangwang.operations.models import Datastream, JudgedTo, Signal
from liangwang.operations.series import series
from liangwang.rules.state import Batch

from .factories import AT, load_city

pytestmark = pytest.mark.django_db(transaction=True)
S = 1_000_000


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


def tilt(key: str = "M1") -> int:
    return Datastream.objects.get(key=f"{key}.tilt").pk


def send(rows: list[tuple[int, datetime, float]], at: datetime, seq: int = 0) -> None:
    stream, moment, value = zip(*rows, strict=True)
    batch = Batch(
        np.array(stream, dtype=np.int32), np.array([us(m) for m in moment]),
        np.full(len(rows), seq, dtype=np.int64), np.array(value, dtype=np.float64),
    )  # fmt: skip
    readings.take_batch(batch, us(at))


def a_bad_hour(start: datetime = AT) -> None:
    """An hour in which one cover opens after ten minutes and lies flat again after twenty, told every minute."""
    live, one, other = Live(), tilt("M1"), tilt("M2")
    for n in range(60):
        at = start + timedelta(minutes=n)
        send([(one, at, 40.0 if 10 <= n < 20 else 2.0), (other, at, 3.0)], at)
        live.turn(at)
    live.turn(start + timedelta(minutes=61))
    live.snapshot()
    live.turn(start + timedelta(minutes=62))
    live.snapshot()
    live.close()


def transitions(start: datetime, end: datetime) -> list[tuple[Any, ...]]:
    found = [row for _, told in replay(signals.ruleset(), start, end) for row in told]
    return [tuple(row.tolist()) for row in found]


def everything() -> list[tuple[int, int, float]]:
    steps = recorded(Path(history.settings.DATA), 0, 2**62)
    return sorted(
        (int(s), int(a), float(v))
        for _, b in steps
        for s, a, v in zip(b.datastream, b.at, b.value, strict=True)
    )


def test_what_went_into_history_is_replayed_as_it_was_judged(city: Path) -> None:
    a_bad_hour()
    before, rows = transitions(AT - timedelta(hours=1), AT + timedelta(hours=3)), everything()
    assert len(before) == 2
    assert len(rows) == 120
    historian = Historian()
    assert historian.archive(AT + timedelta(hours=1)) > 50
    assert historian.archive(AT + timedelta(hours=1)) == 0
    assert everything() == rows
    assert transitions(AT - timedelta(hours=1), AT + timedelta(hours=3)) == before
    assert Signal.objects.count() == 1


def test_killed_before_the_list_is_written_the_next_run_does_it_again_and_once(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_bad_hour()
    rows = everything()
    with monkeypatch.context() as broken:
        broken.setattr(
            JudgedTo.objects, "update_or_create", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            Historian().archive(AT + timedelta(hours=1))
    assert not HistoryFile.objects.exists()
    assert list((city / "history").rglob("*.parquet"))
    Historian().archive(AT + timedelta(hours=1))
    assert everything() == rows


def test_the_log_is_freed_only_behind_history_and_snapshots(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings.log().segment_bytes = 1000
    a_bad_hour()
    folder = readings.log().folder
    segments, rows = len(list(folder.glob("*.log"))), everything()
    assert segments > 3
    historian = Historian()
    with monkeypatch.context() as stuck:
        stuck.setattr(history, "settled_step", lambda _: 0)
        assert historian.archive(AT) == 0
    assert len(list(folder.glob("*.log"))) == segments
    historian.archive(AT)
    assert len(list(folder.glob("*.log"))) < segments
    assert everything() == rows
    live = Live()
    live.turn(AT + timedelta(minutes=63))
    live.close()
    assert Signal.objects.count() == 1


def test_an_hour_is_merged_a_day_is_closed_and_late_readings_open_it_again(city: Path) -> None:
    midnight = AT.replace(hour=12, minute=0, second=0, microsecond=0)
    historian = Historian()
    for hour in (0, 1):
        a_bad_hour(midnight + timedelta(hours=2 * hour))
        historian.archive(midnight + timedelta(hours=2 * hour + 1))
    done = retention.housekeep(historian.folder, midnight + timedelta(hours=6))
    assert (done["closed"], HistoryFile.objects.filter(tier="minute").count()) == (0, 0)
    night = midnight + timedelta(hours=14)
    assert retention.housekeep(historian.folder, night)["closed"] == 2
    start, end = us(midnight) // DAY_US * DAY_US, us(midnight) // DAY_US * DAY_US + 20 * DAY_US
    curve = series(tilt(), start, end)
    assert (curve.tier, curve.readings) == ("minute", 120)
    assert (curve.least.min(), curve.most.max()) == (2.0, 40.0)
    live = Live()
    send([(tilt(), midnight + timedelta(minutes=90), 77.0)], night)
    for minute in range(3):
        live.turn(night + timedelta(minutes=minute))
        live.snapshot()
    live.close()
    historian.archive(night)
    assert retention.housekeep(historian.folder, night + timedelta(minutes=5))["closed"] == 2
    again = series(tilt(), start, end)
    assert (again.readings, again.most.max()) == (121, 77.0)
    assert series(tilt(), start, end, data=city).readings == 121
    assert retention.housekeep(historian.folder, night + timedelta(minutes=6))["closed"] == 0


def test_a_month_is_one_file_and_a_day_of_it_can_be_made_anew(city: Path) -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    historian = Historian()
    for day in (0, 1):
        a_bad_hour(noon + timedelta(days=day))
    historian.archive(noon + timedelta(days=1, hours=2))
    later = noon + timedelta(days=40)
    retention.housekeep(historian.folder, later)
    hours = HistoryFile.objects.filter(tier="hour", ended_at=None)
    assert [row.arrived for row in hours] == ["2026-03"]
    live = Live()
    send([(tilt(), noon + timedelta(minutes=90), 66.0)], later)
    for minute in range(3):
        live.turn(later + timedelta(minutes=minute))
        live.snapshot()
    live.close()
    historian.archive(later)
    retention.housekeep(historian.folder, later + timedelta(minutes=5))
    assert [row.arrived for row in hours.all()] == ["2026-03"]
    curve = series(tilt(), us(noon) - 100 * DAY_US, us(noon) + 100 * DAY_US)
    assert (curve.tier, curve.readings, curve.most.max()) == ("hour", 121, 66.0)


def test_what_is_past_its_term_goes_but_not_before_its_days_are_closed(city: Path) -> None:
    a_bad_hour()
    historian = Historian()
    historian.archive(AT + timedelta(hours=1))
    year = AT + timedelta(days=400)
    retention.expire(us(year), year)
    assert HistoryFile.objects.filter(tier="raw", ended_at=None).exists()
    retention.housekeep(historian.folder, year)
    assert not HistoryFile.objects.filter(tier="raw", ended_at=None).exists()
    retention.sweep(historian.folder, year + timedelta(hours=1))
    assert not list((historian.folder / "raw").rglob("*.parquet"))
    curve = series(tilt(), us(AT) - DAY_US, us(AT) + DAY_US)
    assert (curve.tier, curve.readings) == ("minute", 60)
