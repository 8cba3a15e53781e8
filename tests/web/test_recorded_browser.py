"""The slider of the duty page in a browser: a day is chosen, dragged, played by mouse and keys, and left again."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.house import House

from .test_axe import DESK, context_of, serious_here, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def yesterday(house: House) -> str:
    """The day before, in which an incident was open from 10:00 to 11:30 in the demo street."""
    day: str = house.do(
        """
        from datetime import timedelta
        from liangwang.base import clock
        from liangwang.base.hats import platform
        from liangwang.base.models import Place
        from liangwang.base.transactions import write
        from liangwang.base.working_days import local_day
        from liangwang.cases import actions
        from liangwang.operations import incidents, recorded_day
        day = local_day(clock.now()) - timedelta(days=1)
        start = recorded_day.bounds(day)[0]
        plan = [{"key": "look", "label": {"zh": "现场查看", "en": "Look"}, "by": {"role": "approver"}, "needs": [],
                 "within": {"minutes": 60}, "stage": "handle"}]
        from liangwang.cases.plans import store_plan
        body = {"key": "test:past", "kind": "incident", "label": {"zh": "试", "en": "t"}, "nodes": plan,
                "legal_days": None, "promised_days": None}
        street = Place.objects.get(code="900101001")
        with write():
            case = actions.open_case(actor=platform("manholes"), at=start + timedelta(hours=10), plan=store_plan(body, at=start),
                title={"zh": "昨天的事", "en": "What was yesterday"}, source="rule", pack="manholes", place=street,
                point=(122.48, 30.49), level="orange")
            task = case.tasks.get()
            later = start + timedelta(hours=11, minutes=30)
            actions.complete_task(actor=platform("manholes"), at=later, task=task)
            actions.close_case(actor=platform("manholes"), at=later, case=case)
        answer = day.isoformat()
        """
    )
    return day


def time_of(page: "Page") -> str:
    return str(page.locator("#slider-at").get_attribute("aria-valuetext"))


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(150)  # the picture follows at the next frame


def test_a_day_is_chosen_dragged_played_and_left(
    house: House, context_of: Callable[..., "Page"], yesterday: str
) -> None:
    page = context_of(DESK)
    sign_in(page, house, "duty_city")
    page.goto(f"{house.address}/command/")
    page.wait_for_selector("#city-map[data-ready]")
    assert page.locator("#recorded-banner").is_hidden()

    page.click("#slider-day")
    page.locator("#slider-days[open]").wait_for()
    assert serious_here(page) == []
    name = f"{date.fromisoformat(yesterday).month}月{date.fromisoformat(yesterday).day}日 1 件"
    page.get_by_title(name).click()
    page.locator("body[data-recorded]").wait_for()
    assert "回放" in page.locator("#recorded-banner").inner_text()

    page.locator("#slider-at").focus()
    press(page, "Home", *["PageUp"] * 10, "ArrowRight")
    assert time_of(page) == "10:01"
    rows = page.locator("#feed .incident:visible")
    assert rows.count() == 1 and "昨天的事" in rows.inner_text() and "00:01:00" in rows.inner_text()
    figures: dict[str, Any] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure]')].map((e) => [e.dataset.figure, e.textContent]))"
    )
    assert (figures["open"], figures["late"], figures["opened"], figures["left"]) == ("1", "0", "1", "0")
    assert page.locator("#panels, #brief, #find, #day").filter(visible=True).count() == 0
    assert serious_here(page) == []

    press(page, "PageUp")
    assert page.locator("[data-figure=late]").inner_text() == "1"  # 61 of 60 minutes
    page.locator("#feed .incident a").click()
    page.wait_for_url("**/after/")
    page.go_back()
    page.locator("body[data-recorded]").wait_for()
    assert time_of(page) == "11:01"

    page.locator("#slider-speed").select_option("3600")
    page.locator("#slider-at").focus()
    press(page, "Space")
    page.wait_for_function("document.querySelector('#slider-at').value > 42000")
    press(page, "Space")
    here = time_of(page)
    page.wait_for_timeout(300)
    assert time_of(page) == here > "11:30"
    assert rows.count() == 0
    press(page, "End")
    assert time_of(page) == "24:00"

    page.click("#slider-live")
    page.locator("body:not([data-recorded])").wait_for()
    assert page.locator("#recorded-banner").is_hidden() and "#at" not in page.url
    assert page.locator("#find").is_visible()
