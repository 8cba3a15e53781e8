"""A reform officer's walk in Chromium: the list sorted, every bundle opened, a change tried, workbook and sheet handed over.

The workbook is read by another program (calamine) than the one that wrote it, and holds the figures that the page shows.
"""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from python_calamine import CalamineWorkbook

from tests.house import House

from .test_axe import DESK, context_of, serious, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser
# What the article names: their workbooks are opened; of the others the page is enough, a workbook costs a second.
NAMED = (
    "birth:birth",
    "medical_payment:medical_payment",
    "tax_and_fees:tax_and_fees",
    "innovation_startup:innovation_startup",
)


@pytest.fixture
def officer(house: House, context_of: Callable[..., "Page"]) -> "Page":
    page = context_of(DESK)
    sign_in(page, house, "yuanfang")
    return page


def fetched(page: "Page", address: str) -> bytes:
    """A file behind a link, with the session of the page."""
    answer = page.request.get(address)
    assert answer.ok, address
    return answer.body()


def sheet_of(raw: bytes, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_name(name).to_python()


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def catalogue_rows(page: "Page") -> dict[str, list[int]]:
    """Each bundle of the list: how many items, then before, after and all known of every dimension."""
    rows = page.locator("table.beforeafter tbody tr").all()
    return {
        row.locator("th a").inner_text(): numbers(" ".join(row.locator("td").all_inner_texts()))
        for row in rows
    }


def test_the_list_is_sorted_and_its_workbook_says_the_same(house: House, officer: "Page") -> None:
    assert not serious(officer, f"{house.address}/staff/reform/")
    before = catalogue_rows(officer)
    assert len(before) >= 15
    days = officer.locator("table.beforeafter thead th button", has_text="时间")
    days.click()
    saved = [
        int(n)
        for n in officer.locator("table.beforeafter tbody td:nth-child(6)").evaluate_all(
            "cells => cells.map(cell => cell.dataset.sort)"
        )
    ]
    assert saved == sorted(saved) and len(set(saved)) > 3
    days.click()
    assert officer.locator("th[aria-sort=descending]").count() == 1
    book = fetched(officer, f"{house.address}/staff/reform/?format=xlsx")
    summary = sheet_of(book, "总表")
    written = {row[0]: [int(n) for n in row[1:20]] for row in summary[5 : 5 + len(before)]}
    assert written == before == catalogue_rows(officer)
    total = next(row for row in summary if row[0] == "全部一件事")
    assert [int(n) for n in total[1:20]] == [sum(column) for column in zip(*before.values(), strict=True)]


def test_every_bundle_shows_before_and_after_and_its_workbook_the_same(house: House, officer: "Page") -> None:
    officer.goto(f"{house.address}/staff/reform/")
    bundles = officer.locator("table.beforeafter tbody th a").evaluate_all("links => links.map(a => a.href)")
    assert {"/".join(name.split(":")) for name in NAMED} <= {
        "/".join(b.rstrip("/").split("/")[-2:]) for b in bundles
    }
    for bundle in bundles:
        officer.goto(bundle)
        sides = {
            row.locator("th").inner_text(): numbers(" ".join(row.locator("td.n").all_inner_texts()))
            for row in officer.locator("table.sides tbody tr").all()
        }
        assert officer.locator("ol.flow").count() == 2, bundle
        assert sides["材料"][0] > sides["材料"][1] or sides["时间"][0] > sides["时间"][1], bundle
        if ":".join(bundle.rstrip("/").split("/")[-2:]) in NAMED:
            link = officer.get_by_role("link", name="表格").get_attribute("href")
            rows = sheet_of(fetched(officer, bundle + str(link)), "总表")[4:10]
            written = {row[0]: [int(row[1]), int(row[2]), round(row[3] * 100), int(row[4])] for row in rows}
            assert written == sides, bundle


def test_a_change_is_tried_and_the_sheet_is_printed(house: House, officer: "Page") -> None:
    officer.goto(f"{house.address}/staff/reform/what-if/")
    assert officer.get_by_text("最能缩短时间的改动").count() == 1
    officer.get_by_role("link", name="试一试", exact=True).first.click()
    assert officer.locator("table.beforeafter del").count() >= 1  # the effect: what was, beside what would be
    officer.get_by_role("link", name="全部撤销").click()
    assert officer.get_by_role("heading", name="假设这样改").count() == 0
    officer.locator("input[name=value][type=number]").first.fill("0")
    officer.get_by_role("button", name="改天数").first.click()
    assert officer.get_by_role("heading", name="假设这样改").count() == 1
    assert officer.locator("table.beforeafter tbody tr").count() >= 1
    officer.goto(f"{house.address}/staff/reform/birth/birth/")
    officer.get_by_role("link", name="打印 A4").click()
    officer.wait_for_load_state()
    assert "流程再造对照表" in officer.locator("body").inner_text()
    officer.emulate_media(media="print")
    assert officer.pdf(format="A4").count(b"/Type /Page\n") <= 3
    assert not serious(officer, officer.url)
