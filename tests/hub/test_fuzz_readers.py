"""Whatever bytes come, a reader gives rows or a refusal in words, in bounded time and memory, and loses no row."""

import csv
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.base import hats
from liangwang.base.errors import Refusal
from liangwang.base.keys import file_key
from liangwang.hub import read_csv, read_parquet
from liangwang.hub.declare import Source
from liangwang.hub.delivered import Chunk, Delivered, TooDense, TooManyColumns, UnreadableFile
from liangwang.hub.read_csv import LongLine
from liangwang.hub.sealed_files import SealedWriter
from liangwang.hub.sources import source_of
from tests.tries import tries

from . import factories as make

pytestmark = pytest.mark.django_db
LONGEST_S = 60
SLOW = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
HEADER = ",".join(make.HEADS["fever_clinics"])


@pytest.fixture
def source(data_dir: Path) -> Source:
    found: Source = source_of("city_code:fever_clinics").value
    return found


def rows_of(found: Delivered) -> list[Chunk]:
    return list(found.chunks)


def csv_rows(raw: bytes, source: Source) -> list[Chunk] | None:
    """The chunks of a CSV file, or None where it is refused in words."""
    try:
        return rows_of(read_csv.delivered(io.BytesIO(raw), source))
    except Refusal as refused:
        assert refused.message("zh") and refused.message("en")
        return None


def parquet_rows(raw: bytes, source: Source) -> list[Chunk]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        out = SealedWriter(path, file_key)
        out.write(raw)
        out.close()
        return rows_of(read_parquet.delivered(path, source, "Asia/Shanghai"))


def written(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def visits(n: int) -> pa.Table:
    lines = [make.visit(i % 900, no=f"V{i}") for i in range(n)]
    return pa.table(dict(zip(make.HEADS["fever_clinics"], map(list, zip(*lines, strict=True)), strict=True)))


# --- CSV -----------------------------------------------------------------------------------------------

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=tries(60), **SLOW)
@given(body=st.binary(max_size=400), headed=st.booleans())
def test_any_bytes_are_rows_or_a_refusal(source: Source, body: bytes, headed: bool) -> None:
    chunks = csv_rows(HEADER.encode() + b"\n" + body if headed else body, source)
    for chunk in chunks or []:
        assert chunk.table.num_rows == len(chunk.rows)


@settings(max_examples=tries(40), **SLOW)
@given(
    rows=st.lists(st.lists(CELL, min_size=6, max_size=8), min_size=1, max_size=12),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_no_row_of_a_written_sheet_is_lost(source: Source, rows: list[list[str]], encoding: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(make.HEADS["fever_clinics"])
    writer.writerows(rows)
    chunks = csv_rows(out.getvalue().encode(encoding), source)
    assert chunks is not None
    numbers = [int(n) for chunk in chunks for n in chunk.rows]
    broken = [n for chunk in chunks for n, _ in chunk.broken]
    assert sorted(numbers + broken) == list(range(1, len(rows) + 1))
    assert broken == [n for n, row in enumerate(rows, start=1) if len(row) != 7]
    texts = [line["visit_no"] for chunk in chunks for line in chunk.table.to_pylist()]
    assert [text.strip() for text in texts] == [row[0].strip() for row in rows if len(row) == 7]


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"", UnreadableFile),
        (b"\n\n\n", UnreadableFile),
        (b"\xff\xfe\x00", UnreadableFile),
        (HEADER.encode() + b"\nV1,\0", UnreadableFile),
        (("x," * 1200 + "\n").encode(), TooManyColumns),
        (HEADER.encode() + b"\n" + b"x" * (100 << 20), LongLine),
        (HEADER.encode() + b'\n"' + b"V1,a\n" * (4 << 20), LongLine),
    ],
    ids=["nothing", "blank", "half a mark", "NUL", "wide", "one line of 100 MB", "a quote that never closes"],
)
def test_what_is_no_sheet_is_refused_in_words(source: Source, raw: bytes, refusal: type[Refusal]) -> None:
    began = time.process_time()
    with pytest.raises(refusal):
        rows_of(read_csv.delivered(io.BytesIO(raw), source))
    assert time.process_time() - began < LONGEST_S


def test_a_lone_quote_costs_the_rows_up_to_the_end_and_says_which(source: Source) -> None:
    lines = [",".join(make.visit(n)) for n in range(1, 5)]
    lines[2] = '"' + lines[2]
    chunks = csv_rows("\n".join([HEADER, *lines]).encode(), source)
    assert chunks is not None
    assert [list(chunk.rows) for chunk in chunks] == [[1, 2]]
    assert [n for chunk in chunks for n, _ in chunk.broken] == [3]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_rare_characters_come_through_in_every_encoding(source: Source, encoding: str) -> None:
    raw = make.sheet("fever_clinics", make.visit(1, name="𠮷野㐂"), encoding=encoding)
    chunks = csv_rows(raw, source)
    assert chunks is not None
    assert chunks[0].table["name"].to_pylist() == ["𠮷野㐂"]


# --- Parquet -------------------------------------------------------------------------------------------


@settings(max_examples=tries(8), **SLOW)
@given(data=st.data())
def test_a_changed_parquet_file_is_rows_or_a_refusal(source: Source, data: st.DataObject) -> None:
    raw = bytearray(written(visits(30)))
    for place in data.draw(st.lists(st.integers(4, len(raw) - 1), min_size=1, max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    try:
        chunks = parquet_rows(bytes(raw), source)
    except Refusal as refused:
        assert refused.message("zh") and refused.message("en")
    else:
        assert sum(chunk.table.num_rows for chunk in chunks) <= 30 * 40


@pytest.mark.parametrize("cut", [0, 4, 8, 100, -1, -8])
def test_a_parquet_file_cut_short_is_refused(source: Source, cut: int) -> None:
    with pytest.raises(Refusal):
        parquet_rows(b"PAR1"[:cut] if 0 < cut < 5 else written(visits(5))[: cut or 0], source)


def _one_value_a_million_times() -> bytes:
    n = 1_000_000
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 60_000]))
    few = visits(1).set_column(0, "就诊号", pa.array(["V"]))
    columns = {name: few[name].combine_chunks().take(pa.array(np.zeros(n, int))) for name in few.column_names}
    return written(pa.table({**columns, "姓名": words}), compression="zstd")


def _one_huge_cell() -> bytes:
    return written(visits(1).set_column(2, "姓名", pa.array(["x" * (64 << 20)])), compression="zstd")


@pytest.mark.parametrize("make_file", [_one_value_a_million_times, _one_huge_cell])
def test_a_small_file_that_grows_without_end_is_refused(source: Source, make_file: object) -> None:
    raw = make_file()  # type: ignore[operator]
    assert len(raw) < 4 << 20
    with pytest.raises(TooDense):
        parquet_rows(raw, source)


def test_nested_columns_are_no_table(source: Source) -> None:
    with pytest.raises(UnreadableFile):
        parquet_rows(written(visits(1).set_column(2, "姓名", pa.array([["张", "一"]]))), source)


# --- over HTTP -----------------------------------------------------------------------------------------


@pytest.fixture
def client(data_dir: Path) -> Iterator[Client]:
    from datetime import UTC, datetime, timedelta

    from liangwang.base import clock

    clock.shift(make.AT - datetime.now(UTC))
    make.order()
    hats.issue_source_key("f" * 40, name="clinic", office=make.office(), sources=["city_code:fever_clinics"])
    yield Client(headers={"authorization": "Bearer " + "f" * 40})
    clock.shift(timedelta())


@settings(max_examples=tries(25), **SLOW)
@given(
    body=st.binary(max_size=200),
    media=st.sampled_from(["text/csv", "application/vnd.apache.parquet", "", "application/json", "x"]),
    corrects=st.sampled_from(["", "x", "%00"]),
)
def test_any_push_has_an_answer_that_is_no_fault(
    client: Client, body: bytes, media: str, corrects: str
) -> None:
    url = f"/api/v1/batches/city_code:fever_clinics?corrects={corrects}"
    assert client.post(url, data=body, content_type=media).status_code < 500


@settings(max_examples=tries(40), **SLOW)
@given(
    body=st.binary(max_size=60),
    span=st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
        st.tuples(*[st.integers(0, 10**13)] * 3).map(lambda t: f"bytes {t[0]}-{t[1]}/{t[2]}"),
        st.integers(0, 40).map(lambda n: f"bytes {n}-{n + 9}/60"),
    ),
    upload=st.sampled_from(["upload-1", "..", "%2e%2e%2fkeys", "a" * 65]),
)
def test_any_piece_has_an_answer_that_is_no_fault(
    client: Client, body: bytes, span: str, upload: str
) -> None:
    url = f"/api/v1/batches/city_code:fever_clinics/uploads/{upload}"
    answer = client.put(url, data=body, headers={"Content-Range": span})
    assert answer.status_code < 500
