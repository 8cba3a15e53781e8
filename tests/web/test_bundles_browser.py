"""Each bundle is begun by a demo person or company on a phone, and shows struck through what nobody brings, and from whom."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import PHONE, context_of, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.slow]
CAFE = "hezhiyuan"
BEGUN_BY = {
    "birth": "linxiao", "medical_payment": "linxiao", "innovation_startup": "linxiao", "public_rental": "linxiao",
    "school_start": "linxiao", "disability": "zhouguiying", "discharge": "chenli", "second_hand_home": "chenli",
    "farewell": "zhoumin", "retirement": "zhoumin", "unemployment": "zhoumin", "residence": CAFE, "cultural_unit": CAFE,
}  # fmt: skip
BY_THE_CAFE = ("tax_and_fees", "employing_staff", "opening_shop")


def begun(page: "Page", house: House, key: str) -> None:
    """Opens the bundle's page, sees what is not asked with its office, begins, and is in a draft."""
    page.goto(f"{house.address}/services/{key}/{key}/")
    card = page.locator("section", has=page.get_by_role("heading", name="不用您交的材料")).first
    assert card.locator("del").count() >= 2, key
    assert card.locator("small", has_not_text="自动生成").count() >= 1, (
        key
    )  # from an office, not only from the form
    page.locator('form[action$="start/"]:visible button').first.click()
    page.wait_for_load_state()
    assert "/drafts/" in page.url and page.locator("main li a.title").count() >= 1, key


@pytest.mark.parametrize("who", sorted(set(BEGUN_BY.values())))
def test_a_person_begins_her_bundles(house: House, context_of: Callable[..., "Page"], who: str) -> None:
    page = context_of(PHONE)
    sign_in(page, house, who)
    for key in (key for key, by in BEGUN_BY.items() if by == who):
        begun(page, house, key)


@pytest.mark.parametrize("who", [CAFE, "zhoumin"])
def test_the_company_begins_its_own_after_one_tap(
    house: House, context_of: Callable[..., "Page"], who: str
) -> None:
    """Its legal representative, and whom it has given a mandate."""
    page = context_of(PHONE)
    sign_in(page, house, who)
    page.goto(f"{house.address}/services/tax_and_fees/tax_and_fees/")
    page.locator("main button[name=hat]").first.click()
    page.wait_for_load_state()
    assert page.url.endswith("/services/tax_and_fees/tax_and_fees/")
    assert page.locator("main button[name=hat]").count() == 0
    for key in BY_THE_CAFE:
        begun(page, house, key)
