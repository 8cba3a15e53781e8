"""axe-core finds nothing serious on the pages of posts: workbench, field, command screen; nothing overflows, no script fails."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import DESK, PHONE, SCREEN, context_of, serious, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser

ULTRA = (3840, 1080)
PAGES = [
    (
        "duty_street",
        DESK,
        ["/staff/", "/staff/?all=1", "/staff/late/", "/staff/notices/", "/staff/incidents/"],
    ),
    ("duty_city", DESK, ["/staff/orders/"]),
    ("gujianping", DESK, ["/staff/", "/staff/applications/"]),
    (
        "yuanfang",
        DESK,
        [
            "/staff/reform/",
            "/staff/reform/birth/birth/",
            "/staff/reform/birth/birth/print/",
            "/staff/reform/what-if/",
            "/staff/reform/what-if/?item=social_security:social_card&c=days%7Csocial_security:social_card%7Cmake%7C1",
            "/staff/items/",
            "/staff/items/social_security/social_card/",
            "/staff/calendar/",
            "/staff/effects/",
        ],
    ),
    ("security", DESK, ["/staff/policy/"]),
    ("auditor", DESK, ["/staff/audit/"]),
    ("duty_street", PHONE, ["/staff/", "/staff/incidents/", "/command/"]),
    ("crew_rain", PHONE, ["/field/", "/field/done/"]),
    ("grid", PHONE, ["/field/"]),
    ("committee", PHONE, ["/field/", "/field/report/"]),
    ("duty_city", SCREEN, ["/command/", "/command/310105/"]),
    ("duty_city", ULTRA, ["/command/"]),
]


@pytest.fixture(scope="module")
def reported(house: House, browser: object) -> str:
    """The path of an incident reported through the form, then confirmed, so that crews are sent."""
    page = browser.new_context(locale="zh-CN").new_page()  # type: ignore[attr-defined]
    sign_in(page, house, "committee")
    page.goto(f"{house.address}/field/report/")
    page.get_by_role("link", name="井盖移位").click()
    page.locator("select[name=place]").select_option(index=1)
    page.locator("textarea[name=text]").fill("盖子翘起来了")
    page.locator("main form .button.wide").click()
    page.wait_for_load_state()
    page.context.clear_cookies()
    sign_in(page, house, "duty_street")
    page.goto(f"{house.address}/staff/incidents/")
    page.locator("tbody a").first.click()
    page.wait_for_load_state()
    path = str(page.url.removeprefix(house.address))
    page.context.close()
    return path


@pytest.mark.parametrize(("who", "size", "paths"), PAGES, ids=[f"{who}-{size[0]}" for who, size, _ in PAGES])
def test_pages_of_posts(
    house: House, context_of: Callable[..., "Page"], who: str, size: tuple[int, int], paths: list[str]
) -> None:
    page = context_of(size)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, house, who)
    assert not [line for path in paths for line in serious(page, house.address + path)]
    assert not broken


def test_a_reported_incident_from_confirming_to_the_crew(
    house: House, reported: str, context_of: Callable[..., "Page"]
) -> None:
    page = context_of(DESK)
    sign_in(page, house, "duty_street")
    assert not serious(page, house.address + reported)
    page.goto(house.address + reported)
    page.keyboard.press("y")  # the letter of the button
    for _turn in range(20):  # the worker sends crews; the page shows it when it is read again
        page.wait_for_timeout(500)
        page.goto(house.address + reported)
        if page.locator("summary[data-key=D]").count():
            break
    assert not serious(page, house.address + reported)
    page.keyboard.press("s")
    assert page.locator("textarea[name=note]").is_visible()
    assert not serious(page, house.address + "/command/")


def test_the_wall_does_not_scroll(house: House, reported: str, context_of: Callable[..., "Page"]) -> None:
    for size in (SCREEN, ULTRA):
        page = context_of(size)
        sign_in(page, house, "duty_city")
        page.goto(house.address + "/command/")
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        page.wait_for_selector(".maplibregl-canvas")
        # The map's list: every district by keyboard.
        assert page.locator(".below a").count() == page.locator(".below li").count() > 0
