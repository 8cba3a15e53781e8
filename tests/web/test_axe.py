"""axe-core finds nothing serious on the resident's pages and the design system, in both type sizes; nothing overflows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.house import House

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
OPEN = [
    "/",
    "/login/",
    "/services/",
    "/services/?all=1",
    "/services/birth/birth/",
    "/services/public_security/passport/print/",
    "/help/",
    "/verify/",
    "/verify/nothing/",
    "/nowhere/",
]
OWN = ["/", "/me/", "/me/seen/", "/messages/", "/certificates/", "/code/", "/help/"]
STYLE = ["/style/", "/style/?surface=desk", "/style/?surface=command", "/style/?surface=print"]
PHONE, DESK, SCREEN = (360, 740), (1440, 900), (1920, 1080)


@pytest.fixture
def context_of(browser: "Browser") -> Iterator[Callable[..., "Page"]]:
    """Makes pages of a size, in Chinese; each is closed when the test ends."""
    contexts: list[Any] = []

    def make(size: tuple[int, int], cookies: list[dict[str, str]] | None = None) -> "Page":
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN", bypass_csp=True
        )
        context.add_cookies(cookies or [])  # type: ignore[arg-type]
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def serious(page: "Page", address: str) -> list[str]:
    """What axe calls serious or critical on this page, with the element; and whether it is wider than the window."""
    page.goto(address)
    return serious_here(page)


def serious_here(page: "Page") -> list[str]:
    """The same of the page as it stands open now."""
    address = page.url
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [f"{address} is wider than the window"] * wide + [
        f"{address} {v['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"][:3]
    ]


def sign_in(page: "Page", house: House, name: str) -> None:
    page.goto(f"{house.address}/login/")
    page.locator(f'form:has(input[value="{name}"]) button').first.click()
    page.wait_for_load_state()


def test_open_pages(house: House, context_of: Callable[..., "Page"]) -> None:
    page = context_of(DESK)
    assert not [line for path in OPEN for line in serious(page, house.address + path)]


def test_pages_of_a_resident(house: House, context_of: Callable[..., "Page"]) -> None:
    page = context_of(PHONE)
    sign_in(page, house, "linxiao")
    assert not [line for path in OWN for line in serious(page, house.address + path)]
    page.goto(f"{house.address}/services/birth/birth/")
    page.locator('form[action$="start/"]:visible button').click()
    page.wait_for_load_state()
    draft = page.url
    assert not serious(page, draft)
    page.locator(".sheet a").click()
    page.wait_for_load_state()
    page.locator(".sheet button").click()  # nothing chosen: the error summary
    page.wait_for_load_state()
    assert page.locator(".errors").count() == 1
    for step in ("consents/", "materials/", "check/"):
        assert not serious(page, draft + step)


def test_large_type_is_large(house: House, context_of: Callable[..., "Page"]) -> None:
    page = context_of(PHONE, [{"name": "elder", "value": "1", "url": house.address}])
    assert not [line for path in OPEN for line in serious(page, house.address + path)]
    page.goto(house.address + "/services/")
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].filter(e => e.children.length === 0 && e.textContent.trim()"
        " && e.offsetParent).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 20


def test_the_design_system(house: House, context_of: Callable[..., "Page"]) -> None:
    assert not [
        line
        for path, size in zip(STYLE, (PHONE, DESK, SCREEN, DESK), strict=True)
        for line in serious(context_of(size), house.address + path)
    ]
