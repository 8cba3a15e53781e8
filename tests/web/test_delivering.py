"""The desk after the decision: post, counter and cabinet, the archive, supplements of many, and the person who reads it."""

import base64
import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from liangwang.base import clock, events
from liangwang.base.transactions import write
from liangwang.cases import actions as cases
from liangwang.cases.models import Case
from liangwang.services import actions, counter_visits, supplement
from liangwang.services.models import Letter
from liangwang.services.models_counter import Visit
from liangwang.services.models_letters import Archive, Delivery
from tests.cases.factories import make_actor, make_office, make_street
from tests.services.factories import AT, make_town
from tests.services.handled import Handled, handled
from tests.walks.test_birth import submitted
from tests.web.posts import browser_of, said
from tests.web.test_counter import counter_of, number_of, scanned

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def monday() -> object:
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


def run_effects() -> None:
    for _ in range(6):
        events.run_due(LATER, 500)


def drawn() -> str:
    raw = io.BytesIO()
    Image.new("RGB", (64, 24), "white").save(raw, "PNG")
    return "data:image/png;base64," + base64.b64encode(raw.getvalue()).decode()


@pytest.fixture
def granted(data_dir: object) -> tuple[Handled, Letter]:
    """A shop's application that was granted, with the letter of its result."""
    scene = handled()
    actions.accept(actor=scene.approver, submission=scene.submission, at=AT)
    for key in ("look", "grant"):
        cases.complete_task(actor=scene.approver, at=AT, task=scene.case.tasks.get(node=key))
    run_effects()
    return scene, Letter.objects.get(case=scene.case, kind="granted")


def test_a_result_goes_by_post_comes_back_and_lies_in_a_cabinet(granted: tuple[Handled, Letter]) -> None:
    scene, letter = granted
    case, health, mother = scene.case, browser_of(scene.approver), browser_of(scene.applicant)
    assert letter.number in said(health.get("/staff/deliveries/"))
    assert "还没送到本人手里" in said(health.get(f"/staff/applications/{case.ref}/"))
    at = f"/staff/letters/{letter.ref}/"
    wrong = health.post(at, {"way": "post", "carrier": "中国邮政", "tracking": "甲"})
    assert wrong.status_code == 422 and "甲" in said(wrong), "what was typed stays"
    assert letter.subject.person.name in said(health.post(f"{at}label")), "the whole name, for the envelope"
    health.post(at, {"way": "post", "carrier": "中国邮政", "tracking": "ex 123456789 cn"})
    posted = Delivery.objects.get(letter=letter, way="post")
    assert posted.tracking == "EX123456789CN"
    assert "EX123456789CN" in said(mother.get(f"/cases/{case.ref}/"))
    assert letter.number in said(health.get("/staff/deliveries/?show=way"))
    step = f"/staff/deliveries/{posted.ref}/step"
    assert health.post(step, {"act": "returned", "because": " "}).status_code == 422
    health.post(step, {"act": "returned", "because": "查无此人"})
    assert "查无此人" in said(mother.get(f"/cases/{case.ref}/"))
    assert letter.number in said(health.get("/staff/deliveries/?show=back"))
    health.post(at, {"way": "cabinet", "cabinet": "办事大厅东门", "box": "B7"})
    box = Delivery.objects.get(letter=letter, way="cabinet")
    assert "取件码在您的消息里" in said(mother.get(f"/cases/{case.ref}/"))
    assert (
        health.post(f"/staff/deliveries/{box.ref}/step", {"act": "collected", "code": "x"}).status_code == 403
    )
    box.refresh_from_db()
    assert box.code_tries == 1, "a wrong code counts, though its act was refused"
    told = letter.subject.notices.get(template="services.cabinet").body["zh"]
    health.post(f"/staff/deliveries/{box.ref}/step", {"act": "collected", "code": told[-7:-1]})
    assert letter.number in said(health.get("/staff/deliveries/?show=done"))
    assert letter.number not in said(health.get("/staff/deliveries/"))
    elsewhere = make_actor(make_office("health-x", make_street("310106001").district, "health"), "approver")
    stranger = browser_of(elsewhere)
    assert stranger.post(at, {"way": "post", "carrier": "x", "tracking": "EX12345"}).status_code in (403, 404)


def test_a_certificate_is_cancelled_at_the_counter_and_the_decision_signed_for_there() -> None:
    town = make_town()
    client, actor = counter_of(town)
    at = scanned(client, number_of(town))
    card = actions.enter_certificate(
        actor=town.approvers["health"], type="marriage_certificate", subject=town.mother.subject,
        office=town.offices["health"], issued_at=AT, at=AT,
    )  # fmt: skip
    hers = f"{at}certificates/{card.ref}/"
    assert hers in said(client.get(at)) and "注销" in said(client.get(hers))
    client.post(hers, {"act": "cancellation", "reason": "遗失，不再需要"})
    asked = Case.objects.get(follows_as="cancellation")
    assert asked.facts["reasons"] == ["遗失，不再需要"] and asked.follows is None
    health = browser_of(town.approvers["health"])
    shown = said(health.get(f"/staff/applications/{asked.ref}/"))
    assert "遗失，不再需要" in shown and card.number in shown
    step = f"/staff/tasks/{asked.tasks.get().ref}/decide"
    assert health.post(step, {"outcome": "refused", "note": ""}).status_code == 422
    assert health.post(step, {"outcome": "granted", "note": "同意"}).status_code == 302
    card.refresh_from_db()
    letter = Letter.objects.get(case=asked, kind="cancelled")
    assert card.revoked_at is not None
    page = said(client.get(at))
    assert "等本人领取的文书" in page and letter.number in page
    form = f"{at}letters/{letter.ref}/"
    unsigned = client.post(form, {"way": "counter", "receiver": "林晓", "relation": "本人", "drawn": ""})
    assert unsigned.status_code == 422 and "签名" in said(unsigned)
    signed = {"way": "counter", "receiver": "林晓", "relation": "本人", "drawn": drawn()}
    assert client.post(form, signed).status_code == 302
    proof = Delivery.objects.get(letter=letter, way="counter")
    assert proof.state == "delivered" and proof.signature is not None
    assert letter.number not in said(client.get(at))
    counter_visits.end_visit(actor=actor, visit=Visit.objects.get(ended_at=None), at=AT)
    assert client.get(hers).status_code == 404, "she has left"


def test_an_archive_has_a_number_says_what_lacks_and_is_read_only(data_dir: object) -> None:
    town = make_town()
    case = submitted(town).case
    with write():
        actions.not_accept(
            actor=town.approvers["health"], submission=case.submission, reasons=["不属本区"], at=AT
        )
    run_effects()
    letter, health = Letter.objects.get(kind="not_accepted"), browser_of(town.approvers["health"])
    archive = Archive.objects.get(case=case)
    at = f"/staff/applications/{case.ref}/archive/"
    page = said(health.get(at))
    assert archive.number is not None and archive.number in page
    assert "结果还没有送达" in page and "还缺 1 项" in page and "都对上了" in page
    with write():
        actions.letter_opened(actor=town.mother_actor, letter=letter, at=LATER)
    assert "封存后送达，回证另附" in said(health.get(at))
    names = [one["name"] for one in archive.manifest["documents"]]
    for name in names:
        assert health.get(f"{at}{name}").status_code == 200, name
    application = said(health.get(f"{at}application.json"))
    assert "310105199001011" not in application and "林晓" in application
    assert health.get(f"{at}../../../settings.py").status_code == 404
    assert health.get(f"/cases/{case.ref}/archive.zip").content.startswith(b"PK")
    assert health.post(at).status_code in (403, 405)


def test_supplements_of_many_are_ticked_previewed_and_sent_one_a_case() -> None:
    town = make_town()
    case = submitted(town).case
    health = browser_of(town.approvers["health"])
    mark, point = f"c.{case.ref}", supplement.points(case.submission)[0]
    ticks = said(health.post("/staff/bulk/supplement", {"step": "tick", "selected": mark}))
    assert point.label["zh"] in ticks and "补正只能告知一次" in ticks
    chosen = {
        "selected": mark,
        f"tick.{case.ref}": point.id,
        f"fault.{case.ref}.{point.id}": "unclear",
        f"more.{case.ref}": "出生医学证明原件请一并带来\n\n",
    }
    preview = said(health.post("/staff/bulk/supplement", {**chosen, "step": "preview"}))
    assert f"{point.label['zh']}：看不清" in preview and "发出 1 份告知书" in preview
    assert not Letter.objects.filter(kind="supplement").exists()
    empty = said(health.post("/staff/bulk/supplement", {"step": "do", "selected": mark}))
    assert "没有勾任何一项" in empty and "发出 0 份" in empty
    sent = said(health.post("/staff/bulk/supplement", {**chosen, "step": "do"}))
    assert "1 件里发出 1 份告知书" in sent and "已告知补正 2 项" in sent
    wanted = Letter.objects.get(kind="supplement").body["wanted"]
    assert [one["zh"] for one in wanted] == [f"{point.label['zh']}：看不清", "出生医学证明原件请一并带来"]
    again = said(health.post("/staff/bulk/supplement", {**chosen, "step": "do"}))
    assert "不能补正" in again and "发出 0 份" in again


def test_what_was_taken_is_put_back_and_what_was_told_is_not() -> None:
    town = make_town()
    case = submitted(town).case
    health = browser_of(town.approvers["health"])
    accepted = said(health.post("/staff/bulk/do", {"act": "accept", "selected": f"c.{case.ref}"}))
    assert "不能撤回" in accepted and "放回" not in accepted
    task = case.tasks.get(node="birth_certificate_issue.check")
    taken = said(health.post("/staff/bulk/do", {"act": "take", "selected": f"t.{task.ref}"}))
    assert 'value="put_back"' in taken
    health.post("/staff/bulk/do", {"act": "put_back", "selected": f"t.{task.ref}"})
    task.refresh_from_db()
    assert task.state == "ready" and task.assignee is None
    again = said(health.post("/staff/bulk/do", {"act": "put_back", "selected": f"t.{task.ref}"}))
    assert "1 件里办成 0 件" in again
