"""Drafts of items: one officer brings a table, another compares it with what is in force and publishes it."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from liangwang import settings
from liangwang.base import packs
from liangwang.base.models import Declaration
from liangwang.services.models_catalogue import ItemDraft
from tests.cases.factories import make_office, make_street
from tests.services.test_exchange import CARD, changed
from tests.web.posts import browser, said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
DESK = "/staff/items/"


@pytest.fixture
def officers(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Client, Client]:
    monkeypatch.setattr(settings, "DATA", data_dir)  # where the desk's versions are left for every process
    office = make_office("reform", make_street().city)
    return browser(office, "reform_officer"), browser(office, "reform_officer", "2")


def bring(client: Client, text: str, name: str = "items.csv") -> str:
    table = SimpleUploadedFile(name, text.encode())
    return said(client.post(DESK, {"file": table}, follow=True))


def days() -> int:
    return int(packs.declared("items.yaml", CARD).value.promised_days.days)


@pytest.mark.both_databases
def test_one_brings_another_compares_and_publishes(officers: tuple[Client, Client]) -> None:
    first, second = officers
    before = days()
    page = bring(first, changed("promised_days.days", "9"))
    assert "修改 1" in page, page
    assert "承诺时限" in page and days() == before
    where = f"{DESK}drafts/{Declaration.objects.get().pk}/"
    own = said(first.get(where))
    assert "请另一位同事对照后公布" in own and "公布，即刻生效" not in own
    assert first.post(where, {"act": "publish"}).status_code == 409 and days() == before
    seen = said(second.get(where))
    assert f"<del>{before}</del>" in seen and "<ins><b>9</b></ins>" in seen
    assert "出生一件事" in seen  # whom it touches beside the item itself
    assert "即刻生效" in said(second.post(where, {"act": "publish"}, follow=True)) and days() == 9
    kept = ItemDraft.objects.get()
    assert kept.decision == "published" and kept.decided_by != kept.brought_by
    versions = said(second.get(f"{DESK}{CARD.replace(':', '/')}/"))
    assert "公布" in versions and "第 1 版" in versions
    assert second.get(where).status_code == 302  # decided: its place is among the versions


def test_a_draft_is_turned_down_with_a_reason_and_kept(officers: tuple[Client, Client]) -> None:
    first, second = officers
    bring(first, changed("promised_days.days", "9"))
    where = f"{DESK}drafts/{Declaration.objects.get().pk}/"
    assert "写明为什么" in said(second.post(where, {"act": "down", "reason": " "}))
    second.post(where, {"act": "down", "reason": "时限还没有和医保谈定"})
    assert ItemDraft.objects.get().reason == "时限还没有和医保谈定"
    assert "没有等待公布的" in said(first.get(DESK)) and Declaration.objects.count() == 1


def test_a_later_draft_overtakes_and_a_change_in_between_is_told(officers: tuple[Client, Client]) -> None:
    first, second = officers
    bring(first, changed("promised_days.days", "9"))
    bring(first, changed("promised_days.days", "8"))
    assert [one.decision for one in ItemDraft.objects.order_by("pk")] == ["overtaken", ""]
    ItemDraft.objects.filter(decision="").update(based_on="what was in force then")
    assert "现行版本后来又改过" in said(second.get(DESK))


def test_what_would_break_a_bundle_is_not_published(officers: tuple[Client, Client]) -> None:
    first, second = officers
    fields = packs.declared("items.yaml", CARD).raw["fields"]
    fields = [
        {**one, "min_length": 30, "max_length": 40} if one["concept"] == "child.name" else one
        for one in fields
    ]
    bring(first, changed("fields", json.dumps(fields)))
    where = f"{DESK}drafts/{Declaration.objects.get().pk}/"
    assert "对“孩子·新生儿姓名”的长度要求互相矛盾" in said(second.get(where))
    told = second.post(where, {"act": "publish"})
    assert told.status_code == 409 and "就编译不了" in said(told)
    assert not Declaration.objects.filter(state="published").exists()


def test_a_table_with_mistakes_brings_nothing_and_says_where(officers: tuple[Client, Client]) -> None:
    first, _ = officers
    page = bring(first, changed("promised_days.days", "three"))
    assert "什么都没有导入" in page and "不是整数" in page and not Declaration.objects.exists()
    assert "只收 .csv" in bring(first, "x", "items.xlsx")
    assert "请先选一个文件" in said(first.post(DESK, {}))
    broken = SimpleUploadedFile("a.csv", "名称".encode("gbk"))
    assert "UTF-8" in said(first.post(DESK, {"file": broken}))
