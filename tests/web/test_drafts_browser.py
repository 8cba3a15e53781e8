"""On a phone: answers save themselves, addresses are picked list by list, two tabs meet, a name is drawn; axe, large type."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import PHONE, context_of, serious, sign_in  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
ITEM = "/services/civil_affairs/minimum_income/"
WHO = "zhoumin"  # nobody else's test writes these drafts


def at(name: str) -> str:
    return f'[id="applicant.{name}"]'


def begun(page: "Page", house: House) -> str:
    page.goto(house.address + ITEM)
    page.locator('form[action$="start/"]:visible button').click()
    page.wait_for_load_state()
    return page.url


def saved(page: "Page") -> "Callable[[], None]":
    """Waits for the answer to the next save."""
    with page.expect_response(lambda answer: answer.url.endswith("/save/")):
        page.keyboard.press("Tab")
    return lambda: None


def test_a_form_on_a_phone(house: House, context_of: Callable[..., "Page"]) -> None:  # noqa: F811
    page = context_of(PHONE)
    sign_in(page, house, WHO)
    root = begun(page, house)
    form = f"{root}page/applicant/"
    page.goto(form)

    # An address, list by list; the focus goes on to the list that has appeared.
    page.focus(at("address~district"))
    page.select_option(at("address~district"), index=1)
    page.wait_for_selector(at("address~street"))
    assert page.evaluate("document.activeElement.id") == "applicant.address~street"
    page.select_option(at("address~street"), index=1)
    page.wait_for_selector(at("address~road"))
    page.fill(at("address~road"), "湖滨路")
    page.fill(at("address~number"), "515")
    page.locator(at("email")).focus()  # leaving the address saves it
    page.wait_for_selector("text=湖滨路515号")

    # A text saves itself when it is left, and is there on another device without any button.
    page.fill(at("bank_name"), "上海银行")
    saved(page)
    page.wait_for_function("document.querySelector('[data-saved]').textContent.match(/\\d\\d:\\d\\d/)")
    other = page.context.new_page()
    other.goto(form)
    assert other.locator(at("bank_name")).input_value() == "上海银行"
    assert other.locator(at("address~road")).input_value() == "湖滨路"

    # The other tab changes what this one has before it: this one sees it, keeps its own, and chooses.
    other.fill(at("bank_name"), "建设银行")
    saved(other)
    page.fill(at("bank_name"), "农业银行")
    saved(page)
    page.wait_for_selector("text=建设银行")
    assert page.locator(at("bank_name")).input_value() == "农业银行"
    page.click('button[name="take"]')
    page.wait_for_load_state()
    assert page.locator(at("bank_name")).input_value() == "建设银行"
    other.close()

    # An answer calls a question up, and takes it away again.
    page.check('[name="applicant.family_other_home"][value="yes"]')
    page.wait_for_selector('[data-field="applicant.property_address"]')
    page.check('[name="applicant.family_other_home"][value="no"]')
    page.wait_for_selector('[data-field="applicant.property_address"]', state="detached")

    page.click('button[name="add"]')
    page.wait_for_load_state()
    assert not serious(page, form)
    page.click(".sheet button")
    page.wait_for_load_state()
    assert page.evaluate("document.activeElement.className") == "errors"
    page.locator(".errors a").first.click()
    assert page.evaluate("location.hash") == "#applicant.family_yearly_income"

    # A drawn name.
    assert not serious(page, f"{root}sign/")
    pad = page.locator("canvas").bounding_box()
    assert pad is not None
    page.mouse.move(pad["x"] + 30, pad["y"] + 30)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(pad["x"] + 30 + step * 12, pad["y"] + 40 + (step % 3) * 20)
    page.mouse.up()
    page.check('[name="confirm"]')
    page.click('main form button:has-text("签名")')
    page.wait_for_load_state()
    page.goto(f"{root}sign/")
    assert page.locator("text=手写").count() == 1
    for step in ("", "check/", "print/"):
        assert not serious(page, root + step)
    assert not serious(page, f"{house.address}/drafts/")


@pytest.mark.slow
def test_a_form_in_large_type_and_in_english(house: House, context_of: Callable[..., "Page"]) -> None:  # noqa: F811
    page = context_of(PHONE, [{"name": "elder", "value": "1", "url": house.address}])
    sign_in(page, house, WHO)
    root = begun(page, house)
    assert not serious(page, f"{root}page/applicant/")
    page.goto(house.address)
    page.context.request.post(
        f"{house.address}/language/",
        form={"language": "en", "next": "/"},
        headers={"X-CSRFToken": next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken")},  # type: ignore[typeddict-item]
    )
    assert not serious(page, f"{root}page/applicant/")
    assert page.locator("text=Save and continue").count() >= 1
