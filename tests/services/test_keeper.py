"""A certificate about the dead is in the hands of the family: wallet, verification, and the applications that follow."""

from datetime import timedelta
from typing import Any

import pytest

from liangwang.base import events
from liangwang.base.access import may, thing_of
from liangwang.base.hats import Actor
from liangwang.base.transactions import write
from liangwang.services import actions, queries, queries_codes
from liangwang.services.drafting import prefilled, see
from liangwang.services.models import Certificate, Draft
from tests.cases.factories import make_actor

from .factories import AT, Town, identity_number, make_town

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(minutes=1)
NUMBER = identity_number(901, "19420315")
DEAD = {
    "deceased.name": "林国栋",
    "deceased.identity_number": NUMBER,
    "deceased.death_died_on": "2026-11-20",
    "deceased.death_place": "长宁区中心医院",
}


def begun(mine: Actor, key: str, scenario: dict[str, str], at: Any = AT) -> Draft:
    with write():
        return actions.start_draft(actor=mine, key=key, at=at, scenario=scenario)


def filled(mine: Actor, draft: Draft, typed: dict[str, str]) -> None:
    for page in see(draft, AT).compiled.pages:
        mine_here = {ask.id for ask in page.fields} & set(typed)
        actions.answer_page(
            actor=mine, draft=draft, page=page.key, answers={one: typed[one] for one in mine_here}, at=AT
        )


def death_certified(town: Town) -> Certificate:
    """林晓 applies for her father's certificate of death, and the health office issues it."""
    mine, office = town.mother_actor, town.offices["health"]
    draft = begun(mine, "health:death_certificate", {"died_where": "hospital"})
    rest = {
        "deceased.household_address": "长宁路515号",
        "applicant.contact_relation": "child",
        "applicant.phone": "13800000001",
    }
    filled(mine, draft, {**DEAD, **rest})
    with write():
        submission = actions.submit(actor=mine, draft=draft, key="death", at=AT)
    approver = town.approvers["health"]
    with write():
        actions.accept(actor=make_actor(office, "approver"), submission=submission, at=AT)
    for _ in range(2):
        for task in list(submission.case.tasks.filter(state="ready")):
            with write():
                actions.decide(actor=approver, task=task, at=AT)
    for _ in range(6):
        events.run_due(LATER, 500)
    return Certificate.objects.get(case=submission.case)


def test_the_family_keeps_and_uses_the_certificate_of_a_death() -> None:
    town = make_town()
    made = death_certified(town)
    mine = town.mother_actor
    assert made.body["holder"] == "林国栋" and made.keeper_id == town.mother.pk != made.subject_id
    assert made in queries.certificates_of(town.mother.pk) and not queries.certificates_of(town.father.pk)
    assert [one["ref"] for one in queries_codes.certificates(town.mother.pk, LATER)] == [made.ref]
    assert may(mine, "read", thing_of("certificate", made)).allowed
    assert not may(town.father_actor, "read", thing_of("certificate", made)).allowed
    assert queries.verify_certificate(made.signed, LATER)["certificate"]["holder"] == "林**"

    draft = begun(mine, "public_security:death_cancellation", {}, LATER)
    seen = see(draft, LATER)
    form = prefilled(seen)
    assert form["deceased.name"] == "林国栋" and form["deceased.identity_number"] == NUMBER
    supply = {need.id: need.supply for need in seen.compiled.needs}["deceased.death_certificate"]
    assert supply.way == "certificate" and supply.ref == made.ref

    filled(
        mine, draft, {"deceased.name": "林桂英", "deceased.identity_number": identity_number(902, "19440101")}
    )
    draft = Draft.objects.get(pk=draft.pk)
    supplies = {need.id: need.supply.way for need in see(draft, LATER).compiled.needs}
    assert supplies["deceased.death_certificate"] == "ask", "it is of somebody else"


def test_another_death_in_the_family_is_proposed_nothing_of_the_first() -> None:
    town = make_town()
    death_certified(town)
    again = begun(town.mother_actor, "health:death_certificate", {"died_where": "hospital"}, LATER)
    assert "deceased.name" not in prefilled(see(again, LATER))
    theirs = begun(town.father_actor, "public_security:death_cancellation", {}, LATER)
    assert "deceased.name" not in prefilled(see(theirs, LATER))


def test_a_replacement_stays_with_its_keeper() -> None:
    town = make_town()
    made = death_certified(town)
    case = actions.ask_change(
        actor=town.mother_actor,
        certificate=made,
        values={"deceased.death_place": "家中"},
        reason="",
        at=LATER,
    )
    assert case.subject_id == town.mother.pk and queries.cases_about(made) == [case]
    with write():
        actions.decide(actor=town.approvers["health"], task=case.tasks.get(), at=LATER)
    made.refresh_from_db()
    assert made.replaced_by is not None and made.replaced_by.keeper_id == town.mother.pk
