"""Gate passes flow back as records: gate, time and colour, and no person."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.hats import platform
from liangwang.base.transactions import write

from . import store
from .models import Partition

PACK = "gates"


def take_passes(name: str, table: pa.Table, at: datetime) -> int:
    """Stores one segment of passes once, whatever how often it is brought; returns how many were new."""
    path = f"{PACK}/passes/{name}"
    if not table.num_rows or Partition.objects.filter(path=f"{path}.parquet").exists():
        return 0
    written = store.write_table(table, path)
    with write():
        store.publish(written, kind=Partition.Kind.PASSES, pack=PACK, source="passes", at=at)
        body = {"passes": table.num_rows, "sha256": written.sha256}
        audit.record(platform(PACK), "create", Thing(kind="pass", ref=name[:26]), at=at, body=body)
    return int(table.num_rows)


def pass_counts(since: datetime, gate: str | None = None) -> dict[str, int]:
    """How many passes of each colour there were since an instant, at one gate or all."""
    counts: dict[str, int] = {}
    for part in store.in_force(Partition.Kind.PASSES):
        table = store.read(part)
        wanted = pc.greater_equal(table["at"], pa.scalar(since.replace(tzinfo=None), pa.timestamp("us")))
        if gate is not None:
            wanted = pc.and_(wanted, pc.equal(table["gate"], gate))
        for entry in pc.value_counts(table.filter(wanted)["colour"]).to_pylist():
            counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    return counts
