"""The incident page: every act is a form behind a letter, a refusal keeps what was typed; the reporter sees how it goes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from liangwang.base import clock, events
from liangwang.base.models import AuditEntry, Place
from liangwang.base.transactions import write
from liangwang.cases.models import Case, Task
from liangwang.operations import actions
from liangwang.operations.models import Joining, Report, ShiftHandover
from tests.cases.factories import make_actor, make_applicant
from tests.operations.factories import STREET, load_city, office
from tests.web.posts import browser, browser_of, photo, said

pytestmark = pytest.mark.django_db
HERE = (122.481, 30.491)


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


@pytest.fixture
def duty() -> Client:
    return browser(office(f"operations.{STREET}"), "duty_officer")


def told(east_m: float = 0, **more: Any) -> Report:
    actor = more.pop("actor", None) or make_applicant()[1]
    point = (HERE[0] + east_m / 95_900, HERE[1])
    with write():
        return actions.report(
            actor=actor,
            at=clock.now(),
            kind=more.pop("kind", "street_order:rubbish"),
            text="路边一堆",
            point=point,
            **more,
        )


def page(client: Client, case: Case) -> str:
    answer = client.get(f"/command/incidents/{case.ref}/")
    assert answer.status_code == 200
    return said(answer)


def do(client: Client, case: Case, act: str, status: int = 302, **fields: Any) -> str:
    answer = client.post(f"/command/incidents/{case.ref}/{act}", fields)
    assert answer.status_code == status, said(answer)[-3000:]
    return said(answer)


def do_task(client: Client, task: Task, act: str, status: int = 302, **fields: Any) -> str:
    answer = client.post(f"/command/tasks/{task.ref}/{act}", fields)
    assert answer.status_code == status, said(answer)[-3000:]
    return said(answer)


def work() -> None:
    while events.run_due(clock.now() + timedelta(hours=1)):
        pass


def test_the_duty_officer_confirms_joins_splits_and_undoes(duty: Client) -> None:
    row, other = told(), told(east_m=20)
    assert "另有 1 人也报告了" in page(duty, row.case)
    shown = do(duty, row.case, "confirm", 422, how="no", note="")
    assert "不予办理的理由" in shown
    do(duty, row.case, "confirm", how="yes")
    third = told(east_m=120).case
    assert f'value="{third.ref}"' in page(duty, row.case)  # offered for merging
    do(duty, third, "merge", into=row.case.ref, note="同一堆")
    assert Report.objects.filter(case=row.case).count() == 3
    do(duty, row.case, f"undo/{Joining.objects.get().ref}")
    assert Report.objects.filter(case=row.case).count() == 2
    answer = duty.post(f"/command/reports/{other.ref}/split", {"note": "两回事"})
    assert answer.status_code == 302 and Report.objects.filter(case=row.case).count() == 1


def test_letters_are_unique_and_what_is_due_stands_first(duty: Client) -> None:
    import re

    row = told()
    do(duty, row.case, "confirm", how="yes")
    work()
    shown = page(duty, row.case)
    letters = re.findall(r'data-key="(\w)"', shown)
    assert len(letters) == len(set(letters)) and {"W", "L", "J", "U", "B", "D", "S"} <= set(letters)


def test_levels_joint_messages_and_demands(duty: Client) -> None:
    row = told()
    do(duty, row.case, "confirm", how="yes")
    work()
    do(duty, row.case, "assist", office=f"market.{STREET[:6]}", wanted="查店家")
    helper = browser(office(f"market.{STREET[:6]}"), "clerk")
    part = row.case.assisting.get()
    assert "我们到场了" in page(helper, row.case)
    do(helper, row.case, f"come/{part.ref}")
    do(helper, row.case, "say", text="店家在场", photo=photo())
    shown = page(duty, row.case)
    assert "店家在场" in shown and "/photos/" in shown
    picture = shown.split("/photos/")[1].split('"')[0]
    assert duty.get(f"/command/incidents/{row.case.ref}/photos/{picture}").status_code == 200
    assert duty.get(f"/command/incidents/{told(east_m=900).case.ref}/photos/{picture}").status_code == 404
    do(helper, row.case, f"end/{part.ref}", result="已整改")
    task = row.case.tasks.get(node="clean")
    do_task(duty, task, "supervise", 422, note="")
    do_task(duty, task, "supervise", note="两小时内清完")
    assert task.crew_office is not None
    crew = browser(task.crew_office, "crew")
    demand = row.case.supervisions.get()
    do(crew, row.case, f"reply/{demand.ref}", reply="已在清")
    assert "已在清" in page(duty, row.case)
    do(duty, row.case, "up", note="跨街道")
    do(duty, row.case, "down", 403, note="还我")
    district = browser(office(f"operations.{STREET[:6]}"), "duty_officer")
    do(district, row.case, "down", note="街道办")
    do(duty, row.case, "level", level="yellow", note="靠近学校")
    row.case.refresh_from_db()
    assert row.case.level == "yellow" and row.case.due_at is not None and row.case.accepted_at is not None
    assert row.case.due_at - row.case.accepted_at == timedelta(minutes=120)


def test_an_office_declines_the_officer_rules_it_asks_for_time_and_reports(duty: Client) -> None:
    row = told(kind="street_order:other")
    do(duty, row.case, "confirm", how="yes")
    task = row.case.tasks.get(node="answer")
    clerk = browser(office(f"subdistrict.{STREET}"), "clerk")
    do_task(clerk, task, "decline", 422, reason="")
    do_task(clerk, task, "decline", reason="not_ours")
    assert "指定主办" in page(duty, row.case)
    do_task(duty, task, "rule", office=f"subdistrict.{STREET}", note="首接负责")
    tomorrow = (clock.now() + timedelta(days=9)).date().isoformat()
    do_task(clerk, task, "defer", how="shelve", until=tomorrow, note="要等预算")
    assert "申请挂账" in page(duty, row.case)
    assert "区级以上" in do_task(duty, task, "defer-decide", 403, how="yes")
    district = browser(office(f"operations.{STREET[:6]}"), "duty_officer")
    do_task(district, task, "defer-decide", how="yes")
    assert "恢复办理" in page(duty, row.case)
    do_task(duty, task, "wake")
    do_task(clerk, task, "done", note="已电话答复")
    do(clerk, row.case, "close", 403)
    do(duty, row.case, "close")
    row.case.refresh_from_db()
    assert row.case.state == "closed"
    after = duty.get(f"/command/incidents/{row.case.ref}/after/")
    assert (
        after.status_code == 200
        and "各阶段用时" in said(after)
        and "已电话答复" in said(duty.get(f"/command/incidents/{row.case.ref}/"))
    )


def test_the_reporters_name_is_opened_for_calling_and_each_look_is_written(duty: Client) -> None:
    hotline = make_actor(office("operations.90"), "dispatcher")
    row = told(
        actor=hotline,
        channel="12345",
        outside_number="HX9",
        reporter=actions.Reporter("陈阿姨", "13800000000"),
    )
    assert "13800000000" not in page(duty, row.case)
    before = AuditEntry.objects.count()
    assert "13800000000" in said(duty.get(f"/command/reports/{row.ref}/"))
    assert AuditEntry.objects.count() > before
    assert duty.post(f"/command/reports/{row.ref}/contact", {"reached": "no"}).status_code == 422
    assert duty.post(f"/command/reports/{row.ref}/contact", {"reached": "yes"}).status_code == 302
    assert duty.post(f"/command/reports/{row.ref}/call-back", {"reached": "yes"}).status_code == 409
    assert duty.post(f"/command/reports/{row.ref}/complex", {"note": "涉及两家"}).status_code == 302
    assert (
        duty.post(f"/command/reports/{row.ref}/complex/decide", {"how": "yes"}).status_code == 403
    )  # her own asking
    district = browser(office(f"operations.{STREET[:6]}"), "duty_officer")
    assert district.post(f"/command/reports/{row.ref}/complex/decide", {"how": "yes"}).status_code == 302
    crew = browser(office(f"subdistrict.{STREET}"), "supervisor")
    assert crew.get(f"/command/reports/{row.ref}/").status_code in {403, 404}


def test_a_person_reports_follows_and_rates_from_the_phone(duty: Client) -> None:
    neighbour = browser_of(make_applicant()[1])
    assert "暴露垃圾" in said(neighbour.get("/reports/new/"))
    form = {"kind": "street_order:rubbish", "text": "两天没人收", "idempotency_key": "k1", "sort": "help"}
    answer = neighbour.post("/reports/new/", form)
    assert answer.status_code == 422 and "两天没人收" in said(answer)  # where?
    found = {**form, "at_lon": "122.481", "at_lat": "30.491", "address": "菜场后门"}
    answer = neighbour.post("/reports/new/", {**found, "photo": photo()})
    assert answer.status_code == 302
    assert neighbour.post("/reports/new/", {**found, "photo": photo()})["Location"] == answer["Location"]
    row = Report.objects.get()
    told(east_m=10)
    shown = said(neighbour.get(answer["Location"]))
    assert "还有 1 人也报告了这件事" in shown and "待核实" in shown
    assert neighbour.get(f"/reports/{row.ref}/photos/{row.photos[0]}").status_code == 200
    stranger = browser_of(make_applicant()[1])
    assert stranger.get(answer["Location"]).status_code == 404
    assert neighbour.get(f"/command/incidents/{row.case.ref}/").status_code in {403, 404}
    neighbour.post(answer["Location"], {"text": "现在更多了"})
    assert "现在更多了" in page(duty, row.case)
    Case.objects.filter(pk=row.case.pk).update(state="closed", stage="close", closed_at=clock.now())
    assert neighbour.post(f"/reports/{row.ref}/rate/", {"score": "1"}).status_code == 422
    assert (
        neighbour.post(
            f"/reports/{row.ref}/rate/", {"score": "1", "solved": "no", "text": "还在"}
        ).status_code
        == 302
    )
    assert "会有人复核" in said(neighbour.get(answer["Location"]))
    contact = row.contacts.get()
    reviewed = duty.post(
        f"/command/reports/{row.ref}/review/{contact.ref}", {"how": "no", "note": "已另案处理"}
    )
    assert reviewed.status_code == 302 and "已另案处理" in said(neighbour.get(answer["Location"]))


def test_rates_and_the_hand_over_of_a_shift(duty: Client) -> None:
    do(duty, told().case, "confirm", how="yes")
    shown = said(duty.get(f"/command/{STREET}/rates/"))
    assert "立案率" in shown and "100%" in shown and "按期处置数 ÷ 应处置数" in shown
    assert "在办案件" in said(duty.get(f"/command/{STREET}/shift/"))
    answer = duty.post(f"/command/{STREET}/shift/", {"notes": "盯住菜场", "leader": "甲"})
    row = ShiftHandover.objects.get()
    assert answer["Location"].endswith(f"/shift/{row.ref}/")
    assert duty.post(answer["Location"]).status_code == 403  # not the one who gave it
    other = browser(office(f"operations.{STREET}"), "duty_officer", "next")
    assert "盯住菜场" in said(other.get(answer["Location"]))
    assert other.post(answer["Location"], {"remark": "知道了"}).status_code == 302
    row.refresh_from_db()
    assert row.taken_at is not None
    assert (
        browser(office(f"operations.{STREET[:6]}"), "duty_officer").get(answer["Location"]).status_code == 403
    )
