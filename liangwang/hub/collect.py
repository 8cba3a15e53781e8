"""Takes in a batch: sealed at the door, checked against its contract, good rows kept, bad rows quarantined."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db.models import F

from liangwang.base import audit, keys
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.models import Office, Place
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import contract, link, store
from .contract import Checked
from .declare import Column, Source
from .models import Batch, Partition
from .orders import require_in_force
from .read_csv import Delivered, delivered
from .schema import rows_schema
from .sources import source_of

MAX_BYTES = 512 * 1024 * 1024


class TooBig(Refusal):
    status, code = 413, "batch_too_big"
    template: ClassVar[Label] = {
        "zh": "这一批超过 {limit_mb} MB，请分成几批报送",
        "en": "This batch is larger than {limit_mb} MB; deliver it in parts",
    }


class NotYourSource(Refusal):
    status, code = 403, "not_your_source"
    template: ClassVar[Label] = {
        "zh": "这把钥匙不能报送“{source}”",
        "en": "This key may not deliver '{source}'",
    }


# --- at the door ---------------------------------------------------------------------------------------


def receive(raw: bytes, *, source: str, name: str, actor: Actor, at: datetime) -> tuple[Batch, bool]:
    """Keeps a delivery durably and sealed, to be loaded by the worker; the same content again is the same batch.

    Must run inside a transaction. Raises TooBig, NotYourSource, NotFound, or OutsideOrder for an emergency pack.
    """
    declared = source_of(source)
    if actor.hat == "source" and not {"*", declared.ref} & set(actor.scope):
        raise NotYourSource(source=declared.ref)
    if len(raw) > MAX_BYTES:
        raise TooBig(limit_mb=MAX_BYTES // 1024 // 1024)
    require_in_force(declared.pack, at)
    content = hashlib.sha256(raw).hexdigest()
    batch, created = Batch.objects.get_or_create(
        pack=declared.pack,
        source=declared.key,
        content_hash=content,
        defaults={
            "office": Office.objects.filter(pk=actor.office_id).first() if actor.office_id else None,
            "name": Path(name).name[:200],
            "bytes": len(raw),
            "received_at": at,
        },
    )
    if created:
        _keep(batch, raw)
        audit.record(actor, "push", thing(batch), at=at, body={"source": declared.ref, "sha256": content})
        emit("batch.received", batch.ref, at, key=f"batch.received/{batch.ref}")
    else:
        Batch.objects.filter(pk=batch.pk).update(deliveries=F("deliveries") + 1)
    return batch, created


def thing(batch: Batch) -> Thing:
    """How a batch shows itself to the policy."""
    offices = frozenset({batch.office_id} if batch.office_id else ())
    return Thing(kind="batch", ref=batch.ref, office_ids=offices)


def inbox(batch: Batch) -> Path:
    """Where a received batch waits, sealed."""
    return store.folder() / "inbox" / batch.ref


def _keep(batch: Batch, raw: bytes) -> None:
    path = inbox(batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    with fresh.open("wb") as out:
        out.write(keys.seal(raw.decode("latin-1"), f"inbox:{batch.ref}"))
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(path)


# --- loading -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sorted:
    """A batch after its check, as two tables: the rows that count and those in quarantine."""

    good: pa.Table
    quarantine: pa.Table
    reasons: dict[str, int]
    links: link.Links | None


def load(batch: Batch, at: datetime) -> Batch:
    """Loads a received batch: reads, checks, links, writes Parquet, and publishes all of it in one transaction.

    Runs any number of times: only the first to commit counts, files of the others are swept as orphans.
    """
    if batch.state != Batch.State.RECEIVED:
        return batch
    declared = source_of(f"{batch.pack}:{batch.source}")
    raw = keys.unseal(inbox(batch).read_bytes(), f"inbox:{batch.ref}").encode("latin-1")
    try:
        require_in_force(declared.pack, at)
        found = delivered(raw, declared.value)
    except Refusal as refused:
        return _refuse(batch, refused.as_json(), at)
    _stage(batch, "checking")
    parts = _sort(batch, declared.value, found)
    total = parts.good.num_rows + parts.quarantine.num_rows
    if total and parts.quarantine.num_rows / total > declared.value.reject_over:
        return _publish(batch, declared, parts, at, refused=True)
    _stage(batch, "storing")
    return _publish(batch, declared, parts, at)


def _stage(batch: Batch, stage: str) -> None:
    Batch.objects.filter(pk=batch.pk).update(stage=stage)


def _sort(batch: Batch, source: Source, found: Delivered) -> Sorted:
    context = contract.Context(batch.received_at, ZoneInfo(settings.TIME_ZONE), place_codes)
    checked = contract.check(found.table, source, context)
    rows = pa.array(found.rows, pa.int32())
    good = pa.array(~checked.bad)
    hashes = _hashes(checked, source, good)
    links = link.links(checked, source, hashes, good)
    numbers = found.rows[~checked.bad]
    nobody = pa.nulls(len(numbers))
    columns: dict[str, pa.Array] = {
        "batch": pa.array(np.full(len(numbers), batch.pk), pa.int64()),
        "row": rows.filter(good),
        "subject_id": links.subject_ids if links else nobody,
        "method": links.methods if links else nobody,
    }
    for name, column in source.columns.items():
        if column.sealed:
            columns[f"{name}_hash"] = hashes[name]
            columns[f"{name}_sealed"] = _sealed(checked.columns[name].filter(good), batch, numbers, name)
        else:
            columns[name] = checked.columns[name].filter(good)
    return Sorted(
        pa.table(columns).cast(rows_schema(source)),
        _quarantine(batch, found, checked),
        _counts(found, checked),
        links,
    )


def _hashes(checked: Checked, source: Source, good: pa.Array) -> dict[str, pa.Array]:
    """The blind index of every sealed column, null where there is no value; equal to that of base's people."""
    found = {}
    for name, column in source.columns.items():
        if column.sealed:
            texts = checked.columns[name].filter(good).to_pylist()
            blinds = [keys.blind(_norm(text, column), column.type) if text else None for text in texts]
            found[name] = pa.array(blinds, pa.string())
    return found


def _norm(text: str, column: Column) -> str:
    return text[-11:] if column.type == "phone" else text


def _sealed(values: pa.Array, batch: Batch, numbers: np.ndarray, name: str) -> pa.Array:
    blobs = [
        keys.seal(text, f"hub:{batch.ref}:{row}:{name}") if text else None
        for row, text in zip(numbers.tolist(), values.to_pylist(), strict=True)
    ]
    return pa.array(blobs, pa.binary())


def _quarantine(batch: Batch, found: Delivered, checked: Checked) -> pa.Table:
    """Row number, every reason, and the original text sealed, for each row that was not taken."""
    numbers: list[int] = []
    reasons: list[str] = []
    blobs: list[bytes] = []
    for row, why, text in sorted(_refused_rows(found, checked)):
        numbers.append(row)
        reasons.append(json.dumps(why))
        blobs.append(keys.seal(text, f"quarantine:{batch.ref}:{row}"))
    return pa.table(
        {
            "row": pa.array(numbers, pa.int32()),
            "reasons": pa.array(reasons, pa.string()),
            "text": pa.array(blobs, pa.binary()),
        }
    )


def _refused_rows(found: Delivered, checked: Checked) -> Iterator[tuple[int, list[list[str]], str]]:
    for row, text in found.broken:
        yield row, [["", "cells"]], text
    for index in np.flatnonzero(checked.bad).tolist():
        why = [[failure.column, failure.code] for failure in checked.failures if failure.mask[index]]
        cells = [found.table[name][index].as_py() for name in found.table.column_names]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        yield int(found.rows[index]), why, line.getvalue()


def _counts(found: Delivered, checked: Checked) -> dict[str, int]:
    counts = {f"{failure.column}:{failure.code}": int(failure.mask.sum()) for failure in checked.failures}
    return {**counts, **({":cells": len(found.broken)} if found.broken else {})}


def _publish(
    batch: Batch, declared: Declared, parts: Sorted, at: datetime, *, refused: bool = False
) -> Batch:
    place = f"{batch.pack}/{batch.source}/{batch.ref}"
    bad = store.write_table(parts.quarantine, f"{place}.quarantine") if parts.quarantine.num_rows else None
    keep = parts.good.num_rows and not refused
    good = store.write_table(parts.good, place) if keep else None
    links = parts.links
    with write():
        won = Batch.objects.filter(pk=batch.pk, state=Batch.State.RECEIVED).update(
            state=Batch.State.REFUSED if refused else Batch.State.LOADED,
            refusal=_too_many_bad(parts) if refused else None,
            loaded_at=at,
            rows=parts.good.num_rows + parts.quarantine.num_rows,
            good=0 if refused else parts.good.num_rows,
            bad=parts.quarantine.num_rows,
            linked=0 if refused or links is None else links.linked,
            unlinked=0 if refused or links is None else parts.good.num_rows - links.linked,
            unusual=not declared.value.rows.min <= parts.good.num_rows <= declared.value.rows.max,
            reasons=parts.reasons,
            stage="",
        )
        batch.refresh_from_db()
        if not won:  # another worker was faster: its files count, these are swept
            return batch
        for file, kind in ((bad, Partition.Kind.QUARANTINE), (good, Partition.Kind.ROWS)):
            if file:
                store.publish(file, kind=kind, pack=batch.pack, source=batch.source, at=at, batch=batch)
        _told(batch, at)
    inbox(batch).unlink(missing_ok=True)
    return batch


def _refuse(batch: Batch, why: dict[str, object], at: datetime) -> Batch:
    with write():
        Batch.objects.filter(pk=batch.pk, state=Batch.State.RECEIVED).update(
            state=Batch.State.REFUSED, refusal=why, loaded_at=at, stage=""
        )
        batch.refresh_from_db()
        _told(batch, at)
    inbox(batch).unlink(missing_ok=True)
    return batch


def _told(batch: Batch, at: datetime) -> None:
    counts = {"rows": batch.rows, "good": batch.good, "bad": batch.bad, "linked": batch.linked}
    audit.record(platform(batch.pack), "create", thing(batch), at=at, outcome=batch.state, body=counts)
    emit(f"batch.{batch.state}", batch.ref, at, counts, key=f"batch.{batch.state}/{batch.ref}")


def _too_many_bad(parts: Sorted) -> dict[str, object]:
    bad, total = parts.quarantine.num_rows, parts.good.num_rows + parts.quarantine.num_rows
    message = {
        "zh": f"{total} 行中有 {bad} 行不合格，超过约定的比例，整批未收。请改正后重新报送",
        "en": f"{bad} of {total} rows are wrong, more than agreed; nothing was taken. Correct them and deliver again",
    }
    return {"error": "too_many_bad_rows", "message": message}


def place_codes(level: str | None) -> frozenset[str]:
    """The division codes of one level of this city, or of all levels."""
    return _codes(level, Place.objects.count())


@cache
def _codes(level: str | None, _size: int) -> frozenset[str]:
    rows = Place.objects.filter(level=level) if level else Place.objects.all()
    return frozenset(rows.values_list("code", flat=True))
