"""The catalogue's pages: the ways in, lists page by page, search, an item's page, its versions, and one that has ended."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client

from liangwang.base import pack_versions, packs
from liangwang.base.models import Declaration
from liangwang.services import queries, versions

from .reading import Reading

pytestmark = pytest.mark.django_db

AT = datetime(2026, 8, 1, tzinfo=UTC)
TODAY = date(2026, 11, 23)
PASSPORT = "/services/public_security/passport/"


def read(path: str, status: int = 200) -> str:
    answer = Client().get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return answer.content.decode()


def passport(**changed: Any) -> dict[str, Any]:
    """The passport's declaration as it is written, with other values."""
    one = packs.declared("items.yaml", "public_security:passport")
    return {**one.raw, **changed}


def published(number: int, state: str, body: dict[str, Any]) -> None:
    key = body["item"]
    Declaration.objects.create(
        pack="public_security",
        file="items.yaml",
        key=key,
        version=number,
        origin="pack",
        state=state,
        hash=packs.version_hash(body),
        body=body,
        created_at=AT,
        published_at=AT,
    )


def test_the_ways_in_lead_somewhere() -> None:
    page = read("/services/")
    assert page.count('class="tiles events"') == 1 and "出生" in page
    for theme in queries.by_theme(queries.catalogue()):
        assert f"?theme={theme['key']}" in page and theme["n"]
    assert "?office=public_security" in page
    company = read("/services/?for=company")
    assert "?theme=birth" not in company and "?theme=company&amp;for=company" in company


def test_a_long_list_is_read_page_by_page_and_nothing_is_left_out() -> None:
    every = {one["key"] for one in queries.catalogue()}
    seen: set[str] = set()
    for number in range(1, len(every) // 20 + 2):
        page = read(f"/services/?all=1&page={number}")
        seen |= {key for key in every if f'"/services/{key.replace(":", "/")}/"' in page}
    assert seen == every
    assert "20 / " not in read("/services/?all=1&page=9999") and 'rel="prev"' in read(
        "/services/?all=1&page=9999"
    )
    assert "这里没有" in read("/services/?theme=nothing")


def test_search_shows_the_bundle_beside_the_item() -> None:
    page = read("/services/?q=报户口")
    assert page.index("/services/public_security/birth_registration/") < page.index("里一起办")
    assert "没有找到" in read("/services/?q=xyzqk")
    found = read("/services/find/?q=报户口")
    assert found.count('role="option"') >= 2 and "<html" not in found
    assert read("/services/find/?q=").strip() == ""


def test_a_number_that_nobody_knows_stays_open_and_a_result_need_be_no_certificate() -> None:
    page = read("/services/medical_insurance/medical_transfer/")
    assert "由国家政务服务平台赋码" in page and "转入的缴费年限和个人账户余额" in page
    assert "···················  ··10········" in page  # 其他行政权力 is all that the declaration tells
    sheet = read("/services/medical_insurance/medical_transfer/print/")
    assert "由国家政务服务平台赋码" in sheet and "转入的缴费年限" in sheet
    assert "实施编码" not in read("/services/birth/birth/")  # a bundle has no number of its own


def test_an_item_says_what_is_not_asked_and_by_which_office() -> None:
    page = read(PASSPORT)
    struck = page[page.index("不用您交的材料") : page.index("请您准备")]
    assert "<del>居民身份证" in struck and "公安" in struck
    assert "证件照" in page[page.index("请您准备") :] and "120.00" in page
    sheet = read(f"{PASSPORT}print/")
    assert "<del>居民身份证" in sheet and "办事指南" in sheet


def test_earlier_versions_say_in_words_what_changed() -> None:
    now = passport()
    before = passport(
        promised_days={**now["promised_days"], "days": 30},
        ends_on="2026-12-31",
        trips=2,
        materials=[{"type": "household_book", "role": "applicant"}],
    )
    published(1, "replaced", before)
    published(2, "published", now)
    newest, first = queries.history("public_security:passport")
    said = [change["zh"] for change in newest.changes]
    assert f"承诺时限：30 → {now['promised_days']['days']} 个工作日" in said
    assert (
        "取消材料：居民户口簿" in said
        and "不再停办" in said
        and any(one.startswith("增加材料：") for one in said)
    )
    assert first.changes == () and (newest.number, first.until) == (2, AT)
    page = Reading(read(PASSPORT))
    assert "取消材料：居民户口簿" in read(PASSPORT) and not page.refused


def test_a_published_version_is_never_touched_by_a_new_one() -> None:
    published(1, "published", passport())
    one = Declaration.objects.get(pack="public_security", file="items.yaml", key="passport")
    before = (one.hash, one.body)
    draft = pack_versions.edit("public_security", "items.yaml", "passport", passport(trips=2), AT)
    pack_versions.publish(draft, AT)
    one.refresh_from_db()
    assert (one.hash, one.body) == before and one.state == "replaced"
    assert [v.number for v in queries.history("public_security:passport")] == [2, 1]


def test_an_item_that_is_gone_is_told_on_its_page_and_in_search() -> None:
    published(
        1,
        "replaced",
        passport(item="old_passport", label={"zh": "旧式护照签发", "en": "Old passport"}, instead="passport"),
    )
    page = read("/services/public_security/old_passport/", 410)
    assert "已经停办" in page and f'href="{PASSPORT}"' in page and "旧式护照签发" in page
    assert "/services/public_security/old_passport/" in read("/services/?q=旧式护照")
    assert Client().get("/services/public_security/never/").status_code == 404


def test_an_item_past_its_last_day_is_listed_nowhere_and_nobody_begins_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = packs.declared("items.yaml", "public_security:passport")
    ended = held._replace(
        value=msgspec.structs.replace(held.value, ends_on=date(2026, 6, 30)), version_hash="ended"
    )
    every = [ended if one.ref == held.ref else one for one in packs.declarations("items.yaml")]
    real = packs.declarations
    fake = lambda file, root=None: every if file == "items.yaml" else real(file, root)  # noqa: E731
    for module in (packs, versions):
        monkeypatch.setattr(module, "declarations", fake)
    assert held.ref not in {one["key"] for one in queries.catalogue(on=TODAY)}
    assert held.ref in {one["key"] for one in queries.catalogue(on=date(2026, 6, 30))}
    page = read(PASSPORT)
    assert "2026年6月30日后停办" in page and "开始办理" not in page
    assert PASSPORT in read("/services/?q=护照").split("已经停办")[1]


@pytest.mark.parametrize(
    ("path", "most"),
    [("/services/", 1), (PASSPORT, 4), ("/services/birth/birth/", 4), ("/services/?q=护照", 2)],
)
def test_a_page_costs_few_queries(path: str, most: int) -> None:
    published(1, "published", passport())
    Client().get(path)
    asked: list[str] = []

    def count(execute: Any, sql: str, *more: Any) -> Any:
        asked.append(sql[:120])
        return execute(sql, *more)

    with connection.execute_wrapper(count):
        Client().get(path)
    assert len(asked) <= most, asked
    assert path == "/services/" or asked
