"""What replaying the recorded readings finds is what live found: in disorder, twice told, unheard for a while, killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.operations import readings, signals
from liangwang.operations.history import Historian
from liangwang.operations.history_models import HistoryFile
from liangwang.operations.live import Live, replay
from liangwang.operations.models import Datastream, JudgedTo
from tests.tries import tries

from .factories import AT
from .test_history import city, send

__all__ = ["city"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
LATE_S = st.sampled_from((0, 0, 0, 5, 20, 90))
READING = st.tuples(
    st.sampled_from(("M1.tilt", "M2.tilt", "M1.water_depth")),
    LATE_S,
    st.sampled_from((2.0, 8.0, 40.0, 270.0)),
)
STEP = st.tuples(
    st.sampled_from((10, 10, 20, 60, 2400)),  # seconds since the step before; in the longest nobody listened
    st.lists(READING, max_size=3),
    st.sampled_from(("", "", "", "kill", "snapshot", "archive")),
)


@contextmanager
def listening(root: Path) -> Iterator[dict[int, list[Any]]]:
    """Live on a DATA of its own; what each step found, by its number, however often it was judged."""
    told: dict[int, list[Any]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "DATA", root)
        patch.setattr(
            Live, "_carry", lambda _live, this, found, _: told.update({this.number: found.tolist()})
        )
        yield told
    readings.close_log()


@settings(max_examples=tries(6), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=12, max_size=40))
def test_a_replay_finds_what_live_found(city: Path, tmp_path: Path, steps: list[Any]) -> None:
    HistoryFile.objects.all().delete()
    JudgedTo.objects.all().delete()
    readings.close_log()
    streams = dict(Datastream.objects.values_list("key", "id"))
    now = AT
    root = Path(mkdtemp(dir=tmp_path))  # of its own for each example: a drawn name may come again
    with listening(root) as told:
        live, historian = Live(), Historian(root)
        for number, (seconds, rows, then) in enumerate(steps):
            now += timedelta(seconds=seconds)
            if rows:
                send(
                    [(streams[key], now - timedelta(seconds=late), value) for key, late, value in rows],
                    now,
                    seq=number,
                )
            live.turn(now)
            if then == "kill":
                live.steps.close()
                live = Live()
            elif then:
                live.snapshot()
            if then == "archive":
                live.snapshot()
                historian.archive(now)
        live.close()
        again = {
            step.number: found.tolist()
            for step, found in replay(signals.ruleset(), AT - timedelta(hours=1), now + timedelta(hours=1))
            if len(found)
        }
    assert again == {number: found for number, found in told.items() if found}
