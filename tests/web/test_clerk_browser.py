"""A clerk clears an inbox without a mouse, in Chromium: supplements in bulk, a refusal, acceptance, sending back, delivery."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import DESK, context_of, serious, sign_in
from .test_counter_browser import press, tab_to

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.slow]
WHO, ITEM, CASES = "shenhui", "medical_insurance:newborn_enrolment", 4
MOST_ROWS = 60
TURNS = 40


def applied(house: House) -> list[str]:
    """The numbers of cases that mothers of the demo have handed in from their phones, for the clerk's office."""
    found = house.do(f"""
        import numpy as np
        from datetime import UTC, datetime
        from liangwang.base.models import Guardian, Post
        from liangwang.cases.models import Case
        from liangwang.demo_applicant import Stuck, apply
        from liangwang.demo_phone import AppPhone
        at, answer = datetime.now(UTC), []
        office = Post.objects.get(party__login_name="{WHO}", ended_at=None).office
        named = Guardian.objects.filter(guardian__parties__login_name__regex="^[a-z]+$")
        parents = Guardian.objects.filter(guardian__person__demo=True).exclude(pk__in=named).order_by("-id")
        for n, person in enumerate(dict.fromkeys(parents.values_list("guardian_id", flat=True))):
            try:
                phone, who = AppPhone.of(person, at)
                number = apply(phone, "{ITEM}", who, np.random.default_rng(n), at)
            except Stuck:
                continue
            if Case.objects.get(number=number).lead_office_id == office.pk:
                answer.append(number)
            if len(answer) == {CASES}:
                break
        """)
    assert len(found) == CASES
    return [str(number) for number in found]


def to_row(page: "Page", number: str) -> None:
    """Goes down the list until the row of this case has the focus."""
    for _turn in range(MOST_ROWS):
        if page.evaluate("n => document.activeElement.closest('tr')?.innerText.includes(n)", number):
            return
        page.keyboard.press("j")
    raise AssertionError(f"{number} is not in the list")


def go(page: "Page", *keys: str) -> None:
    """Presses keys of which the last leads to another page."""
    press(page, *keys[:-1])
    with page.expect_navigation():
        page.keyboard.press(keys[-1])


def test_an_inbox_is_cleared_and_a_result_delivered_by_keyboard(
    house: House, context_of: Callable[..., "Page"]
) -> None:
    short, vague, foreign, good = applied(house)
    page = context_of(DESK)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, house, WHO)
    _supplements(page, house, [short, vague])
    _refused(page, house, foreign)
    _granted(page, house, good)
    _delivered(page, house, good)
    assert not broken


def _supplements(page: "Page", house: House, numbers: list[str]) -> None:
    """Two cases are ticked in their own lists, previewed and told, each in one notice; a second notice is refused."""
    page.goto(f"{house.address}/staff/")
    for number in numbers:
        to_row(page, number)
        press(page, "x")
    go(page, "s")
    assert all(number in page.locator("main").inner_text() for number in numbers)
    for n in range(len(numbers)):
        tab_to(page, f"section.card:nth-of-type({n + 1}) .ticks li:first-child input")
        press(page, "Space")
    go(page, "y")
    assert page.locator("main ol.prose li").count() == len(numbers)
    assert "先看一遍" in page.locator("h1").inner_text()
    go(page, "y")
    assert "2 件里发出 2 份告知书" in page.locator(".head").inner_text()
    go(page, "y")
    assert page.url.rstrip("?").endswith("/staff/")
    page.goto(f"{house.address}/staff/?what=supplement")
    assert all(number in page.locator("tbody").inner_text() for number in numbers)


def _opened(page: "Page", house: House, number: str) -> None:
    page.goto(f"{house.address}/staff/")
    to_row(page, number)
    go(page, "Enter")
    assert number in page.locator(".head").inner_text()


def _refused(page: "Page", house: House, number: str) -> None:
    """不予受理 with its reason; without one it is not done, and nothing typed is lost."""
    _opened(page, house, number)
    assert not serious(page, page.url)
    page.goto(page.url)
    press(page, "n")
    tab_to(page, "textarea[name=reasons]")
    page.keyboard.type("孩子户籍不在本区，请到户籍地办理")
    press(page, "Tab")
    go(page, "Enter")
    assert "不予办理" in page.locator(".head").inner_text()
    assert "不予受理决定书" in page.locator("main").inner_text()


def _granted(page: "Page", house: House, number: str) -> None:
    """Accepted, checked, sent back with a reason, checked again, granted with what the step gives."""
    _opened(page, house, number)
    go(page, "y")
    _decided(page)
    press(page, "b")
    tab_to(page, "input[name=to_node]")
    press(page, "Space")
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("出生日期与证明不符，请再核")
    press(page, "Tab")
    go(page, "Enter")
    assert "退回" in page.locator(".timeline").inner_text()
    for _step in range(6):
        if not page.locator("form#grant").count():
            break
        _decided(page)
    assert "已办结" in page.locator("main").inner_text() or "已结案" in page.locator(".head").inner_text()


def _decided(page: "Page") -> None:
    """Fills in what the step gives, and grants it."""
    for n in range(page.locator("#grant input[name^='give.']").count()):
        box = page.locator("#grant input[name^='give.']").nth(n)
        tab_to(page, f"#grant input[name='{box.get_attribute('name')}']")
        page.keyboard.type("2026-12-01")
    page.evaluate("document.activeElement.blur()")
    go(page, "y")


def _delivered(page: "Page", house: House, number: str) -> None:
    """The result is posted, its receipt comes back, and the proof of delivery can be printed; the archive is complete."""
    for _turn in range(TURNS):  # the worker writes the letter
        if page.locator("a[data-key=D]").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    go(page, "d")
    assert not serious(page, page.url)
    page.goto(page.url)
    press(page, "p")
    tab_to(page, "input[name=tracking]")
    page.keyboard.type("EX123456789CN")
    go(page, "Enter")
    assert "已寄出，等回执" in page.locator(".ways").inner_text()
    go(page, "y")
    assert "已签收" in page.locator(".ways").inner_text()
    proof = page.locator(".ways a").last.get_attribute("href")
    assert page.request.get(f"{house.address}{proof}").headers["content-type"] == "application/pdf"
    page.goto(f"{house.address}/staff/deliveries/?show=done")
    assert number in page.locator("tbody").inner_text()
    assert not serious(page, page.url)
    go(page, "j", "Enter")
    assert "准予办理决定书" in page.locator("h1").inner_text()
