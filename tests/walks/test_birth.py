"""The birth walk: written on two devices, authorised by both, handed in once, decided in parallel, certified, rated."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from liangwang.base import clock, events, proofs, sequencer
from liangwang.base.access import may, thing_of, visible
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.models import Guardian, Notice, Party, Person
from liangwang.base.subjects import identity_of
from liangwang.base.transactions import write
from liangwang.cases.models import Case, Task
from liangwang.hub import actions as hub
from liangwang.hub import queries as hub_queries
from liangwang.hub.models import Batch
from liangwang.services import actions, queries
from liangwang.services.models import Certificate, Draft, Submission
from liangwang.services.refusals import DraftClosed, NotApplicant, NotReady
from tests.services.factories import (
    ANSWERS,
    AT,
    USUAL,
    Town,
    identity_number,
    make_parent,
    make_town,
    picture,
)

pytestmark = pytest.mark.django_db
BIRTH = "birth:birth"


def written(town: Town) -> Draft:
    """A complete draft, but for the father's authorisation."""
    draft = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT)
    assert actions.answer_questions(actor=town.mother_actor, draft=draft, answers=USUAL, at=AT) == []
    for page, answers in ANSWERS.items():
        actions.answer_page(actor=town.mother_actor, draft=draft, page=page, answers=answers, at=AT)
    draft = queries.draft_by_ref(draft.ref)
    actions.invite(
        actor=town.mother_actor,
        draft=draft,
        role="father",
        name="周正",
        identity_number=town.father_number,
        at=AT,
    )
    for entry in queries.form_pages(draft, AT)["materials"]:
        need = entry["need"]
        if need.commitment:
            actions.commit_material(actor=town.mother_actor, draft=draft, need=need.id, given=True, at=AT)
        else:
            stream, name = picture()
            actions.upload_material(
                actor=town.mother_actor, draft=draft, need=need.id, stream=stream, name=name, at=AT
            )
    return queries.draft_by_ref(draft.ref)


def agreed(town: Town) -> Draft:
    draft = written(town)
    authorisation = draft.authorisations.get(role="father")
    actions.authorise(actor=town.father_actor, authorisation=authorisation, give=True, at=AT)
    return queries.draft_by_ref(draft.ref)


def submitted(town: Town, key: str = "k1") -> Submission:
    draft = agreed(town)
    with write():
        return actions.submit(actor=town.mother_actor, draft=draft, key=key, at=AT)


def ready(case: Case) -> dict[str, Task]:
    return {t.node: t for t in case.tasks.filter(state="ready").select_related("case", "office")}


def finish(town: Town, case: Case, at: datetime, *, but: str = "", number: str = "") -> None:
    """Every office does what waits for it, until nothing does or only `but` is left."""
    while tasks := {node: task for node, task in ready(case).items() if node != but}:
        for node, task in tasks.items():
            do_one(town, node, task, at, number)


def do_one(town: Town, node: str, task: Task, at: datetime, number: str = "") -> None:
    """The office of one step decides, with what the step has to give."""
    result = {}
    if node.endswith(".issue"):
        result = {"child.birth_certificate_number": "Z310000001"}
    if node == "birth_registration.register":
        result = {"child.identity_number": number or identity_number(7, "20261118")}
    if node == "newborn_enrolment.enrol":
        result = {"child.insurance_start_on": "2026-11-18"}
    actions.decide(actor=town.approvers[task.office.department], task=task, at=at, result=result)


def run_effects(at: datetime) -> None:
    while events.run_due(at):
        pass


def test_a_draft_is_saved_with_its_mistakes_and_goes_on_on_another_device() -> None:
    town = make_town()
    draft = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT)
    actions.answer_questions(actor=town.mother_actor, draft=draft, answers=USUAL, at=AT)
    wrong = {**ANSWERS["child"], "child.birth_date": "2026-02-30", "child.birth_weight": "32"}
    problems = actions.answer_page(actor=town.mother_actor, draft=draft, page="child", answers=wrong, at=AT)
    assert {p.field for p in problems} == {"child.birth_date", "child.birth_weight"}
    again = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT + timedelta(days=2))
    assert again.pk == draft.pk
    shown = {f["ask"].id: f for p in queries.form_pages(again, AT)["pages"] for f in p["fields"]}
    assert shown["child.birth_date"]["value"] == "2026-02-30" and shown["child.birth_date"]["problem"]
    assert shown["child.name"]["value"] == "林安"


def test_a_wrong_file_is_refused_and_the_draft_is_kept() -> None:
    import io

    town = make_town()
    draft = written(town)
    need = "mother.maternity_discharge_summary"
    before = queries.material_page(draft, need, AT)
    with pytest.raises(Refusal) as refused:
        actions.upload_material(
            actor=town.mother_actor, draft=draft, need=need, stream=io.BytesIO(b"MZ\x90"), name="x.pdf", at=AT
        )
    assert refused.value.status == 415
    assert queries.material_page(draft, need, AT) == before


def test_the_other_parent_sees_decides_and_cannot_submit() -> None:
    town = make_town()
    draft = written(town)
    with pytest.raises(NotReady) as lacking:
        actions.submit(actor=town.mother_actor, draft=draft, key="k", at=AT)
    assert "父亲确认授权" in lacking.value.message("zh")
    asks = queries.home(town.father_actor, AT)["asks"]
    assert [one["kind"] for one in asks] == ["authorise"]
    authorisation = queries.authorisation_by_ref(asks[0]["ref"])
    page = queries.authorisation_page(authorisation, AT)
    rows = {row["id"]: row for section in page["sections"] for row in section["rows"]}
    assert "*" in rows["mother.bank_account"]["shown"]
    before = {f["ask"].id for p in queries.form_pages(draft, AT)["pages"] for f in p["fields"]}
    actions.authorise(actor=town.father_actor, authorisation=authorisation, give=True, at=AT)
    after = {f["ask"].id for p in queries.form_pages(draft, AT)["pages"] for f in p["fields"]}
    # With his consent his register speaks for him: what it says is not asked any more.
    assert before - after == {"father.name", "father.identity_number"}
    with pytest.raises(NotApplicant):
        actions.submit(actor=town.father_actor, draft=draft, key="k", at=AT)


def test_the_same_key_twice_is_one_case_and_the_receipt_verifies_offline(data_dir: object) -> None:
    town = make_town()
    draft = agreed(town)
    one = actions.submit(actor=town.mother_actor, draft=draft, key="once", at=AT)
    two = actions.submit(actor=town.mother_actor, draft=draft, key="once", at=AT)
    assert one.pk == two.pk and Case.objects.filter(kind="application").count() == 1
    with pytest.raises(DraftClosed):
        actions.submit(actor=town.mother_actor, draft=draft, key="another", at=AT)
    assert "310105" not in str(one.answers) and "310105" not in str(one.case.facts)
    sequencer.run_once(AT)
    text = queries.receipt(one)
    found = proofs.verify(text, sequencer.public_keys())
    assert found.entry["body"]["sha256"] == one.hash
    with pytest.raises(Refusal):
        proofs.verify(text.replace("index ", "index 1"), sequencer.public_keys())


def test_offices_decide_in_parallel_and_only_what_depends_is_done_again() -> None:
    town = make_town()
    submission = submitted(town)
    case = submission.case
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    assert set(ready(case)) == {"birth_certificate_issue.check", "maternity_benefit.check"}
    later = AT + timedelta(days=1)
    finish(town, case, later, but="newborn_enrolment.enrol")
    enrol = ready(case)["newborn_enrolment.enrol"]
    made = Task.objects.get(case=case, node="social_card.review")
    assert made.state == "done"
    # Medical insurance finds that the number is not right: public security does its step again.
    actions.send_back(
        actor=town.approvers["medical_insurance"],
        task=enrol,
        to_node="birth_registration.register",
        reason="身份号码与出生日期不一致",
        at=later,
    )
    states = dict(case.tasks.values_list("node", "state"))
    assert states["birth_registration.register"] == "ready"
    untouched = ("birth_certificate_issue.issue", "vaccination_booklet.open", "maternity_benefit.pay")
    assert {states[node] for node in untouched} == {"done"}
    assert states["social_card.review"] == "kept"
    # Another number: the card was made for the old one, and is asked for anew.
    finish(town, case, later, but="social_card.review", number=identity_number(9, "20261118"))
    assert dict(case.tasks.values_list("node", "state"))["social_card.review"] == "ready"
    finish(town, case, later)
    case.refresh_from_db()
    assert case.state == "closed"


def test_certificates_are_signed_verifiable_and_the_childs_own() -> None:
    town = make_town()
    submission = submitted(town)
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, submission.case, AT)
    run_effects(AT + timedelta(minutes=1))
    run_effects(AT + timedelta(minutes=2))
    issued = {c.type: c for c in Certificate.objects.filter(revoked_at=None)}
    assert set(issued) == {
        "birth_certificate", "household_book_page", "medical_insurance_certificate", "social_security_card",
        "vaccination_booklet", "childcare_guidance_card", "maternity_payment_notice",
    }  # fmt: skip
    card = issued["social_security_card"]
    assert queries.verify_certificate(card.ref, AT)["ok"]
    by_code = queries.verify_certificate(card.signed, AT)
    assert by_code["ok"] and by_code["signed"] and by_code["certificate"]["holder"] == "林*"
    forged = card.signed[:-1] + ("A" if card.signed[-1] != "A" else "B")
    assert not queries.verify_certificate(forged, AT)["ok"]
    child = Person.objects.get(name="林安")
    assert identity_of(child) == identity_number(7, "20261118")
    assert set(Guardian.objects.filter(ward=child.subject).values_list("guardian_id", flat=True)) == {
        town.mother.pk,
        town.father.pk,
    }
    assert {c.type for c in queries.certificates_of(town.father.pk)} >= {
        "birth_certificate",
        "household_book_page",
    }
    # The next time the library has them, and nobody asks.
    again = actions.start_draft(actor=town.mother_actor, key="health:vaccination_booklet", at=AT)
    assert again.key == "health:vaccination_booklet"
    actions.revoke_certificate(
        actor=town.approvers["human_resources"], certificate=card, because={"zh": "测试", "en": "test"}, at=AT
    )
    assert queries.verify_certificate(card.ref, AT)["state"] == "revoked"


def test_what_is_certified_enters_the_hub_as_a_record_of_its_office(data_dir: object) -> None:
    town = make_town()
    submission = submitted(town)
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, submission.case, AT)
    for minute in range(1, 4):
        run_effects(AT + timedelta(minutes=minute))
    batches = {batch.source: batch for batch in Batch.objects.all()}
    assert set(batches) == {"household_book_page", "medical_insurance_certificate"}
    for batch in batches.values():
        loaded = hub.load(batch, AT)
        assert (loaded.good, loaded.bad, loaded.linked) == (1, 0, 1), hub_queries.report(loaded)
    child = Person.objects.get(name="林安")
    hub.settle_and_derive("public_security", [child.pk], AT)
    known = {row["attribute"]: row for row in hub_queries.known(child.pk)}
    # Two offices say the same: from now on it is verified.
    assert known["birth_date"]["value"] == "2026-11-18" and known["birth_date"]["state"] == "verified"


def test_a_certificate_of_the_library_is_not_asked_for() -> None:
    town = make_town()
    draft = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT)
    actions.answer_questions(actor=town.mother_actor, draft=draft, answers=USUAL, at=AT)
    draft = queries.draft_by_ref(draft.ref)
    asked = {entry["need"].id for entry in queries.form_pages(draft, AT)["materials"]}
    for kind in ("marriage_certificate", "household_book"):
        actions.enter_certificate(
            actor=town.approvers["public_security"], type=kind, subject=town.mother.subject,
            office=town.offices["public_security"], issued_at=AT - timedelta(days=900), at=AT,
        )  # fmt: skip
    after = queries.form_pages(draft, AT)
    assert asked - {entry["need"].id for entry in after["materials"]} == {
        "mother.marriage_certificate",
        "mother.household_book",
    }
    sources = {
        need.id: need.supply.source["zh"] for need in after["not_asked"] if need.supply.way == "certificate"
    }
    assert sources["mother.marriage_certificate"] == "public_security-d"


def test_a_corrected_result_replaces_its_certificate() -> None:
    town = make_town()
    submission = submitted(town)
    case = submission.case
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, case, AT, but="newborn_enrolment.enrol")
    run_effects(AT + timedelta(minutes=1))
    first = Certificate.objects.get(type="household_book_page")
    actions.send_back(
        actor=town.approvers["medical_insurance"], task=ready(case)["newborn_enrolment.enrol"],
        to_node="birth_registration.register", reason="号码有误", at=AT,
    )  # fmt: skip
    finish(town, case, AT + timedelta(hours=1), number=identity_number(9, "20261118"))
    run_effects(AT + timedelta(hours=2))
    assert queries.verify_certificate(first.ref, AT)["state"] == "replaced"
    second = Certificate.objects.get(type="household_book_page", revoked_at=None)
    assert queries.verify_certificate(second.ref, AT)["ok"]


def test_nobody_else_sees_a_draft_an_application_or_a_certificate() -> None:
    town = make_town()
    _, stranger, _ = make_parent("王五", "m", town.home)
    submission = submitted(town)
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, submission.case, AT)
    run_effects(AT + timedelta(minutes=1))
    things = [
        thing_of("draft", submission.draft),
        thing_of("application", submission.case),
        *(thing_of("certificate", c) for c in Certificate.objects.all()),
    ]
    assert len(things) == 9
    for thing in things:
        assert may(town.mother_actor, "read", thing).allowed
        assert not may(stranger, "read", thing).allowed
    father_sees = [thing.kind for thing in things if may(town.father_actor, "read", thing).allowed]
    # All but the decision on the mother's own benefit.
    assert father_sees.count("certificate") == 6 and {"draft", "application"} <= set(father_sees)
    assert visible(stranger, "read", "application", Case.objects.all()).count() == 0
    assert visible(town.father_actor, "read", "application", Case.objects.all()).count() == 1
    with pytest.raises(Refusal):
        actions.answer_page(actor=stranger, draft=submission.draft, page="child", answers={}, at=AT)


def test_a_bad_rating_opens_a_case_once() -> None:
    town = make_town()
    submission = submitted(town)
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, submission.case, AT)
    run_effects(AT + timedelta(minutes=1))
    submission = queries.submission_by_ref(submission.ref)
    shown = queries.track(submission, AT)
    assert shown["can_rate"] and {one["kind"] for one in shown["letters"]} == {
        "received",
        "accepted",
        "commitment",
        "granted",
    }
    actions.rate(actor=town.mother_actor, submission=submission, score=1, at=AT, text="等太久")
    run_effects(AT + timedelta(minutes=2))
    assert Case.objects.filter(key=f"rectify/{submission.case.ref}").count() == 1
    with pytest.raises(Refusal):
        actions.rate(actor=town.mother_actor, submission=submission, score=5, at=AT)


def test_the_applicant_is_told_at_each_step() -> None:
    town = make_town()
    submission = submitted(town)
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    finish(town, submission.case, AT)
    run_effects(datetime(2026, 11, 24, tzinfo=UTC))
    run_effects(datetime(2026, 11, 25, tzinfo=UTC))
    told = set(Notice.objects.filter(subject=town.mother.subject).values_list("template", flat=True))
    assert told >= {
        "services.received", "services.accepted", "services.granted", "services.certificate_issued",
        "services.authorisation_decided",
    }  # fmt: skip


# --- over HTTP -------------------------------------------------------------------------------------------


def browser(login_name: str) -> Client:
    """A device on which this person is signed in."""
    client = Client()
    client.force_login(
        Party.objects.get(login_name=login_name), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def login_of(actor: Actor) -> str:
    return Party.objects.get(pk=actor.party_id).login_name


def test_the_whole_walk_by_hand_in_pages() -> None:
    town = make_town()
    phone, desk = browser(login_of(town.mother_actor)), browser(login_of(town.mother_actor))
    started = phone.post("/services/birth/birth/start/")
    draft_url = started["Location"]
    for question, option in USUAL.items():
        assert phone.post(f"{draft_url}ask/{question}/", {question: option}).status_code == 302
    wrong = phone.post(f"{draft_url}page/child/", {**ANSWERS["child"], "child.birth_weight": "32"})
    assert wrong.status_code == 200 and "应在 300 到 8000 之间" in wrong.content.decode()
    # She goes on at home: what she typed is there, right and wrong.
    shown = desk.get(f"{draft_url}page/child/").content.decode()
    assert "林安" in shown and 'value="32"' in shown
    parent = {"role": "father", "name": "周正", "identity_number": town.father_number}
    assert desk.post(f"{draft_url}consents/", parent).status_code == 302
    # What she typed to invite him stands in the form, and goes back with it as a browser sends it.
    his = {"father.name": "周正", "father.identity_number": town.father_number}
    assert "周正" in desk.get(f"{draft_url}page/father/").content.decode()
    for page, answers in ANSWERS.items():
        typed = {**answers, **his} if page == "father" else answers
        assert desk.post(f"{draft_url}page/{page}/", typed).status_code == 302, page
    draft = queries.draft_by_ref(draft_url.rstrip("/").rpartition("/")[2])
    for entry in queries.form_pages(draft, clock.now())["materials"]:
        need = entry["need"]
        stream, name = picture()
        data = {"need": need.id, "act": "commit"}
        if not need.commitment:
            data = {"need": need.id, "act": "upload", "file": SimpleUploadedFile(name, stream.read())}
        assert desk.post(f"{draft_url}materials/", data).status_code == 302
    not_yet = desk.get(f"{draft_url}check/").content.decode()
    assert "父亲确认授权" in not_yet
    husband = browser(login_of(town.father_actor))
    authorisation = draft.authorisations.get(role="father")
    assert husband.post(f"/authorisations/{authorisation.ref}/", {"give": "1"}).status_code == 302
    sent = [desk.post(f"{draft_url}check/", {"idempotency_key": "one click too many"}) for _ in range(2)]
    assert sent[0]["Location"] == sent[1]["Location"] and Case.objects.count() == 1
    case = Case.objects.get()
    assert (
        browser(login_of(make_parent("王五", "m", town.home)[1])).get(f"/cases/{case.ref}/").status_code
        == 404
    )
    assert husband.get(f"/cases/{case.ref}/").status_code == 200
    offices = {name: browser(login_of(actor)) for name, actor in town.approvers.items()}
    assert offices["health"].post(f"/staff/applications/{case.ref}/accept").status_code == 302
    given = {
        "birth_certificate_issue.issue": {"child.birth_certificate_number": "Z310000001"},
        "birth_registration.register": {"child.identity_number": identity_number(7, "20261118")},
        "newborn_enrolment.enrol": {"child.insurance_start_on": "2026-11-18"},
    }
    while tasks := ready(case):
        for node, task in tasks.items():
            office = offices[task.office.department]
            assert office.get(f"/staff/applications/{case.ref}/").status_code == 200
            fields = {f"give.{field}": value for field, value in given.get(node, {}).items()}
            answer = office.post(f"/staff/tasks/{task.ref}/decide", {"outcome": "granted", **fields})
            assert answer.status_code == 302, node
            task.refresh_from_db()
            assert task.state == "done", node
    for minute in range(1, 4):
        run_effects(clock.now() + timedelta(minutes=minute))
    certificate = Certificate.objects.get(type="social_security_card")
    assert "有效" in Client().get(f"/verify/{certificate.ref}/").content.decode()
    assert desk.get(f"/certificates/{certificate.ref}/").status_code == 200
    assert desk.post(f"/cases/{case.ref}/rate/", {"score": "1", "text": "跑了两趟"}).status_code == 302
    run_effects(clock.now() + timedelta(minutes=5))
    assert Case.objects.filter(key=f"rectify/{case.ref}").exists()
