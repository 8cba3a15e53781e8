"""容缺受理: the later node waits, the promised day is told, supplying closes the gap, and lateness is told once."""

from datetime import date, timedelta

import pytest

from liangwang.base.hats import platform
from liangwang.base.models import Notice
from liangwang.base.working_days import forget_cached, load_calendar, local_day
from liangwang.cases import actions, asked, jobs
from liangwang.cases.actions import Missing
from liangwang.cases.models import Case
from liangwang.cases.refusals import GatesFirst, NotLacking
from tests.cases.factories import AT, make_applicant, make_street, node, open_application

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RULE = platform("test")
PLAN = [node("look"), node("measure", ["look"]), node("grant", ["look", "measure"])]
LEASE = Missing("applicant.lease", {"zh": "租赁合同", "en": "lease"}, ("grant",))


@pytest.fixture(autouse=True)
def calendar(db: object) -> None:
    forget_cached()
    load_calendar(at=AT)


def accepted(case: Case) -> Case:
    return actions.accept_lacking(actor=RULE, at=AT, case=case, missing=[LEASE], within_working_days=3)


def state(case: Case, key: str) -> str:
    return str(case.tasks.get(node=key).state)


def do(case: Case, key: str) -> None:
    actions.complete_task(actor=RULE, at=AT, task=case.tasks.get(node=key))


def test_the_later_node_waits_for_the_material_and_the_others_go_on() -> None:
    case = accepted(open_application(make_street().centre, PLAN, accept=False, legal_days=20))
    row = asked.lacking_of(case).get()
    assert local_day(row.due_at) == date(2026, 11, 26) and case.state == "accepted"
    do(case, "look")
    do(case, "measure")
    assert state(case, "grant") == "waiting"
    actions.supply_lacking(actor=RULE, at=AT, case=case, material="applicant.lease", given="file-1")
    assert state(case, "grant") == "ready"
    case.refresh_from_db()
    assert case.facts["applicant.lease"] == "file-1"
    with pytest.raises(NotLacking):
        actions.supply_lacking(actor=RULE, at=AT, case=case, material="applicant.lease", given="file-2")
    do(case, "grant")
    case.refresh_from_db()
    assert case.state == "closed"


def test_supplied_before_its_turn_it_delays_nobody() -> None:
    case = accepted(open_application(make_street().centre, PLAN, accept=False))
    actions.supply_lacking(actor=RULE, at=AT, case=case, material="applicant.lease", given="file-1")
    do(case, "look")
    assert state(case, "grant") == "waiting"
    do(case, "measure")
    assert state(case, "grant") == "ready"


def test_a_send_back_does_not_forget_what_is_lacking() -> None:
    case = accepted(open_application(make_street().centre, PLAN, accept=False))
    do(case, "look")
    measure = case.tasks.get(node="measure")
    actions.send_back(actor=RULE, at=AT, task=measure, to_node="look", reason="再看")
    do(case, "look")
    do(case, "measure")
    assert state(case, "grant") == "waiting"


def test_what_the_first_step_needs_cannot_come_later() -> None:
    case = open_application(make_street().centre, PLAN, accept=False)
    first = Missing("applicant.form", {"zh": "申请书", "en": "form"}, ("look", "grant"))
    with pytest.raises(GatesFirst):
        actions.accept_lacking(actor=RULE, at=AT, case=case, missing=[first], within_working_days=3)
    unknown = Missing("applicant.form", {"zh": "申请书", "en": "form"}, ("nowhere",))
    with pytest.raises(GatesFirst):
        actions.accept_lacking(actor=RULE, at=AT, case=case, missing=[unknown], within_working_days=3)


def test_too_late_is_told_once_to_the_applicant_and_the_office() -> None:
    subject, _ = make_applicant()
    street = make_street()
    case = accepted(open_application(street.centre, PLAN, accept=False, subject=subject))
    due = asked.lacking_of(case).get().due_at
    assert jobs.tell_lacking(due) == 0
    assert jobs.tell_lacking(due + timedelta(seconds=1)) == 1
    assert jobs.tell_lacking(due + timedelta(days=1)) == 0
    told = Notice.objects.filter(template="case.lacking_late")
    assert {notice.subject_id or notice.office_id for notice in told} == {subject.pk, street.centre.pk}
    actions.supply_lacking(
        actor=RULE, at=due + timedelta(days=2), case=case, material="applicant.lease", given="f"
    )
    assert case.events.filter(what="case.lacking_supplied").get().body["late"] is True
