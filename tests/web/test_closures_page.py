"""封路: closed on a map or by keyboard, with reason, times and who; driven around; opened again; others only look."""

from datetime import timedelta

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.models import AuditEntry, Place
from liangwang.operations import closures
from liangwang.operations.dispatch_models import Closure
from liangwang.operations.road import router
from tests.cases.factories import make_actor
from tests.operations.factories import STREET, load_city, office
from tests.web.posts import browser, said

pytestmark = pytest.mark.django_db
PAGE, MAP = f"/command/{STREET}/closures/", f"/command/{STREET}/closures/map"
STRETCH = {"points": "122.4795,30.46\n122.4795, 30.4935", "shape": "stretch", "width": "60", "reason": "积水"}


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


@pytest.fixture
def duty() -> Client:
    return browser(office(f"operations.{STREET}"), "duty_officer")


def seconds() -> float:
    way = router(clock.now())
    assert way is not None
    return float(way.seconds_to((122.484, 30.490), [(122.475, 30.490)])[0])


def test_a_stretch_is_closed_seen_driven_around_and_opened_again(duty: Client) -> None:
    free, audited = seconds(), AuditEntry.objects.count()
    assert "现在没有封路" in said(duty.get(PAGE))
    assert duty.post(PAGE, STRETCH).status_code == 302
    row, shown = Closure.objects.get(), said(duty.get(PAGE))
    assert "积水" in shown and "封着" in shown and "段路" in shown and "解除为止" in shown
    assert str(row.by["label"]["zh"]) in shown and row.by["office"] == f"operations.{STREET}"
    (drawn,) = [f for f in duty.get(MAP).json()["features"] if f["properties"].get("role") == "closed"]
    assert (drawn["geometry"]["type"], drawn["properties"]["name"]) == ("Polygon", "积水")
    assert seconds() > free
    assert duty.post(PAGE, {"closure": row.ref}).status_code == 302
    assert seconds() == free and "已解除" in said(duty.get(PAGE))
    assert AuditEntry.objects.count() >= audited + 2


def test_what_was_typed_stays_when_it_does_not_hold(duty: Client) -> None:
    for wrong, part in [
        ({"points": "菜场门口"}, "没有看懂“菜场门口”"),
        ({"points": "200,30"}, "没有看懂“200,30”"),
        ({"points": ""}, "封路没有保存"),
        ({"reason": " "}, "封路没有保存"),
        ({"width": "0"}, "封路没有保存"),
        ({"shape": "area"}, "封路没有保存"),
        ({"until": "明天"}, "没有看懂“明天”"),
        ({"until": "2020-01-01T00:00"}, "封路没有保存"),
        ({"until": "2026-13-41T00:00"}, "没有看懂"),
    ]:
        answer = duty.post(PAGE, STRETCH | wrong)
        assert answer.status_code == 422, wrong
        shown = said(answer)
        assert part in shown and f'value="{(STRETCH | wrong)["width"]}"' in shown
    assert not Closure.objects.exists()


def test_a_closure_to_come_and_one_of_the_district_that_reaches_into_the_street(duty: Client) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert duty.post(PAGE, STRETCH | {"from": tomorrow, "reason": "大型活动"}).status_code == 302
    assert "未到时间" in said(duty.get(PAGE))
    district = make_actor(office(f"operations.{STREET[:6]}"), "duty_officer")
    here, there = ([(122.481, 30.491)], [(122.60, 30.60)])
    for points, reason in ((here, "燃气抢修"), (there, "别处")):
        area = closures.drawn(points, 100.0, filled=False)
        place = Place.objects.get(code=STREET[:6])
        closures.close_streets(actor=district, at=clock.now(), place=place, area=area, reason=reason)
    shown = said(duty.get(PAGE))
    assert "燃气抢修" in shown and "别处" not in shown
    theirs = Closure.objects.get(reason="燃气抢修")
    assert duty.post(PAGE, {"closure": theirs.ref}).status_code == 404, "whoever closed it opens it"


def test_another_level_looks_and_does_not_close(duty: Client) -> None:
    district = browser(office(f"operations.{STREET[:6]}"), "duty_officer")
    assert "封路由本级值班长登记" in said(district.get(PAGE))
    assert district.post(PAGE, STRETCH).status_code == 403
    clerk = browser(office(f"subdistrict.{STREET}"), "clerk")
    assert clerk.get(PAGE).status_code in {403, 404} and clerk.get(MAP).status_code in {403, 404}


def test_an_area_is_what_its_corners_enclose() -> None:
    square = [(122.48, 30.49), (122.49, 30.49), (122.49, 30.50), (122.48, 30.50)]
    ring = closures.drawn(square, 30.0, filled=True)["coordinates"][0]
    assert [tuple(round(x, 5) for x in point) for point in ring[:4]] == square
    with pytest.raises(closures.NoClosure):
        closures.drawn([square[0], square[2], square[1], square[3]], 30.0, filled=True)  # it crosses itself
