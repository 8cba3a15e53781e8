"""What is odd about readings and sources: flags, gaps, repeats, clocks, silence; and a storm sheds the low before the alarms."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office
from liangwang.operations import datastreams, gps, live, pressure, quality, readings, watch
from liangwang.operations.actions import NewAsset, register_assets
from liangwang.operations.counting import Count, Gap
from liangwang.operations.models import SequenceGap, SourceState
from liangwang.operations.observations import readings_between
from liangwang.operations.quality import CHANGE, CLOCK, FLAT, RANGE, Checks, Memory, flags_of
from liangwang.rules.state import Batch
from tests.operations.factories import AT, load_city

S = 1_000_000
NOW = 1_795_406_400_000_000


def batch(*rows: tuple[int, float, float]) -> Batch:
    """Rows of (datastream, seconds from now, value)."""
    return Batch(
        np.array([row[0] for row in rows], np.int32), np.array([NOW + round(row[1] * S) for row in rows]),
        np.zeros(len(rows), np.int64), np.array([row[2] for row in rows], np.float64),
    )  # fmt: skip


def checks() -> Checks:
    made = Checks.none(3)
    made.usual_least[0], made.usual_most[0] = 0, 60
    made.change[1], made.within[1] = 10, 60 * S
    made.flat[2] = 3600 * S
    return made


def test_each_check_flags_what_it_is_for_and_nothing_else() -> None:
    memory = Memory.empty(3)
    assert flags_of(batch((0, 0, 20), (0, 1, 70), (0, 2, -1)), checks(), memory, NOW).tolist() == [
        0,
        RANGE,
        RANGE,
    ]
    leaps = batch((1, 0, 5), (1, 30, 14), (1, 60, 30), (1, 660, 120))
    assert flags_of(leaps, checks(), memory, NOW + 660 * S).tolist() == [0, 0, CHANGE, 0], (
        "ten minutes allow ten times as much"
    )
    assert flags_of(batch((2, 0, 7), (2, 1800, 7)), checks(), memory, NOW + 1800 * S).tolist() == [0, 0]
    assert flags_of(batch((2, 3700, 7), (2, 3800, 8)), checks(), memory, NOW + 3800 * S).tolist() == [FLAT, 0]
    assert flags_of(batch((0, -86_400, 20), (0, 300, 20)), checks(), memory, NOW).tolist() == [CLOCK, CLOCK]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.floats(-100, 100)), max_size=20),
    st.integers(0, 20),
)
def test_a_batch_is_flagged_as_its_parts_are(rows: list[tuple[int, int, float]], cut: int) -> None:
    rows = sorted(set(rows), key=lambda row: row[1])
    rows = [row for n, row in enumerate(rows) if (row[0], row[1]) not in {(r[0], r[1]) for r in rows[:n]}]
    whole = flags_of(batch(*rows), checks(), Memory.empty(3), NOW).tolist()
    memory = Memory.empty(3)
    parts = [flags_of(batch(*part), checks(), memory, NOW).tolist() for part in (rows[:cut], rows[cut:])]
    assert whole == parts[0] + parts[1]


def test_gaps_are_told_and_close_when_the_missing_comes() -> None:
    count = Count()

    def see(*seqs: int, at: int = 0) -> tuple[list[Gap], list[Gap]]:
        n = len(seqs)
        return count.see(np.zeros(n, np.int64), np.array(seqs), np.full(n, at, dtype=np.int64))

    assert see(1, 1, 2, 3, at=1) == ([], []), "quantities of one report share its number"
    assert see(7, 5, at=2) == ([Gap(0, 3, 5), Gap(0, 5, 7)], [])
    assert see(4, at=1) == ([], [Gap(0, 3, 4)])
    assert see(1, at=3) == ([], []), "a later time with a smaller number: the counter began anew"
    assert see(2, at=4) == ([], [])
    assert see(0, 0, at=5) == ([], []), "0 = it does not count"


@pytest.fixture
def covers(db: None, data_dir: Path) -> Iterator[None]:
    for module in (datastreams, watch, pressure):
        module.forget()
    street = load_city()
    rows = [
        NewAsset(key=f"H{n}", kind="cover", lon=street.lon, lat=street.lat, place=street) for n in range(3)
    ]
    register_assets("manholes", rows, at=AT)
    gps.enlist_units(at=AT)
    issue_source_key("health-key", name="health", office=Office.objects.order_by("id")[0], sources=["*"])
    yield
    readings.close_log()
    for module in (datastreams, watch, pressure):
        module.forget()


def send(*rows: dict[str, Any]) -> Any:
    return Client().post(
        "/twin/readings", "\n".join(json.dumps(row) for row in rows), content_type="application/x-ndjson",
        headers={"authorization": "Bearer health-key"},
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_live_tells_how_a_source_fares(covers: None) -> None:
    from liangwang.base import clock

    now = round(clock.now().timestamp() * 1e6)
    rows = [{"datastream": "H0.tilt", "at": now - (9 - n) * S, "seq": n, "value": 2} for n in (1, 2, 3, 6, 6)]
    day_behind = {"datastream": "H1.tilt", "at": now - 86_400 * S, "value": 2}
    assert (
        send(*rows, day_behind, {"datastream": "nobody.tilt", "at": now, "value": 1}).json()["accepted"] == 5
    )
    house = live.Live()
    house.turn(clock.now())
    house.tell_at = 0.0
    house.housekeep()
    state = SourceState.objects.get(source="manholes:covers")
    assert (state.readings, state.missing, state.again) == (6, 2, 1)
    assert state.flagged == {str(CLOCK): 1}
    assert sum(n for _, n in state.minutes) == 6
    gap = SequenceGap.objects.get()
    assert (gap.asset.key, gap.after, gap.before, gap.missing) == ("H0", 3, 6, 2)
    stream = datastreams.index().keys["manholes:covers"]["H1.tilt"]
    assert readings_between([stream]).quality.tolist() == [CLOCK], "the flag is stored with the reading"
    house.close()


@pytest.mark.django_db(transaction=True)
def test_a_storm_sheds_the_low_and_keeps_the_alarms(covers: None, data_dir: Path) -> None:
    from liangwang.base import clock

    now = round(clock.now().timestamp() * 1e6)
    unit = next(key for key in datastreams.index().keys["city_sensing:units"] if key.endswith(".lon"))
    low, alarm = (
        {"datastream": unit, "at": now, "value": 122.0},
        {"datastream": "H0.tilt", "at": now, "value": 2},
    )
    (data_dir / "live").mkdir(exist_ok=True)
    for behind, low_taken in ((0.0, 1), (11.0, 0), (61.0, 0), (1.0, 1)):
        pressure.tell_behind(data_dir / "live", behind)
        pressure.forget()
        found = send(low, alarm).json()
        assert (found["accepted"], found.get("shed", 0)) == (1 + low_taken, 1 - low_taken), behind
    pressure.tell_behind(data_dir / "live", 30.0)
    pressure.forget()
    answer = send(low)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "稍后重送" in answer.json()["rejected"][0]["reason"]["zh"]


def test_every_flag_has_its_words() -> None:
    assert set(quality.FLAG_LABELS) == {RANGE, CHANGE, FLAT, CLOCK}
    assert all(label["zh"] and label["en"] for label in quality.FLAG_LABELS.values())
