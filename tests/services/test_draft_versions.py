"""A draft and its item: a new version takes the answers along, a withdrawn one tells the owner and prints what is there."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from liangwang.base.errors import NotFound
from liangwang.base.models import Notice
from liangwang.base.transactions import write
from liangwang.services import actions, catalogue, queries
from liangwang.services.actions import draft_follow
from liangwang.services.compiled import Bound, Source
from liangwang.services.declare import Field
from liangwang.services.models import Draft, ItemVersion
from liangwang.services.refusals import ItemWithdrawn
from tests.services.factories import AT, Town, make_town
from tests.web.posts import browser_of, said

pytestmark = pytest.mark.django_db
RELIEF = "civil_affairs:minimum_income"
LATER = AT + timedelta(days=3)


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def draft(town: Town) -> Draft:
    with write():
        draft = actions.start_draft(actor=town.mother_actor, key=RELIEF, at=AT)
        answers = {
            "applicant.relief_reason": "失业",
            "applicant.bank_name": "上海银行",
            "applicant.family_other_home": "no",
        }
        actions.answer_page(actor=town.mother_actor, draft=draft, page="applicant", answers=answers, at=AT)
    return Draft.objects.get(pk=draft.pk)


def publish(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """A new version of the item is in force: `change` makes it out of the present one."""
    now = catalogue.bound(RELIEF)
    made = change(now.head)
    new = Bound(RELIEF, made, (Source(RELIEF, made),))
    monkeypatch.setattr(catalogue, "bound", lambda key, root=None: new)


def withdraw(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(key: str, root: Any = None) -> Bound:
        raise NotFound

    monkeypatch.setattr(catalogue, "bound", gone)


def without_reason_with_ethnicity(head: Any) -> Any:
    fields = [f for f in head.fields if f.concept != "relief.reason"]
    new = Field(concept="person.ethnicity", role="applicant", max_length=10)
    short = [
        msgspec.structs.replace(f, max_length=2) if f.concept == "person.bank_name" else f for f in fields
    ]
    return msgspec.structs.replace(head, fields=(*short, new))


def test_an_open_draft_follows_its_item_and_loses_nothing(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ItemVersion.objects.get(pk=draft.version_id)
    publish(monkeypatch, without_reason_with_ethnicity)
    assert queries.is_outdated(draft, LATER)
    page = browser_of(town.mother_actor).get(f"/drafts/{draft.ref}/page/applicant/")
    draft.refresh_from_db()
    assert draft.version_id != before.pk and draft.carried_at and not queries.is_outdated(draft, LATER)
    whole = queries.form_pages(draft, LATER)
    fields = {one["ask"].id: one for one in whole["pages"][0]["fields"]}
    assert fields["applicant.ethnicity"]["fresh"] and "新" in said(page)
    assert fields["applicant.bank_name"]["value"] == "上海银行" and fields["applicant.bank_name"]["problem"]
    assert [(one["value"], one["why"]) for one in whole["aside"]] == [("失业", "version")]
    again = ItemVersion.objects.get(pk=before.pk)
    assert again.body == before.body  # what was published is as it was
    assert "失业" in said(browser_of(town.mother_actor).get(f"/drafts/{draft.ref}/"))


def test_what_is_newly_asked_is_no_longer_new_once_answered(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, without_reason_with_ethnicity)
    with write():
        actions.follow_item(draft=draft, at=LATER)
        actions.save_answer(
            actor=town.mother_actor, draft=draft, field="applicant.ethnicity", typed="汉族", at=LATER
        )
    assert Draft.objects.get(pk=draft.pk).fresh == []


def test_a_withdrawn_item_is_told_in_clear_words_and_its_draft_is_printed(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraw(monkeypatch)
    client: Client = browser_of(town.mother_actor)
    assert "已经停办" in said(client.get(f"/drafts/{draft.ref}/"))
    assert client.get(f"/drafts/{draft.ref}/page/applicant/")["Location"] == f"/drafts/{draft.ref}/"
    paper = said(client.get(f"/drafts/{draft.ref}/print/"))
    assert "失业" in paper and "上海银行" in paper
    assert "已停办" in said(client.get("/drafts/"))
    with write(), pytest.raises(ItemWithdrawn):
        actions.submit(actor=town.mother_actor, draft=draft, key="k", at=LATER)
    assert Draft.objects.get(pk=draft.pk).state == Draft.State.OPEN


def test_the_owner_is_told_once_of_a_change_and_of_a_withdrawal(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert draft_follow.follow_all(LATER) == 0
    publish(monkeypatch, without_reason_with_ethnicity)
    assert draft_follow.follow_all(LATER) == 1
    withdraw(monkeypatch)
    for _ in range(2):
        draft_follow.follow_all(LATER)
    titles = [n.title["zh"] for n in Notice.objects.filter(subject=town.mother.subject).order_by("id")]
    assert len(titles) == 2 and "有变化" in titles[0] and "停办" in titles[1]
    assert Draft.objects.get(pk=draft.pk).fresh == ["applicant.ethnicity"]


def test_drafts_in_hand_say_how_far_they_are_and_the_promised_day(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the applicant last saw it: the list compiles nothing and costs the same whatever is in hand."""
    client = browser_of(town.mother_actor)
    unseen = said(client.get("/drafts/"))
    assert "最低生活保障" in unseen and "步填好" not in unseen and f"/drafts/{draft.ref}/" in unseen
    overview = client.get(f"/drafts/{draft.ref}/")
    with CaptureQueriesContext(connection) as one:
        page = said(client.get("/drafts/"))
    done = sum(step.state == "done" for step in overview.context["steps"])
    assert f"{len(overview.context['steps'])} 步填好 {done} 步" in page and "前办完" in page
    assert overview.context["next_url"] in page
    for n in range(3):
        Draft.objects.create(
            version=draft.version, key=f"{draft.key}{n}", applicant=draft.applicant, progress=draft.progress,
            created_at=LATER, updated_at=LATER,
        )  # fmt: skip

    def compiled(*_: object) -> None:
        raise AssertionError("a list of drafts compiles nothing")

    monkeypatch.setattr("liangwang.services.drafting.compile_bound", compiled)
    with CaptureQueriesContext(connection) as many:
        assert client.get("/drafts/").status_code == 200
    assert len(many) == len(one)
