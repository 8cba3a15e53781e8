"""The item's page says in whose name it is done, and one tap changes the hat."""

import pytest
from django.test import Client

from liangwang.base.models import CompanyRole
from tests import factories
from tests.web.posts import said, signed_in

pytestmark = pytest.mark.django_db
TAXES = "/services/tax_and_fees/tax_and_fees/"


@pytest.fixture
def owner() -> Client:
    """A person, signed in as herself, who may act for one company."""
    person = factories.person()
    factories.company(director=person)
    return signed_in(factories.party(person.subject))


def test_one_tap_changes_to_the_company_and_back_to_the_page(owner: Client) -> None:
    page = said(owner.get(TAXES))
    assert "这件事以单位的名义办" in page
    hat = f"company:{CompanyRole.objects.get().company.ref}"
    assert f'name="hat" value="{hat}"' in page
    back = owner.post("/hat/", {"hat": hat, "next": TAXES})
    assert back["Location"] == TAXES and "这件事以" not in said(owner.get(TAXES))
    assert "这件事以本人的名义办" in said(owner.get("/services/birth/birth/"))


def test_whoever_has_no_company_is_told_who_can_do_it() -> None:
    alone = signed_in(factories.party(factories.person().subject))
    assert "由单位在“委托”里授权您代办" in said(alone.get(TAXES))
    assert "这件事以" not in said(Client().get(TAXES))  # whoever has not signed in reads a guide
