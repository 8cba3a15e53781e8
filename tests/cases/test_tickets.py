"""Tickets: sources that disagree ask their source office, whose clerk sees it, rules, and the ticket closes."""

from datetime import timedelta

import pytest

from liangwang.base import access, clock, events, hats
from liangwang.base.models import AuditEntry, Event, Office, Party
from liangwang.base.subjects import person_by_identity
from liangwang.base.working_days import local_day, working_days
from liangwang.cases import history, queries, tickets
from liangwang.cases.models import Case
from liangwang.hub import actions as hub
from liangwang.hub import reconcile
from liangwang.hub.disagree import NotAsked, NotSaid, Over, WhyNeeded
from liangwang.hub.models import Disagreement
from tests.hub import factories as make

pytestmark = pytest.mark.django_db
PACK = "city_code"


@pytest.fixture(autouse=True)
def in_conflict(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources name person 2 differently, and the police has an office."""
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.person(2)
    make.order()
    make.office("police-city", "public_security")
    make.delivered("travel", make.sheet("travel", make.trip(2, name="张错")))
    make.delivered("community", make.sheet("community", make.registration(2)))
    reconcile.settle(None, make.AT, PACK)
    work()


def work() -> None:
    """The worker: effects until none is due."""
    while events.run_due(make.AT + timedelta(days=1)):
        pass


def clerk(department: str = "public_security", key: str = "police-city") -> hats.Actor:
    party, _ = Party.objects.get_or_create(login_name=f"clerk-{key}")
    post = party.posts.first() or party.posts.create(office=make.office(key, department), role="clerk")
    return hats.post_hat(post)


def conflict() -> Disagreement:
    return Disagreement.objects.get()


def statement(value: str) -> dict[str, int]:
    found = conflict()
    said = hub.lineage.behind(found.subject_id, found.attribute, PACK)["statements"]
    return next({"batch": one["batch"], "row": one["row"]} for one in said if one["value"] == value)


def settled_name() -> tuple[str, str]:
    person = person_by_identity(make.identity_number(2))
    assert person is not None
    from liangwang.hub import queries as asked

    row = next(row for row in asked.known(person.pk, PACK) if row["attribute"] == "name")
    return row["value"], row["state"]


def test_the_source_offices_clerk_finds_the_ticket_in_the_inbox_with_its_working_days() -> None:
    task = queries.inbox(clerk()).get()
    assert task.case.kind == "ticket"
    assert (task.case.state, task.office.key if task.office else "") == ("accepted", "police-city")
    assert task.due_at is not None
    assert working_days().between(local_day(make.AT), local_day(task.due_at), []) == 5
    assert access.may(clerk(), "read", access.thing_of("ticket", task.case)).allowed


def test_it_is_neither_an_incident_nor_an_application_and_other_offices_do_not_see_it() -> None:
    case = Case.objects.get()
    other = clerk("health", "health-city")
    assert not queries.inbox(other).exists()
    assert not access.may(other, "read", access.thing_of("ticket", case)).allowed
    for kind in ("incident", "application"):
        assert not history.cases_in(kind, "").exists()
        assert not history.cases_seen(clerk(), kind).exists()
    assert "张" not in str(case.title)
    assert "张" not in str(case.facts)


def test_a_ruling_is_a_statement_with_a_reason_that_ends_the_ticket() -> None:
    found = conflict()
    hub.rule_disagreement(found, **statement("张三"), reason="户籍底册", actor=clerk(), at=make.AT)
    work()
    assert settled_name() == ("张三", "verified")
    found.refresh_from_db()
    assert (found.ended_by, found.said["right"], found.said["wrong"]) == (
        "ruled",
        ["city_code:community"],
        ["city_code:travel"],
    )
    assert queries.ticket_of(found.ref).state == "closed"  # type: ignore[union-attr]
    assert not queries.inbox(clerk()).exists()


def test_an_undone_ruling_is_as_if_it_had_not_been_and_asks_again() -> None:
    before = settled_name()
    ruling = hub.rule_disagreement(conflict(), **statement("张三"), reason="底册", actor=clerk(), at=make.AT)
    hub.undo_ruling(ruling, actor=clerk(), at=make.AT + timedelta(hours=1))
    work()
    assert settled_name() == before
    assert Disagreement.objects.filter(ended_at=None).count() == 1
    assert Case.objects.filter(kind="ticket", state="accepted").count() == 1
    with pytest.raises(Over):
        hub.undo_ruling(ruling, actor=clerk(), at=make.AT + timedelta(hours=2))


def test_a_value_that_was_turned_down_does_not_count_again_when_it_is_delivered_again() -> None:
    hub.rule_disagreement(conflict(), **statement("张三"), reason="底册", actor=clerk(), at=make.AT)
    make.delivered("travel", make.sheet("travel", make.trip(2, no="T9", name="张错", days_ago=0)))
    reconcile.settle(None, make.AT + timedelta(days=1), PACK)
    assert settled_name() == ("张三", "verified")
    assert not Disagreement.objects.filter(ended_at=None).exists()


def test_a_corrected_source_closes_the_ticket_without_anyone() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(2)))
    reconcile.settle(None, make.AT + timedelta(hours=1), PACK)
    work()
    assert Case.objects.get().state == "closed"
    assert conflict().ended_by == "corrected"
    assert AuditEntry.objects.exists()


def test_only_the_source_office_rules_for_a_reason_on_what_was_said_while_it_is_open() -> None:
    right = statement("张三")
    with pytest.raises(NotAsked):
        hub.rule_disagreement(
            conflict(), **right, reason="x", actor=clerk("health", "health-city"), at=make.AT
        )
    with pytest.raises(WhyNeeded):
        hub.rule_disagreement(conflict(), **right, reason=" ", actor=clerk(), at=make.AT)
    with pytest.raises(NotSaid):
        hub.rule_disagreement(conflict(), batch=right["batch"], row=99, reason="x", actor=clerk(), at=make.AT)
    hub.rule_disagreement(conflict(), **right, reason="x", actor=clerk(), at=make.AT)
    with pytest.raises(Over):
        hub.rule_disagreement(conflict(), **right, reason="x", actor=clerk(), at=make.AT)


def test_a_ticket_is_opened_once_and_not_for_what_is_over() -> None:
    tickets.open_ticket(conflict().ref, at=make.AT)
    assert Case.objects.count() == 1
    Disagreement.objects.update(ended_at=make.AT)
    assert tickets.open_ticket(conflict().ref, at=make.AT) is None


def test_without_an_office_of_the_department_the_data_office_is_asked() -> None:
    Office.objects.filter(department="public_security").update(ended_at=make.AT)
    data = make.office("data-city", "big_data")
    assert tickets._office("public_security", {"zh": "核对", "en": "check"}) == data
    assert Event.objects.filter(type="hub.conflict").count() == 1


def test_what_a_person_says_is_wrong_asks_the_source_office_until_it_is_ruled_or_corrected() -> None:
    make.person(3)
    make.delivered("community", make.sheet("community", make.registration(3)))
    reconcile.settle(None, make.AT, PACK)
    person = person_by_identity(make.identity_number(3))
    assert person is not None
    before = Case.objects.filter(kind="ticket").count()
    for _ in range(2):  # twice in two cases is one question
        objection = hub.object_to(person.pk, "name", case="c1", at=make.AT, pack=PACK)
    assert objection is not None and objection.objection == "c1"
    assert hub.object_to(person.pk, "no_such", case="c1", at=make.AT, pack=PACK) is None
    work()
    assert Case.objects.filter(kind="ticket").count() == before + 1
    reconcile.settle(None, make.AT + timedelta(minutes=1), PACK)
    objection.refresh_from_db()
    assert objection.ended_at is None  # that sources agree among themselves is no answer to her
    said = hub.lineage.behind(person.pk, "name", PACK)["statements"][0]
    hub.rule_disagreement(
        objection, batch=said["batch"], row=said["row"], reason="核对无误", actor=clerk(), at=make.AT
    )
    objection.refresh_from_db()
    assert objection.ended_by == "ruled"
