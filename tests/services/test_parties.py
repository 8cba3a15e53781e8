"""Who an application is about: a company under its own hat, one that is founded, an employee who is nobody's ward."""

from datetime import timedelta

import pytest

from liangwang.base import events
from liangwang.base.hats import Actor
from liangwang.base.models import Company, CompanyRole, Guardian, Party, Place
from liangwang.base.transactions import write
from liangwang.services import actions, queries
from liangwang.services.drafting import see
from liangwang.services.models import Certificate, Draft
from liangwang.services.own_hat import missing_hat
from liangwang.services.parties import found_company, people_of
from tests.cases.factories import make_actor, make_office, make_place
from tests.factories import company

from .factories import AT, Town, make_town

pytestmark = pytest.mark.django_db
CODE = "91310105MA1FW00A1F"


def company_hat(made: Company) -> Actor:
    """A party that wears the company's hat."""
    party = Party.objects.create(login_name="cafe", label={"zh": "何志远", "en": "He"})
    return Actor(
        hat="company", role="company", label={"zh": made.name, "en": made.name}, key=f"company:{made.subject.ref}",
        party_id=party.pk, party_ref=party.ref, subject_id=made.subject_id, for_subject_id=made.subject_id,
        assurance="strong",
    )  # fmt: skip


def shop(town: Town) -> Draft:
    """A sole trader's registration, ready to be handed in."""
    mine = town.mother_actor
    draft = actions.start_draft(actor=mine, key="market_regulation:sole_trader_registration", at=AT)
    asked = {ask.id: ask for ask in see(draft, AT).compiled.asks}
    typed = {
        "company.name": "林晓花店",
        "company.scope": "花卉零售",
        "company.premises_address": "长宁路515号3号楼102室",
        "operator.address": "长宁路515号3号楼402室",
        "applicant.phone": "13800000001",
    }
    for page in see(draft, AT).compiled.pages:
        answers = {
            field: value for field, value in typed.items() if field in asked and asked[field] in page.fields
        }
        actions.answer_page(actor=mine, draft=draft, page=page.key, answers=answers, at=AT)
    actions.commit_material(actor=mine, draft=draft, need="company.premises_proof", given=True, at=AT)
    found = queries.draft_by_ref(draft.ref)
    assert found is not None
    return found


def test_a_company_under_its_own_hat_shows_no_licence() -> None:
    make_place("99", "city")
    made = company("99")
    draft = actions.start_draft(actor=company_hat(made), key="taxation:tax_payment_certificate", at=AT)
    compiled = see(draft, AT).compiled
    assert [ask.id for ask in compiled.asks] == ["company.tax_period_start", "company.tax_period_end"]
    assert compiled.materials_asked == []


def test_a_person_takes_no_company_s_role() -> None:
    town = make_town()
    draft = actions.start_draft(actor=town.mother_actor, key="taxation:tax_payment_certificate", at=AT)
    assert {"company.name", "company.credit_code"} <= {ask.id for ask in see(draft, AT).compiled.asks}


def test_a_founder_has_a_company_once_the_registrar_gives_its_code() -> None:
    town = make_town()
    office = make_office("market-d", Place.objects.get(code="990105"), "market")
    market = make_actor(office, "approver")
    draft = shop(town)
    with write():
        submission = actions.submit(actor=town.mother_actor, draft=draft, key="shop", at=AT)
    clerk = make_actor(office, "clerk")
    actions.accept(actor=clerk, submission=submission, at=AT)
    later = AT + timedelta(hours=2)
    for node in ("sole_trader_registration.examine", "sole_trader_registration.register"):
        task = submission.case.tasks.select_related("case", "office").get(node=node)
        result = {"company.credit_code": CODE} if node.endswith("register") else {}
        actions.decide(actor=market, task=task, at=later, result=result)
    while events.run_due(later):
        pass
    made = Company.objects.get(credit_code=CODE)
    assert made.name == "林晓花店"
    assert CompanyRole.objects.filter(company=made.subject, person=town.mother.subject).exists()
    licence = Certificate.objects.get(type="business_licence")
    assert licence.subject == made.subject and licence.body["values"]["company.credit_code"] == CODE
    assert not Guardian.objects.filter(ward=made.subject).exists()


def test_a_code_that_another_company_has_founds_nothing() -> None:
    town = make_town()
    made = company(town.home.code)
    count = Company.objects.count()
    other = company(town.home.code)
    for subject, code in ((other.subject, CODE), (town.father.subject, made.credit_code)):
        found_company(subject, name="x", credit_code=code, founder=town.mother.subject, place=None)
    assert Company.objects.count() == count + 1 and not CompanyRole.objects.exists()


def test_an_employee_is_nobody_s_ward_and_known_by_number_and_name_together() -> None:
    town = make_town()
    draft = actions.start_draft(
        actor=company_hat(company(town.home.code)), key="science:foreign_work_permit", at=AT
    )
    seen = see(draft, AT)
    new = people_of(seen, {"worker.name": "李安"}, AT)["worker"]
    assert new.kind == "person" and not Guardian.objects.exists()
    number = {"worker.identity_number": town.father_number}
    assert people_of(seen, {"worker.name": "周正", **number}, AT)["worker"] == town.father.subject
    assert people_of(seen, {"worker.name": "张三", **number}, AT)["worker"] != town.father.subject


def test_a_company_opens_a_shop_without_saying_which_role_is_its_own() -> None:
    make_place("99", "city")
    draft = actions.start_draft(actor=company_hat(company("99")), key="opening_shop:opening_shop", at=AT)
    assert draft.scenario == {"i_am": "company"}
    registered = next(
        q for q in queries.form_pages(draft, AT)["questions"] if q["question"].question == "registered"
    )
    assert registered["suggested"]["option"] == "has_licence"  # a company has a licence: the register says so


def test_whoever_wears_the_other_hat_is_told() -> None:
    town = make_town()
    mine, theirs = town.mother_actor, company_hat(company(town.home.code))
    assert missing_hat("tax_and_fees:tax_and_fees", mine) == "company"
    assert missing_hat("tax_and_fees:tax_and_fees", theirs) is None
    assert missing_hat("birth:birth", theirs) == "person"
    assert missing_hat("opening_shop:opening_shop", mine) is None
    assert missing_hat("opening_shop:opening_shop", theirs) is None
