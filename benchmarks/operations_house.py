"""The house of the operations benchmark: the demo city, sensors under three rules each, buttons that call a crew, a key."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.house_data import KEY
from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.demo import load_demo
from liangwang.operations.actions import NewAsset, register_assets
from liangwang.operations.models import Asset, Datastream, Signal, SourceState
from tests.house import ROOT, House

PEOPLE, COVERS = 100, 2_000
PACK = "bench"
COMMANDS, IDLE_SHARE, MOST_START_S = ("web", "live", "worker"), 0.3, 60
BEFORE_US = 3 * 3_600_000_000  # the invented hours before now in which the sensors spoke


def new_house(folder: Path) -> House:
    """A house with tables and nothing in them, in the city whose demo is the largest."""
    data = folder / "data"
    data.mkdir(parents=True)
    house = House(data, environment={"CITY": "shanghai", "DEMO": "0", "PACKS": str(packs(folder))})
    house.prepare()
    return house


def loaded(house: House, *, sensors: int, buttons: int, covers: int = COVERS) -> dict[str, Any]:
    """Load the city into a house that does not run yet; return what the load generator needs to know of it."""
    call = f"operations_house.prepare(sensors={sensors}, buttons={buttons}, covers={covers})"
    found: dict[str, Any] = house.do(f"from benchmarks import operations_house; answer = {call}")
    return found


@contextmanager
def running(house: House) -> Iterator[None]:
    """The house while it runs and all is well; its start is over, so that it costs no figure anything."""
    try:
        house.start()
        house.wait_until(lambda: house.answers() == 200, "all is well", 60)
        for _ in range(MOST_START_S):
            before = {name: cpu_s(house, name) for name in COMMANDS}
            time.sleep(1.0)
            if all(cpu_s(house, name) - before[name] < IDLE_SHARE for name in COMMANDS):
                break
        yield
    finally:
        house.stop()


def packs(folder: Path) -> Path:
    """Every pack of the city, and the one of the benchmark beside them."""
    shelf = folder / "packs"
    shelf.mkdir(parents=True)
    for path in (ROOT / "packs").iterdir():
        (shelf / path.name).symlink_to(path)
    (shelf / PACK).symlink_to(ROOT / "benchmarks" / "bench_pack")
    return shelf


def prepare(*, sensors: int, buttons: int, covers: int = COVERS) -> dict[str, Any]:
    """Load the city; return the keys of sensors and buttons, and the moment of the house in µs."""
    at = clock.now()
    load_demo(people=PEOPLE, covers=covers, at=at)
    with write():
        issue_source_key(KEY, name="bench", office=Office.objects.order_by("id")[0], sources=["*"])
    spots = list(Asset.objects.filter(pack="manholes").select_related("place").order_by("id"))
    with write():
        for kind, count in (("sensor", sensors), ("button", buttons)):
            rows = [_thing(kind, number, spots[number % len(spots)]) for number in range(count)]
            register_assets(PACK, rows, at=at)
    return {
        "sensors": _keys("sensors"),
        "buttons": _keys("buttons"),
        "began_us": round(at.timestamp() * 1e6) - BEFORE_US,
    }


def _thing(kind: str, number: int, spot: Asset) -> NewAsset:
    """A thing where a cover of the demo city is."""
    return NewAsset(
        key=f"{kind}-{number:06d}", kind=kind, lon=spot.lon, lat=spot.lat, owner=spot.owner, place=spot.place
    )


def judged() -> dict[str, int]:
    """How many readings of the sensors were judged since the house began, and what came of them."""
    tally = SourceState.objects.filter(source=f"{PACK}:sensors").values_list("readings", flat=True).first()
    mine = Signal.objects.filter(rule__startswith=f"{PACK}:")
    return {
        "readings": tally or 0,
        "signals": mine.count(),
        "incidents": mine.exclude(case_ref="").values("case_ref").distinct().count(),
    }


def cpu_s(house: House, command: str) -> float:
    """Processor seconds that the house's processes `liangwang <command>` have used."""
    ticks = 0
    for pid in house.pids(command):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _keys(source: str) -> list[str]:
    rows = Datastream.objects.filter(pack=PACK, source=source).order_by("id")
    return list(rows.values_list("key", flat=True))
