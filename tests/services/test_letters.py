"""Official letters: numbers without gaps, the layout of each kind, PDFs that never change, and how they arrive."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client

from liangwang.base import events
from liangwang.base.files import open_file
from liangwang.base.models import Party, StoredFile
from liangwang.base.transactions import write
from liangwang.cases.refusals import ReasonNeeded
from liangwang.services import actions, queries
from liangwang.services.actions.deliver import count_wrong_code
from liangwang.services.actions.letters import write_letter
from liangwang.services.letters_paper import paper_of, proof_of_delivery
from liangwang.services.letters_text import WORDINGS
from liangwang.services.models import Letter
from liangwang.services.models_letters import Delivery
from liangwang.services.refusals import DeliveryMissing, DeliveryMoved, WrongCabinetCode
from tests.cases.factories import AT
from tests.cases.test_concurrency import real_file  # noqa: F401  (SQLite in a file, as in a city)
from tests.services.handled import LEASE, PROMISE, Handled, handled

both = pytest.mark.both_databases
LATER = AT + timedelta(minutes=1)


def run_effects() -> None:
    for _ in range(6):
        events.run_due(LATER, 500)


def letter(scene: Handled, kind: str) -> Letter:
    found = Letter.objects.get(case=scene.case, kind=kind)
    known = queries.letter_by_ref(found.ref)
    assert known is not None
    return known


def cells(scene: Handled, kind: str, lang: str = "zh") -> str:
    paper = paper_of(letter(scene, kind), lang=lang, verify="x")
    return "\n".join(
        [paper.title, *paper.text, *(" ".join(row) for row in paper.rows), *paper.after, paper.remedies]
    )


@both
@pytest.mark.django_db(transaction=True)
def test_numbers_come_without_gaps_or_doubles_from_many_hands_some_of_which_give_up(real_file: None) -> None:  # noqa: F811
    with write():
        scene = handled()
    office = scene.case.lead_office
    barrier = Barrier(24)
    failures: list[Exception] = []

    def one(number: int) -> Callable[[], None]:
        def run() -> None:
            barrier.wait()
            try:
                with write():
                    write_letter(scene.fresh(), "special", at=AT, office=office, node=str(number))
                    if number % 3 == 0:
                        raise InterruptedError
            except InterruptedError:
                pass
            except Exception as error:
                failures.append(error)
            finally:
                connection.close()

        return run

    threads = [Thread(target=one(number)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    numbers = [int(n.rpartition("第")[2][:-1]) for n in Letter.objects.values_list("number", flat=True)]
    assert sorted(numbers) == list(range(1, 17))


@pytest.mark.django_db
def test_every_kind_has_its_word_its_title_and_a_series_of_its_own() -> None:
    scene = handled()
    assert set(WORDINGS) == set(Letter.Kind.values)
    assert len({wording.word for wording in WORDINGS.values()}) == len(WORDINGS)
    for kind in WORDINGS:
        made = write_letter(scene.submission, kind, at=AT, office=scene.case.lead_office)
        assert made.number.endswith(f"{WORDINGS[kind].word}字〔2026〕第1号")
        assert write_letter(scene.submission, kind, at=LATER, office=scene.case.lead_office).pk == made.pk
        for lang in ("zh", "en"):
            said = cells(scene, kind, lang)
            assert "{" not in said and scene.case.number in said
            assert ("复议" in said or "reconsideration" in said) == WORDINGS[kind].against


@pytest.mark.django_db
def test_a_licence_is_named_as_one() -> None:
    office = (scene := handled()).case.lead_office
    write_letter(scene.submission, "refused", at=AT, office=office, body={"reasons": ["选址不符"]})
    assert cells(scene, "refused").startswith("不予行政许可决定书") and "1 选址不符" in cells(
        scene, "refused"
    )
    service = handled(kind="public_service")
    write_letter(service.submission, "refused", at=AT, office=office, body={"reasons": ["选址不符"]})
    assert cells(service, "refused").startswith("不予办理决定书")


@pytest.mark.django_db
def test_each_act_writes_its_letter() -> None:
    scene = handled(LEASE, PROMISE)
    approver, submission = scene.approver, scene.submission
    run_effects()
    assert "我承诺：没有违法记录" in cells(scene, "commitment")
    actions.accept_lacking(actor=approver, submission=submission, materials=[LEASE["id"]], at=AT)
    assert "租赁合同 请于2026年11月30日前补交" in cells(scene, "lacking")
    assert "法定办结日 2026年12月21日" in cells(scene, "accepted")
    actions.start_special(
        actor=approver, submission=scene.fresh(), ground="expert_review", at=AT, expected="10 日"
    )
    assert "专家评审" in cells(scene, "special") and "预计所需时间 10 日" in cells(scene, "special")
    stopped = scene.case.clock_stops.get()
    assert stopped.notice == letter(scene, "special").number
    actions.end_special(actor=approver, submission=scene.fresh(), at=AT + timedelta(days=3))
    actions.extend(actor=approver, submission=scene.fresh(), working_days=10, reason="案情复杂", at=AT)
    assert "延长10个工作日" in cells(scene, "extended") and "1 案情复杂" in cells(scene, "extended")
    actions.supply_lacking(
        actor=scene.applicant, submission=scene.fresh(), material=LEASE["id"], file="f", at=AT
    )
    assert scene.fresh().evidence["needs"][0]["ref"] == "f"
    actions.not_accept(actor=approver, submission=scene.fresh(), reasons=["不符合条件"], at=AT)
    assert "1 不符合条件" in cells(scene, "refused")


@pytest.mark.django_db
def test_the_pdf_is_sealed_once_and_the_page_and_the_file_are_the_same_letter(data_dir: object) -> None:
    scene = handled()
    actions.accept(actor=scene.approver, submission=scene.submission, at=AT)
    found = letter(scene, "accepted")
    before = queries.letter_pdf(found)
    run_effects()
    found = letter(scene, "accepted")
    assert found.file is not None and queries.letter_pdf(found) == before
    with open_file(found.file) as kept:
        assert kept.read() == before
    client = Client()
    client.force_login(Party.objects.get(pk=scene.applicant.party_id))
    page = client.get(f"/letters/{found.ref}/").content.decode()
    for said in (found.number, "受理通知书", "开办餐馆", "演示文书"):
        assert said in page
    answer = client.get(f"/letters/{found.ref}/letter.pdf")
    assert answer["Content-Type"] == "application/pdf" and answer.content == before
    delivery = Delivery.objects.get(letter=found, way="electronic")
    assert (delivery.state, delivery.relation) == ("delivered", "本人"), "opening it is the receipt"


@pytest.mark.django_db
def test_only_the_addressee_confirms_by_opening() -> None:
    scene, stranger = handled(), handled()
    found = write_letter(scene.submission, "accepted", at=AT, office=scene.case.lead_office)
    run_effects()
    for actor in (scene.approver, stranger.applicant):
        assert not actions.letter_opened(actor=actor, letter=found, at=AT)
    assert actions.letter_opened(actor=scene.applicant, letter=found, at=AT)
    assert not actions.letter_opened(actor=scene.applicant, letter=found, at=LATER)


@pytest.mark.django_db
def test_by_post_at_the_counter_and_from_a_cabinet() -> None:
    scene = handled()
    clerk, found = (
        scene.approver,
        write_letter(scene.submission, "accepted", at=AT, office=scene.case.lead_office),
    )
    found.refresh_from_db()
    with pytest.raises(DeliveryMissing):
        actions.send_by_post(actor=clerk, letter=found, carrier="邮政", tracking=" ", at=AT)
    posted = actions.send_by_post(actor=clerk, letter=found, carrier="邮政", tracking="EX123456789CN", at=AT)
    with pytest.raises(DeliveryMoved):
        actions.send_by_post(actor=clerk, letter=found, carrier="邮政", tracking="EX223", at=AT)
    assert "受送达人签名" in proof_of_delivery(posted).signatures[0]
    actions.returned(actor=clerk, delivery=posted, because="查无此人", at=LATER)
    again = actions.send_by_post(actor=clerk, letter=found, carrier="邮政", tracking="EX223", at=LATER)
    done = actions.post_delivered(actor=clerk, delivery=again, receiver="林", relation="家属代收", at=LATER)
    assert ("签收人", "林（家属代收）") in proof_of_delivery(done).rows
    assert queries.delivery_pdf(done).startswith(b"%PDF")

    with pytest.raises(DeliveryMissing):
        actions.hand_over(actor=clerk, letter=found, receiver="林", signature=None, at=AT)
    drawn = StoredFile.objects.create(
        sha256="0" * 64, size=1, media_type="image/png", name="s", created_at=AT
    )
    assert (
        actions.hand_over(actor=clerk, letter=found, receiver="林", signature=drawn, at=AT).state
        == "delivered"
    )

    box, code = actions.put_in_cabinet(actor=clerk, letter=found, cabinet="长宁路 599 号", box="A12", at=AT)
    told = found.subject.notices.get(template="services.cabinet")
    assert code in told.body["zh"] and code not in box.code_hash
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(4):
        with pytest.raises(WrongCabinetCode):
            actions.collect_from_cabinet(actor=scene.applicant, delivery=box, code=wrong, at=AT)
        count_wrong_code(box)
    assert (
        actions.collect_from_cabinet(actor=scene.applicant, delivery=box, code=code, at=AT).state
        == "delivered"
    )
    with pytest.raises(DeliveryMoved):
        actions.collect_from_cabinet(actor=scene.applicant, delivery=box, code=code, at=AT)


@pytest.mark.django_db
def test_five_wrong_codes_shut_the_cabinet() -> None:
    scene = handled()
    found = write_letter(scene.submission, "accepted", at=AT, office=scene.case.lead_office)
    box, code = actions.put_in_cabinet(actor=scene.approver, letter=found, cabinet="大厅", box="A12", at=AT)
    for _ in range(5):
        count_wrong_code(box)
    with pytest.raises(WrongCabinetCode):
        actions.collect_from_cabinet(actor=scene.applicant, delivery=box, code=code, at=AT)


@pytest.mark.django_db
def test_a_step_that_wants_a_reason_is_granted_with_one_and_the_decision_carries_it() -> None:
    scene = handled(reason={"zh": "核定的每月金额", "en": "The monthly amount"})
    actions.accept(actor=scene.approver, submission=scene.submission, at=AT)
    actions.decide(actor=scene.approver, task=scene.case.tasks.get(node="shop.look"), at=AT)
    grant = scene.case.tasks.get(node="shop.grant")
    with pytest.raises(ReasonNeeded) as refused:
        actions.decide(actor=scene.approver, task=grant, at=AT, result={"reason": " "})
    assert "核定的每月金额" in refused.value.message("zh")
    actions.decide(actor=scene.approver, task=grant, at=AT, result={"reason": "三口人，每月 1510 元"})
    run_effects()
    assert "核定的每月金额 三口人，每月 1510 元" in cells(scene, "granted")
