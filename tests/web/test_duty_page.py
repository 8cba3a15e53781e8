"""The duty page: lists by what presses, points told cheaply, an incident in brief with its acts, the shift, the level."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from liangwang import sse
from liangwang.base import clock, events
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.cases.models import Case, Task
from liangwang.operations import actions, boards, datastreams, things
from liangwang.operations.models import Crew, Datastream, Report
from tests.cases.factories import make_actor, make_applicant
from tests.operations.factories import STREET, load_city, make_asset, make_signal, office
from tests.web.posts import browser, said

pytestmark = pytest.mark.django_db
HERE = (122.481, 30.491)
CITY = "90"


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


@pytest.fixture
def duty() -> Client:
    return browser(office(f"operations.{STREET}"), "duty_officer")


def told(east_m: float = 0, kind: str = "street_order:rubbish", at: datetime | None = None) -> Report:
    with write():
        return actions.report(
            actor=make_applicant()[1],
            at=at or clock.now(),
            kind=kind,
            text="路边一堆",
            point=(HERE[0] + east_m / 95_900, HERE[1]),
        )


def work() -> None:
    while events.run_due(clock.now() + timedelta(hours=1)):
        pass


def feed(client: Client, query: str = "", code: str = STREET) -> list[str]:
    """The refs of the rows that the list shows."""
    answer = client.get(f"/command/{code}/feed{query}")
    assert answer.status_code == 200
    return re.findall(r'data-ref="(\w+)"', said(answer))


def statements(client: Client, path: str, **headers: str) -> tuple[int, Any]:
    count = 0

    def counted(execute: Any, *args: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*args)

    with connection.execute_wrapper(counted):
        answer = client.get(path, headers=headers)
    return count, answer


def confirmed(client: Client, case: Case) -> Case:
    assert client.post(f"/command/incidents/{case.ref}/confirm", {"how": "yes"}).status_code == 302
    work()
    return Case.objects.get(pk=case.pk)


def test_the_list_by_what_presses(duty: Client) -> None:
    waits, runs = told().case, told(east_m=700).case
    confirmed(duty, runs)
    assert feed(duty) and set(feed(duty)) == {waits.ref, runs.ref}
    assert feed(duty, "?show=decide") == [waits.ref]  # to confirm
    assert "待核实" in said(duty.get(f"/command/{STREET}/feed"))
    Task.objects.filter(case=runs, due_at__isnull=False).update(due_at=clock.now() - timedelta(minutes=9))
    assert feed(duty, "?show=late") == [runs.ref]
    assert feed(duty)[0] == runs.ref  # the overdue stand first
    assert set(feed(duty, "?show=led")) == {waits.ref, runs.ref}
    city = browser(office(f"operations.{CITY}"), "duty_officer", "c")
    assert feed(city, "?show=led", CITY) == [] and len(feed(city, "", CITY)) == 2
    Task.objects.filter(case=runs, state="assigned").update(crew_office=None, state="ready")
    assert feed(duty, "?show=unassigned") == [runs.ref]


def test_search_by_number_title_and_kind_and_more_rows(duty: Client) -> None:
    one, other = told().case, told(east_m=700, kind="street_order:bikes_in_the_way").case
    assert feed(duty, f"?q={one.number}") == [one.ref]
    assert feed(duty, f"?q={other.title['zh'][:2]}") == [other.ref]
    assert feed(duty, "?kind=street_order:rubbish") == [one.ref]
    assert feed(duty, "?q=没有这样的") == []
    assert "换一个筛选" in said(duty.get(f"/command/{STREET}/feed?q=没有这样的"))
    assert len(feed(duty, "?n=1")) == 1 and "还有 1 件" in said(duty.get(f"/command/{STREET}/feed?n=1"))
    assert len(feed(duty, "?show=nonsense&n=x")) == 2  # an address by hand is no error


@pytest.mark.both_databases
def test_points_have_one_key_each_and_cost_few_statements(duty: Client) -> None:
    quiet, alarmed = make_asset(), make_asset(lon=HERE[0] + 0.002)
    make_signal(alarmed, level="orange")
    for n in range(4):
        told(east_m=120 * n)
    path = f"/command/{STREET}/points"
    duty.get(path)
    few, answer = statements(duty, path)
    shown = [f["properties"] for f in answer.json()["features"]]
    assert len({one["key"] for one in shown}) == len(shown)
    assert [one["number"] for one in shown if one["role"] == "thing"] == [alarmed.pk]
    assert {one["status"] for one in shown if one["role"] == "thing"} == {"warn"}
    incidents = [one for one in shown if one["role"] == "incident"]
    assert len(incidents) == 4 and {"name", "number", "where", "stage", "since", "late", "href"} <= set(
        incidents[0]
    )
    for n in range(4, 12):
        told(east_m=120 * n)
    many, answer = statements(duty, path)
    assert many == few <= 14, f"{many} statements for 12 incidents, {few} for 4"
    assert quiet.pk in duty.get(f"/command/{STREET}/things").json()["number"]


def test_what_a_browser_has_is_not_sent_again(duty: Client) -> None:
    make_asset()
    for part in ("points", "things"):
        path = f"/command/{STREET}/{part}"
        mark = duty.get(path)["ETag"]
        again, answer = statements(duty, path, if_none_match=mark)
        assert answer.status_code == 304 and not answer.content
    assert again <= 8, "whether things have changed is one statement beside those of the login"
    make_asset()
    assert duty.get(f"/command/{STREET}/things", headers={"if-none-match": mark}).status_code == 200


def test_a_unit_that_moves_is_no_thing_that_stands(duty: Client) -> None:
    unit = make_asset()
    unit.kind = "unit"
    unit.save()
    moving = {stream.things for stream in datastreams.stream_sources().values() if stream.moves}
    assert (unit.pk in duty.get(f"/command/{STREET}/things").json()["number"]) == ("unit" not in moving)


def test_the_card_of_a_thing_leads_to_its_curve_and_incident(duty: Client) -> None:
    asset = make_asset()
    make_signal(asset)
    stream = Datastream.objects.get(asset=asset)
    Datastream.objects.filter(pk=stream.pk).update(last_at=clock.now(), last_value=31.5)
    card = said(duty.get(f"/command/things/{asset.pk}/"))
    assert asset.label["zh"] in card and "31.5" in card and f'href="/staff/readings/{stream.pk}/"' in card
    assert duty.get("/command/things/999999/").status_code == 404


def test_an_act_in_brief_is_the_act_of_the_page(duty: Client) -> None:
    case = told().case
    brief = said(duty.get(f"/command/incidents/{case.ref}/brief"))
    assert f'action="/command/incidents/{case.ref}/confirm"' in brief and "<html" not in brief
    url, part = f"/command/incidents/{case.ref}/confirm", {"x-part": "brief"}
    refused = duty.post(url, {"how": "no", "note": ""}, headers=part)
    assert refused.status_code == 422 and refused["X-Part"] == "brief"
    assert "不予办理的理由" in said(refused)
    done = duty.post(url, {"how": "yes"}, headers=part)
    assert done.status_code == 200 and done["X-Part"] == "brief" and "核实结果已记下" in said(done)
    work()
    task = Case.objects.get(pk=case.pk).tasks.filter(state__in=("ready", "assigned")).first()
    assert task is not None
    kept = duty.post(f"/command/tasks/{task.ref}/supervise", {"note": ""}, headers=part)
    assert kept.status_code == 422
    pressed = duty.post(f"/command/tasks/{task.ref}/supervise", {"note": "一小时内清完"}, headers=part)
    assert pressed.status_code == 200 and "督办已发出" in said(pressed)
    assert Case.objects.get(pk=case.pk).supervised


def test_the_way_of_a_crew_ends_at_the_incident(duty: Client) -> None:
    case = confirmed(duty, told().case)
    ways = duty.get(f"/command/incidents/{case.ref}/ways").json()["features"]
    sent = Task.objects.filter(case=case, state="assigned", crew_office__isnull=False)
    assert sent.exists() and len(ways) == sent.count()
    for way in ways:
        assert way["geometry"]["coordinates"][-1] == pytest.approx([case.lon, case.lat], abs=1e-5)
        assert way["properties"]["minutes"] >= 0 and way["properties"]["name"]
    sent.update(state="arrived")
    assert duty.get(f"/command/incidents/{case.ref}/ways").json()["features"] == []


def test_the_shift_says_who_has_it_and_how_much_was_handed_over(duty: Client) -> None:
    told()
    assert "还没有交接过班" in said(duty.get(f"/command/{STREET}/panels"))
    given = duty.post(f"/command/{STREET}/shift/", {"notes": "盯住菜场", "leader": ""})["Location"]
    panels = said(duty.get(f"/command/{STREET}/panels"))
    assert "已交班" in panels and "待签收" in panels and "交来 1 件" in panels
    taker = browser(office(f"operations.{STREET}"), "duty_officer", "next")
    assert taker.post(given, {"remark": ""}).status_code == 302
    panels = said(duty.get(f"/command/{STREET}/panels"))
    assert "duty_officernext@" in panels and "待签收" not in panels
    assert f'href="/command/{STREET}/shift/"' in panels
    above = said(browser(office(f"operations.{CITY}"), "duty_officer", "c").get(f"/command/{STREET}/panels"))
    assert (
        "交来 1 件" in above and "/shift/" not in above
    )  # read from above, handed over only at the own desk


@pytest.mark.both_databases
def test_each_level_has_its_own_duty_and_clock(duty: Client) -> None:
    case = confirmed(duty, told().case)
    task = Task.objects.filter(case=case, due_at__isnull=False, state__in=("ready", "assigned")).first()
    assert task is not None
    at = clock.now()
    Task.objects.filter(pk=task.pk).update(
        ready_at=at - timedelta(minutes=40), due_at=at - timedelta(minutes=10), climbed="street"
    )
    assert "受理、派遣" in said(duty.get(f"/command/{STREET}/panels"))
    assert "报区" in said(duty.get(f"/command/{STREET}/feed"))  # when the next level hears of it
    district = browser(office(f"operations.{STREET[:6]}"), "duty_officer", "d")
    assert "协调各部门" in said(district.get(f"/command/{STREET[:6]}/panels"))
    assert feed(district, "?show=told", STREET[:6]) == []
    Task.objects.filter(pk=task.pk).update(climbed="district")
    assert feed(district, "?show=told", STREET[:6]) == [case.ref]


@pytest.mark.both_databases
def test_counts_below_are_those_of_the_rows(duty: Client) -> None:
    told()
    late = confirmed(duty, told(east_m=600).case)
    at = clock.now() + timedelta(days=30)
    rows = boards.open_incidents(STREET[:6], at)
    (below,) = [row for row in boards.drill_down(STREET[:6], at) if row["open"]]
    assert below["code"] == STREET and below["open"] == len(rows) == 2
    assert below["late"] == sum(1 for row in rows if row["clock"] and row["clock"]["left_s"] < 0)
    assert late.ref in {row["ref"] for row in rows if row["clock"]}


def test_the_stream_tells_pages_of_the_place_that_a_unit_moved(duty: Client) -> None:
    before = things.unit_marks()
    assert sse.moved(before, before) == []
    crew = Crew.objects.filter(office__place__code=STREET, repairs=True, on_shift=True).first()
    assert crew is not None
    Crew.objects.filter(pk=crew.pk).update(lon=crew.lon + 0.001)
    (told,) = sse.moved(before, things.unit_marks())
    assert told.type == "unit.moved" and told.place == STREET and "id:" not in told.line()
    near = sse.Reader(make_actor(office(f"operations.{STREET}"), "duty_officer"), frozenset({"unit"}))
    far = sse.Reader(make_actor(office("operations.900102"), "duty_officer"), frozenset({"unit"}))
    assert near.hears(told) and not far.hears(told)
