"""The office's inbox: what waits first, filters and search, saved filters, pages by key, and acting on many at once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from liangwang.base import clock
from liangwang.base.models import CalendarDay, Notice
from liangwang.base.transactions import write
from liangwang.cases import actions, inbox
from liangwang.cases.escalate import climb_late
from liangwang.cases.inbox import Asked
from liangwang.cases.models import Case
from liangwang.services import actions as services
from tests.cases.factories import AT as DAY
from tests.cases.factories import (
    Street,
    make_actor,
    make_applicant,
    make_office,
    make_street,
    node,
    open_application,
)
from tests.services.factories import AT, make_town
from tests.walks.test_birth import ready, submitted
from tests.web.posts import browser_of, said

pytestmark = pytest.mark.django_db
ONE = (node("decide", within={"working_days": 3}),)
MARK = re.compile(r'data-mark="([tc]\.\w+)"')


@pytest.fixture(autouse=True)
def monday() -> object:
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


@pytest.fixture
def street() -> Street:
    return make_street()


def test_lines_stand_by_their_clock_and_every_page_follows_the_one_before(street: Street) -> None:
    office = make_office("health-p", street.district, "health")
    actor = make_actor(office, "approver")
    for n in range(120):
        open_application(office, ONE, at=DAY - timedelta(days=n % 9), accept=n % 3 > 0, legal_days=20)
    seen: list[str] = []
    after = ""
    while True:
        lines, more = inbox.lines(actor, Asked(after=after), DAY)
        seen += [line.mark for line in lines]
        due = [line.due for line in lines]
        assert due == sorted(due)
        if not more:
            break
        after = lines[-1].mark
    assert len(seen) == len(set(seen)) == 120
    newest, more = inbox.lines(actor, Asked(sort="new"), DAY)
    second, _ = inbox.lines(actor, Asked(sort="new", after=newest[-1].mark), DAY)
    opened = [one.case.pk for one in (*newest, *second)]
    assert more and opened == sorted(opened, reverse=True) and len(set(opened)) == 100
    counts = inbox.counts(actor, DAY)
    assert (counts.all, counts.accept) == (120, 40) and counts.late > 0


def test_a_page_costs_the_same_however_much_waits(street: Street) -> None:
    office = make_office("health-q", street.district, "health")
    client = browser_of(make_actor(office, "clerk"))
    open_application(office, ONE)
    client.get("/staff/")
    with CaptureQueriesContext(connection) as seen:
        client.get("/staff/")
    few = len(seen)
    for _ in range(60):
        open_application(office, ONE)
    with CaptureQueriesContext(connection) as seen:
        client.get("/staff/")
    assert 8 < len(seen) <= few + 1 <= 20


def test_clocks_show_the_law_the_promise_and_what_is_used(street: Street) -> None:
    office = make_office("health-c", street.district, "health")
    case = open_application(office, ONE, at=DAY - timedelta(days=7), legal_days=20, promised_days=9)
    short = inbox.clocks([case], DAY)[case.pk]
    assert short == (20, 9, 5, False)
    page = said(browser_of(make_actor(office, "approver")).get("/staff/"))
    assert "20 · 9 · <b>5</b>" in page and "超 2 个工作日" in page


def test_filters_narrow_and_a_name_never_enters_an_address(street: Street) -> None:
    office = make_office("health-f", street.district, "health")
    subject, _ = make_applicant()
    mine = open_application(office, ONE, subject=subject, at=DAY - timedelta(days=9))
    other = open_application(office, ONE)
    client = browser_of(make_actor(office, "approver"))
    late = said(client.get("/staff/?when=late"))
    assert mine.number in late and other.number not in late
    assert other.number not in said(client.get("/staff/?item=birth:nothing"))
    name = subject.person.name
    answer = client.post("/staff/find", {"words": name})
    assert answer.status_code == 302 and name not in answer["Location"] and "found=1" in answer["Location"]
    found = said(client.get(answer["Location"]))
    assert mine.number in found and other.number not in found
    by_number = client.post("/staff/find", {"words": other.number}, follow=True)
    assert other.number in said(by_number) and mine.number not in said(by_number)


def test_a_filter_is_kept_under_a_name_and_taken_away(street: Street) -> None:
    client = browser_of(make_actor(make_office("health-k", street.district, "health"), "clerk"))
    client.post("/staff/filter", {"name": "快到期的", "query": "when=soon"})
    shown = said(client.get("/staff/"))
    assert "快到期的" in shown and "?when=soon" in shown
    ref = re.search(r'name="end" value="(\w+)"', shown)
    assert ref is not None
    client.post("/staff/filter", {"end": ref[1]})
    assert "快到期的" not in said(client.get("/staff/"))


def test_many_are_accepted_after_a_preview_and_each_says_what_came_of_it() -> None:
    town = make_town()
    case = submitted(town).case
    other = open_application(
        town.offices["health"], ONE, accept=False
    )  # nobody applied for it: not to be accepted here
    health = browser_of(town.approvers["health"])
    marks = MARK.findall(said(health.get("/staff/?what=accept")))
    assert set(marks) == {f"c.{case.ref}", f"c.{other.ref}"}
    preview = said(health.post("/staff/bulk/", {"act": "accept", "selected": marks}))
    assert "选了 2 件" in preview and Case.objects.filter(state="accepted").count() == 0
    done = said(health.post("/staff/bulk/do", {"act": "accept", "selected": marks}))
    assert "2 件里办成 1 件" in done
    case.refresh_from_db()
    assert case.state == "accepted"
    again = said(health.post("/staff/bulk/do", {"act": "accept", "selected": [f"c.{case.ref}"]}))
    assert "1 件里办成 0 件" in again


def test_taking_and_granting_many_and_what_needs_values_is_told_before() -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    task = ready(case)["birth_certificate_issue.check"]
    health = browser_of(town.approvers["health"])
    mark = f"t.{task.ref}"
    health.post("/staff/bulk/do", {"act": "take", "selected": [mark]})
    task.refresh_from_db()
    assert task.state == "accepted" and task.assignee_id
    assert mark in said(health.get("/staff/?mine=1"))
    assert "可以办结" in said(health.post("/staff/bulk/", {"act": "grant", "selected": [mark]}))
    health.post("/staff/bulk/do", {"act": "grant", "selected": [mark]})
    task.refresh_from_db()
    assert task.state == "done"
    issue = ready(case)["birth_certificate_issue.issue"]
    told = said(health.post("/staff/bulk/", {"act": "grant", "selected": [f"t.{issue.ref}"]}))
    assert "要先填" in told and 'name="selected"' not in told


def test_a_mark_is_no_permission(street: Street) -> None:
    case = open_application(make_office("health-m", street.district, "health"), ONE, accept=False)
    elsewhere = make_street("310106001")
    stranger = browser_of(make_actor(make_office("health-o", elsewhere.district, "health"), "approver"))
    answer = stranger.post("/staff/bulk/do", {"act": "accept", "selected": [f"c.{case.ref}"]})
    assert case.number not in said(answer)
    case.refresh_from_db()
    assert case.state == "open"


def test_the_letter_s_opens_the_form_of_a_supplement() -> None:
    town = make_town()
    case = submitted(town).case
    health = browser_of(town.approvers["health"])
    assert "<details open>" in said(health.get(f"/staff/applications/{case.ref}/?form=supplement"))
    resident = browser_of(town.mother_actor)
    assert (
        resident.post(f"/staff/applications/{case.ref}/accept").status_code == 403
    )  # nobody accepts the own
    case.refresh_from_db()
    assert case.state == "open"


def test_load_shows_bars_by_office_and_opens_the_late_cases(street: Street) -> None:
    office = make_office("health-l", street.district, "health")
    late = open_application(office, ONE, at=DAY - timedelta(days=20))
    open_application(office, ONE)
    page = said(browser_of(make_actor(office, "approver")).get(f"/staff/load/?office={office.key}"))
    assert late.number in page and "超时 1，两天内到期" in page
    reform = browser_of(make_actor(make_office("reform-l", street.city, "reform"), "reform_officer"))
    counted = said(reform.get(f"/staff/load/?office={office.key}"))
    assert "health-l" in counted and late.number not in counted and "只看数" in counted


def test_a_holiday_says_how_many_cases_it_would_move_before_it_is_announced(street: Street) -> None:
    office = make_office("health-h", street.district, "health")
    open_application(office, ONE, legal_days=5)
    open_application(office, ONE, at=DAY - timedelta(days=30), legal_days=5)
    reform = browser_of(make_actor(make_office("reform-h", street.city, "reform"), "reform_officer"))
    typed = {"day": "2026-11-26", "name": "临时放假", "source": "演示", "works": "no"}
    told = said(reform.post("/staff/calendar/", {**typed, "act": "preview"}))
    assert "1 件的到期日会动" in told and "11月30日" in told and "12月1日" in told
    assert not CalendarDay.objects.filter(day="2026-11-26").exists()
    assert reform.post("/staff/calendar/", typed).status_code == 302
    assert "1 件在办件的到期日正在重算" in said(reform.get("/staff/calendar/"))


def test_tasks_of_another_role_or_office_are_not_in_the_inbox(street: Street) -> None:
    office = make_office("health-r", street.district, "health")
    case = open_application(office, ONE)  # its step is an approver's
    assert case.number in said(browser_of(make_actor(office, "approver")).get("/staff/"))
    assert case.number not in said(browser_of(make_actor(office, "clerk")).get("/staff/"))
    with write():
        actions.accept_task(actor=make_actor(office, "approver"), at=DAY, task=case.tasks.get())
    assert "没人领" not in said(browser_of(make_actor(office, "approver")).get("/staff/"))


def test_a_late_step_climbs_from_its_office_to_the_city_and_says_so(street: Street) -> None:
    office = make_office("health-e", street.district, "health")
    above = make_office("health-city", street.city, "health")
    case = open_application(office, ONE)
    task = case.tasks.get()
    assert climb_late(DAY) == 0
    late = task.due_at + timedelta(hours=1)
    assert (climb_late(late), climb_late(late)) == (1, 0)  # told once
    assert Notice.objects.get(template="task.late").office_id == office.pk
    very_late = task.due_at + (task.due_at - task.ready_at) + timedelta(hours=1)
    assert (climb_late(very_late), climb_late(very_late)) == (1, 0)
    assert Notice.objects.filter(template="task.late", office=above).count() == 1
    task.refresh_from_db()
    assert task.climbed == "city"
    assert "超时已上报" in said(
        browser_of(make_actor(office, "approver")).get(f"/staff/applications/{case.ref}/")
    )
