"""What a holder asks about her certificate online: forms of the same kind as any item's, from the draft to the letter."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from liangwang.base import clock, events
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor, platform
from liangwang.base.models import Office, Party, Place
from liangwang.base.transactions import write
from liangwang.cases.models import Case
from liangwang.services import actions, certificate_items, queries
from liangwang.services.drafting import hash_in_force, prefilled, see
from liangwang.services.models import Certificate, Draft, Letter, Submission
from liangwang.services.refusals import AlreadyAsked, HearingOver, ResultMissing
from tests.cases.factories import make_actor, make_office

from .factories import AT, Town, make_town

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(minutes=1)


@pytest.fixture
def town(data_dir: Any) -> Town:
    return make_town()


@pytest.fixture
def office(town: Town) -> Office:
    return make_office("veterans-d", Place.objects.get(code="990105"), "veterans")


@pytest.fixture
def card(town: Town, office: Office) -> Certificate:
    """林晓's veteran's notice, which states her old name."""
    made = actions.enter_certificate(
        actor=platform("test"), type="veteran_reporting_notice", subject=town.mother.subject, office=office, issued_at=AT,
        at=AT,
    )  # fmt: skip
    made.body["values"] = {"holder.name": "林小", "holder.veteran_kind": "conscript"}
    made.valid_until = (AT + timedelta(days=90)).date()
    made.save(update_fields=["body", "valid_until"])
    return made


def begun(mine: Actor, card: Certificate, kind: str) -> Draft:
    with write():
        return actions.start_draft(actor=mine, key=certificate_items.key_of(kind, card), at=AT)


def handed_in(mine: Actor, draft: Draft, at: Any = AT) -> Submission:
    with write():
        return actions.submit(actor=mine, draft=Draft.objects.get(pk=draft.pk), key=draft.ref, at=at)


def decided(who: Actor, case: Case, node: str = "decide", **said: Any) -> None:
    task = case.tasks.select_related("case", "office").get(node=node)
    with write():
        actions.decide(actor=who, task=task, at=LATER, **said)


def after(case: Case) -> list[str]:
    """What has been written once everything that follows has happened."""
    for _ in range(6):
        events.run_due(LATER + timedelta(minutes=1), 500)
    return list(Letter.objects.filter(case=case).order_by("id").values_list("kind", flat=True))


def test_a_change_takes_over_what_is_verified_now_and_replaces_the_certificate(
    town: Town, office: Office, card: Certificate
) -> None:
    mine = town.mother_actor
    draft = begun(mine, card, "change")
    assert begun(mine, card, "change").pk == draft.pk
    seen = see(draft, AT)
    form = {ask.id: ask for page in seen.compiled.pages for ask in page.fields}
    assert form["holder.name"].settled and form["holder.name"].known.value == "林晓"  # type: ignore[union-attr]
    assert prefilled(seen)["holder.veteran_kind"] == "conscript"
    actions.answer_page(
        actor=mine, draft=draft, page="holder", answers={"holder.veteran_kind": "sergeant"}, at=AT
    )
    submission = handed_in(mine, draft)
    case = submission.case
    assert case.follows_as == "change" and case.state == "accepted"
    assert {
        one["new"] if isinstance(one["new"], str) else one["new"]["zh"]
        for one in queries.after_facts(case)["changes"]
    } == {"林晓", "军士"}  # type: ignore[index]
    assert [one["number"] for one in queries.applications_of(town.mother.pk)] == [case.number]
    with pytest.raises(AlreadyAsked):
        handed_in(mine, begun(mine, card, "change"))
    decided(make_actor(office, "approver"), case)
    card.refresh_from_db()
    assert card.replaced_by is not None
    assert card.replaced_by.body["values"] == {"holder.name": "林晓", "holder.veteran_kind": "sergeant"}
    assert after(case) == ["received", "changed", "accepted"]
    assert hash_in_force(draft.key, AT) == "", "it is no longer the certificate in force"


def test_a_change_of_nothing_is_told_and_the_draft_stays(town: Town, card: Certificate) -> None:
    card.body["values"] = {"holder.veteran_kind": "conscript"}
    card.save(update_fields=["body"])
    draft = begun(town.mother_actor, card, "change")
    with pytest.raises(ResultMissing):
        handed_in(town.mother_actor, draft)
    draft.refresh_from_db()
    assert draft.state == Draft.State.OPEN and not Case.objects.exists()


def test_renewal_replacement_and_giving_up(town: Town, office: Office, card: Certificate) -> None:
    mine, approver = town.mother_actor, make_actor(office, "approver")
    assert set(certificate_items.offered(card)) == {"renewal", "change", "reissue", "cancellation"}
    renewal = handed_in(mine, begun(mine, card, "renewal")).case
    assert certificate_items.offered(card)["renewal"] == renewal
    decided(approver, renewal)
    card.refresh_from_db()
    longer = card.replaced_by
    assert longer is not None and longer.valid_until > card.valid_until and after(renewal)[1] == "renewed"  # type: ignore[operator]
    draft = begun(mine, longer, "reissue")
    actions.answer_questions(actor=mine, draft=draft, answers={"reissue_because": "lost"}, at=AT)
    lost = handed_in(mine, draft).case
    assert lost.facts["reasons"] == ["遗失"]
    decided(approver, lost)
    longer.refresh_from_db()
    new = longer.replaced_by
    assert new is not None and new.body["values"] == longer.body["values"] and new.number != longer.number
    draft = begun(mine, new, "cancellation")
    actions.answer_page(
        actor=mine, draft=draft, page="applicant", answers={"applicant.request_reason": "不用了"}, at=AT
    )
    given_up = handed_in(mine, draft).case
    decided(approver, given_up)
    new.refresh_from_db()
    assert new.revoked_because["zh"] == "不用了" and after(given_up)[1] == "cancelled"
    with pytest.raises(NotFound):
        begun(mine, new, "renewal")


def test_who_does_not_hold_it_asks_nothing(town: Town, office: Office, card: Certificate) -> None:
    for who in (town.father_actor, make_actor(office, "approver")):
        with pytest.raises(Exception) as refused:
            begun(who, card, "reissue")
        assert getattr(refused.value, "status", 0) in (403, 404)
    with pytest.raises(NotFound):
        begun(town.mother_actor, card, "heard")


def test_she_is_heard_before_a_revocation_and_no_more_after_it(
    town: Town, office: Office, card: Certificate
) -> None:
    mine, first, second = town.mother_actor, make_actor(office, "approver"), make_actor(office, "approver")
    with write():
        revoking = actions.open_revocation(actor=first, certificate=card, reasons=["以欺骗手段取得"], at=AT)
    drafts = [begun(mine, card, "heard")]
    words = {"applicant.hearing_statement": "评定时我在场，没有隐瞒"}
    actions.answer_page(actor=mine, draft=drafts[0], page="applicant", answers=words, at=AT)
    said = handed_in(mine, drafts[0]).case
    assert said.state == "closed" and said.follows == revoking and after(said) == ["received"]
    assert queries.archive_of(said) is not None
    shown = queries.after_facts(revoking)
    assert shown is not None and [one["words"] for one in shown["said"]] == ["评定时我在场，没有隐瞒"]
    drafts.append(begun(mine, card, "heard"))
    assert drafts[1].pk != drafts[0].pk, "she may add to it"
    actions.answer_page(actor=mine, draft=drafts[1], page="applicant", answers=words, at=AT)
    decided(second, revoking, "hear", result={"reasons": ["评定时我在场，没有隐瞒"]})
    with pytest.raises(HearingOver):
        actions.be_heard(actor=mine, certificate=card, statement="还有", at=LATER)
    with pytest.raises(Exception) as refused:
        handed_in(mine, drafts[1])
    assert refused.value.code == "item_withdrawn"  # type: ignore[attr-defined]


def test_the_wallet_leads_to_the_form_and_the_form_to_the_case(
    town: Town, office: Office, card: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT)
    client = Client()
    client.force_login(
        Party.objects.get(subject=town.mother.subject), "django.contrib.auth.backends.ModelBackend"
    )
    page = client.get(f"/certificates/{card.ref}/").content.decode()
    start = f"/services/services/renewal.{card.ref}/start/"
    assert start in page and "heard" not in page
    draft = client.post(start)["Location"]
    for step in ("", "page/applicant/", "check/"):
        assert client.get(draft + step).status_code == 200, step
    receipt = client.post(f"{draft}check/", {"idempotency_key": "k"})["Location"]
    assert client.get(receipt).status_code == 200
    case = receipt.removesuffix("receipt/")
    assert "延续" in client.get(case).content.decode()
    assert case in client.get(f"/certificates/{card.ref}/").content.decode()
