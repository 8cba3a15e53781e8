"""Loads a batch: read, normalised, checked, hashed, linked and stored chunk by chunk, published in one transaction.

Nothing counts before `_publish` commits, and every file is written beside its name first; so a load that is killed
anywhere is simply begun again, and what it left is swept.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings

from liangwang.base import audit, keys
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import platform
from liangwang.base.labels import Label
from liangwang.base.models import Place, new_ref
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import (
    contract,
    engine,
    inbox,
    link,
    live,
    near,
    normalise,
    read_csv,
    read_parquet,
    register,
    review,
    store,
    vault,
)
from .declare import Source
from .delivered import Chunk, Delivered
from .doubles import Doubles
from .models import Batch, Partition
from .orders import require_in_force
from .schema import QUARANTINE, rows_schema, sealed_columns
from .sources import source_of

MEMORY = "1500MB"
TRIES = 5  # loads that are overtaken by another that registers the same people
READING, CHECKING, LINKING, STORING, SETTLING = "reading", "checking", "linking", "storing", "settling"


class EngineFault(Exception):
    """A query failed. Its words are not repeated: a query holds the secret of the blind index."""


class WaitingForSpace(Refusal):
    status, code = 507, "waiting_for_space"
    template: ClassVar[Label] = {
        "zh": "存储空间不足，这一批还没有装载；腾出空间后会自动重试",
        "en": "There is no space left, so this batch is not loaded yet; it is tried again when there is",
    }


class TooManyBad(Refusal):
    status, code = 422, "too_many_bad_rows"
    template: ClassVar[Label] = {
        "zh": "{total} 行中有 {bad} 行不合格，超过约定的比例，整批未收。请改正后重新报送",
        "en": "{bad} of {total} rows are wrong, more than agreed; nothing was taken. Correct them and deliver again",
    }


def load(batch: Batch, at: datetime, tries: int = TRIES) -> Batch:
    """Loads a received batch; runs any number of times, and only the first to commit counts.

    A batch that cannot be taken is refused with its reason. Without space on the disk it stays received, says so, and is
    tried again by the tick.
    """
    if batch.state != Batch.State.RECEIVED:
        return batch
    declared = source_of(f"{batch.pack}:{batch.source}")
    try:
        require_in_force(declared.pack, at)
        with engine.bulk(), Loading(batch, declared.value, at) as work:
            _mark(batch, stage=READING, refusal=None)
            with delivered(batch, declared.value) as found:
                work.run(found.chunks)
            _mark(batch, stage=STORING)
            return _publish(batch, declared, work, found.drift, at)
    except live.RegisteredMeanwhile:
        if tries <= 1:
            raise
        return load(Batch.objects.get(pk=batch.pk), at, tries - 1)
    except Refusal as refused:
        return _refuse(batch, refused.as_json(), at)
    except OSError as fault:
        if fault.errno not in inbox.FULL:
            raise
        _mark(batch, stage="", refusal=WaitingForSpace().as_json())
        return batch


@contextmanager
def delivered(batch: Batch, source: Source) -> Iterator[Delivered]:
    """A received batch opened as what it is: Parquet by its first bytes, else CSV."""
    with inbox.opened(batch) as file:
        if file.read(4) == read_parquet.MAGIC:
            yield read_parquet.delivered(inbox.path_of(batch), source, settings.TIME_ZONE)
        else:
            yield read_csv.delivered(file, source)


def _mark(batch: Batch, **fields: Any) -> None:
    """Shows how far a load is; of no weight for what counts."""
    Batch.objects.filter(pk=batch.pk, state=Batch.State.RECEIVED).update(**fields)
    for name, value in fields.items():
        setattr(batch, name, value)


# --- one load ------------------------------------------------------------------------------------------


class Refused(NamedTuple):
    """A row that is not taken: its number, every reason, and its original text."""

    row: int
    reasons: list[str]
    text: str


class Checked(NamedTuple):
    """One chunk against its contract: its good rows, typed and hashed, and the others."""

    good: pa.Table
    refused: list[Refused]


class Loading:
    """The files of a load in the making, and its counts; closing it without publishing leaves nothing."""

    def __init__(self, batch: Batch, source: Source, at: datetime) -> None:
        self.batch, self.source = batch, source
        self.newcomers = live.Newcomers(source, at) if source.registers else None
        # Of two workers with one batch each has its own files: the slower must not rename over those that count.
        self.place = f"{batch.pack}/{batch.source}/{batch.ref}-{new_ref()[:6]}"
        # Looked up here, because the checks run in a thread of their own, which has no place in our transaction.
        levels: set[str | None] = {c.level for c in source.columns.values() if c.type == "place"}
        places = {level: place_codes(level) for level in levels}
        zone = ZoneInfo(settings.TIME_ZONE)
        self.context = contract.Context(batch.received_at, zone, places.__getitem__)
        self.doubles = Doubles()
        self.reasons: Counter[str] = Counter()
        self.good = self.bad = self.linked = 0

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self.con, self.checking = (self._connected() for _ in range(2))
        self.matcher = live.Matcher(self.con, self._run, self.source)
        self.rows = self._open.enter_context(store.TableWriter(self.place, rows_schema(self.source)))
        self.quarantine = self._open.enter_context(store.TableWriter(f"{self.place}.quarantine", QUARANTINE))
        self.vault = self._open.enter_context(vault.VaultWriter(f"{self.place}.vault"))
        return self

    def __exit__(self, *fault: Any) -> None:
        self._open.__exit__(*fault)

    def _connected(self) -> "ibis.BaseBackend":
        # One thread each: two of these run at a time, and DuckDB's own second thread doubled their CPU, not their speed.
        con = ibis.duckdb.connect(threads=1, memory_limit=MEMORY, temp_directory="")
        self._open.callback(con.disconnect)
        return con

    def run(self, chunks: Iterator[Chunk]) -> None:
        """Takes every chunk, each checked while the one before is linked and stored: work for two cores."""

        def following() -> Checked | None:
            chunk = next(chunks, None)
            return None if chunk is None else self._checked(chunk)

        with ThreadPoolExecutor(1) as other:
            coming = other.submit(following)
            while (ready := coming.result()) is not None:
                coming = other.submit(following)
                self._take(ready)
                ready = None  # a chunk is hundreds of megabytes: none is held longer than it is needed
                _mark(self.batch, stage=CHECKING, rows_done=self.good + self.bad)

    def _take(self, checked: Checked) -> None:
        """Links and stores the good rows of one chunk, and sets the others aside."""
        self._set_aside(checked.refused)
        if checked.good.num_rows:
            _mark(self.batch, stage=LINKING)
            self._store(self._linked(checked.good))

    def _checked(self, chunk: Chunk) -> Checked:
        text = normalised(chunk.table, self.source)
        double = self.doubles.among([text[name].combine_chunks() for name in self.source.key])
        table = text.append_column("row", pa.array(chunk.rows, pa.int32()))
        table = table.append_column("doubled", pa.array(double))
        flagged = contract.checked(ibis.memtable(table), self.source, self.context)
        found = in_order(self._run(contract.hashed(flagged, self.source), self.checking), "row")
        is_good = pc.equal(pc.list_value_length(found["reasons"]), 0)
        refused = self._refused(chunk, found.filter(pc.invert(is_good)))
        return Checked(found.filter(is_good).drop_columns(["reasons"]), refused)

    def _refused(self, chunk: Chunk, bad: pa.Table) -> list[Refused]:
        """The rows that are not taken, in their order."""
        places = np.searchsorted(chunk.rows, bad["row"].to_numpy())
        originals = chunk.table.take(pa.array(places)).to_pylist()
        refused = [Refused(row, [":cells"], text) for row, text in chunk.broken]
        refused += [
            Refused(row, why, line_of(original.values()))
            for row, why, original in zip(
                bad["row"].to_pylist(), bad["reasons"].to_pylist(), originals, strict=True
            )
        ]
        return sorted(refused, key=lambda one: one.row)

    def _linked(self, good: pa.Table) -> pa.Table:
        known = self._register(good)
        # Only what links goes through the join: to put all columns in order again behind it would cost more than it.
        asked = ibis.memtable(good.select(["row", *link.columns_of(self.source)]))
        links = self._run(link.linked(asked, known, self.source)).sort_by("row")
        found = good
        for name in link.FOUND:
            found = found.append_column(name, links[name])
        if self.newcomers is not None:
            found = self.newcomers.take(found)
        return self.matcher.take(found)

    def _register(self, rows: pa.Table) -> ibis.Table:
        """Whom the rows can mean: looked up in the database for a few rows, the register's files for many."""
        if rows.num_rows <= near.MOST_ROWS:
            return near.register(rows, self.source)
        return register.register(self.con, self.source.about)

    def _run(self, expression: ibis.Table, con: "ibis.BaseBackend | None" = None) -> pa.Table:
        try:
            return (con or self.con).to_pyarrow(expression)
        except duckdb.Error as fault:
            raise EngineFault(type(fault).__name__) from None

    def _store(self, found: pa.Table) -> None:
        sealed = sealed_columns(self.source)
        if sealed:
            self.vault.add(found.select(["row", *sealed]))
        schema = rows_schema(self.source)
        numbers = pa.array(np.full(found.num_rows, self.batch.pk), pa.int64())
        table = found.append_column("batch", numbers).select(schema.names).cast(schema)
        # Row groups of neighbouring subjects: a reader of one subject skips the others.
        self.rows.add(in_order(table, "subject_id"))
        self.good += table.num_rows
        self.linked += table.num_rows - table["subject_id"].null_count

    def _set_aside(self, refused: list[Refused]) -> None:
        """Row number, every reason, and the original text sealed, for each row that is not taken."""
        self.reasons.update(word for one in refused for word in one.reasons)
        self.bad += len(refused)
        if refused:
            blobs = [keys.seal(one.text, f"quarantine:{self.batch.ref}:{one.row}") for one in refused]
            numbers, reasons = [one.row for one in refused], [one.reasons for one in refused]
            self.quarantine.add(pa.table([numbers, reasons, blobs], names=QUARANTINE.names).cast(QUARANTINE))

    def too_many_bad(self) -> dict[str, object] | None:
        """Why the whole batch is refused, or None."""
        total = self.good + self.bad
        if not total or self.bad / total <= self.source.reject_over:
            return None
        return TooManyBad(total=total, bad=self.bad).as_json()


def in_order(table: pa.Table, column: str) -> pa.Table:
    """The table in rising order of a column, nulls last; one that is in order is not copied."""
    values = table[column].combine_chunks()
    filled = values.drop_null().to_numpy()
    tail = values.slice(len(filled)).null_count == values.null_count
    if tail and bool(np.all(filled[1:] >= filled[:-1])):
        return table
    return table.take(pc.sort_indices(table, sort_keys=[(column, "ascending")]))


def normalised(table: pa.Table, source: Source) -> pa.Table:
    """Canonical text of every column; what cannot be read stays as it was delivered."""
    return pa.table(
        {name: _normal(column.type, table[name].combine_chunks()) for name, column in source.columns.items()}
    )


def _normal(kind: str, text: pa.Array) -> pa.Array:
    if kind in normalise.KINDS:
        return normalise.column(kind, text)
    if kind == "text" or pc.all(pc.string_is_ascii(text)).as_py() is not False:
        return text
    return pc.utf8_normalize(text, form="NFKC")  # numbers, dates and codes typed in full width


def line_of(cells: Any) -> str:
    """One row as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


# --- published -----------------------------------------------------------------------------------------


def _publish(
    batch: Batch, declared: Declared, work: Loading, drift: dict[str, list[str]], at: datetime
) -> Batch:
    refusal = work.too_many_bad()
    files: list[tuple[store.TableWriter | vault.VaultWriter, str]] = [
        (work.quarantine, Partition.Kind.QUARANTINE)
    ]
    if refusal is None:
        files += [(work.rows, Partition.Kind.ROWS), (work.vault, Partition.Kind.VAULT)]
    written = [(file.finish(), kind) for file, kind in files if file.rows]
    good, linked = (0, 0) if refusal else (work.good, work.linked)
    with write():
        won = Batch.objects.filter(pk=batch.pk, state=Batch.State.RECEIVED).update(
            state=Batch.State.REFUSED if refusal else Batch.State.LOADED,
            refusal=refusal,
            loaded_at=at,
            contract=declared.version_hash,
            rows=work.good + work.bad,
            rows_done=work.good + work.bad,
            good=good,
            bad=work.bad,
            linked=linked,
            unlinked=good - linked,
            unusual=not declared.value.rows.min <= work.good <= declared.value.rows.max,
            reasons=dict(work.reasons),
            drift=drift,
            stage="" if refusal else SETTLING,
        )
        batch.refresh_from_db()
        if not won:  # another worker was faster: its files count, these are swept
            return batch
        for file, kind in written:
            store.publish(file, kind=kind, pack=batch.pack, source=batch.source, at=at, batch=batch)
        if refusal is None:
            if work.newcomers is not None:
                work.newcomers.enrol()
            review.open_for_rows(batch, work.matcher.doubts, at)
        _told(batch, at)
    inbox.path_of(batch).unlink(missing_ok=True)
    return batch


def settled(batch: Batch) -> None:
    """Marks a loaded batch as wholly done: its subjects are settled and judged."""
    Batch.objects.filter(pk=batch.pk, stage=SETTLING).update(stage="")


def _refuse(batch: Batch, why: dict[str, object], at: datetime) -> Batch:
    with write():
        Batch.objects.filter(pk=batch.pk, state=Batch.State.RECEIVED).update(
            state=Batch.State.REFUSED, refusal=why, loaded_at=at, stage=""
        )
        batch.refresh_from_db()
        _told(batch, at)
    inbox.path_of(batch).unlink(missing_ok=True)
    return batch


def _told(batch: Batch, at: datetime) -> None:
    counts = {"rows": batch.rows, "good": batch.good, "bad": batch.bad, "linked": batch.linked}
    audit.record(platform(batch.pack), "create", inbox.thing(batch), at=at, outcome=batch.state, body=counts)
    emit(f"batch.{batch.state}", batch.ref, at, counts, key=f"batch.{batch.state}/{batch.ref}")


def place_codes(level: str | None) -> frozenset[str]:
    """The division codes of one level of this city, or of all levels."""
    return _codes(level, Place.objects.count())


@cache
def _codes(level: str | None, _size: int) -> frozenset[str]:
    rows = Place.objects.filter(level=level) if level else Place.objects.all()
    return frozenset(rows.values_list("code", flat=True))
