"""Commands for who adds a source: try a file against its contract, and issue the key with which an office delivers."""

import io
import secrets
import sys
from collections import Counter
from typing import TextIO
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.db import OperationalError, ProgrammingError

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.hats import issue_source_key
from liangwang.base.keys import file_key
from liangwang.base.models import Office
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import contract, inbox, read_csv, read_parquet
from .collect import normalised, place_codes
from .delivered import Delivered
from .doubles import Doubles
from .sealed_files import SealedReader
from .sources import source_of

SHOWN = 10


def try_source(source: str, file: str) -> int:
    """Holds a file to its source's contract and prints every reason; nothing is kept. 1 where rows or all are refused."""
    try:
        declared = source_of(source)
        with open(file, "rb") as given:
            held = inbox.deposit(given)
    except Refusal as refused:
        return _told(refused)
    except OSError as fault:
        print(f"✗ {file}: {fault.strerror}")
        return 1
    try:
        return _tried(declared, held)
    except Refusal as refused:
        return _told(refused)
    except (OperationalError, ProgrammingError):  # SQLite and PostgreSQL, without tables
        print("✗ 还没有数据库，先运行一次 make run · there is no database yet: make run once first")
        return 1
    finally:
        held.drop()


def _told(refused: Refusal, out: TextIO | None = None) -> int:
    print(f"✗ {refused.message('zh')} · {refused.message('en')}", file=out)
    return 1


def _opened(declared: Declared, held: inbox.Deposit) -> Delivered:
    file = io.BufferedReader(SealedReader(held.path, file_key))
    if file.read(4) == read_parquet.MAGIC:
        file.close()
        return read_parquet.delivered(held.path, declared.value, settings.TIME_ZONE)
    return read_csv.delivered(file, declared.value)


def _tried(declared: Declared, held: inbox.Deposit) -> int:
    context = contract.Context(clock.now(), ZoneInfo(settings.TIME_ZONE), place_codes)
    found, doubles, con = _opened(declared, held), Doubles(), ibis.duckdb.connect(temp_directory="")
    reasons: Counter[str] = Counter()
    rows = bad = 0
    for chunk in found.chunks:
        text = normalised(chunk.table, declared.value)
        double = doubles.among([text[name].combine_chunks() for name in declared.value.key])
        table = text.append_column("row", pa.array(chunk.rows, pa.int32())).append_column(
            "doubled", pa.array(double)
        )
        checked = con.to_pyarrow(contract.checked(ibis.memtable(table), declared.value, context))
        wrong = checked.filter(pc.greater(pc.list_value_length(checked["reasons"]), 0)).sort_by("row")
        for row, why in zip(wrong["row"].to_pylist(), wrong["reasons"].to_pylist(), strict=True):
            reasons.update(why)
            bad += 1
            if bad <= SHOWN:
                words = [contract.reason(declared.value, *word.split(":")) for word in why]
                print(f"  {row}: " + "; ".join(f"{word['zh']} · {word['en']}" for word in words))
        rows, bad = rows + table.num_rows + len(chunk.broken), bad + len(chunk.broken)
        reasons.update([":cells"] * len(chunk.broken))
    for key, names in found.drift.items():
        print(f"  {key}: {', '.join(names)}")
    print(
        f"{'✗' if bad else '✓'} {declared.ref}: {rows} 行,{bad} 行不合格 · {rows} rows, {bad} refused {dict(reasons)}"
    )
    return int(bad > 0)


def issue_key(source: str, office: str, name: str) -> int:
    """Issues a key with which an office delivers one source, and prints it this once; only its hash is kept.

    A department's key stands for its city office. What hinders goes to stderr, so that no shell takes it
    for the key.
    """
    try:
        declared = source_of(source)
    except Refusal as refused:
        return _told(refused, sys.stderr)
    mine = Office.objects.filter(department=declared.value.office).order_by("key")
    by_department = Office.objects.filter(department=office, kind=Office.Kind.DEPARTMENT, level="city")
    who = Office.objects.filter(key=office).first() or by_department.order_by("key").first()
    if who is None:
        known = ", ".join(mine.values_list("key", flat=True)[:SHOWN])
        print(f"✗ 没有单位 {office} · no office {office}; {declared.value.office}: {known}", file=sys.stderr)
        return 1
    bearer = secrets.token_urlsafe(32)
    with write():
        issue_source_key(bearer, name=name or declared.key, office=who, sources=[declared.ref])
    print(bearer)
    return 0
