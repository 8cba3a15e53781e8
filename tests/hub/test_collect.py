"""Collecting: every reason told, good rows kept, the same content once, all encodings, nothing readable on disk."""

import io

import pyarrow.parquet as pq
import pytest

from liangwang.base import keys
from liangwang.hub import actions, inbox, link_model, queries, store
from liangwang.hub.models import Batch, Partition
from liangwang.hub.orders import OutsideOrder
from liangwang.hub.read_csv import delivered as read

from . import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def under_order(data_dir: object) -> None:
    make.place()
    make.person(1)
    make.person(2)
    make.order()


def reasons(batch: Batch) -> dict[int, list[tuple[str, str]]]:
    return {
        row["row"]: [(r["column"], r["code"]) for r in row["reasons"]] for row in queries.quarantine(batch)
    }


def test_good_rows_are_kept_and_bad_rows_quarantined_with_every_reason() -> None:
    wrong = make.visit(2, result="?", days_ago=-5, identity="310105199005150021", temperature="99")
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1), wrong, make.visit(3)))
    assert (batch.state, batch.rows, batch.good, batch.bad) == ("loaded", 3, 2, 1)
    assert reasons(batch) == {
        2: [
            ("identity", "check_digit"),
            ("visited_on", "in_future"),
            ("temperature", "above"),
            ("result", "unknown_code"),
        ]
    }
    assert queries.report(batch)["rejected"][0]["reasons"][2]["reason"] == "体温大于 43"


def test_a_row_with_another_number_of_cells_does_not_shift_the_numbers_of_the_rest() -> None:
    raw = make.sheet("fever_clinics", make.visit(1), ["only", "two"], make.visit(2), make.visit(2))
    batch = make.delivered("fever_clinics", raw)
    assert reasons(batch) == {2: [("", "cells")], 4: [("visit_no", "double_key")]}


def test_the_same_content_again_is_the_same_batch() -> None:
    raw = make.sheet("fever_clinics", make.visit(1))
    first, again = make.delivered("fever_clinics", raw), make.delivered("fever_clinics", raw)
    assert first.pk == again.pk
    assert Batch.objects.get().deliveries == 2
    assert Partition.objects.filter(kind="rows").count() == 1


def test_loading_twice_publishes_once() -> None:
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1)))
    assert actions.load(batch, make.AT).pk == batch.pk
    assert sorted(Partition.objects.values_list("kind", flat=True)) == ["rows", "vault"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1), encoding=encoding))
    assert (batch.good, batch.linked) == (1, 1)


def test_a_file_that_is_no_table_is_refused_with_a_reason() -> None:
    batch = make.delivered("fever_clinics", b"\x89PNG\r\n\x1a\n\x00\x00")
    assert batch.state == "refused"
    assert batch.refusal["error"] == "unreadable_file"


def test_missing_columns_refuse_the_batch_and_are_named() -> None:
    batch = make.delivered("fever_clinics", "就诊号,姓名\n1,张一\n".encode())
    assert batch.state == "refused"
    assert "身份证号" in batch.refusal["message"]["zh"]


def test_too_many_bad_rows_refuse_the_whole_batch() -> None:
    bad = [make.visit(n, result="?") for n in (3, 4, 5)]
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1), *bad))
    assert (batch.state, batch.good, batch.bad) == ("refused", 0, 3)
    assert not Partition.objects.filter(kind="rows").exists()


def test_identifiers_are_nowhere_readable_on_disk() -> None:
    raw = make.sheet("fever_clinics", make.visit(1), make.visit(2, result="?"))
    batch, _ = actions.receive(
        raw, source="fever_clinics", name="x.csv", actor=make.officer(role="data_engineer"), at=make.AT
    )
    secrets = [make.identity_number(1), make.identity_number(2), make.phone_number(1)]
    seen = [path.read_bytes() for path in store.folder().rglob("*") if path.is_file()]
    actions.load(batch, make.AT)
    seen += [path.read_bytes() for path in store.folder().rglob("*") if path.is_file()]
    assert len(seen) == 4  # inbox; rows, vault and quarantine
    assert not any(secret.encode() in content for secret in secrets for content in seen)
    for part in Partition.objects.exclude(kind="vault"):
        cells = str(pq.read_table(store.folder() / part.path).to_pylist())
        assert not any(secret in cells for secret in secrets)


def test_the_original_text_of_a_bad_row_can_be_unsealed() -> None:
    batch = make.delivered(
        "fever_clinics", make.sheet("fever_clinics", make.visit(1), make.visit(2, result="?"))
    )
    part = batch.partitions.get(kind="quarantine")
    row = pq.read_table(store.folder() / part.path).to_pylist()[0]
    text = keys.unseal(row["text"], f"quarantine:{batch.ref}:{row['row']}")
    assert text == ",".join(make.visit(2, result="?"))


def test_people_are_linked_by_number_or_by_name_birth_and_phone_together() -> None:
    link_model.switch_off()  # which would link the third by name and birth date, among so few people
    rows = [
        make.registration(1),
        make.registration(2, identity=""),
        make.registration(2, identity="", phone=make.phone_number(9), no="R9"),
        make.registration(7),
    ]
    batch = make.delivered("community", make.sheet("community", *rows))
    assert (batch.good, batch.linked, batch.unlinked) == (4, 2, 2)
    table = store.read(batch.partitions.get(kind="rows")).to_pylist()
    assert [row["method"] for row in table] == ["identity", "name_birth_phone", None, None]


def test_an_orphan_file_is_swept_and_a_named_one_stays() -> None:
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1)))
    orphan = store.folder() / "city_code" / "fever_clinics" / "orphan.parquet"
    orphan.write_bytes(b"half")
    assert store.sweep(make.AT.replace(year=2099)) == 1
    assert not orphan.exists()
    assert store.read(batch.partitions.get(kind="rows")).num_rows == 1


def test_a_source_key_delivers_only_what_it_names() -> None:
    from liangwang.base import hats

    hats.issue_source_key("k" * 40, name="clinic", office=make.office(), sources=["city_code:fever_clinics"])
    clinic = hats.source_hat("k" * 40)
    assert clinic is not None
    with pytest.raises(inbox.NotYourSource):
        actions.receive(b"x", source="travel", name="", actor=clinic, at=make.AT)


def test_outside_an_order_nothing_is_taken() -> None:
    with pytest.raises(OutsideOrder):
        actions.receive(b"x", source="travel", name="", actor=make.officer(), at=make.AT.replace(year=2030))


def test_reading_says_which_columns_it_did_not_know() -> None:
    from liangwang.hub.sources import source_of

    raw = "多余,就诊号,证件号码,姓名,就诊日期,核酸结果\nx,1,2,3,4,5\n".encode()
    found = read(io.BytesIO(raw), source_of("fever_clinics").value)
    assert found.drift == {"extra": ["多余"], "absent": ["phone", "temperature"]}
    assert next(found.chunks).table["identity"].to_pylist() == ["2"]
