"""综窗: from a scan to the receipt, paper to the deciding office, and 办不成? with its answer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.base.models import AuditEntry, Notice, PurposeGrant
from liangwang.base.subjects import identity_of
from liangwang.cases.models import Case
from liangwang.services import code_tokens, confirming, counter, counter_visits
from liangwang.services.models import Draft
from liangwang.services.models_counter import Handover, Intake, Paper, Visit
from liangwang.services.models_together import Confirmation
from tests.cases.factories import make_actor, make_office, make_place
from tests.services.factories import ANSWERS, AT, USUAL, Town, make_parent, make_town
from tests.walks.test_birth import agreed, submitted
from tests.web.posts import browser_of, said, signed_in

pytestmark = pytest.mark.django_db
ITEM = "birth:birth"
CITYWIDE = "social_security:pension_alive"


@pytest.fixture(autouse=True)
def monday() -> object:
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


def counter_of(town: Town, code: str = "") -> tuple[Client, Actor]:
    """A clerk at the street's counter, or at one of a street elsewhere."""
    street = town.home.parent
    if code:
        city = make_place(code[:2], "city")
        street = make_place(code, "street", make_place(code[:6], "district", city))
    office = make_office(f"counter-{street.code}", street, "subdistrict", "counter")
    actor = make_actor(office, "counter", "曹莉")
    return browser_of(actor), actor


def scanned(client: Client, text: str) -> str:
    """The address of the visit that the scan opened."""
    answer = client.post("/staff/counter/", {"scanned": text})
    assert answer.status_code == 302, said(answer)
    return str(answer["Location"])


def number_of(town: Town) -> str:
    number = identity_of(town.mother)
    assert number is not None
    return number


def test_a_person_is_found_by_number_or_code_and_her_data_close_when_she_leaves() -> None:
    town = make_town()
    client, actor = counter_of(town)
    at = scanned(client, number_of(town))
    page = said(client.get(at))
    assert "林晓" in page and number_of(town) not in page and number_of(town) not in at
    grant = PurposeGrant.objects.get(purpose="counter", ended_at=None)
    assert grant.subject_id == town.mother.pk and grant.office_id == actor.office_id
    read = [
        bytes(entry.body or b"") for entry in AuditEntry.objects.filter(subjects__subject_id=town.mother.pk)
    ]
    assert any(b'"hat":"assisted"' in body and b'"verb":"read"' in body for body in read)
    other = scanned(client, code_tokens.handle(town.father.pk, AT))
    assert "周正" in said(client.get(other))
    assert client.get(at).status_code == 404  # the one before has left
    client.post(f"{other}next")
    assert client.get(other).status_code == 404 and not PurposeGrant.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("110105194912310021", "没有找到这个人"), ("LW1:ABC", "门岗用的离线码"), ("", "没有找到这个人")],
)
def test_what_names_nobody_is_said_in_words(text: str, words: str) -> None:
    client, _ = counter_of(make_town())
    answer = client.post("/staff/counter/", {"scanned": text})
    assert answer.status_code == 422 and words in said(answer)


def test_an_old_code_and_a_colleague_open_nothing() -> None:
    town = make_town()
    client, _ = counter_of(town)
    old = code_tokens.handle(town.mother.pk, AT - timedelta(minutes=11))
    assert client.post("/staff/counter/", {"scanned": old}).status_code == 422
    at = scanned(client, number_of(town))
    colleague = make_actor(Visit.objects.get().office, "counter", "另一位")
    assert browser_of(colleague).get(at).status_code == 404


def chosen(client: Client, at: str, item: str = ITEM) -> str:
    answer = client.post(f"{at}choose", {"item": item})
    assert answer.status_code == 302
    return str(answer["Location"])


def typed() -> dict[str, object]:
    values: dict[str, object] = dict(USUAL)
    for page in ANSWERS.values():
        values.update(page)
    return values


def filled(client: Client, at: str, town: Town, papers: bool = True) -> tuple[str, dict[str, object]]:
    """The form filled in with every paper ticked, the father's consent given; its address and what was posted."""
    agreed(town)  # the mother had begun at home: the counter goes on where she stopped
    form = chosen(client, at)
    needs = re.findall(r'name="paper" value="([\w.]+)"', said(client.get(form)))
    values = {**typed(), "paper": needs if papers else [], "act": "save"}
    answer = client.post(form, values)
    assert answer.status_code == 302, said(answer)
    return form, values


def test_from_words_to_the_receipt_with_what_she_need_not_bring() -> None:
    town = make_town()
    client, actor = counter_of(town)
    at = scanned(client, number_of(town))
    found = said(client.get(at, {"q": "生孩子"}))
    assert "出生一件事" in found and 'data-key="1"' in found
    form, values = filled(client, at, town)
    page = said(client.get(form))
    assert "不用交的材料" in page and "表都填好了" in page and "决定单位 health-d" in page
    unconfirmed = client.post(form, {**values, "act": "submit"})
    assert unconfirmed.status_code == 422 and "还没有本人确认" in said(unconfirmed)
    client.post(form, {**values, "act": "confirm", "said": code_tokens.handle(town.mother.pk, AT)})
    done = client.post(form, {**values, "act": "submit"})
    assert done.status_code == 302, said(done)
    case = Case.objects.get()
    shown = said(client.get(done["Location"]))
    assert case.number in shown and "收件凭证" in shown and 'data-key="P"' in shown
    receipt = re.search(r'href="(/letters/\w+/)"', shown)
    assert receipt is not None and client.get(receipt[1]).status_code == 200
    intake = Intake.objects.get(case=case)
    assert intake.office_id == actor.office_id and not intake.citywide and intake.confirmed["way"] == "code"
    assert case.lead_office == town.offices["health"] and case.subject_id == town.mother.pk


def test_what_changes_after_her_word_needs_her_word_again() -> None:
    town = make_town()
    client, _ = counter_of(town)
    form, values = filled(client, scanned(client, number_of(town)), town)
    client.post(form, {**values, "act": "confirm", "said": ""})  # signed on paper
    sheet = said(client.get(form.replace("/form/", "/sheet/")))
    assert "林安" in sheet and "本人签字" in sheet
    changed = {**values, "child.name": "林乐", "act": "submit"}
    refused = client.post(form, changed)
    assert refused.status_code == 422 and "林乐" in said(refused)
    assert not Case.objects.exists()


def asked_for_number(client: Client, form: str, values: dict[str, Any]) -> str:
    """The six digits as the demonstration shows them, because it has no gateway for text messages."""
    shown = said(client.post(form, {**values, "act": "number"}, follow=True))
    found = re.search(r"确认码显示在这里：(\d{3}) (\d{3})", shown)
    assert found is not None and "没有短信网关" in shown
    return found[1] + found[2]


def test_the_number_sent_to_her_holds_five_tries() -> None:
    town = make_town()
    client, _ = counter_of(town)
    form, values = filled(client, scanned(client, number_of(town)), town)
    number = asked_for_number(client, form, values)
    wrong = f"{(int(number) + 1) % 10**6:06d}"
    told = said(client.post(form, {**values, "act": "confirm", "said": wrong}))
    assert "还可试 4 次" in told
    code = code_tokens.handle(town.father.pk, AT)
    assert "不是窗口前这位的码" in said(client.post(form, {**values, "act": "confirm", "said": code}))
    for _turn in range(4):
        client.post(form, {**values, "act": "confirm", "said": wrong})
    assert "还可试 0 次" in said(client.post(form, {**values, "act": "confirm", "said": number})), "used up"
    fresh = asked_for_number(client, form, values)  # asked anew, within the day's bound
    assert client.post(form, {**values, "act": "confirm", "said": fresh}).status_code == 302
    assert Visit.objects.get(ended_at=None).confirmed["way"] == "number"
    assert not Confirmation.objects.exclude(code_hash="").exists(), "a number works once"


def test_the_number_is_only_for_the_draft_that_she_heard_of() -> None:
    town = make_town()
    client, actor = counter_of(town)
    form, values = filled(client, scanned(client, number_of(town)), town)
    number = asked_for_number(client, form, values)
    visit = Visit.objects.get(ended_at=None)
    Draft.objects.filter(pk=visit.draft_id).update(papers=["mother.something_else"])  # after she was told
    assert counter.try_number(actor=actor, visit=visit, said=number, at=clock.now()) == 0
    assert not counter.her_word(visit, clock.now())


def test_she_may_agree_on_her_own_phone_while_she_stands_there() -> None:
    town = make_town()
    client, _ = counter_of(town)
    form, values = filled(client, scanned(client, number_of(town)), town)
    asked_for_number(client, form, values)
    question = Confirmation.objects.get(confirmed_at=None)
    confirming.decide(actor=town.mother_actor, confirmation=question, yes=True, at=clock.now())
    assert "本人在自己手机上同意" in said(client.get(form))


def test_what_lacks_is_told_once_in_one_notice() -> None:
    town = make_town()
    client, _ = counter_of(town)
    at = scanned(client, number_of(town))
    draft = agreed(town)
    draft.materials.update(ended_at=AT)
    draft.committed = []
    draft.save()
    form = chosen(client, at)
    values = {**typed(), "act": "save"}
    client.post(form, values)
    page = said(client.get(form))
    assert "缺材料" in page and "一次性补正告知" in page
    client.post(form, {**values, "act": "confirm", "said": ""})
    done = client.post(form, {**values, "act": "submit", "later": "supplement"})
    assert done.status_code == 302, said(done)
    case = Case.objects.get()
    assert case.state == "supplement" and "一次性补正告知已发出" in said(client.get(done["Location"]))


# --- citywide, and paper on its way --------------------------------------------------------------------


def test_only_a_citywide_item_is_taken_in_for_another_district() -> None:
    town = make_town()
    client, actor = counter_of(town, "990199001")
    at = scanned(client, number_of(town))
    refused = said(client.post(f"{at}choose", {"item": ITEM}, follow=True))
    assert "还没有全市通办" in refused and not Draft.objects.exists()
    form = chosen(client, at, CITYWIDE)
    page = said(client.get(form))
    assert "决定单位 human_resources-d" in page and "全市通办" in page
    needs = re.findall(r'name="paper" value="([\w.]+)"', page)
    values = {"applicant.phone": "13800000001", "paper": needs}
    client.post(form, {**values, "act": "confirm", "said": ""})
    done = client.post(form, {**values, "act": "submit"})
    assert done.status_code == 302, said(done)
    intake = Intake.objects.get()
    assert intake.citywide and intake.case.lead_office == town.offices["human_resources"]
    shown = said(client.get(done["Location"]))
    receipt = re.search(r'href="(/letters/\w+/)"', shown)
    assert "全市通办" in shown and receipt is not None and client.get(receipt[1]).status_code == 200
    held = Paper.objects.filter(case=intake.case, held_by_id=actor.office_id, state="held")
    assert {paper.need for paper in held} == set(needs) and needs
    assert "装袋交给 human_resources-d" in said(client.get("/staff/handovers/"))


def taken_in(town: Town, client: Client) -> Case:
    """A case with two papers on the counter."""
    case = submitted(town).case
    visit = Visit.objects.get(ended_at=None)
    Intake.objects.create(case=case, visit=visit, office=visit.office, citywide=False, at=AT)
    for need in ("mother.passport", "child.photo"):
        label = {"zh": need, "en": need}
        Paper.objects.create(case=case, need=need, label=label, held_by=visit.office, at=AT)
    return case


def test_paper_is_packed_sent_and_signed_for_sheet_by_sheet() -> None:
    town = make_town()
    client, actor = counter_of(town)
    scanned(client, number_of(town))
    case = taken_in(town, client)
    health = browser_of(town.approvers["health"])
    listed = said(client.get("/staff/handovers/"))
    refs = re.findall(r'name="paper" value="(\w+)"', listed)
    assert "装袋交给 health-d" in listed and len(refs) == 2
    at = client.post("/staff/handovers/pack", {"paper": refs})["Location"]
    bag = Handover.objects.get()
    assert bag.number.startswith("JJ20261123-") and bag.number in said(client.get(f"{at}sheet/"))
    assert health.post(f"{at}receive", {"paper": refs}).status_code == 302  # not sent yet: refused in words
    bag.refresh_from_db()
    assert bag.state == "packed" and health.post(f"{at}send").status_code == 404
    client.post(f"{at}send")
    client.post(f"{at}send")  # a double click
    assert Notice.objects.filter(template="handover.sent").count() == 1
    health.post(f"{at}receive", {"paper": refs[:1], "note": "袋里没有"})
    page = said(health.get(f"/staff/applications/{case.ref}/"))
    assert bag.number in page and "签收时缺" in page and "已签收" in page
    assert Notice.objects.get(template="handover.missing").office_id == actor.office_id
    assert "袋里没有" in said(client.get(at))
    client.post(f"{at}found", {"paper": refs[1]})
    assert Paper.objects.get(ref=refs[1]).state == "held"
    elsewhere = make_actor(make_office("health-x", make_place("990199", "district"), "health"), "approver")
    assert browser_of(elsewhere).get(at).status_code == 404


def test_paper_for_two_offices_is_not_one_bag() -> None:
    town = make_town()
    client, _ = counter_of(town)
    scanned(client, number_of(town))
    taken_in(town, client)
    Paper.objects.filter(need="child.photo").update(state="received")
    told = client.post("/staff/handovers/pack", {"paper": ["nothing"]}, follow=True)
    assert "请勾选要交接的材料" in said(told) and not Handover.objects.exists()


# --- 办不成? -------------------------------------------------------------------------------------------


def test_whoever_is_stuck_gets_a_helper_who_sees_the_page_and_must_answer() -> None:
    town = make_town()
    client, actor = counter_of(town)
    draft = agreed(town)
    mother = browser_of(town.mother_actor)
    page = f"/drafts/{draft.ref}/materials/"
    post_ref = Visit._meta.get_field("post").related_model.objects.get(pk=actor.post_id).ref
    asked = {"from": page, "helper": post_ref, "words": "不知道要传哪一页"}
    at = mother.post("/help/ask/", asked)["Location"]
    assert mother.post("/help/ask/", asked)["Location"] == at  # the same page, the same day: one case
    case = Case.objects.get(key__startswith="help/")
    assert "不知道要传哪一页" not in str(case.facts)
    assert "最迟 11月25日 周三 答复您" in said(mother.get(at))
    inbox = said(client.get("/staff/"))
    assert case.number in inbox and "帮到办成为止" in inbox
    shown = said(client.get(f"/staff/applications/{case.ref}/"))
    assert (
        page in shown
        and "不知道要传哪一页" in shown
        and "林安" in shown
        and "6222021001112223334" not in shown
    )
    task = case.tasks.get()
    empty = client.post(f"/staff/tasks/{task.ref}/help", {"outcome": "explained", "answer": ""})
    assert empty.status_code == 422 and "请写给本人的答复" in said(empty)
    client.post(f"/staff/tasks/{task.ref}/help", {"outcome": "explained", "answer": "传出院小结的第一页就行"})
    case.refresh_from_db()
    assert case.state == "closed"
    assert "传出院小结的第一页就行" in said(mother.get(at)) and "说清了怎么办" in said(mother.get(at))
    assert Notice.objects.filter(template="help.answered", subject=town.mother.subject).exists()
    stranger, _, _ = make_parent("王平", "m", town.home)
    assert signed_in(stranger.subject.parties.get()).get(at).status_code == 404


def test_what_cannot_be_done_at_the_counter_is_promised_an_answer() -> None:
    town = make_town()
    client, actor = counter_of(town)
    at = scanned(client, number_of(town))
    client.post(f"{at}stuck")
    case = Case.objects.get(key__startswith="help/")
    assert case.subject_id == town.mother.pk and case.lead_office_id == actor.office_id


# --- certificates --------------------------------------------------------------------------------------


def test_the_issuing_office_suspends_resumes_and_revokes_with_a_reason() -> None:
    town = make_town()
    from liangwang.services import actions, queries

    card = actions.enter_certificate(
        actor=town.approvers["health"], type="identity_card", subject=town.mother.subject,
        office=town.offices["health"], issued_at=AT, at=AT,
    )  # fmt: skip
    health, other = browser_of(town.approvers["health"]), browser_of(town.approvers["public_security"])
    at = f"/staff/certificates/{card.ref}/"
    assert card.number in said(health.get("/staff/certificates/")) and other.get(at).status_code == 404
    refused = health.post(f"{at}suspend", {"because": " "})
    assert refused.status_code == 422 and "请写明理由" in said(refused)
    health.post(f"{at}suspend", {"because": "信息有误，核对中"})
    assert queries.verify_certificate(card.ref, AT)["state"] == "suspended"
    draft = actions.start_draft(actor=town.mother_actor, key=ITEM, at=AT)
    from liangwang.services.provable import proved_for

    assert "applicant.identity_card" not in proved_for(draft, AT).certificates
    assert "已暂停" in said(browser_of(town.mother_actor).get("/certificates/"))
    assert health.post(f"{at}suspend", {"because": "再来一次"}).status_code == 409
    health.post(f"{at}resume", {"because": "核对无误"})
    assert "applicant.identity_card" in proved_for(draft, AT).certificates
    told = Notice.objects.filter(subject=town.mother.subject, template__startswith="certificate.")
    assert told.count() == 2
    no_ground = health.post(f"{at}revoke", {"ground": "", "because": "以欺骗取得"})
    assert no_ground.status_code == 422 and "以欺骗取得" in said(no_ground)
    health.post(f"{at}revoke", {"ground": "deceit", "because": "出生日期系伪造"})
    revoking = Case.objects.get(follows_as="revocation", facts__certificate=card.ref)
    shown = said(health.get(f"/staff/applications/{revoking.ref}/"))
    assert "出生日期系伪造" in shown and card.number in shown
    card.refresh_from_db()
    assert card.revoked_at is None, "nobody decides alone, and not before she was heard"
    hear = revoking.tasks.get(node="hear")
    heard = {"outcome": "granted", "note": "本人书面承认"}
    own = health.post(f"/staff/tasks/{hear.ref}/decide", heard)
    assert own.status_code == 403 and "这是您提出的" in shown, "her own proposal"
    colleague = browser_of(make_actor(town.offices["health"], "approver"))
    assert "需您听取陈述申辩" in said(colleague.get(f"/staff/applications/{revoking.ref}/"))
    none = colleague.post(f"/staff/tasks/{hear.ref}/decide", {"outcome": "granted", "note": ""})
    assert none.status_code == 422
    assert colleague.post(f"/staff/tasks/{hear.ref}/decide", heard).status_code == 302
    step = f"/staff/tasks/{revoking.tasks.get(node='decide').ref}/decide"
    assert "本人书面承认" in said(colleague.get(f"/staff/applications/{revoking.ref}/"))
    assert colleague.post(step, {"outcome": "granted", "note": ""}).status_code == 302
    card.refresh_from_db()
    assert card.revoked_because["zh"].startswith("以欺骗、贿赂等不正当手段取得；出生日期系伪造")
    clerk = make_actor(town.offices["health"], "clerk")
    assert browser_of(clerk).post(f"{at}revoke", {"because": "x"}).status_code == 403


def test_what_registers_know_is_worded_and_masked_on_a_screen_that_others_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town = make_town()
    client, _ = counter_of(town)
    number, home = number_of(town), "长宁路515弄3号402室"
    known = {"identity_number": number, "home_address": home, "employment_state": "employed"}
    rows = [{"attribute": key, "value": value, "state": "verified", "at": AT} for key, value in known.items()]
    monkeypatch.setattr(counter_visits.hub, "known", lambda _subject: rows)
    shown = said(client.get(scanned(client, number)))
    assert number not in shown and f"{number[:3]}***********{number[-4:]}" in shown
    assert home not in shown and "长宁路" in shown
    assert "employed" not in shown and "就业" in shown
