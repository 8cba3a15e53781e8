"""Single readings of many connections are taken together; each request still has its own answer, in its own rows."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.transactions import write
from liangwang.hot import HotAnswer, HotRequest
from liangwang.operations import actions, datastreams, readings, watch
from liangwang.operations.readings_log import READINGS, Reader, unpacked
from tests.operations.factories import AT, load_city

pytestmark = pytest.mark.django_db(transaction=True)


def source(key: str) -> Actor:
    label = {"zh": "测", "en": "test"}
    return Actor(hat="source", role="source", key=key, label=label, scope=("manholes:covers",))  # type: ignore[arg-type]


@pytest.fixture
def covers(data_dir: Path) -> Iterator[Path]:
    for forget in (datastreams.forget, watch.forget, readings.close_log):
        forget()
    with write():
        load_city()
        rows = [
            actions.NewAsset(key=f"G{n}", kind="cover", lon=122.481, lat=30.491, owner="rain")
            for n in range(40)
        ]
        actions.register_assets("manholes", rows, at=AT)
    watch.watch_of(datastreams.refreshed())
    yield data_dir
    for forget in (readings.close_log, datastreams.forget, watch.forget):
        forget()


def row(thing: str, value: float = 2.0, seq: int = 1) -> dict[str, Any]:
    at = round(clock.now().timestamp() * 1e6) // 10_000_000 * 10_000_000
    return {"datastream": f"{thing}.tilt", "at": at, "value": value, "seq": seq}


def ask(*requests: tuple[str, list[dict[str, Any]]]) -> list[HotAnswer]:
    """Send requests at the same time, each (source, rows), as connections of a web process do."""

    async def all_of_them() -> list[HotAnswer]:
        sent = [
            HotRequest(source(key), "\n".join(map(json.dumps, rows)).encode(), "application/x-ndjson", {}, "")
            for key, rows in requests
        ]
        return await asyncio.gather(*(readings.handle(one) for one in sent))

    return asyncio.run(all_of_them())


def kept(data: Path) -> list[int]:
    """How many readings each record of the log holds."""
    found = [record for record in Reader(data / "readings").read() if record.kind == READINGS]
    return [len(unpacked(record.payload)[0].at) for record in found]


def test_what_comes_together_is_one_record_and_each_has_its_answer(covers: Path) -> None:
    found = ask(*((f"source:{n % 2}", [row(f"G{n}")]) for n in range(40)))
    assert [json.loads(one.body) for one in found] == [{"accepted": 1, "rejected": []}] * 40
    assert kept(covers) == [20, 20], "one for each source"


def test_a_repeat_inside_a_request_counts_once_and_one_of_another_request_for_that_one(covers: Path) -> None:
    found = ask(*[("source:a", [row("G1"), row("G1"), row("G2")])] * 2)
    assert [json.loads(one.body)["accepted"] for one in found] == [2, 2]


def test_a_bad_row_is_told_to_its_sender_and_to_nobody_else(covers: Path) -> None:
    found = ask(
        ("source:a", [row("G1")]),
        ("source:a", [row("G2"), row("G3", 999.0)]),
        ("source:a", [row("stranger")]),
        ("source:b", [row("G4")]),
    )
    answers = [json.loads(one.body) for one in found]
    assert [one["accepted"] for one in answers] == [1, 1, 0, 1]
    assert [[line["row"] for line in one["rejected"]] for one in answers] == [[], [2], [1], []]
    assert "180" in answers[1]["rejected"][0]["reason"]["en"]
    assert sum(kept(covers)) == 3


def test_when_the_disk_refuses_all_of_them_hear_it(covers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> "Future[None]":
        refused: Future[None] = Future()
        refused.set_exception(OSError("no space left"))
        return refused

    monkeypatch.setattr(readings.log(), "append", full)
    with pytest.raises(OSError, match="no space"):
        ask(("source:a", [row("G1")]), ("source:a", [row("G2")]))
    assert kept(covers) == []
