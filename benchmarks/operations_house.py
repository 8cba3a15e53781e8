"""What the operations benchmark needs inside a house: covers with their datastreams, and a key that may send them."""

from __future__ import annotations

from typing import Any

from benchmarks.house_data import KEY
from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.demo import load_demo
from liangwang.operations.models import Datastream

PEOPLE, COVERS = 100, 5_000


def prepare() -> dict[str, Any]:
    """The keys of all datastreams of 5,000 covers, and the moment of the house in µs."""
    at = clock.now()
    load_demo(people=PEOPLE, covers=COVERS, at=at)
    with write():
        issue_source_key(KEY, name="bench", office=Office.objects.order_by("id")[0], sources=["*"])
    keys = Datastream.objects.filter(pack="manholes").order_by("id").values_list("key", flat=True)
    return {"datastreams": list(keys), "now_us": round(at.timestamp() * 1e6)}
