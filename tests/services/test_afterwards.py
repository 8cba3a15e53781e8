"""What comes after a grant: change, renewal, cancellation, revocation, the check of a commitment, and the archive."""

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from liangwang.base import events
from liangwang.base.hats import Actor
from liangwang.cases import actions as cases
from liangwang.cases.asked import following
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import OwnWork, ReasonNeeded
from liangwang.services import actions, archive, jobs_letters, queries
from liangwang.services.models import Certificate, GivenValue, Letter
from liangwang.services.refusals import AlreadyAsked, NotInForce, ResultMissing
from tests.cases.factories import AT
from tests.services.handled import PROMISE, Handled, handled, licensed

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(minutes=1)


def run_effects() -> None:
    for _ in range(6):
        events.run_due(LATER, 500)


def granted(*needs: dict[str, object]) -> Handled:
    scene = handled(*needs)
    actions.accept(actor=scene.approver, submission=scene.submission, at=AT)
    for key in ("look", "grant"):
        cases.complete_task(actor=scene.approver, at=AT, task=scene.case.tasks.get(node=key))
    return scene


def decided(actor: Actor, case: Case, node: str = "decide", **said: object) -> Task:
    task = Task.objects.select_related("case", "office").get(case=case, node=node)
    return actions.decide(actor=actor, task=task, at=AT, **said)  # type: ignore[arg-type]


def test_a_change_replaces_the_certificate_and_keeps_what_was_not_changed() -> None:
    scene = granted()
    old = licensed(scene)
    Certificate.objects.filter(pk=old.pk).update(
        body={**old.body, "values": {"holder.name": "林", "holder.scope": "零售"}}
    )
    old.refresh_from_db()
    with pytest.raises(ResultMissing):
        actions.ask_change(
            actor=scene.applicant, certificate=old, values={"holder.name": " "}, reason="", at=AT
        )
    wanted = {"holder.scope": "餐饮", "holder.address": "长宁路515号3号楼402室"}
    case = actions.ask_change(actor=scene.applicant, certificate=old, values=wanted, reason="扩大经营", at=AT)
    assert case.state == "accepted" and case.follows == scene.case and list(following(scene.case)) == [case]
    assert "长宁路" not in str(GivenValue.objects.get(case=case, field="holder.address").value), (
        "sealed at rest"
    )
    with pytest.raises(AlreadyAsked) as refused:
        actions.ask_change(actor=scene.applicant, certificate=old, values=wanted, reason="又", at=AT)
    assert case.number in refused.value.message("zh")
    decided(scene.approver, case)
    old.refresh_from_db()
    new = old.replaced_by
    assert old.revoked_at and new is not None and new.revoked_at is None
    assert new.body["values"]["holder.scope"] == "餐饮" and new.body["values"]["holder.name"] == "林"
    assert "长宁路515" not in new.body["values"]["holder.address"], "masked"
    assert Letter.objects.get(case=case).kind == "changed"
    with pytest.raises(NotInForce):
        actions.ask_cancellation(actor=scene.applicant, certificate=old, reason="不开了", at=AT)


def test_a_refused_change_has_reasons_and_remedies_and_changes_nothing() -> None:
    scene = granted()
    old = licensed(scene)
    case = actions.ask_change(
        actor=scene.applicant, certificate=old, values={"holder.scope": "餐饮"}, reason="", at=AT
    )
    with pytest.raises(ReasonNeeded):
        decided(scene.approver, case, outcome="refused", result={"reasons": []})
    decided(scene.approver, case, outcome="refused", result={"reasons": ["场地不符"]})
    case.refresh_from_db()
    old.refresh_from_db()
    assert case.state == "refused" and old.revoked_at is None
    assert Letter.objects.get(case=case, kind="refused").body["remedies"]["zh"]


def test_a_renewal_lasts_as_long_again_and_silence_grants_it() -> None:
    scene = granted()
    old = licensed(scene)
    with pytest.raises(NotInForce):
        actions.ask_renewal(actor=scene.applicant, certificate=old, at=AT)
    Certificate.objects.filter(pk=old.pk).update(valid_until=date(2027, 1, 22))
    old.refresh_from_db()
    case = actions.ask_renewal(actor=scene.applicant, certificate=old, at=AT)
    jobs_letters.tick(AT)
    case.refresh_from_db()
    assert case.state == "accepted", "not yet expired"
    jobs_letters.tick(AT + timedelta(days=61))
    old.refresh_from_db()
    assert old.replaced_by is not None and old.replaced_by.valid_until == date(2027, 3, 23)
    assert "视为准予延续" in str(Letter.objects.get(case=case, kind="renewed").body["reasons"])


def test_a_cancellation_ends_the_certificate() -> None:
    scene = granted()
    old = licensed(scene)
    case = actions.ask_cancellation(actor=scene.applicant, certificate=old, reason="停业", at=AT)
    decided(scene.approver, case)
    old.refresh_from_db()
    assert old.revoked_because["zh"] == "停业" and old.replaced_by is None
    assert Letter.objects.get(case=case).kind == "cancelled"


def test_a_revocation_hears_the_holder_and_is_decided_by_someone_else() -> None:
    scene = granted()
    old = licensed(scene)
    with pytest.raises(ReasonNeeded):
        actions.open_revocation(actor=scene.approver, certificate=old, reasons=[" "], at=AT)
    case = actions.open_revocation(actor=scene.approver, certificate=old, reasons=["以欺骗手段取得"], at=AT)
    assert "陈述、申辩" in old.subject.notices.get(template="services.revocation").body["zh"]
    assert case.tasks.get(node="decide").state == "waiting"
    with pytest.raises(ReasonNeeded):
        decided(scene.other, case, "hear")
    decided(scene.other, case, "hear", result={"reasons": ["本人没有提出陈述申辩"]})
    old.refresh_from_db()
    assert old.revoked_at is None
    with pytest.raises(OwnWork):
        decided(scene.approver, case)
    decided(scene.other, case)
    old.refresh_from_db()
    assert old.revoked_because["zh"] == "以欺骗手段取得" and Letter.objects.get(case=case).kind == "revoked"


def test_a_commitment_is_checked_afterwards_and_a_false_one_leads_to_a_revocation() -> None:
    scene = granted(PROMISE)
    old = licensed(scene)
    run_effects()
    check = following(scene.case).get(follows_as="after_check")
    task = check.tasks.get()
    assert task.due_at is not None and check.facts["commitments"] == [PROMISE["label"]]
    decided(scene.approver, check, "check", outcome="refused", result={"reasons": ["有处罚记录"]})
    check.refresh_from_db()
    assert check.state == "closed"
    revoking = following(scene.case).get(follows_as="revocation")
    assert revoking.facts["reasons"] == ["告知承诺不实：有处罚记录"]
    decided(scene.approver, revoking, "hear", result={"reasons": ["本人承认"]})
    decided(scene.approver, revoking)  # the rule proposed it, so whoever checked may decide
    old.refresh_from_db()
    assert old.revoked_at is not None
    true = granted(PROMISE)
    run_effects()
    decided(scene.approver, following(true.case).get(), "check")
    assert not following(true.case).filter(follows_as="revocation").exists()


def test_a_finished_case_is_sealed_and_every_change_of_its_archive_is_found(data_dir: object) -> None:
    scene = granted(PROMISE)
    assert queries.archive_of(scene.case) is None
    run_effects()
    sealed = queries.archive_of(scene.case)
    assert sealed is not None
    raw, key = archive.as_file(sealed), archive.public_key()
    assert raw == archive.as_file(sealed)
    found = archive.verify(raw, key)
    names = {one["name"] for one in sealed.manifest["documents"]}
    assert not found.faults and found.number == scene.case.number and found.documents == len(names)
    assert {
        "application.json",
        "timeline.json",
        "audit.json",
        "certificates.json",
        "deliveries.json",
    } <= names
    assert {name.partition("-")[2] for name in names if name.startswith("letters/")} == {
        "accepted.pdf", "commitment.pdf", "granted.pdf",
    }  # fmt: skip

    def altered(name: str, content: bytes | None) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            files = {one: packed.read(one) for one in packed.namelist()}
        files.pop(name, None)
        if content is not None:
            files[name] = content
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            for one, text in files.items():
                packed.writestr(one, text)
        return [fault.what["en"] for fault in archive.verify(out.getvalue(), key).faults]

    assert altered("timeline.json", b"[]") == ["changed"]
    assert altered("audit.json", None) == ["missing"]
    assert altered("letters/99-revoked.pdf", b"%PDF") == ["not in the list"]
    assert altered("manifest.json", b"{}") == ["the list's signature is wrong"]
    assert archive.verify(b"no zip", key).faults and archive.verify(raw, "AAAA").faults


def test_the_command_checks_an_archive_file(
    data_dir: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = granted()
    run_effects()
    sealed = queries.archive_of(scene.case)
    assert sealed is not None
    file = tmp_path / "case.zip"
    file.write_bytes(archive.as_file(sealed))
    assert archive.verify_archive(str(file)) == 0 and scene.case.number in capsys.readouterr().out
    assert archive.verify_archive(str(file), key="AAAA") == 1 and "签名" in capsys.readouterr().out


def test_a_check_that_finds_all_well_is_archived_too(data_dir: object) -> None:
    scene = granted(PROMISE)
    run_effects()
    check = following(scene.case).get()
    decided(scene.approver, check, "check")
    run_effects()
    sealed = queries.archive_of(Case.objects.get(pk=check.pk))
    assert sealed is not None and sealed.manifest["case"]["follows"] == scene.case.number


def test_a_step_of_an_item_names_whose_signatures_it_wants() -> None:
    from liangwang.cases.declare import canonical_plan
    from liangwang.services.compile import compile_bound
    from liangwang.services.compiled import Bound, Proved, Source
    from liangwang.services.declare import Days, Deciding, Item, Sign, Step
    from liangwang.services.vocabulary import Words

    label = {"zh": "装修", "en": "Fit out"}
    office = Deciding(department="housing", level="district")
    fire = Deciding(department="fire", level="district")
    item = Item(
        item="fit_out", label=label, guide=label, office=office, kind="licence",
        promised_days=Days(days=5, basis=label, unverified=True),
        steps=(Step(step="grant", label=label, working_days=5, sign=Sign(of=(fire, office), need=1)),),
    )  # fmt: skip
    bound = Bound("housing:fit_out", item, (Source("housing:fit_out", item),))
    compiled = compile_bound(bound, {}, Proved(), Words({}, {}))
    plan, _, _ = canonical_plan(compiled.plan)
    sign = plan.nodes[0].sign
    assert sign is not None and sign.needed == 1 and [by.department for by in sign.of] == ["fire", "housing"]
    with pytest.raises(ValueError, match="between 1 and 1"):
        Sign(of=(fire,), need=2)
