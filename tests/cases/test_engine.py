"""The engine's promises: states flip once, counters fall, closing follows, and every act leaves its traces."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from liangwang.base.hats import platform
from liangwang.base.models import AuditEntry, Event, PurposeGrant
from liangwang.cases import actions
from liangwang.cases.declare import PlanFault
from liangwang.cases.models import Case, Task
from liangwang.cases.plans import store_plan
from liangwang.cases.refusals import NoOffice, StillOpen, TaskMoved
from tests.cases.factories import (
    AT,
    INCIDENT,
    make_actor,
    make_plan,
    make_street,
    node,
    open_application,
    open_incident,
    plan_body,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def states(case: Case) -> dict[str, str]:
    return dict(case.tasks.values_list("node", "state"))


def task(case: Case, key: str) -> Task:
    return Task.objects.get(case=case, node=key)


def do(case: Case, key: str, actor: object = None, **fields: object) -> Task:
    actor = actor or platform("test")
    return actions.complete_task(actor=actor, at=AT, task=task(case, key), **fields)  # type: ignore[arg-type]


def test_an_application_runs_its_branches_in_parallel_and_closes_with_the_last() -> None:
    case = open_application(make_street().centre)
    assert states(case)["intake"] == "ready" and states(case)["police"] == "waiting"
    do(case, "intake", result={"checked": "yes"})
    assert [states(case)[k] for k in ("police", "insurance", "health")] == ["ready"] * 3
    do(case, "health")
    do(case, "police", result={"page": 7})
    assert states(case)["issue"] == "waiting"
    do(case, "insurance")
    assert states(case)["issue"] == "ready"
    do(case, "issue")
    case.refresh_from_db()
    assert case.state == "closed" and case.closed_at == AT
    assert not PurposeGrant.objects.filter(case_ref=case.ref, ended_at=None).exists()
    types = list(Event.objects.filter(ref=case.ref).order_by("id").values_list("type", flat=True))
    assert types == ["case.opened", "case.accepted", "case.closed"]


def test_a_double_click_is_refused_and_changes_nothing() -> None:
    case = open_application(make_street().centre)
    do(case, "intake")
    before = (Event.objects.count(), AuditEntry.objects.count(), states(case))
    with pytest.raises(TaskMoved) as refused:
        do(case, "intake")
    assert refused.value.status == 409
    assert "已办结" in refused.value.message("zh") and "done" in refused.value.message("en")
    assert (Event.objects.count(), AuditEntry.objects.count(), states(case)) == before


def test_the_same_key_opens_one_case() -> None:
    street = make_street()
    first = open_incident(street, key="M1/cover_displaced")
    assert open_incident(street, key="M1/cover_displaced").pk == first.pk
    assert Case.objects.count() == 1


def test_completing_takes_few_statements() -> None:
    case = open_application(make_street().centre)
    do(case, "intake")
    one = task(case, "health")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        actions.complete_task(actor=platform("test"), at=AT, task=one)
    statements = [q["sql"] for q in seen if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(statements) <= 8, "\n".join(statements)


def test_an_incident_that_a_rule_opened_is_filed_at_once_and_closed_by_a_third_person() -> None:
    street = make_street()
    case = open_incident(street)
    assert case.stage == "file" and case.state == "accepted" and case.lead_office == street.centre
    duty = make_actor(street.centre, "duty_officer")
    with pytest.raises(StillOpen) as refused:
        actions.close_case(actor=duty, at=AT, case=case)
    assert "repair" in refused.value.message("en")
    crew, supervisor = make_actor(street.crew, "crew"), make_actor(street.grid, "supervisor")
    for key in ("guard", "repair"):
        actions.assign_task(actor=platform("manholes"), at=AT, task=task(case, key), crew_office=street.crew)
        actions.accept_task(actor=crew, at=AT, task=task(case, key))
        actions.arrive_task(actor=crew, at=AT, task=task(case, key))
        actions.report_task(actor=crew, at=AT, task=task(case, key), result={"note": "好了"})
    actions.verify_task(actor=supervisor, at=AT, task=task(case, "repair"), passed=True)
    actions.close_case(actor=duty, at=AT + timedelta(minutes=50), case=case)
    case.refresh_from_db()
    assert (case.state, case.stage) == ("closed", "close")
    stages = [s for s in case.events.order_by("id").values_list("stage", flat=True) if s]
    assert list(dict.fromkeys(stages)) == [
        "report", "confirm", "accept", "file", "dispatch", "handle", "feedback", "verify", "close",
    ]  # fmt: skip
    actions.rate_case(actor=duty, at=AT, case=case, score=5)
    case.refresh_from_db()
    assert case.stage == "rate"


def test_a_held_case_does_not_close_before_it_is_released() -> None:
    case = open_application(make_street().centre, [node("only")])
    actions.hold(actor=platform("test"), at=AT, case=case, reason="payment", ref="bill-1")
    do(case, "only")
    case.refresh_from_db()
    assert case.state == "accepted"
    actions.release(actor=platform("test"), at=AT, case=case, reason="payment", ref="bill-1")
    case.refresh_from_db()
    assert case.state == "closed"


def test_a_plan_is_named_by_its_content() -> None:
    assert make_plan(INCIDENT, "incident").pk == make_plan(INCIDENT, "incident").pk
    assert make_plan(INCIDENT, "incident", promised_days=3).pk != make_plan(INCIDENT, "incident").pk


def test_a_cycle_is_refused_by_name() -> None:
    circle = [node("a", ["c"]), node("b", ["a"]), node("c", ["b"]), node("free")]
    with pytest.raises(PlanFault) as fault:
        store_plan(plan_body(circle), at=AT)
    assert set(fault.value.nodes) == {"a", "b", "c"} and "a" in fault.value.message["zh"]


def test_no_competent_office_is_said_at_opening() -> None:
    street = make_street()
    with pytest.raises(NoOffice) as refused:
        open_application(street.centre, [node("visa", by={"department": "customs"})])
    assert "customs" in refused.value.message("en")


def test_competence_goes_to_the_nearest_office_of_the_department_around_the_place() -> None:
    from tests.cases.factories import make_office

    street = make_street()
    city = make_office("police-city", street.city, department="public_security")
    district = make_office("police-district", street.district, department="public_security")
    make_office("police-elsewhere", make_street("310106001").district, department="public_security")
    nodes = [
        node("near", by={"department": "public_security"}),
        node("city", by={"department": "public_security", "level": "city"}),
    ]
    case = open_application(street.centre, nodes)
    assert task(case, "near").office == district and task(case, "city").office == city
