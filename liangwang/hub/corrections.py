"""What the office that delivered gets back to mend: its refused rows with every reason, as a sheet to deliver again."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liangwang.base import audit, keys
from liangwang.base.hats import Actor

from . import contract, store
from .collect import normalised
from .declare import Source
from .delivered import OWN_HEADS
from .inbox import thing
from .models import Batch, Partition
from .sources import source_of

ROW_HEAD, ZH_HEAD, EN_HEAD, LINE_HEAD = OWN_HEADS[:4]
GROUP = 2_000


def may_see_texts(actor: Actor, batch: Batch) -> bool:
    """Whether the texts of refused rows may be shown: to the key of this very source, which sent them."""
    return actor.hat == "source" and f"{batch.pack}:{batch.source}" in actor.scope


def sheet(batch: Batch, actor: Actor, at: datetime) -> Iterator[str]:
    """The refused rows as lines of CSV: row, every reason in zh and en, and the cells as they were delivered.

    The header is the contract's, so that the sheet can be mended in place and delivered again. The cells are empty for
    anybody but the source's own key, whose look is audited; must run inside a transaction then.
    """
    source: Source = source_of(f"{batch.pack}:{batch.source}").value
    open_texts = may_see_texts(actor, batch)
    if open_texts:
        audit.record(actor, "read_sealed", thing(batch), at=at, purpose="correct", body={"rows": batch.bad})
    yield _line([ROW_HEAD, ZH_HEAD, EN_HEAD, *(c.label["zh"] for c in source.columns.values()), LINE_HEAD])
    for row, reasons, blob in _refused(batch):
        words = [contract.reason(source, *word.split(":")) for word in reasons]
        text = keys.unseal(blob, f"quarantine:{batch.ref}:{row}") if open_texts else ""
        cells = _cells(text, source) if reasons != [":cells"] else None
        shown = cells or [""] * len(source.columns)
        line = text if cells is None else ""
        yield _line([str(row), *("；".join(w[lang] for w in words) for lang in ("zh", "en")), *shown, line])


def _refused(batch: Batch) -> Iterator[tuple[int, list[str], bytes]]:
    for part in batch.partitions.filter(kind=Partition.Kind.QUARANTINE, ended_at=None):
        with pq.ParquetFile(store.folder() / part.path) as file:
            for group in file.iter_batches(batch_size=GROUP):
                for line in group.to_pylist():
                    yield line["row"], line["reasons"], line["text"]


def _cells(text: str, source: Source) -> list[str] | None:
    cells = next(csv.reader(io.StringIO(text)), [])
    return cells if len(cells) == len(source.columns) else None


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    # A spreadsheet runs a cell that begins so; it is shown as text instead.
    safe = [f"'{cell}" if cell[:1] in {"=", "@", "\t", "\r"} else cell for cell in cells]
    csv.writer(out, lineterminator="\r\n").writerow(safe)
    return out.getvalue()


def mended(batch: Batch) -> dict[str, Any] | None:
    """Of the batch that this one corrects: how many rows were refused, and how many came again and were taken.

    Rows are known again by their key; one whose key itself was broken counts as not mended.
    """
    old = batch.corrects
    if old is None:
        return None
    source: Source = source_of(f"{batch.pack}:{batch.source}").value
    refused = [
        _cells(keys.unseal(blob, f"quarantine:{old.ref}:{row}"), source)
        for row, why, blob in _refused(old)
        if why != [":cells"]
    ]
    wanted = _keys_of([cells for cells in refused if cells], source)
    return {"corrects": old.ref, "refused": old.bad, "mended": len(wanted & _stored_keys(batch, source))}


def _keys_of(rows: list[list[str]], source: Source) -> set[tuple[str, ...]]:
    """The keys of delivered rows as they are stored: normalised, and blind where the column is sealed."""
    if not rows:
        return set()
    table = pa.table(dict(zip(source.columns, map(pa.array, zip(*rows, strict=True)), strict=True)))
    text = normalised(table, source).select(list(source.key))
    return {tuple(_stored(name, one[name], source) for name in source.key) for one in text.to_pylist()}


def _stored(name: str, text: str, source: Source) -> str:
    column = source.columns[name]
    return keys.blind(text, column.field) if column.sealed else text


def _stored_keys(batch: Batch, source: Source) -> set[tuple[str, ...]]:
    names = [f"{name}_hash" if source.columns[name].sealed else name for name in source.key]
    found: set[tuple[str, ...]] = set()
    for part in batch.partitions.filter(kind=Partition.Kind.ROWS, ended_at=None):
        table = pq.read_table(store.folder() / part.path, columns=names)
        texts = [pc.cast(table[name], pa.string()).to_pylist() for name in names]
        found |= set(zip(*texts, strict=True))
    return found
