"""Emergency orders through the pages: one proposes, another signs, either ends; what is missing is said."""

from datetime import timedelta

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.hub.models import Order
from tests.cases.factories import Street, make_street
from tests.web.posts import browser, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def street(data_dir: object) -> Street:
    return make_street()


def typed(**fields: str) -> dict[str, str]:
    ends = (clock.now() + timedelta(days=10)).date().isoformat()
    return {"number": "演示应急令〔2026〕1号", "basis": "突发事件应对法", "ends_on": ends, **fields}


@pytest.fixture
def first(street: Street) -> Client:
    return browser(street.city_centre, "duty_officer", "1")


@pytest.fixture
def second(street: Street) -> Client:
    return browser(street.city_centre, "duty_officer", "2")


def test_routine_says_so(first: Client) -> None:
    assert "现为常态" in said(first.get("/staff/orders/"))


@pytest.mark.parametrize("field", ["number", "basis", "ends_on"])
def test_what_is_missing_is_said_and_the_rest_kept(first: Client, field: str) -> None:
    wrong = first.post("/staff/orders/open", typed(**{field: ""}))
    page = said(wrong)
    assert wrong.status_code == 422 and f'href="#{field}"' in page
    assert all(value in page for key, value in typed().items() if key != field)
    assert not Order.objects.exists()


def test_an_end_in_the_past_is_refused(first: Client) -> None:
    assert first.post("/staff/orders/open", typed(ends_on="2020-01-01")).status_code == 422


def test_two_people_put_an_order_in_force_and_the_screen_shows_it(
    first: Client, second: Client, street: Street
) -> None:
    assert first.post("/staff/orders/open", typed()).status_code == 302
    order = Order.objects.get()
    own = first.post(f"/staff/orders/{order.ref}/sign")
    assert own.status_code >= 400 and 'role="alert"' in said(own)
    order.refresh_from_db()
    assert order.signed_at is None
    assert second.post(f"/staff/orders/{order.ref}/sign").status_code == 302
    assert "生效中" in said(first.get("/staff/orders/"))
    assert "演示应急令〔2026〕1号" in said(first.get(f"/command/{street.city.code}/"))
    assert second.post(f"/staff/orders/{order.ref}/sign").status_code >= 400
    assert first.post(f"/staff/orders/{order.ref}/end", {"reason": "风险解除"}).status_code == 302
    assert "已结束" in said(first.get("/staff/orders/"))
    assert "没有生效的应急命令" in said(first.get(f"/command/{street.city.code}/"))


def test_a_street_reads_orders_but_declares_signs_and_ends_none(first: Client, street: Street) -> None:
    below = browser(street.centre, "duty_officer")
    assert below.post("/staff/orders/open", typed()).status_code == 403
    assert not Order.objects.exists()
    first.post("/staff/orders/open", typed())
    order = Order.objects.get()
    for act in ("sign", "end"):
        assert below.post(f"/staff/orders/{order.ref}/{act}", {"reason": "x"}).status_code == 403
    order.refresh_from_db()
    assert order.signed_at is None and order.ended_at is None
    page = said(below.get("/staff/orders/"))
    assert (
        order.number in page and f"/staff/orders/{order.ref}" not in page and "/staff/orders/open" not in page
    )


def test_who_does_not_act_on_orders_does_not_open_the_page(street: Street) -> None:
    assert browser(street.city_centre, "security_admin").get("/staff/orders/").status_code in (403, 404)
