"""Two people fill in one application: rights, links, confirming, asking again; and showing a draft to a third."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.models import AuditEntry, Notice
from liangwang.base.transactions import write
from liangwang.cases.models import Case
from liangwang.services import actions, queries
from liangwang.services.models import Draft, Submission
from liangwang.services.models_together import DraftLink, DraftPart
from liangwang.services.refusals import LinkGone, NotReady, NotThisPerson, NotYourPart
from tests.cases.factories import make_office
from tests.factories import company
from tests.services.factories import AT, Town, make_parent, make_town, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
MARRIAGE = "civil_affairs:marriage_registration"
HIS = {
    "applicant.ethnicity": "汉族",
    "applicant.household_address": "长宁路515号3号楼402室",
    "applicant.phone": "13800000002",
}
HERS = {"spouse.ethnicity": "回族", "spouse.household_address": "万航渡路1号"}
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def town() -> Town:
    made = make_town()
    make_office("civil_affairs-d", made.home.parent.parent, "civil_affairs")  # type: ignore[union-attr, arg-type]
    return made


@pytest.fixture
def draft(town: Town) -> Draft:
    """The man applies; what is his is filled in."""
    made = actions.start_draft(actor=town.father_actor, key=MARRIAGE, at=AT)
    for page, answers in (("applicant", HIS), ("marriage", {"marriage.wanted_on": "2026-12-05"})):
        assert (
            actions.answer_page(actor=town.father_actor, draft=made, page=page, answers=answers, at=AT) == []
        )
    for need in needs(made, "applicant"):
        hand_in(town.father_actor, made, need)
    return again(made)


def needs(draft: Draft, role: str) -> list[Any]:
    rows = queries.form_pages(draft, AT)["materials"]
    return [one["need"] for one in rows if one["need"].role == role and one["need"].required]


def hand_in(actor: Any, draft: Draft, need: Any) -> None:
    if need.commitment:
        actions.commit_material(actor=actor, draft=draft, need=need.id, given=True, at=AT)
    else:
        stream, name = picture()
        actions.upload_material(actor=actor, draft=draft, need=need.id, stream=stream, name=name, at=AT)


def again(draft: Draft) -> Draft:
    found = queries.draft_by_ref(draft.ref)
    assert found
    return found


def joined(town: Town, draft: Draft) -> Draft:
    """She has taken over her part by a link and filled it in."""
    token = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    actions.join(actor=town.mother_actor, token=token, at=AT)
    actions.answer_page(actor=town.mother_actor, draft=draft, page="spouse", answers=HERS, at=AT)
    for need in needs(again(draft), "spouse"):
        hand_in(town.mother_actor, draft, need)
    return again(draft)


def confirmed(town: Town, draft: Draft) -> Draft:
    joined(town, draft)
    actions.confirm_part(actor=town.mother_actor, draft=draft, role="spouse", at=AT)
    return again(draft)


def login(person: Any) -> Client:
    client = Client()
    client.force_login(person.subject.parties.get(), BACKEND)
    return client


def state(town: Town, draft: Draft) -> str:
    return str(queries.part_rows(again(draft), town.father_actor)[0]["state"])


def test_two_people_fill_in_their_parts_and_one_hands_in(town: Town, draft: Draft) -> None:
    assert state(town, draft) == "none"
    with pytest.raises(NotReady) as refused, write():
        actions.submit(actor=town.father_actor, draft=draft, key="k", at=AT)
    assert "另一方还没有加入" in refused.value.message("zh")
    draft = joined(town, draft)
    assert state(town, draft) == "writing"
    with pytest.raises(NotReady) as refused, write():
        actions.submit(actor=town.father_actor, draft=draft, key="k", at=AT)
    assert "另一方还没有确认" in refused.value.message("zh")
    actions.confirm_part(actor=town.mother_actor, draft=draft, role="spouse", at=AT)
    assert state(town, draft) == "confirmed"
    made = actions.submit(actor=town.father_actor, draft=again(draft), key="k", at=AT)
    assert made.roles["spouse"] == town.mother.subject.ref
    assert Notice.objects.filter(subject=town.father.subject, template="services.part_confirmed").count() == 1


def test_nobody_writes_into_the_part_of_another(town: Town, draft: Draft) -> None:
    draft = joined(town, draft)
    for actor, page, answers in (
        (town.father_actor, "spouse", {"spouse.ethnicity": "汉族"}),
        (town.mother_actor, "applicant", {"applicant.phone": "13900000000"}),
        (town.mother_actor, "marriage", {"marriage.wanted_on": "2027-01-01"}),
    ):
        with pytest.raises(NotYourPart), write():
            actions.answer_page(actor=actor, draft=draft, page=page, answers=answers, at=AT)
    need = next(one for one in needs(draft, "spouse") if one.commitment)
    with pytest.raises(NotYourPart), write():
        actions.commit_material(actor=town.father_actor, draft=draft, need=need.id, given=False, at=AT)
    with pytest.raises(NotYourPart), write():
        stream, name = picture()
        actions.upload_material(
            actor=town.father_actor, draft=draft, need=need.id, stream=stream, name=name, at=AT
        )
    assert again(draft).answers == draft.answers and again(draft).committed == draft.committed


def test_a_field_of_another_answers_no_stale_save_and_shows_nothing_laid_aside(
    town: Town, draft: Draft
) -> None:
    draft = joined(town, draft)
    with pytest.raises(NotYourPart):
        actions.save_answer(
            actor=town.mother_actor, draft=draft, field="applicant.phone", typed="13900000000", base=0, at=AT
        )
    actions.save_answer(
        actor=town.father_actor, draft=draft, field="applicant.phone", typed="13700000000", base=0, at=AT
    )
    for actor, seen in ((town.father_actor, 1), (town.mother_actor, 0)):
        whole = queries.seen_by(actor, queries.form_pages(again(draft), AT))
        assert len(whole["aside"]) == seen


def test_each_sees_the_numbers_of_the_other_only_masked(town: Town, draft: Draft) -> None:
    draft = joined(town, draft)
    his, hers = login(town.father), login(town.mother)
    theirs = his.get(f"/drafts/{draft.ref}/page/spouse/").content.decode()
    assert "由另一方自己填" in theirs and "回族" in theirs
    assert "万航渡路1号" not in theirs and "万*****" in theirs
    own = hers.get(f"/drafts/{draft.ref}/page/spouse/").content.decode()
    assert "万航渡路1号" in own
    assert "13800000002" not in hers.get(f"/drafts/{draft.ref}/page/applicant/").content.decode()
    assert "138****0002" in hers.get(f"/drafts/{draft.ref}/page/applicant/").content.decode()
    for path in ("", "check/", "materials/", "people/", "part/spouse/"):
        page = hers.get(f"/drafts/{draft.ref}/{path}")
        assert page.status_code == 200, path
        assert "13800000002" not in page.content.decode(), path
    api = hers.get(f"/api/v1/drafts/{draft.ref}").content.decode()
    assert "13800000002" not in api


def test_a_picture_of_a_document_is_seen_only_by_whose_it_is(town: Town, draft: Draft) -> None:
    draft = joined(town, draft)
    page = next(
        page["ref"]
        for one in queries.form_pages(draft, AT)["materials"]
        if one["need"].role == "spouse"
        for page in one["pages"]
    )
    where = f"/drafts/{draft.ref}/pages/{page}/"
    assert login(town.mother).get(where).status_code == 200
    assert login(town.father).get(where).status_code == 404
    shown = login(town.father).get(f"/drafts/{draft.ref}/materials/").content.decode()
    assert page not in shown and "这份由对方交" in shown


def test_an_edit_after_confirming_asks_again(town: Town, draft: Draft) -> None:
    draft = confirmed(town, draft)
    later = AT + timedelta(minutes=5)
    answers = {"marriage.wanted_on": "2026-12-12"}
    actions.answer_page(actor=town.father_actor, draft=draft, page="marriage", answers=answers, at=later)
    assert state(town, draft) == "changed"
    told = Notice.objects.get(subject=town.mother.subject, template="services.part_changed")
    assert told.link == f"/drafts/{draft.ref}/part/spouse/"
    with pytest.raises(NotReady), write():
        actions.submit(actor=town.father_actor, draft=draft, key="k", at=later)
    actions.answer_page(
        actor=town.father_actor,
        draft=draft,
        page="marriage",
        answers={"marriage.wanted_on": "2026-12-13"},
        at=later,
    )
    assert (
        Notice.objects.filter(template="services.part_changed").count() == 1
    )  # once, until she has confirmed
    actions.confirm_part(actor=town.mother_actor, draft=draft, role="spouse", at=later)
    assert actions.submit(actor=town.father_actor, draft=again(draft), key="k", at=later)


def test_saving_the_same_again_asks_nobody(town: Town, draft: Draft) -> None:
    draft = confirmed(town, draft)
    actions.answer_page(actor=town.father_actor, draft=draft, page="applicant", answers=HIS, at=AT)
    assert state(town, draft) == "confirmed"


def test_only_she_confirms_her_part(town: Town, draft: Draft) -> None:
    draft = joined(town, draft)
    with pytest.raises(Refusal) as refused:
        actions.confirm_part(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    assert refused.value.status in {403, 404}
    assert state(town, draft) == "writing"


def test_she_cannot_confirm_what_is_not_finished(town: Town, draft: Draft) -> None:
    token = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    actions.join(actor=town.mother_actor, token=token, at=AT)
    with pytest.raises(NotReady), write():
        actions.confirm_part(actor=town.mother_actor, draft=draft, role="spouse", at=AT)


def test_a_link_works_once_expires_and_can_be_withdrawn(town: Town, draft: Draft) -> None:
    _other, other_actor, _ = make_parent("赵青", "f", town.home)
    token = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    assert token not in str(list(DraftLink.objects.values())) and len(token) >= 32
    with pytest.raises(LinkGone):
        actions.join(actor=town.mother_actor, token=token + "x", at=AT)
    with pytest.raises(LinkGone):
        actions.join(actor=town.mother_actor, token=token, at=AT + timedelta(days=8))
    second = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    with pytest.raises(LinkGone):  # a new link ends the old one
        actions.join(actor=town.mother_actor, token=token, at=AT)
    actions.join(actor=town.mother_actor, token=second, at=AT)
    with pytest.raises(LinkGone):
        actions.join(actor=other_actor, token=second, at=AT)
    actions.withdraw_part(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    assert login(town.mother).get(f"/drafts/{draft.ref}/").status_code == 404
    third = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    actions.withdraw_part(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    with pytest.raises(LinkGone):
        actions.join(actor=other_actor, token=third, at=AT)


def test_a_part_that_names_somebody_is_hers_alone(town: Town, draft: Draft) -> None:
    _other, other_actor, _ = make_parent("赵青", "f", town.home)
    actions.invite_part(
        actor=town.father_actor,
        draft=draft,
        role="spouse",
        name="林晓",
        identity_number=str(_number(town)),
        at=AT,
    )
    token = actions.invite_link(actor=town.father_actor, draft=draft, role="spouse", at=AT)
    with pytest.raises(NotThisPerson), write():
        actions.join(actor=other_actor, token=token, at=AT)
    with pytest.raises(NotThisPerson), write():
        actions.join(actor=town.father_actor, token=token, at=AT)
    actions.accept_part(actor=town.mother_actor, draft=draft, role="spouse", at=AT)
    assert DraftPart.objects.get(draft=draft, ended_at=None).subject_id == town.mother.pk


def _number(town: Town) -> str | None:
    from liangwang.base.subjects import identity_of

    return identity_of(town.mother)


def test_a_bank_joins_under_its_own_hat_and_sees_only_what_is_declared(town: Town) -> None:
    key = "natural_resources:mortgage_registration"
    draft = actions.start_draft(actor=town.father_actor, key=key, at=AT)
    if any(q["question"].question == "i_am" for q in queries.form_pages(draft, AT)["questions"]):
        actions.answer_questions(actor=town.father_actor, draft=draft, answers={"i_am": "buyer"}, at=AT)
    bank = company(director=town.mother)
    for other in (town.mother_actor, town.father_actor):
        token = actions.invite_link(actor=town.father_actor, draft=draft, role="bank", at=AT)
        with pytest.raises(NotThisPerson), write():
            actions.join(actor=other, token=token, at=AT)
    clerk = replace(
        town.mother_actor, hat="company", role="company", key="company", for_subject_id=bank.subject_id
    )
    actions.join(actor=clerk, token=token, at=AT)
    whole = queries.seen_by(clerk, queries.form_pages(again(draft), AT))
    sights = {page["key"]: page["sight"] for page in whole["pages"]}
    assert sights["home"] == "see" and sights["buyer"] == "see"
    numbers = [
        f["value"] for p in whole["pages"] for f in p["known"] if f["ask"].id == "buyer.identity_number"
    ]
    assert all("*" in number for number in numbers)
    with pytest.raises(NotYourPart), write():
        actions.answer_page(actor=clerk, draft=draft, page="home", answers={"home.loan_amount": "1"}, at=AT)


def test_a_draft_is_shown_to_a_daughter_who_only_reads(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT)
    daughter, _, _ = make_parent("周敏", "f", town.home)
    his, hers = login(town.father), login(daughter)
    page = his.post(f"/drafts/{draft.ref}/people/", {"act": "link"}).content.decode()
    path = re.search(r"/join/[\w-]+/", page)
    assert path and hers.get(f"/drafts/{draft.ref}/").status_code == 404
    assert "给您看" in hers.get(path[0]).content.decode()
    assert hers.post(path[0])["Location"] == f"/drafts/{draft.ref}/"
    assert hers.get(f"/drafts/{draft.ref}/").status_code == 200
    shown = hers.get(f"/drafts/{draft.ref}/page/applicant/").content.decode()
    assert "汉族" in shown and "13800000002" not in shown
    for where, body in (
        ("page/applicant/", {"applicant.phone": "1"}),
        ("check/", {}),
        ("", {"act": "abandon"}),
        ("people/", {"act": "link"}),
    ):
        assert hers.post(f"/drafts/{draft.ref}/{where}", body).status_code == 403, where
    looked = AuditEntry.objects.filter(subjects__subject=town.father.subject)
    assert any(daughter.subject.parties.get().ref in bytes(one.body or b"").decode() for one in looked)
    reader = queries.reader_rows(draft)[0]
    assert reader["who"] == "周*"
    his.post(f"/drafts/{draft.ref}/people/", {"act": "stop", "reader": reader["ref"]})
    assert hers.get(f"/drafts/{draft.ref}/").status_code == 404


def test_a_stranger_with_a_name_and_a_wrong_number_is_not_found_out(town: Town, draft: Draft) -> None:
    his = login(town.father)
    body = {"act": "invite", "role": "spouse", "name": "林晓", "identity_number": "310105199001011234"}
    page = his.post(f"/drafts/{draft.ref}/people/", body)
    assert page.status_code == 200 and "对不上" in page.content.decode()
    assert 'value="林晓"' in page.content.decode()  # nothing typed is lost


@pytest.mark.django_db(transaction=True)
def test_200_parallel_submits_of_one_draft_give_one_case(town: Town, draft: Draft) -> None:
    draft = confirmed(town, draft)
    start = threading.Barrier(8)
    seen: list[str] = []

    def try_it(n: int) -> None:
        if n < 8:
            start.wait()
        try:
            with write():
                made = actions.submit(actor=town.father_actor, draft=draft, key=f"k{n % 100}", at=AT)
            seen.append(made.ref)
        except Refusal as refusal:
            seen.append(refusal.code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(try_it, range(200)))
    assert Submission.objects.count() == Case.objects.filter(kind="application").count() == 1
    ref = Submission.objects.get().ref
    assert set(seen) == {ref, "draft_closed"} and seen.count(ref) == 2  # its own key again gives it again
