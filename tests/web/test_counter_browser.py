"""A counter and an inbox without a mouse, in Chromium: from the scan to the receipt, from the list to acceptance; axe."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import DESK, context_of, serious, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser
WHO = "zhouguiying"
MOST_TABS = 60


def number_of(house: House) -> str:
    """The identity number of the person who comes to the counter."""
    return str(
        house.do(f"""
        from liangwang.base.models import Person
        from liangwang.base.subjects import identity_of
        answer = identity_of(Person.objects.get(subject__parties__login_name="{WHO}"))
        """)
    )


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: "Page", selector: str) -> None:
    """Tabs until an element that matches has the focus."""
    for _turn in range(MOST_TABS):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached within {MOST_TABS} tabs")


def test_a_person_is_served_and_her_case_accepted_by_keyboard(
    house: House, context_of: Callable[..., "Page"]
) -> None:
    page = context_of(DESK)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, house, "caoli")
    assert not serious(page, f"{house.address}/staff/counter/")
    page.goto(f"{house.address}/staff/counter/")
    page.keyboard.type(number_of(house))
    with page.expect_navigation():
        press(page, "Enter")
    assert "周" in page.locator("h1").inner_text()
    tab_to(page, "#q")
    page.keyboard.type("养老金领取资格认证")
    with page.expect_navigation():
        press(page, "Enter")
    page.wait_for_function("document.activeElement.matches('[data-first]')")
    assert page.locator("[data-first]").get_attribute("value") == "social_security:pension_alive"
    with page.expect_navigation():
        press(page, "Enter")
    assert not serious(page, page.url)
    boxes = page.locator('input[name="paper"]').count()
    for n in range(boxes):
        tab_to(
            page,
            f'input[name="paper"][value="{page.locator("input[name=paper]").nth(n).get_attribute("value")}"]',
        )
        with page.expect_navigation():
            press(page, "Space")
    assert page.locator('input[name="paper"]:checked').count() == boxes > 0
    with page.expect_navigation():
        press(page, "F9")  # signed on the printed summary
    with page.expect_navigation():
        press(page, "F10")
    assert "已收件" in page.locator("h1").inner_text()
    number = page.locator(".head b.num").inner_text()
    assert not serious(page, page.url)
    with page.expect_navigation():
        press(page, "n")
    assert page.url.endswith("/staff/counter/")
    _accepted(context_of(DESK), house, number)
    assert not broken


def _accepted(page: "Page", house: House, number: str) -> None:
    """An approver of the deciding office finds the case, accepts it with a preview, and takes its first step."""
    sign_in(page, house, "panjun")
    page.goto(f"{house.address}/staff/")
    press(page, "/")
    page.keyboard.type(number)
    with page.expect_navigation():
        press(page, "Enter")
    press(page, "j", "x")
    with page.expect_navigation():
        press(page, "a")
    assert number in page.locator("tbody").inner_text() and "可以受理" in page.locator("tbody").inner_text()
    with page.expect_navigation():
        press(page, "y")
    assert "1 件里办成 1 件" in page.locator(".head").inner_text()
    assert not serious(page, f"{house.address}/staff/")
    page.goto(f"{house.address}/staff/")
    press(page, "?")
    assert page.locator("dialog[open]").is_visible()
    press(page, "Escape")
    assert not page.locator("dialog[open]").count()
    for path in ("load/", "certificates/", "handovers/"):
        assert not serious(page, f"{house.address}/staff/{path}")
