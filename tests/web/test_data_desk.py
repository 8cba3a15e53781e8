"""The data desk: sources, batches, pairs, conflicts and lineage through their pages, each in a dozen queries."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from liangwang.base import clock
from liangwang.base.models import AuditEntry
from liangwang.cases.tickets import open_ticket
from liangwang.hub import actions, review
from liangwang.hub.models import Batch, Disagreement, LinkReview, Merge, Recall
from liangwang.hub.review import Doubt
from tests.hub import factories as make
from tests.web.posts import browser, said

pytestmark = pytest.mark.django_db

MOST_QUERIES = 12
AGREEMENT = {"name": (2, 4), "birth": (2, 3), "phone": (-1, 3), "address": (0, 4)}


@pytest.fixture(autouse=True)
def order_day(data_dir: Path) -> object:
    """The pages are read at noon of the factories' day."""
    clock.shift(make.AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


@pytest.fixture
def desk() -> Client:
    return browser(make.office("data-city", "big_data"), "data_engineer")


@pytest.fixture
def loaded() -> Batch:
    """A batch of travel records under an order: two rows good, one with two reasons."""
    make.order()
    people = [make.person(n) for n in (1, 2)]
    assert people
    wrong = make.trip(3, risk="purple", identity="31010519900515001")
    return make.delivered("travel", make.sheet("travel", make.trip(1), make.trip(2), wrong))


# Read for every page of a post, whichever it is: who asks, and under which hats.
WHO = re.compile(r'FROM "(django_session|base_party|base_post|base_mandate)"')


def asked(desk: Client, address: str, most: int = MOST_QUERIES) -> str:
    """The page as text; it answers 200 and reads with a dozen queries of its own at most."""
    desk.get(address)
    with CaptureQueriesContext(connection) as seen:
        answer = desk.get(address)
    assert answer.status_code == 200, address
    own = [q["sql"] for q in seen if q["sql"].startswith("SELECT") and not WHO.search(q["sql"])]
    assert len(own) <= most, f"{address}: {len(own)} queries\n" + "\n".join(own)
    return said(answer)


# --- sources and batches --------------------------------------------------------------------------------


def test_the_overview_shows_every_source_with_its_days_and_filters_by_address(
    desk: Client, loaded: Batch
) -> None:
    page = asked(desk, "/data/")
    assert "旅居与交通记录" in page and "发热门诊就诊记录" in page and 'class="delivered"' in page
    assert 'href="/data/?state=fresh"' in page
    fresh = asked(desk, "/data/?state=fresh")
    assert "旅居与交通记录" in fresh and "发热门诊就诊记录" not in fresh
    assert "发热门诊就诊记录" in asked(desk, "/data/?q=发热门诊")
    assert "没有这样的来源" in asked(desk, "/data/?q=nothing")


def test_a_late_source_says_so_day_by_day(desk: Client, loaded: Batch) -> None:
    clock.shift(make.AT + timedelta(days=3) - datetime.now(UTC))
    page = asked(desk, "/data/?state=late")
    assert "旅居与交通记录" in page
    assert "收到 1 天，迟到 3 天，未收 0 天" in page


def test_a_source_shows_its_contract_in_words_and_how_to_deliver(desk: Client, loaded: Batch) -> None:
    page = asked(desk, "/data/sources/city_code:travel/")
    for words in (
        "出发地风险等级",
        "加密存放",
        "主键",
        "发生时间",
        "curl",
        "应急令终止后清除",
        "近 30 天合格率",
    ):
        assert words in page, words
    assert "出发地风险等级不在代码表内" in page  # the reasons over deliveries
    assert "/drop/city_code:travel" in page and "/uploads/travel-" in page and "/drop/city_code/" not in page
    assert desk.get("/data/sources/no:such/").status_code == 404


def test_a_dropped_file_becomes_a_batch_of_the_desk_and_the_same_one_counts_once(
    desk: Client, loaded: Batch
) -> None:
    def drop(raw: bytes) -> object:
        file = SimpleUploadedFile("t.csv", raw, "text/csv")
        return desk.post("/data/sources/city_code:travel/", {"file": file})

    raw = make.sheet("travel", make.trip(1, no="T9"))
    first = drop(raw)
    assert first.status_code == 302  # type: ignore[attr-defined]
    batch = Batch.objects.exclude(pk=loaded.pk).get()
    assert batch.channel == "desk"
    waiting = asked(desk, f"/data/batches/{batch.ref}/")
    assert "正在装载" in waiting and 'data-poll="?part=loading"' in waiting
    assert desk.get(f"/data/batches/{batch.ref}/?part=loading").status_code == 200
    own, other = (f"/data/sources/city_code:{name}/?part=loading" for name in ("travel", "community"))
    assert (desk.get(own).status_code, desk.get(other).status_code) == (200, 286)
    actions.load(batch, make.AT)
    actions.settle_and_derive(batch.pack, [], make.AT)
    Batch.objects.filter(pk=batch.pk).update(stage="")
    assert desk.get(f"/data/batches/{batch.ref}/?part=loading").status_code == 286
    assert "全部合格" in asked(desk, f"/data/batches/{batch.ref}/")
    again = drop(raw)
    assert "只算一次" in said(desk.get(again["Location"]))  # type: ignore[index]
    assert Batch.objects.count() == 2


def test_a_file_that_cannot_be_taken_is_refused_in_words_with_help(desk: Client) -> None:
    file = SimpleUploadedFile("t.csv", make.sheet("travel", make.trip(1)), "text/csv")
    answer = desk.post("/data/sources/city_code:travel/", {"file": file})  # no order is in force
    assert answer.status_code == 409
    assert "没有生效的应急令" in said(answer) and "找人帮办" in said(answer)
    nothing = desk.post("/data/sources/city_code:travel/", {})
    assert nothing.status_code == 422 and "请选一个 CSV 或 Parquet 文件" in said(nothing)
    assert not Batch.objects.exists()


def test_a_batch_says_every_reason_and_gives_the_supplier_a_sheet_without_texts(
    desk: Client, loaded: Batch
) -> None:
    page = asked(desk, f"/data/batches/{loaded.ref}/")
    for words in ("部分隔离", "身份证号不是 18 位身份证号", "出发地风险等级不在代码表内", "补报"):
        assert words in page, words
    sheet = desk.get(f"/data/batches/{loaded.ref}/report.csv")
    text = b"".join(sheet.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 2 and "出发地风险等级不在代码表内" in rows[1][1]
    assert "31010519900515001" not in text and "31010519900515001" not in page


def test_refused_rows_page_by_key(desk: Client) -> None:
    make.order()
    rows = [make.trip(n, risk="purple", no=f"T{n}") for n in range(60)]
    good = [make.trip(n, no=f"G{n}") for n in range(70)]
    batch = make.delivered("travel", make.sheet("travel", *rows, *good))
    first = asked(desk, f"/data/batches/{batch.ref}/")
    assert "?after=50#rows" in first
    second = asked(desk, f"/data/batches/{batch.ref}/?after=50")
    assert '<td class="n">60</td>' in second and '<td class="n">50</td>' not in second


def test_a_mended_file_corrects_its_batch(desk: Client, loaded: Batch) -> None:
    file = SimpleUploadedFile("t.csv", make.sheet("travel", make.trip(3)), "text/csv")
    address = f"/data/sources/city_code:travel/?corrects={loaded.ref}"
    assert desk.post(address, {"file": file}).status_code == 302
    made = Batch.objects.exclude(pk=loaded.pk).get()
    assert made.corrects == loaded
    actions.load(made, make.AT)
    assert f"/data/batches/{made.ref}/" in asked(desk, f"/data/batches/{loaded.ref}/")
    assert f"/data/batches/{loaded.ref}/" in said(desk.get(f"/data/batches/{made.ref}/"))


def test_batches_page_by_key_and_filter(desk: Client, loaded: Batch) -> None:
    assert loaded.ref in asked(desk, "/data/batches/")
    assert loaded.ref in asked(desk, "/data/batches/?source=city_code:travel&bad=1")
    assert "没有这样的批次" in asked(desk, "/data/batches/?state=refused")
    for n in range(55):
        copy = Batch.objects.get(pk=loaded.pk)
        copy.pk, copy.ref, copy.content_hash = None, f"{n:026d}", str(n)
        copy.received_at = make.AT - timedelta(hours=n + 1)
        copy.save()
    first = asked(desk, "/data/batches/?state=loaded")
    assert "&after=" in first.replace("&amp;", "&")
    after = f"{48:026d}"
    second = asked(desk, f"/data/batches/?state=loaded&after={after}")
    assert f"{49:026d}" in second and f"{47:026d}" not in second


def test_quality_shows_formulas_sources_and_attributes(desk: Client, loaded: Batch) -> None:
    actions.settle_and_derive("city_code", None, make.AT)
    page = asked(desk, "/data/quality/")
    for words in ("合格行 ÷ 报送行", "旅居与交通记录", "66.6%", "各数据项", "姓名"):
        assert words in page, words


# --- pairs ----------------------------------------------------------------------------------------------


@pytest.fixture
def pairs(loaded: Batch) -> list[LinkReview]:
    """Two pairs: a row and a person, and two people."""
    one, two, three = (make.person(n) for n in (11, 12, 13))
    review.open_for_rows(
        loaded, [Doubt(row=1, right=one.pk, score=0.8, model="m", agreement=AGREEMENT)], make.AT
    )
    review.open_for_pairs(
        [Doubt(left=two.pk, right=three.pk, score=0.6, model="m", agreement=AGREEMENT)], make.AT
    )
    return list(LinkReview.objects.order_by("-score"))


def test_pairs_are_masked_until_revealed_and_every_look_is_written(
    desk: Client, pairs: list[LinkReview]
) -> None:
    listed = asked(desk, "/data/reviews/")
    assert "2 对待判断" in listed and pairs[0].ref in listed
    address = f"/data/reviews/{pairs[1].ref}/"
    page = asked(desk, address)
    assert "张*" in page and "张三" not in page and "1990 年" in page and "1990-05-15" not in page
    for words in ("一致", "相近", "不同", "一方未填", 'data-key="S"', 'data-key="D"'):
        assert words in page, words
    looks = AuditEntry.objects.count()
    shown = said(desk.post(f"{address}reveal"))
    assert "张三" in shown or "张四" in shown
    assert AuditEntry.objects.count() > looks


def test_a_decision_goes_on_to_the_next_pair_and_can_be_undone(desk: Client, pairs: list[LinkReview]) -> None:
    first, second = pairs
    done = desk.post(f"/data/reviews/{first.ref}/decide", {"verdict": "same"})
    assert done.status_code == 302 and done["Location"] == f"/data/reviews/{second.ref}/"
    after = asked(desk, f"/data/reviews/{second.ref}/")
    assert "我今天的判断" in after and f"/data/reviews/{first.ref}/undo" in after
    twice = desk.post(f"/data/reviews/{first.ref}/decide", {"verdict": "apart"})
    assert twice.status_code == 409 and "已经有人判断过" in said(twice)
    assert desk.post(f"/data/reviews/{first.ref}/undo").status_code == 302
    first.refresh_from_db()
    assert first.state == "open" and first.late_link is None
    assert desk.post(f"/data/reviews/{first.ref}/decide", {"verdict": "perhaps"}).status_code == 422


def test_a_merge_stands_in_the_log_and_is_undone_from_it(desk: Client, pairs: list[LinkReview]) -> None:
    assert "还没有合并" in asked(desk, "/data/merges/")
    desk.post(f"/data/reviews/{pairs[1].ref}/decide", {"verdict": "same"})
    merge = Merge.objects.get()
    assert "撤销合并" in asked(desk, "/data/merges/")
    assert desk.post(f"/data/merges/{merge.ref}/undo").status_code == 302
    pairs[1].refresh_from_db()
    assert pairs[1].state == "open"
    page = asked(desk, "/data/merges/")
    assert "拆分" in page and "撤销合并" not in page


# --- conflicts and lineage ------------------------------------------------------------------------------


@pytest.fixture
def conflict(loaded: Batch) -> Disagreement:
    """Two sources call one person by two names, equally trusted."""
    make.place()
    make.delivered("community", make.sheet("community", make.registration(1, name="张大伟")))
    actions.settle_and_derive("city_code", None, make.AT)
    return Disagreement.objects.get(attribute="name", ended_at=None)


def test_a_conflict_shows_what_each_source_says_masked_and_only_its_office_rules(
    desk: Client, conflict: Disagreement
) -> None:
    listed = asked(desk, "/data/conflicts/")
    assert conflict.ref in listed and "姓名" in listed
    assert conflict.ref not in asked(desk, "/data/conflicts/?attribute=birth_date")
    page = asked(desk, f"/data/conflicts/{conflict.ref}/", most=14)  # it traces every statement anew
    for words in ("旅居与交通记录", "社区登记与居家观察", "张**", "暂取", "为什么暂取它"):
        assert words in page, words
    assert "张大伟" not in page and "认定所选的值" not in page
    assert desk.post(f"/data/conflicts/{conflict.ref}/rule", {}).status_code == 403


def test_the_source_office_rules_and_the_conflict_ends(conflict: Disagreement) -> None:
    asked_office = make.office("asked", conflict.department)
    officer = browser(asked_office, "approver")
    address = f"/data/conflicts/{conflict.ref}/"
    page = asked(officer, address)
    assert "张大伟" in page and "认定所选的值" in page and "/data/quality/" not in page
    batch = Batch.objects.get(source="community")
    nothing = officer.post(f"{address}rule", {"reason": "查过户籍"})
    assert nothing.status_code == 422 and "查过户籍" in said(nothing)
    no_reason = officer.post(f"{address}rule", {"statement": f"{batch.pk}-1", "reason": ""})
    assert no_reason.status_code == 422 and "请写明理由" in said(no_reason)
    done = officer.post(f"{address}rule", {"statement": f"{batch.pk}-1", "reason": "查过户籍"})
    assert done.status_code == 302
    conflict.refresh_from_db()
    assert conflict.ended_by == "ruled"
    assert "查过户籍" in asked(officer, address) and "已了结" in asked(officer, address)
    elsewhere = browser(make.office("elsewhere", "education"), "approver")
    assert elsewhere.get(address).status_code == 404


def test_the_ticket_on_the_workbench_leads_to_the_ruling(conflict: Disagreement) -> None:
    asked_office = make.office("asked", conflict.department)
    open_ticket(conflict.ref, at=make.AT)
    clerk = browser(asked_office, "clerk")
    row = re.search(rf'href="(/data/conflicts/{conflict.ref}/[^"]*)"', said(clerk.get("/staff/")))
    assert row and "认定所选的值" in said(clerk.get(row[1]))


def test_lineage_goes_back_from_a_value_and_forth_from_a_row(
    desk: Client, loaded: Batch, conflict: Disagreement
) -> None:
    assert "从一个值往回看" in asked(desk, "/data/lineage/")
    back = asked(desk, f"/data/lineage/?subject={conflict.subject.ref}&attribute=name")
    assert "没有来源说过这一项" in back  # what an emergency pack was told is not in the routine domain
    link = re.search(
        r'href="([^"]+attribute=name[^"]*)"', asked(desk, f"/data/conflicts/{conflict.ref}/", 14)
    )
    assert link and "旅居与交通记录" in asked(desk, link[1], most=14)
    forth = asked(desk, f"/data/lineage/?batch={loaded.ref}&row=1")
    for words in ("第 1 行", "姓名", "推算出的属性", "给出过的答复", "撤回会动到这些", "1 个对象"):
        assert words in forth, words
    assert desk.get("/data/lineage/?batch=nothing&row=1").status_code == 404
    assert desk.get("/data/lineage/?subject=nothing&attribute=name").status_code == 404


def test_a_row_is_withdrawn_for_a_reason_and_comes_back(desk: Client, loaded: Batch) -> None:
    desk.post(f"/data/lineage/{loaded.ref}/recall", {"row": "1", "reason": ""})
    assert not Recall.objects.exists()
    desk.post(f"/data/lineage/{loaded.ref}/recall", {"row": "1", "reason": "填错了人"})
    made = Recall.objects.get()
    assert made.rows == [1]
    assert "填错了人" in asked(desk, f"/data/lineage/?batch={loaded.ref}&row=1")
    desk.post(f"/data/recalls/{made.ref}/undo")
    made.refresh_from_db()
    assert made.undone_at is not None


def test_attributes_show_their_versions_with_counts(desk: Client, loaded: Batch) -> None:
    actions.settle_and_derive("city_code", None, make.AT)
    page = asked(desk, "/data/attributes/")
    assert "生效中" in page and "沪府应急〔2020〕1号" in page and "绿" in page
    assert "每一个版本" in page


def test_an_empty_desk_says_what_to_do(desk: Client) -> None:
    for address, words in (
        ("/data/batches/", "还没有批次"),
        ("/data/reviews/", "没有待判断的"),
        ("/data/merges/", "还没有合并"),
        ("/data/conflicts/", "各来源一致"),
        ("/data/attributes/", "现为常态"),
    ):
        assert words in asked(desk, address), address
