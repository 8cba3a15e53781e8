"""委托: a desk is lent for a time; the deputy has its rights and the own name, and nobody checks the own work."""

from datetime import timedelta

import pytest

from liangwang.base import audit
from liangwang.base.hats import HatGone, hats_of, wear
from liangwang.base.models import AuditEntry, Deputation, Party, Post
from liangwang.cases import actions
from liangwang.cases.queries import inbox
from liangwang.cases.refusals import OnceOnly, ReasonNeeded, WrongDeputy
from tests.cases.factories import AT, make_actor, make_office, make_street, node, open_application

pytestmark = pytest.mark.django_db
WEEK = AT + timedelta(days=7)


def test_the_deputy_works_at_the_lent_desk_until_the_day_and_no_longer() -> None:
    office = make_office("civil-lend", make_street().district, "civil")
    away, deputy = make_actor(office, "approver", "张"), make_actor(office, "clerk", "李")
    to, party = Post.objects.get(pk=deputy.post_id), Party.objects.get(pk=deputy.party_id)
    lent = actions.lend_desk(actor=away, at=AT, to=to, until=WEEK, reason="出差")
    hat = next(hat for hat in hats_of(party, AT) if hat.key == f"deputy:{lent.ref}")
    assert hat.role == "approver" and hat.party_id == party.pk and "李 代 张" in hat.label["zh"]
    case = open_application(office, [node("decide")], legal_days=3)
    assert inbox(hat).get() == case.tasks.get() and not inbox(deputy).filter(role="approver").exists()
    actions.complete_task(actor=hat, at=AT, task=case.tasks.get())
    done = [audit.body_of(entry) for entry in AuditEntry.objects.order_by("id")]
    acted = next(body for body in done if body and body["thing"] == "application_task")
    assert acted["who"] == party.ref and acted["mandate"] == lent.ref
    with pytest.raises(HatGone):
        wear(party, hat.key, WEEK)
    actions.take_back_desk(actor=away, at=AT, deputation=lent)
    with pytest.raises(HatGone):
        wear(party, hat.key, AT)
    with pytest.raises(OnceOnly):
        actions.take_back_desk(actor=away, at=AT, deputation=lent)


def test_a_desk_is_lent_only_by_its_holder_to_a_colleague_and_to_one_at_a_time() -> None:
    street = make_street()
    office, elsewhere = make_office("a-lend", street.district), make_office("b-lend", street.district)
    away, deputy, stranger = (
        make_actor(office, "approver"), make_actor(office, "clerk"), make_actor(elsewhere, "approver"),
    )  # fmt: skip
    colleague = Post.objects.get(pk=deputy.post_id)
    for to in (Post.objects.get(pk=stranger.post_id), Post.objects.get(pk=away.post_id)):
        with pytest.raises(WrongDeputy):
            actions.lend_desk(actor=away, at=AT, to=to, until=WEEK, reason="出差")
    for until, reason in ((AT, "出差"), (WEEK, " ")):
        with pytest.raises(ReasonNeeded):
            actions.lend_desk(actor=away, at=AT, to=colleague, until=until, reason=reason)
    lent = actions.lend_desk(actor=away, at=AT, to=colleague, until=WEEK, reason="出差")
    with pytest.raises(OnceOnly):
        actions.lend_desk(actor=away, at=AT, to=colleague, until=WEEK, reason="再来")
    hat = wear(Party.objects.get(pk=deputy.party_id), f"deputy:{lent.ref}", AT)
    with pytest.raises(WrongDeputy):  # what was lent is not lent on
        actions.lend_desk(actor=hat, at=AT, to=Post.objects.get(pk=away.post_id), until=WEEK, reason="转")
    with pytest.raises(WrongDeputy):
        actions.take_back_desk(actor=hat, at=AT, deputation=lent)
    assert Deputation.objects.count() == 1
