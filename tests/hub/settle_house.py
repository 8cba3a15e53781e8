"""Rows put straight into the hub for tests of settling: no file is parsed, so that hundreds of cases are cheap."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from liangwang.base import keys
from liangwang.base.transactions import write
from liangwang.hub import reconcile, settled, store
from liangwang.hub.models import Batch, Disagreement, Partition
from liangwang.hub.schema import rows_schema
from liangwang.hub.sources import source_of

from . import factories as make

PACK = "city_code"
SOURCES = ("fever_clinics", "travel", "community")


class Said(NamedTuple):
    """One row: which source says it under which key, of whom, which name and phone, how many days ago."""

    source: str
    key: int
    person: int
    name: str
    phone: int
    days_ago: int


def deliver(rows: Iterable[Said], at: datetime = make.AT) -> list[Batch]:
    """One batch of each source that the rows are of, stored and in force."""
    listed = list(rows)
    return [
        _store(s, [row for row in listed if row.source == s], at)
        for s in SOURCES
        if any(r.source == s for r in listed)
    ]


def _store(source: str, rows: list[Said], at: datetime) -> Batch:
    declared = source_of(f"{PACK}:{source}")
    batch = Batch.objects.create(
        pack=PACK, source=source, content_hash=f"{Batch.objects.count()}", bytes=0, state="loaded",
        received_at=at, loaded_at=at, rows=len(rows), good=len(rows),
    )  # fmt: skip
    schema = rows_schema(declared.value)
    lines = [_line(declared.value, row, n, batch) for n, row in enumerate(rows, start=1)]
    table = pa.Table.from_pylist(lines, schema=schema).sort_by("subject_id")
    written = store.write_table(table, f"{PACK}/{source}/{batch.ref}")
    with write():
        store.publish(written, kind=Partition.Kind.ROWS, pack=PACK, source=source, at=at, batch=batch)
    return batch


def _line(source: Any, row: Said, number: int, batch: Batch) -> dict[str, Any]:
    found: dict[str, Any] = {"batch": batch.pk, "row": number, "subject_id": row.person}
    said = {column.says: name for name, column in source.columns.items() if column.says}
    found[source.key[0]] = f"K{row.key}"
    found[source.observed] = observed(row)
    found[said["name"]] = row.name
    found[f"{said['phone']}_hash"] = keys.blind(make.phone_number(row.phone), "phone")
    return found


def observed(row: Said) -> date:
    return make.TODAY - timedelta(days=row.days_ago)


def values() -> set[tuple[Any, ...]]:
    """Every settled cell that counts, without the numbers of batches and rows."""
    cells = settled.everything(PACK).to_pylist()
    return {
        (
            cell["subject_id"],
            cell["attribute"],
            cell["value"],
            cell["state"],
            cell["at"],
            tuple(one["source"] for one in cell["support"]),
            tuple(sorted(one["source"] for one in cell["against"])),
        )
        for cell in cells
    }


def exact() -> list[dict[str, Any]]:
    """Every settled cell that counts, with each statement for and against it."""
    return sorted(
        settled.everything(PACK).to_pylist(), key=lambda cell: (cell["subject_id"], cell["attribute"])
    )


def conflicts() -> set[tuple[int, str]]:
    return set(Disagreement.objects.filter(ended_at=None).values_list("subject_id", "attribute"))


def settle(ids: Iterable[int] | None = None, minutes: int = 0) -> None:
    reconcile.settle(ids, make.AT + timedelta(minutes=minutes), PACK)
