"""The whole load of a city's records: twenty categories of deliveries through the product's own loader, and their truth."""

from __future__ import annotations

import hashlib
import json
import re
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import ibis
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db import connection

from liangwang.base import clock, keys
from liangwang.base.hats import platform
from liangwang.base.places import load_places
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.hub import contract, inbox, link, link_model, near, store
from liangwang.hub import register as hub_register
from liangwang.hub.actions import load
from liangwang.hub.declare import Column, Source
from liangwang.hub.generate import Recipe
from liangwang.hub.generate_files import recipe_of, write_all
from liangwang.hub.generate_files import register as invented
from liangwang.hub.generate_people import texts
from liangwang.hub.models import Batch, Order, Partition
from liangwang.hub.sources import is_emergency, source_of, sources
from liangwang.worker import LONG

SEED = 1
HASHED = {"identity": link.KEY, "phone": "phone"}


FIRST = 1_000_000_000  # subject ids of the register: above all that base gives in a run


def register(people: int) -> int:
    """Writes places, an order for every emergency pack, and the registers of people and companies."""
    at = clock.now()
    with write():
        load_places(settings.CITY_DIR, at=at)
        _order(at)
    recipe = _recipe(people)
    put_register("person", _people(recipe))
    put_register("company", _companies(recipe))
    return people


def prepare(folder: str, people: int, rows: int) -> dict[str, Any]:
    """Writes deliveries of `rows` rows of all sources."""
    began = time.process_time()
    Path(folder).mkdir(parents=True)
    counts = write_all(Path(folder), sources(), rows, _recipe(people), ("parquet",))
    return {
        "categories": len({one.value.category["zh"] for one in sources()}),
        "generate_cpu_s": round(time.process_time() - began, 1),
        "files_gb": round(sum(path.stat().st_size for path in Path(folder).glob("*.parquet")) / 1e9, 2),
        "made": sum(counts.values()),
    }


def _recipe(people: int) -> Recipe:
    recipe = recipe_of(people, SEED, local_day(clock.now()))
    return replace(recipe, people=replace(recipe.people, first=FIRST))


def _order(at: datetime) -> None:
    packs = sorted({one.pack for one in sources() if is_emergency(one.pack)})
    Order.objects.create(
        number="测试〔2026〕1号",
        title={"zh": "测试", "en": "bench"},
        basis="bench",
        packs=packs,
        starts_at=at - timedelta(days=1),
        ends_at=at + timedelta(days=30),
        proposed_at=at,
        signed_at=at,
    )


def put_register(about: str, pieces: Iterable[pa.Table]) -> None:
    """A register as the hub keeps it: a partition with keys, made without base's tables.

    Enrolling 14 million people is base's work and no part of this benchmark. Of the features only those are filled that
    links by identifier, or by name, birth date and phone, look at.
    """
    with store.TableWriter(f"{hub_register.PACK}/{about}/bench", hub_register.SCHEMA) as out:
        for piece in pieces:
            out.add(_completed(piece))
        file = out.finish()
    with write():
        kind = Partition.Kind.REGISTER
        store.publish(file, kind=kind, pack=hub_register.PACK, source=about, at=clock.now())


def _people(recipe: Recipe) -> Iterator[pa.Table]:
    con = store.connect()
    for piece in invented(recipe.people):
        people = ibis.memtable(piece)
        hashes = {key: _blind(people, name) for name, key in HASHED.items()}
        yield con.to_pyarrow(people.select("subject_id", "name", "sex", birth=people.birth_on, **hashes))


def _companies(recipe: Recipe) -> Iterator[pa.Table]:
    which = np.arange(recipe.people.companies)
    codes = texts(recipe.people.credit_codes(which))
    yield pa.table({"subject_id": pa.array(which + 2 * FIRST), link.KEY: codes})


def _completed(found: pa.Table) -> pa.Table:
    for field in hub_register.SCHEMA:
        if field.name not in found.column_names:
            found = found.append_column(field, pa.nulls(found.num_rows, field.type))
    return found.select(hub_register.SCHEMA.names).cast(hub_register.SCHEMA)


def _blind(people: ibis.Table, name: str) -> ibis.Value:
    secret = ibis.literal(keys.blind_prefix(name))
    return (secret + people[name]).hexdigest("sha256").substr(0, contract.BLIND_CHARACTERS)


# --- the load ----------------------------------------------------------------------------------------------


def load_all(folder: str) -> dict[str, Any]:
    """Takes and loads every delivery of the folder, two at a time, as the worker does.

    Rows without a number are not given to the model: the people of this register are in no table of base's, and what
    the model does is measured by `benchmarks/linkage.py`.
    """
    link_model.switch_off()
    near.MOST_ROWS = 0  # small chunks, which would ask base's tables, look into the register's files too
    cpu, wall = _cpu_s(), time.perf_counter()
    paths = sorted(Path(folder).glob("*.parquet"))
    with memory() as most, ThreadPoolExecutor(LONG.count(settings.LOADS)) as loaders:
        found = dict(loaders.map(_load_one, paths))
        peak = most()
    return {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(_cpu_s() - cpu, 2),
        "rows": sum(one["rows"] for one in found.values()),
        "peak_gb": round(peak / 1e9, 2),
        "text_gb": text_gb(Path(folder)),
        "sources": found,
    }


def _load_one(path: Path) -> tuple[str, dict[str, Any]]:
    ref = path.stem.replace(".", ":", 1)
    began = time.perf_counter()
    batch = take(path, ref)
    taken = time.perf_counter()
    batch = load(batch, clock.now())
    connection.close()
    if batch.state != Batch.State.LOADED:
        raise RuntimeError(f"{ref}: {batch.state} {batch.refusal}")
    return ref, {
        "rows": batch.rows,
        "linked": batch.linked,
        "take_s": round(taken - began, 2),
        "load_s": round(time.perf_counter() - taken, 2),
    }


def text_gb(folder: Path) -> float:
    """How large all rows would be at once as Arrow text, by the first piece of each delivery."""
    total = 0.0
    for path in folder.glob("*.parquet"):
        file = pq.ParquetFile(path)
        some = next(file.iter_batches(batch_size=10_000))
        total += some.nbytes / some.num_rows * file.metadata.num_rows
    return total / 1e9


def take(path: Path, ref: str) -> Batch:
    """A file as the drop folder delivers it: sealed into the inbox, and a batch of it."""
    with path.open("rb") as file, write():
        actor, at = platform(source_of(ref).pack), clock.now()
        batch, _ = inbox.take(
            inbox.deposit(file), source=ref, name=path.name, actor=actor, at=at, channel=Batch.Channel.DROP
        )
    return batch


def _cpu_s() -> float:
    """CPU seconds of this process and of the children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def memory() -> Iterator[Callable[[], int]]:
    """Samples the resident bytes of this process and its reading children; yields how to ask for the most so far.

    The kernel's own high-water mark of a child counts the pages that it shared with us before it became the reader.
    """
    most, stop, me = 0, Event(), psutil.Process()

    def sample() -> None:
        nonlocal most
        while not stop.wait(0.1):
            readers = [p for p in me.children() if any("parquet_child" in word for word in _words(p))]
            most = max(most, sum(_resident(p) for p in [me, *readers]))

    thread = Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield lambda: most
    finally:
        stop.set()
        thread.join()


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def judge(folder: str) -> dict[str, Any]:
    """Compares what was linked and refused with the truth: counts over all batches about people."""
    total = dict.fromkeys(
        (
            "linked",
            "right",
            "named",
            "named_right",
            "unnamed",
            "unnamed_linked",
            "unnamed_right",
            "bad",
            "bad_found",
        ),
        0,
    )
    newest = {
        (batch.pack, batch.source): batch
        for batch in Batch.objects.filter(state=Batch.State.LOADED).order_by("pk")
    }
    for batch in newest.values():
        for key, count in _judged(batch, Path(folder)).items():
            total[key] += count
    return {
        **total,
        "precision": total["right"] / max(1, total["linked"]),
        "recall": (total["named_right"] + total["unnamed_right"]) / max(1, total["named"] + total["unnamed"]),
        "named_recall": total["named_right"] / max(1, total["named"]),
    }


def _judged(batch: Batch, folder: Path) -> dict[str, int]:
    truth = pq.read_table(folder / "truth" / f"{batch.pack}.{batch.source}.parquet")
    good = np.asarray(pc.equal(pc.list_value_length(truth["reasons"]), 0))
    bad_rows = _column(batch, Partition.Kind.QUARANTINE, "row")
    found_bad = np.zeros(truth.num_rows, bool)
    found_bad[bad_rows - 1] = True
    counts = {"bad": int((~good).sum()), "bad_found": int((~good & found_bad).sum())}
    if source_of(f"{batch.pack}:{batch.source}").value.about != "person":
        return counts
    got = np.full(truth.num_rows, -1, np.int64)
    got[_column(batch, Partition.Kind.ROWS, "row") - 1] = _column(batch, Partition.Kind.ROWS, "subject_id")
    got[got < FIRST] = -1  # newcomers: strangers whom a register took in
    person = pc.fill_null(truth["person"], -FIRST - 1).to_numpy() + FIRST
    known = good & (person > 0)
    named, right = np.asarray(truth["named"]), (got == person) & (got > 0)
    return {
        **counts,
        "linked": int((got > 0).sum()),
        "right": int(right.sum()),
        "named": int((known & named).sum()),
        "named_right": int((right & named).sum()),
        "unnamed": int((known & ~named).sum()),
        "unnamed_linked": int(((got > 0) & ~named).sum()),
        "unnamed_right": int((right & ~named).sum()),
    }


def _column(batch: Batch, kind: str, name: str) -> np.ndarray:
    """One integer column of a batch's partition; null is -1."""
    partitions = batch.partitions.filter(kind=kind, ended_at=None)
    parts = [pq.read_table(store.folder() / one.path, columns=[name])[name] for one in partitions]
    if not parts:
        return np.empty(0, np.int64)
    return np.concatenate([pc.fill_null(pc.cast(part, pa.int64()), -1).to_numpy() for part in parts])


# --- the peer ----------------------------------------------------------------------------------------------

PEER_SOURCES = ("emergency_travel:rail", "city_code:community", "social_security:employment")
PEER_ROWS = 20_000
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def row_by_row(folder: str) -> dict[str, Any]:
    """Plain Python over some rows of three deliveries: check each cell, hash the number, look it up in a dict."""
    seconds, rows, linked, right, named, named_right = 0.0, 0, 0, 0, 0, 0
    for ref in PEER_SOURCES:
        source, stem = source_of(ref).value, ref.replace(":", ".")
        table = next(pq.ParquetFile(Path(folder) / f"{stem}.parquet").iter_batches(PEER_ROWS)).to_pylist()
        truth = pq.read_table(Path(folder) / "truth" / f"{stem}.parquet").slice(0, PEER_ROWS).to_pylist()
        known = _by_hash(folder, [line["person"] for line in truth if line["person"] is not None])
        heads = {name: column.label["zh"] for name, column in source.columns.items()}
        began = time.process_time()
        found = [_one_row(source, heads, line, known) for line in table]
        seconds += time.process_time() - began
        for got, line in zip(found, truth, strict=True):
            rows, linked = rows + 1, linked + (got is not None)
            hit = got is not None and line["person"] == got
            right, wanted = right + hit, line["named"] and not line["reasons"] and line["person"] is not None
            named, named_right = named + wanted, named_right + (hit and wanted)
    return {
        "rows": rows,
        "rows_per_s": rows / seconds,
        "precision": right / linked,
        "named_recall": named_right / named,
    }


def _by_hash(folder: str, people: list[int]) -> dict[str, int]:
    size = json.loads((Path(folder) / "made.json").read_text())["people"]
    numbers = texts(_recipe(size).people.identities(np.array(people))).to_pylist()
    return {_digest(number): person for number, person in zip(numbers, people, strict=True)}


def _digest(number: str) -> str:
    return hashlib.sha256(f"key{number}".encode()).hexdigest()[:32]


def _one_row(
    source: Source, heads: dict[str, str], line: dict[str, str], known: dict[str, int]
) -> int | None:
    """Whom the row is about, None for a bad row or nobody."""
    number = ""
    for name, column in source.columns.items():
        text = line[heads[name]].strip()
        if not text:
            if not column.optional:
                return None
        elif not _PLAIN.get(column.type, _any)(text, column):
            return None
        if name in source.identifiers:
            number = text
    return known.get(_digest(number)) if number else None


def _any(text: str, column: Column) -> bool:
    return column.max is None or len(text) <= int(column.max)


def _holds(text: str, _: Column) -> bool:
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", text):
        return False
    return "10X98765432"[sum(int(c) * w for c, w in zip(text, WEIGHTS, strict=False)) % 11] == text[17]


def _is_day(text: str, _: Column) -> bool:
    try:
        return datetime.fromisoformat(text).year < 2090
    except ValueError:
        return False


_PLAIN: dict[str, Callable[[str, Column], bool]] = {
    "identity": _holds,
    "phone": lambda text, _: re.fullmatch(r"1[3-9]\d{9}", text) is not None,
    "name": lambda text, _: re.fullmatch(r"[\u4e00-\u9fff·]{2,50}", text) is not None,
    "date": _is_day,
    "time": _is_day,
    "code": lambda text, column: text in column.values,
    "integer": lambda text, _: text.lstrip("+-").isdigit(),
    "place": lambda text, _: text.isdigit(),
}
