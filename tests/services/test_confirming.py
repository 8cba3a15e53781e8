"""A child or a committee worker fills in for an elder, who confirms by a code: short-lived, counted, hashed, on record."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.hats import Actor, HatGone, wear
from liangwang.base.models import AuditEntry, Guardian, Mandate, Notice, Party, Person, Post
from liangwang.base.subjects import register_person
from liangwang.base.transactions import write
from liangwang.channels import sms
from liangwang.services import actions, confirming, queries, text_messages
from liangwang.services.confirming import AskedTooOften, NoMoreCodes, NotConfirmedByPerson
from liangwang.services.models import Draft
from liangwang.services.models_together import Confirmation
from liangwang.services.refusals import NotReady, OutsideMandate
from tests.cases.factories import make_office
from tests.services.factories import AT, Town, make_parent, make_town, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
ITEM = "civil_affairs:temporary_relief"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Town:
    made = make_town()
    make_office("civil_affairs-s", made.home.parent, "civil_affairs")  # type: ignore[arg-type]
    monkeypatch.setattr(clock, "now", lambda: AT)
    return made


@pytest.fixture
def daughter(town: Town) -> Actor:
    """The mother's grown daughter, who holds her mandate."""
    return _proxy(town)


def _proxy(town: Town) -> Actor:
    _, actor, _ = make_parent("周敏", "f", town.home)
    party = Party.objects.get(pk=actor.party_id)
    mandate = Mandate.objects.create(
        giver=town.mother.subject, taker=party, scope=["*"], starts_at=AT - timedelta(days=1),
        ends_at=AT + timedelta(days=30),
    )  # fmt: skip
    return wear(party, f"proxy:{mandate.ref}", AT)


def complete(actor: Actor) -> Draft:
    """A draft of the item with everything that it asks, filled in by this actor."""
    draft = actions.start_draft(actor=actor, key=ITEM, at=AT)
    for _ in range(4):
        whole = queries.form_pages(draft, AT)
        for entry in whole["questions"]:
            if not entry["answer"]:
                option = entry["question"].options[0].option
                actions.answer_questions(
                    actor=actor, draft=draft, answers={entry["question"].question: option}, at=AT
                )
        for page in queries.form_pages(again(draft), AT)["pages"]:
            answers = {one["ask"].id: one["value"] or _answer(one["ask"]) for one in page["fields"]}
            if page["key"] != "sign":
                actions.answer_page(actor=actor, draft=draft, page=page["key"], answers=answers, at=AT)
    for one in queries.form_pages(again(draft), AT)["materials"]:
        if one["need"].required and not one["need"].commitment:
            stream, name = picture()
            actions.upload_material(
                actor=actor, draft=draft, need=one["need"].id, stream=stream, name=name, at=AT
            )
    return again(draft)


def _answer(ask: Any) -> str:
    if ask.choices:
        return str(ask.choices[0].value)
    if ask.concept.endswith("phone"):
        return "13800000009"
    if ask.concept.endswith("bank_account"):
        return "6222021001112223334"
    return {"date": "2026-11-01", "whole": "1", "money": "1", "number": "1"}.get(ask.kind, "长宁路515号")


def again(draft: Draft) -> Draft:
    found = queries.draft_by_ref(draft.ref)
    assert found
    return found


def login(party: Party, hat: str) -> Client:
    client = Client()
    client.force_login(party, BACKEND)
    session = client.session
    session["hat"] = hat
    session.save()
    return client


def mother_of(town: Town) -> Party:
    found: Party = town.mother.subject.parties.get()
    return found


def asked(actor: Actor, draft: Draft) -> Confirmation:
    return confirming.ask_confirmation(actor=actor, draft=draft, at=AT)


def test_a_daughter_hands_in_only_what_her_mother_has_confirmed(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    with pytest.raises(NotConfirmedByPerson) as refused, write():
        actions.submit(actor=daughter, draft=draft, key="k", at=AT)
    assert "林*" in refused.value.message("zh")
    question = asked(daughter, draft)
    code = confirming.fresh_code(actor=town.mother_actor, confirmation=question, at=AT)
    assert re.fullmatch(r"\d{6}", code)
    kept = Confirmation.objects.values().get(pk=question.pk)
    assert code not in str(kept) and all(code not in str(one.body) for one in Notice.objects.all())
    assert confirming.try_code(actor=daughter, confirmation=question, typed=code, at=AT) is None
    assert actions.submit(actor=daughter, draft=draft, key="k2", at=AT)


def test_what_changes_after_the_confirmation_must_be_confirmed_again(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    question = asked(daughter, draft)
    confirming.decide(actor=town.mother_actor, confirmation=question, yes=True, at=AT)
    page = next(
        p for p in queries.form_pages(draft, AT)["pages"] for f in p["fields"] if "phone" in f["ask"].id
    )
    field = next(f["ask"].id for f in page["fields"] if "phone" in f["ask"].id)
    actions.answer_page(actor=daughter, draft=draft, page=page["key"], answers={field: "13911111111"}, at=AT)
    with pytest.raises(NotConfirmedByPerson), write():
        actions.submit(actor=daughter, draft=again(draft), key="k", at=AT)


def test_a_code_is_short_lived_and_its_tries_are_counted(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    question = asked(daughter, draft)
    mother = town.mother_actor
    code = confirming.fresh_code(actor=mother, confirmation=question, at=AT)
    late = AT + timedelta(minutes=10)
    assert confirming.try_code(actor=daughter, confirmation=question, typed=code, at=late) == 4
    old, code = code, confirming.fresh_code(actor=mother, confirmation=question, at=AT)
    if old != code:
        assert confirming.try_code(actor=daughter, confirmation=question, typed=old, at=AT) == 3
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    lefts = [confirming.try_code(actor=daughter, confirmation=question, typed=wrong, at=AT) for _ in range(4)]
    assert lefts[-1] == 0
    assert (
        confirming.try_code(actor=daughter, confirmation=question, typed=code, at=AT) == 0
    )  # right, too late
    with pytest.raises(NoMoreCodes):
        confirming.fresh_code(actor=mother, confirmation=question, at=AT)
    assert not confirming.is_confirmed(daughter, again(draft), AT)


def test_wrong_codes_are_counted_through_the_page_too(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    helper = login(Party.objects.get(pk=daughter.party_id), daughter.key)
    check = helper.get(f"/drafts/{draft.ref}/check/").content.decode()
    assert "请本人确认" in check and "确认并提交" not in check
    assert helper.post(f"/drafts/{draft.ref}/confirm/", {"act": "ask"}).status_code == 302
    for left in (4, 3):
        page = helper.post(f"/drafts/{draft.ref}/confirm/", {"act": "code", "code": "abc"}).content.decode()
        assert f"还可以试 {left} 次" in page
    assert Confirmation.objects.get().tries == 2


def test_she_reads_and_confirms_on_her_own_phone(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    question = asked(daughter, draft)
    told = Notice.objects.get(subject=town.mother.subject, template="services.confirmation_asked")
    assert (
        told.link == f"/confirm/{question.ref}/"
        and "周敏" in told.body["zh"]
        and "临时救助" in told.title["zh"]
    )
    hers = login(mother_of(town), "self")
    page = hers.get(told.link).content.decode()
    assert "我同意，可以提交" in page and "长宁路515号" in page
    code = re.search(r"\d{3} \d{3}", hers.post(told.link, {"act": "code"}).content.decode())
    assert code
    hers.post(told.link, {"act": "yes"})
    assert confirming.is_confirmed(daughter, again(draft), AT)
    helper = login(Party.objects.get(pk=daughter.party_id), daughter.key)
    assert helper.get(told.link).status_code == 404  # the code is on her own screen only
    sent = helper.post(f"/drafts/{draft.ref}/check/", {"idempotency_key": "one"})
    assert sent.status_code == 302 and "/cases/" in sent["Location"]


def test_she_may_say_no(town: Town, daughter: Actor) -> None:
    draft = complete(daughter)
    question = asked(daughter, draft)
    confirming.decide(actor=town.mother_actor, confirmation=question, yes=False, at=AT)
    with pytest.raises(NotConfirmedByPerson), write():
        actions.submit(actor=daughter, draft=draft, key="k", at=AT)


def test_nobody_is_asked_about_a_draft_that_is_not_finished_nor_too_often(
    town: Town, daughter: Actor
) -> None:
    draft = actions.start_draft(actor=daughter, key=ITEM, at=AT)
    with pytest.raises(NotReady):
        asked(daughter, draft)
    draft = complete(daughter)
    for _ in range(confirming.ASKED_A_DAY):
        last = asked(daughter, draft)
    with pytest.raises(AskedTooOften):
        asked(daughter, draft)
    assert Confirmation.objects.filter(refused_at=None).get() == last


def test_a_committee_worker_stands_under_both_names_on_her_page(town: Town) -> None:
    office = make_office("subdistrict-jsl", town.home.parent, "subdistrict")  # type: ignore[arg-type]
    party = Party.objects.create(login_name="committee-1", label={"zh": "陈芳", "en": "Chen Fang"})
    post = Post.objects.create(party=party, office=office, role="committee")
    hat = f"assisted:{post.ref}:{town.mother.subject.ref}"
    worker = wear(party, hat, AT)
    draft = complete(worker)
    with pytest.raises(NotConfirmedByPerson), write():
        actions.submit(actor=worker, draft=draft, key="k", at=AT)
    question = asked(worker, draft)
    code = confirming.fresh_code(actor=town.mother_actor, confirmation=question, at=AT)
    confirming.try_code(actor=worker, confirmation=question, typed=code, at=AT)
    actions.submit(actor=worker, draft=draft, key="k2", at=AT)
    bodies = [json.loads(bytes(one.body or b"{}")) for one in AuditEntry.objects.all()]
    given = next(one for one in bodies if one.get("body", {}).get("given"))
    assert (given["who"], given["for"], given["hat"]) == (party.ref, town.mother.subject.ref, "assisted")
    assert given["body"]["text"]["zh"].startswith("陈芳")
    login(party, hat).get(f"/drafts/{draft.ref}/materials/")  # a mere look is written down too
    seen = login(mother_of(town), "self").get("/me/seen/").content.decode()
    assert "陈芳" in seen and "替您办" in seen


def test_a_guardian_of_a_child_needs_no_code_and_one_of_an_elder_does(town: Town) -> None:
    child = register_person(at=AT, name="林安", sex="f", birth_on=date(2020, 1, 1), home=town.home)
    elder = register_person(at=AT, name="林老", sex="m", birth_on=date(1940, 1, 1), home=town.home)
    needed = {}
    for person in (child, elder):
        Guardian.objects.create(guardian=town.mother.subject, ward=person.subject, since=AT)
        actor = wear(mother_of(town), f"guardian:{person.subject.ref}", AT)
        draft = actions.start_draft(actor=actor, key=ITEM, at=AT)
        needed[person.name] = confirming.needs_confirmation(actor, draft, AT)
    assert needed == {"林安": False, "林老": True}
    assert Person.objects.filter(pk=elder.pk).exists()


def test_a_mandate_is_given_online_used_and_taken_back(town: Town) -> None:
    daughter, her_own, number = make_parent("周敏", "f", town.home)
    hers = login(mother_of(town), "self")
    wrong = hers.post("/me/helpers/", {"act": "give", "name": "周敏", "identity_number": "31", "days": "7"})
    assert "对不上" in wrong.content.decode() and 'value="周敏"' in wrong.content.decode()
    body = {"act": "give", "name": "周敏", "identity_number": number, "days": "7"}
    assert hers.post("/me/helpers/", body).status_code == 302
    mandate = Mandate.objects.get()
    party = Party.objects.get(pk=her_own.party_id)
    proxy = wear(party, f"proxy:{mandate.ref}", clock.now() + timedelta(minutes=1))
    assert actions.start_draft(actor=proxy, key=ITEM, at=AT).applicant_id == town.mother.pk
    assert daughter.name in hers.get("/me/helpers/").content.decode()
    hers.post("/me/helpers/", {"act": "revoke", "mandate": mandate.ref})
    with pytest.raises(HatGone):
        wear(party, f"proxy:{mandate.ref}", clock.now() + timedelta(minutes=1))


def test_a_mandate_for_one_item_opens_no_other(town: Town, daughter: Actor) -> None:
    narrow = replace(daughter, scope=("civil_affairs:marriage_registration",))
    with pytest.raises(OutsideMandate):
        actions.start_draft(actor=narrow, key=ITEM, at=AT)
    draft = actions.start_draft(actor=daughter, key=ITEM, at=AT)
    with pytest.raises(OutsideMandate):
        actions.answer_page(actor=narrow, draft=draft, page="applicant", answers={}, at=AT)


def test_a_code_comes_by_text_or_the_page_says_why_not(
    town: Town, daughter: Actor, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = complete(daughter)
    helper = login(Party.objects.get(pk=daughter.party_id), daughter.key)
    address = f"/drafts/{draft.ref}/confirm/"
    helper.post(address, {"act": "ask"})
    shown = helper.post(address, {"act": "text"}).content.decode()
    code = re.search(r"没有短信网关，确认码显示在这里：(\d{3} \d{3})", shown)
    assert code, "a demonstration shows it and says so"
    settings.DEMO = False
    page = helper.get(address).content.decode()
    assert "还没有配置短信网关" in page and "发短信确认码" not in page
    assert "还没有配置短信网关" in helper.post(address, {"act": "text"}).content.decode()
    settings.SMS_URL, settings.SMS_TEMPLATE = "https://gateway.example/send", "T7"
    monkeypatch.setattr(sms, "send", lambda gateway, **words: said.append(words) or "r-1")
    said: list[Any] = []
    helper.post(address, {"act": "text"})
    assert "短信正在发送" in helper.get(address).content.decode()
    text_messages.send_due.func()
    page = helper.get(address).content.decode()
    texted = said[0]["values"]["code"]
    assert "短信已发出" in page and texted not in page and texted not in str(Notice.objects.values())
    assert helper.post(address, {"act": "code", "code": texted}).status_code == 302
    assert confirming.is_confirmed(daughter, again(draft), AT)
