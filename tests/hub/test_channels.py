"""Channels: push whole and in pieces, dropped files, pulled tables; each again does no harm, and each is answered."""

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client

from liangwang.base import clock, hats
from liangwang.base.models import AuditEntry
from liangwang.hub import actions, drop, inbox, jobs, queries, store
from liangwang.hub.models import Batch

from . import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
KEY, OTHER, ALL = "clinic-key-" + "k" * 32, "other-key-" + "k" * 32, "all-key-" + "k" * 32
URL = "/api/v1/batches/city_code:fever_clinics"


@pytest.fixture(autouse=True)
def under_order(data_dir: Path) -> Iterator[None]:
    clock.shift(make.AT - datetime.now(UTC))
    drop.forget()
    make.place()
    make.person(1)
    make.order()
    hats.issue_source_key(KEY, name="clinic", office=make.office(), sources=["city_code:fever_clinics"])
    hats.issue_source_key(OTHER, name="rail", office=make.office(), sources=["city_code:travel"])
    hats.issue_source_key(ALL, name="all", office=make.office(), sources=["*"])
    yield
    clock.shift(timedelta())


def client(key: str = KEY) -> Client:
    return Client(headers={"authorization": f"Bearer {key}"})


def loaded() -> Batch:
    """The one received batch, loaded."""
    return actions.load(Batch.objects.get(state="received"), make.AT)


def parquet(**columns: Any) -> bytes:
    """A Parquet file of fever_clinics with one row; columns may be given in other types."""
    row = dict(zip(make.HEADS["fever_clinics"], make.visit(1), strict=True)) | columns
    out = io.BytesIO()
    pq.write_table(pa.table({name: pa.array([value]) for name, value in row.items()}), out)
    return out.getvalue()


# --- push ----------------------------------------------------------------------------------------------


def test_csv_and_parquet_are_pushed_and_loaded_alike() -> None:
    typed = parquet(就诊日期=datetime(2020, 4, 11).date(), 体温=37.0)  # noqa: DTZ001 - a calendar day
    for raw, media in (
        (make.sheet("fever_clinics", make.visit(1)), "text/csv"),
        (typed, "application/vnd.apache.parquet"),
    ):
        answer = client().post(URL, data=raw, content_type=media)
        assert answer.status_code == 202, answer.content
        batch = loaded()
        assert (batch.good, batch.bad, batch.linked) == (1, 0, 1)
        report = client().get(answer.json()["report"]).json()
        assert (report["state"], report["accepted"]) == ("loaded", 1)
    again = client().post(URL, data=typed, content_type="application/octet-stream")
    assert (again.status_code, again.json()["state"], Batch.objects.count()) == (200, "loaded", 2)


def test_a_form_is_told_to_send_the_file_itself() -> None:
    answer = client().post(URL, {"file": io.BytesIO(b"x")})
    assert (answer.status_code, answer.json()["error"]) == (415, "wrong_media")
    assert not Batch.objects.exists()


def test_another_sources_key_may_not_push() -> None:
    answer = client(OTHER).post(URL, data=b"x", content_type="text/csv")
    assert (answer.status_code, answer.json()["error"]) == (403, "not_your_source")


def test_a_push_over_the_limit_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_BYTES", 1000)
    answer = client().post(URL, data=b"x" * 1001, content_type="text/csv")
    assert (answer.status_code, answer.json()["error"]) == (413, "batch_too_big")
    assert list((store.folder() / "inbox").iterdir()) == []


# --- in pieces -----------------------------------------------------------------------------------------


def put(upload: str, whole: bytes, first: int, end: int, key: str = KEY, **headers: str) -> Any:
    span = {"Content-Range": f"bytes {first}-{end - 1}/{len(whole)}", **headers}
    return client(key).put(f"{URL}/uploads/{upload}", data=whole[first:end], headers=span)


def test_pieces_in_any_order_and_twice_become_one_batch() -> None:
    whole = make.sheet("fever_clinics", *(make.visit(1, no=f"V{n}") for n in range(40)))
    third = len(whole) // 3
    assert put("upload-1", whole, 2 * third, len(whole)).json() == {"have": [[2 * third, len(whole)]]}
    assert put("upload-1", whole, 0, third).status_code == 200
    assert put("upload-1", whole, 0, third).status_code == 200
    held = client().get(f"{URL}/uploads/upload-1").json()
    assert held == {"have": [[0, third], [2 * third, len(whole)]]}
    last = put("upload-1", whole, third, 2 * third)
    assert last.status_code == 202
    assert loaded().good == 40
    assert client().get(f"{URL}/uploads/upload-1").json() == {"have": []}
    assert client().post(URL, data=whole, content_type="text/csv").json()["batch"] == last.json()["batch"]


def test_pieces_are_sealed_and_belong_to_their_sender() -> None:
    whole = make.sheet("fever_clinics", make.visit(1), make.visit(2))
    put("upload-1", whole, 0, len(whole) - 10)
    kept = [path for path in store.folder().rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert make.identity_number(1).encode() not in kept[0].read_bytes()
    assert client(ALL).get(f"{URL}/uploads/upload-1").json() == {"have": []}


@pytest.mark.parametrize(
    ("upload", "span"),
    [
        ("upload-1", "bytes 0-9/5"),
        ("upload-1", "bytes 5-1/9"),
        ("upload-1", "0-9/10"),
        ("upload-1", "bytes 0-3/10"),
        ("a.b.c.d.e", "bytes 0-9/10"),
        ("short", "bytes 0-9/10"),
    ],
)
def test_a_piece_that_lies_of_itself_is_refused_and_not_kept(upload: str, span: str) -> None:
    answer = client().put(f"{URL}/uploads/{upload}", data=b"0123456789", headers={"Content-Range": span})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_piece")
    assert [path for path in store.folder().rglob("*") if path.is_file()] == []


def test_pieces_that_nobody_goes_on_with_are_swept() -> None:
    whole = make.sheet("fever_clinics", make.visit(1))
    put("upload-1", whole, 0, 10)
    later = datetime.now(UTC) + timedelta(days=3)
    assert (inbox.sweep_uploads(datetime.now(UTC)), inbox.sweep_uploads(later)) == (0, 1)


# --- mended --------------------------------------------------------------------------------------------


def refused_sheet(key: str, ref: str) -> list[list[str]]:
    answer = client(key).get(f"{URL}/{ref}/refused.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))  # type: ignore[arg-type]


def looks() -> int:
    """How often sealed texts were looked at, by the audit log."""
    return sum("read_sealed" in str(entry.body) for entry in AuditEntry.objects.all())


def test_refused_rows_come_back_as_a_sheet_that_is_mended_and_delivered_again() -> None:
    raw = make.sheet(
        "fever_clinics", make.visit(1), make.visit(2, result="?"), make.visit(3, temperature="99"), ["cut"]
    )
    client().post(URL, data=raw, content_type="text/csv")
    batch = loaded()
    sheet = refused_sheet(KEY, batch.ref)
    assert [line[:3] for line in sheet[1:]] == [
        [
            "2",
            "核酸结果不在代码表内（positive negative pending）",
            "Test result is not among the agreed codes (positive negative pending)",
        ],
        ["3", "体温大于 43", "Body temperature is above 43"],
        ["4", "格数与表头不符", "the number of cells differs from the header"],
    ]
    assert sheet[1][3:-1] == make.visit(2, result="?")
    assert sheet[3][-1] == "cut"
    assert looks() == 1
    sheet[1][9], sheet[2][8] = "negative", "38.5"
    mended = io.StringIO()
    csv.writer(mended).writerows(sheet[:3])
    answer = client().post(f"{URL}?corrects={batch.ref}", data=mended.getvalue(), content_type="text/csv")
    assert answer.status_code == 202
    second = loaded()
    assert (second.good, second.bad, second.drift) == (2, 0, {})
    assert queries.report(second)["corrects"] == {"corrects": batch.ref, "refused": 3, "mended": 2}


def test_other_keys_see_the_reasons_and_no_text() -> None:
    client().post(
        URL,
        data=make.sheet("fever_clinics", make.visit(1), make.visit(2, result="?")),
        content_type="text/csv",
    )
    batch = loaded()
    assert client(OTHER).get(f"{URL}/{batch.ref}/refused.csv").status_code == 403
    line = refused_sheet(ALL, batch.ref)[1]
    assert (line[0], set(line[3:])) == ("2", {""})
    assert looks() == 0


def test_only_a_batch_of_the_source_with_refused_rows_is_corrected() -> None:
    answer = client().post(f"{URL}?corrects={'x' * 26}", data=b"x", content_type="text/csv")
    assert (answer.status_code, answer.json()["error"]) == (409, "not_correctable")


# --- dropped -------------------------------------------------------------------------------------------


def dropped(name: str, content: bytes) -> Path:
    drop.open_folders()
    path = drop.folder(queries.source_named("city_code:fever_clinics")) / name
    path.write_bytes(content)
    os.utime(path, (make.AT.timestamp() - 60,) * 2)
    return path


def looked() -> None:
    """Two looks of the tick, and what they enqueued."""
    for _ in range(2):
        for declared, path, _seen in list(drop.complete(make.AT)):
            drop.take(declared, path, make.AT)


def test_a_complete_file_is_taken_loaded_and_answered() -> None:
    path = dropped("a.csv", make.sheet("fever_clinics", make.visit(1), make.visit(2, result="?")))
    looked()
    assert not path.exists()
    assert drop.answer(make.AT) == 0
    batch = loaded()
    assert (batch.channel, batch.name, batch.good) == ("drop", "a.csv", 1)
    assert drop.answer(make.AT) == 1
    report = json.loads((path.parent / "done" / "a.csv.report.json").read_text())
    assert (report["accepted"], report["rejected_total"]) == (1, 1)
    left = [found.name for found in path.parent.rglob("*") if found.is_file()]
    assert left == ["a.csv.report.json"]


def test_a_file_that_still_grows_or_has_another_ending_is_left_alone() -> None:
    raw = make.sheet("fever_clinics", make.visit(1))
    path = dropped("a.csv", raw[:50])
    dropped("b.csv.part", raw)
    (path.parent / "link.csv").symlink_to("/etc/hostname")
    assert list(drop.complete(make.AT)) == []
    dropped("a.csv", raw)
    assert list(drop.complete(make.AT)) == []
    assert [found.name for _, found, _ in drop.complete(make.AT)] == ["a.csv"]


def test_a_dropped_file_that_is_no_table_goes_to_bad_with_its_reason() -> None:
    path = dropped("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00")
    looked()
    loaded()
    drop.answer(make.AT)
    report = json.loads((path.parent / "bad" / "a.csv.report.json").read_text())
    assert report["refusal"]["error"] == "unreadable_file"
    assert (path.parent / "bad" / "a.csv").exists()


def test_the_same_file_dropped_again_is_the_same_batch_and_is_answered_again() -> None:
    raw = make.sheet("fever_clinics", make.visit(1))
    for name in ("a.csv", "b.csv"):
        path = dropped(name, raw)
        looked()
        if name == "a.csv":
            loaded()
        drop.answer(make.AT)
    assert Batch.objects.get().deliveries == 2
    assert sorted(p.name for p in (path.parent / "done").iterdir()) == [
        "a.csv.report.json",
        "b.csv.report.json",
    ]


def test_a_file_dropped_in_routine_goes_to_bad() -> None:
    path = dropped("a.csv", make.sheet("fever_clinics", make.visit(1)))
    declared = queries.source_named("city_code:fever_clinics")
    assert drop.take(declared, path, make.AT + timedelta(days=400)) is None
    assert "outside_order" in (path.parent / "bad" / "a.csv.report.json").read_text()


def test_the_tick_enqueues_a_file_once_and_the_worker_loads_it() -> None:
    from liangwang import worker
    from liangwang.base import events

    dropped("a.csv", make.sheet("fever_clinics", make.visit(1)))
    for _ in range(3):
        jobs.collect_due(make.AT)
        while events.run_due(clock.now()) or worker.next_job(clock.now()):
            pass
    jobs.collect_due(make.AT)
    batch = Batch.objects.get()
    assert (batch.state, batch.deliveries, batch.stage) == ("loaded", 1, "")
