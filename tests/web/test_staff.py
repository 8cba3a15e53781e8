"""The workbench: own list first, one act at a time, refusals in words with what was typed, lists, re-engineering."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.models import Post
from liangwang.base.transactions import write
from liangwang.cases import actions
from liangwang.cases.models import Case
from liangwang.services import actions as services
from tests.cases.factories import AT as DAY
from tests.cases.factories import (
    Street,
    make_actor,
    make_office,
    make_street,
    open_application,
    open_incident,
)
from tests.services.factories import AT, identity_number
from tests.walks.test_birth import finish, make_town, ready, submitted
from tests.web.posts import browser, browser_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday() -> object:
    """The pages are read on the Monday of the factories."""
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


@pytest.fixture
def street() -> Street:
    return make_street()


# --- applications ---------------------------------------------------------------------------------------


def test_what_waits_for_acceptance_stands_first_and_a_clerk_accepts() -> None:
    town = make_town()
    case = submitted(town).case
    clerk = browser(town.offices["health"], "clerk")
    inbox = said(clerk.get("/staff/"))
    assert "受理" in inbox and case.number in inbox
    shown = said(clerk.get(f"/staff/applications/{case.ref}/"))
    assert "需您决定是否受理" in shown and "林安" in shown and 'data-key="Y"' in shown
    assert "/refuse" not in shown  # only an approver refuses
    assert clerk.post(f"/staff/applications/{case.ref}/refuse", {"reasons": "x"}).status_code == 403
    assert clerk.post(f"/staff/applications/{case.ref}/accept").status_code == 302
    case.refresh_from_db()
    assert case.state == "accepted"
    again = clerk.post(f"/staff/applications/{case.ref}/accept")
    assert again.status_code == 409 and 'role="alert"' in said(again)


def test_a_decision_page_shows_facts_with_source_and_what_must_be_entered() -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    health = browser_of(town.approvers["health"])
    finish_until_issue(town, case)
    task = ready(case)["birth_certificate_issue.issue"]
    session = health.session
    session["hat"] = f"post:{Post.objects.get(pk=town.approvers['health'].post_id).ref}"
    session.save()
    health.get("/staff/")  # the calendar is looked at now and then only
    with CaptureQueriesContext(connection) as seen:
        shown = said(health.get(f"/staff/applications/{case.ref}/?task={task.ref}"))
    assert 15 < len(seen) < 30
    for words in (
        "孩子",
        "母亲",
        "实名认证",
        "没有标记的由申请人填写",
        "出生医学证明",
        "退回前一部门",
        "不予办理",
    ):
        assert words in shown, words
    assert "310105199001011" not in shown  # identity numbers are masked
    missing = health.post(
        f"/staff/tasks/{task.ref}/decide", {"outcome": "granted", "give.child.birth_certificate_number": ""}
    )
    assert missing.status_code == 422 and 'role="alert"' in said(missing)
    none = health.post(f"/staff/tasks/{task.ref}/decide", {"outcome": "refused", "note": ""})
    assert none.status_code == 422
    task.refresh_from_db()
    assert task.state == "ready"


def finish_until_issue(town: object, case: Case) -> None:
    """The health office checks the record of birth, so that the certificate can be issued."""
    task = ready(case)["birth_certificate_issue.check"]
    services.decide(actor=town.approvers["health"], task=task, at=AT, result={})  # type: ignore[attr-defined]


def test_sending_back_needs_a_reason_and_keeps_what_was_typed() -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    finish_until_issue(town, case)
    task = ready(case)["birth_certificate_issue.issue"]
    health = browser_of(town.approvers["health"])
    wrong = health.post(f"/staff/tasks/{task.ref}/send-back", {"to_node": "", "reason": "出生时间与记录不符"})
    assert wrong.status_code >= 400 and "出生时间与记录不符" in said(wrong)
    back = {"to_node": "birth_certificate_issue.check", "reason": "出生时间与记录不符"}
    assert health.post(f"/staff/tasks/{task.ref}/send-back", back).status_code == 302
    assert "birth_certificate_issue.check" in ready(case)
    assert "出生时间与记录不符" in said(health.get(f"/staff/applications/{case.ref}/"))


def test_another_office_sees_no_decision_and_another_district_nothing() -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    police = browser_of(town.approvers["public_security"])
    shown = said(police.get(f"/staff/applications/{case.ref}/"))
    assert "现在没有需要您办的环节" in shown and "正在等" in shown and "/decide" not in shown
    task = ready(case)["birth_certificate_issue.check"]
    assert police.post(f"/staff/tasks/{task.ref}/decide", {"outcome": "granted"}).status_code in (403, 404)
    elsewhere = make_street("310106001")
    other = browser(make_office("health-other", elsewhere.district, "health"), "approver")
    assert other.get(f"/staff/applications/{case.ref}/").status_code == 404


def test_the_whole_bundle_is_done_and_says_so() -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    finish(town, case, AT, number=identity_number(7, "20261118"))
    shown = said(browser_of(town.approvers["health"]).get(f"/staff/applications/{case.ref}/"))
    assert "本件已经办结" in shown


# --- incidents ------------------------------------------------------------------------------------------


def officer(street: Street) -> Actor:
    return make_actor(street.centre, "duty_officer")


def test_a_duty_officer_has_own_list_first_and_no_applications_of_people(street: Street) -> None:
    open_application(make_office("health-x", street.place, "health"))
    case = open_incident(street)
    duty = browser_of(officer(street))
    own, all_ = said(duty.get("/staff/")), said(duty.get("/staff/?all=1"))
    assert case.number in own and case.number in all_
    assert "出生一件事" not in own and "出生一件事" not in all_
    task = case.tasks.get(node="guard")
    with write():
        actions.assign_task(
            actor=officer(street), at=DAY, task=task, crew_office=street.crew, because={"minutes": 2.4}
        )
    own, all_ = said(duty.get("/staff/")), said(duty.get("/staff/?all=1"))
    assert task.ref not in own and task.ref in all_  # somebody is on it: not the officer's to do


def test_an_incident_names_who_is_sent_with_minutes_and_takes_supervision(street: Street) -> None:
    case = open_incident(street)
    task, duty = case.tasks.get(node="guard"), browser_of(officer(street))
    assert duty.post(f"/staff/tasks/{task.ref}/assign", {"office": "nobody"}).status_code >= 400
    assert duty.post(f"/staff/tasks/{task.ref}/assign", {"office": street.crew.key}).status_code == 302
    shown = said(duty.get(f"/staff/incidents/{case.ref}/?task={task.ref}"))
    assert street.crew.name["zh"] in shown and "改派" in shown and "督办" in shown
    assert duty.post(f"/staff/tasks/{task.ref}/supervise", {"note": "十分钟内到场"}).status_code == 302
    shown = said(duty.get(f"/staff/incidents/{case.ref}/"))
    assert "十分钟内到场" in shown and "督办" in shown
    case.refresh_from_db()
    assert case.supervised


def test_nobody_closes_while_work_is_open(street: Street) -> None:
    case = open_incident(street)
    duty = browser_of(officer(street))
    refused = duty.post(f"/staff/incidents/{case.ref}/close", {"close_note": "看过了"})
    assert refused.status_code == 409 and 'role="alert"' in said(refused)
    case.refresh_from_db()
    assert case.state == "accepted"


# --- lists ----------------------------------------------------------------------------------------------


def test_lists_page_by_key_and_find_by_number_or_title(street: Street) -> None:
    made = [open_incident(street) for _ in range(52)]
    duty = browser_of(officer(street))
    first = said(duty.get("/staff/incidents/"))
    assert made[-1].number in first and made[0].number not in first and "?after=" in first
    after = first.split("?after=")[1].split("&")[0].split('"')[0]
    second = said(duty.get(f"/staff/incidents/?after={after}"))
    assert made[0].number in second and made[-1].number not in second
    found = said(duty.get(f"/staff/incidents/?q={made[7].number}"))
    assert made[7].number in found and made[8].number not in found
    assert "换个编号或事由试试" in said(duty.get("/staff/incidents/?q=nothing"))
    assert made[0].number not in said(duty.get("/staff/incidents/?state=late"))
    clock.shift(DAY + timedelta(hours=3) - datetime.now(UTC))
    assert made[-1].number in said(duty.get("/staff/incidents/?state=late"))
    tasks = said(duty.get("/staff/?all=1"))
    assert "?after=" in tasks and "&all=1" in tasks


# --- governing ------------------------------------------------------------------------------------------


def test_the_calendar_says_what_is_missing_and_keeps_what_was_typed(street: Street, data_dir: Path) -> None:
    system = browser(make_office("it", street.city), "reform_officer")
    wrong = system.post("/staff/calendar/", {"day": "2026-12-31", "name": "元旦前调休", "source": ""})
    assert wrong.status_code == 422 and "请写明依据的通知" in said(wrong) and "元旦前调休" in said(wrong)
    right = {"day": "2026-12-31", "name": "元旦前调休", "source": "国办通知", "works": "no"}
    assert system.post("/staff/calendar/", right).status_code == 302
    assert "元旦前调休" in said(system.get("/staff/calendar/"))


@pytest.mark.parametrize(
    ("role", "opens", "closed"),
    [
        ("auditor", "/staff/audit/", "/staff/calendar/"),
        ("security_admin", "/staff/policy/", "/staff/orders/"),
        ("reform_officer", "/staff/effects/", "/staff/audit/"),
    ],
)
def test_each_governing_post_opens_its_page_and_no_other(
    street: Street, role: str, opens: str, closed: str
) -> None:
    client = browser(make_office(role, street.city), role)
    assert client.get(opens).status_code == 200
    assert client.get(closed).status_code in (403, 404)
    assert client.get("/staff/").status_code in (200, 302)
