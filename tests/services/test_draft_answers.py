"""Answers of a draft: kept as typed, two who write lose nothing, rows come and go, objections and signatures stand."""

import base64
import json
from typing import Any

import pytest

from liangwang.base.models import StoredFile
from liangwang.base.transactions import write
from liangwang.services import actions, address, catalogue, provable, queries, signing
from liangwang.services.compiled import CompileError, Filled
from liangwang.services.declare import Field, Group
from liangwang.services.models import Draft, Submission
from liangwang.services.queries.facts import facts_of
from liangwang.services.refusals import GroupFull, GroupShort, UnknownPart
from tests.cases.factories import make_applicant
from tests.services.factories import AT, Town, identity_number, make_town, picture
from tests.services.handled import handled
from tests.services.test_compile import WORDS, bundle, compile_bound, item, label
from tests.web.posts import browser_of

pytestmark = pytest.mark.django_db
RELIEF = "civil_affairs:minimum_income"


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def draft(town: Town) -> Draft:
    """The mother's draft of an item with every kind of field."""
    with write():
        return actions.start_draft(actor=town.mother_actor, key=RELIEF, at=AT)


def save(town: Town, draft: Draft, field: str, typed: str, base: int = -1) -> Any:
    with write():
        return actions.save_answer(
            actor=town.mother_actor, draft=draft, field=f"applicant.{field}", typed=typed, base=base, at=AT
        )


def shown(draft: Draft) -> dict[str, Any]:
    draft.refresh_from_db()
    return {
        one["ask"].id: one
        for page in queries.form_pages(draft, AT)["pages"]
        for one in [*page["fields"], *page["known"]]
    }


# --- one answer, two writers -----------------------------------------------------------------------------


def test_an_answer_is_kept_as_typed_and_says_what_to_change(town: Town, draft: Draft) -> None:
    saved = save(town, draft, "bank_account", "123")
    assert saved.version == 1 and saved.problem.field == "applicant.bank_account"
    assert shown(draft)["applicant.bank_account"]["value"] == "123"
    assert save(town, draft, "bank_account", "6222021001112223334", 1).problem is None
    assert "6222021001112223334" not in str(draft.answers)  # sealed in the table


def test_of_two_who_write_in_one_field_the_second_sees_the_others_and_chooses(
    town: Town, draft: Draft
) -> None:
    assert save(town, draft, "relief_reason", "失业", 0).version == 1
    second = save(town, draft, "relief_reason", "重病", 0)
    assert second.problem.other.value == "失业" and second.problem.other.mine == "重病"
    assert shown(draft)["applicant.relief_reason"]["value"] == "失业"
    aside = queries.form_pages(draft, AT)["aside"]
    assert [(one["value"], one["why"]) for one in aside] == [("重病", "two")]
    chosen = save(town, draft, "relief_reason", "重病", second.problem.other.version)
    assert chosen.problem is None and chosen.version == 2
    assert shown(draft)["applicant.relief_reason"]["value"] == "重病"
    assert queries.form_pages(draft, AT)["aside"] == []


def test_the_same_answer_twice_is_one_change_and_needs_no_choice(town: Town, draft: Draft) -> None:
    one, two = (save(town, draft, "bank_name", "上海银行", 0) for _ in range(2))
    assert one.version == two.version == 1 and two.problem is None


def test_a_field_that_is_not_asked_is_no_answer(town: Town, draft: Draft) -> None:
    with pytest.raises(UnknownPart):
        save(town, draft, "salary", "1")
    with pytest.raises(UnknownPart):  # a signature is given, not typed into a field
        save(town, draft, "declaration_signature", '{"name": "别人"}')


# --- addresses -------------------------------------------------------------------------------------------


def test_an_address_is_picked_division_by_division(town: Town, draft: Draft) -> None:
    picked = {"district": "990105", "street": "990105012", "neighbourhood": "990105012001"}
    half = save(town, draft, "address", json.dumps({"district": "990105"}), 0)
    assert "街道" in half.problem.message["zh"]
    whole = {**picked, "road": "长宁路", "lane": "515", "number": "3", "room": "402"}
    assert save(town, draft, "address", json.dumps(whole), 1).problem is None
    kept = shown(draft)["applicant.address"]["value"]
    assert address.one_line(kept).endswith("长宁路515弄3号402室")
    assert address.place_code(kept) == "990105012001"
    pickers = {one["level"]: one["chosen"] for one in address.choices(kept)}
    assert pickers == {"district": "990105", "street": "990105012", "neighbourhood": "990105012001"}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"district": "990105", "street": "990107001"}, "990105"),  # of another district
        ({"district": "990199", "street": "990199001"}, ""),  # of no city
        ({"district": "990105", "street": "990105012", "neighbourhood": "x"}, "990105012"),
    ],
)
def test_divisions_that_do_not_lie_in_one_another_are_dropped(
    town: Town, parts: dict[str, str], code: str
) -> None:
    kept = address.picked({**parts, "road": "长宁路"})
    assert address.place_code(kept) == code and address.parts_of(kept)["road"] == "长宁路"


def test_an_address_elsewhere_is_one_line(town: Town, draft: Draft) -> None:
    empty = save(town, draft, "address", json.dumps({"district": "elsewhere", "line": ""}), 0)
    assert "完整地址" in empty.problem.message["zh"]
    line = json.dumps({"district": "elsewhere", "line": "浙江省绍兴市越城区鲁迅路1号"})
    assert save(town, draft, "address", line, 1).problem is None
    assert shown(draft)["applicant.address"]["value"] == "浙江省绍兴市越城区鲁迅路1号"


# --- rows and conditions -----------------------------------------------------------------------------------


def group(least: int = 0, most: int = 3) -> Group:
    return Group(
        group="children",
        label=label("子女"),
        row=label("子女"),
        minimum=least,
        maximum=most,
        fields=(
            Field(concept="person.sex", role="children"),
            Field(concept="person.name", role="children", when={"children.sex": ("f",)}),
        ),
    )


def asked(*items: Any, filled: Filled | None = None) -> list[str]:
    compiled = compile_bound(bundle(*items), {}, queries_proved(), WORDS, filled or Filled())
    return [ask.id for ask in compiled.asks]


def queries_proved() -> Any:
    from liangwang.services.compiled import Proved

    return Proved()


def test_rows_of_a_group_are_fields_of_their_own() -> None:
    filled = Filled(rows={"children": (1, 3)}, values={"children-3.sex": "f"})
    assert asked(item("a", groups=(group(),)), filled=filled) == [
        "children-1.sex",
        "children-3.sex",
        "children-3.name",
    ]


def test_two_items_that_ask_for_the_same_rows_agree_on_how_many() -> None:
    assert len(asked(item("a", groups=(group(1),)), item("b", groups=(group(2),)))) == 2
    with pytest.raises(CompileError) as error:
        asked(item("a", groups=(group(0, 1),)), item("b", groups=(group(2),)))
    assert "p:a" in error.value.message("zh") and "p:b" in error.value.message("en")


def test_rows_come_and_go_and_their_answers_stay_aside(town: Town, draft: Draft) -> None:
    me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "at": AT}
    with write():
        assert [actions.add_row(group="members", **me) for _ in range(2)] == [1, 2]
        typed = {"members-1.name": "林安", "members-2.name": "林平", "members-2.employment_state": "employed"}
        actions.answer_page(page="applicant", answers=typed, **me)
    assert "members-2.employment_monthly_wage" in shown(draft)
    assert "members-1.employment_monthly_wage" not in shown(draft)
    with write():
        actions.remove_row(group="members", number=1, **me)
        assert actions.add_row(group="members", **me) == 3  # no number is used twice
    assert "members-1.name" not in shown(draft) and shown(draft)["members-2.name"]["value"] == "林平"
    assert [one["value"] for one in queries.form_pages(draft, AT)["aside"]] == ["林安"]
    with write(), pytest.raises(GroupFull):
        for _ in range(12):
            actions.add_row(group="members", **me)


def test_a_group_keeps_its_least_rows(town: Town) -> None:
    with write():
        draft = actions.start_draft(
            actor=town.mother_actor, key="market_regulation:company_registration", at=AT
        )
        me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "at": AT}
        actions.answer_questions(answers={"owners": "several"}, **me)
        with pytest.raises(GroupShort):
            actions.remove_row(group="shareholders", number=1, **me)


def test_a_question_that_hangs_on_an_answer_appears_with_it(town: Town, draft: Draft) -> None:
    assert "applicant.property_address" not in shown(draft)
    me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "at": AT}
    with write():
        wrong = actions.answer_page(page="applicant", answers={"applicant.family_other_home": "yes"}, **me)
    assert "applicant.property_address" in {problem.field for problem in wrong}
    save(town, draft, "family_other_home", "no")
    assert "applicant.property_address" not in shown(draft)


# --- objections and signatures -----------------------------------------------------------------------------


def test_what_a_register_says_can_be_disputed_and_agreed_to_again(town: Town, draft: Draft) -> None:
    assert shown(draft)["applicant.name"]["ask"].settled
    me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "field": "applicant.name", "at": AT}
    with write():
        actions.dispute(**me)
    one = shown(draft)["applicant.name"]
    assert not one["ask"].settled and one["value"] == "" and one["said"] == "林晓"
    save(town, draft, "name", "林曉")
    assert shown(draft)["applicant.name"]["value"] == "林曉"
    with write():
        actions.agree(**me)
    one = shown(draft)["applicant.name"]
    assert one["ask"].settled and one["value"] == "林晓"
    assert [a["value"] for a in queries.form_pages(draft, AT)["aside"]] == ["林曉"]


def test_one_sources_word_does_not_replace_the_verified_sign_in(
    town: Town, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"attribute": "name", "value": "林小", "sources": [], "at": AT}
    for state, value in (("single", "林晓"), ("verified", "林小")):
        monkeypatch.setattr(provable.hub, "known", lambda pk, s=state: [{**row, "state": s}])
        one = shown(draft)["applicant.name"]
        assert one["ask"].settled and one["value"] == value


def test_only_what_a_register_says_can_be_disputed(town: Town, draft: Draft) -> None:
    with write(), pytest.raises(UnknownPart):
        actions.dispute(actor=town.mother_actor, draft=draft, field="applicant.relief_reason", at=AT)


def test_a_signature_is_a_file_with_its_time_and_void_once_an_answer_changes(
    town: Town, draft: Draft
) -> None:
    field = "applicant.declaration_signature"
    me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "field": field, "at": AT}
    for name, confirmed in (("周正", True), ("林晓", False), ("", True)):
        with pytest.raises(signing.NotSigned):
            actions.sign(name=name, confirmed=confirmed, **me)
    with write():
        actions.sign(name="林晓", confirmed=True, **me)
    kept = queries.read_signature(shown(draft)[field]["value"])
    stored = StoredFile.objects.get(ref=kept["file"])
    assert (kept["how"], kept["at"], stored.media_type) == ("typed", AT.isoformat(), "text/plain")
    assert shown(draft)[field]["problem"] is None
    save(town, draft, "bank_name", "上海银行")
    assert "再签" in shown(draft)[field]["problem"]["zh"]


def test_a_drawn_signature_is_a_picture_and_nothing_else(town: Town, draft: Draft) -> None:
    from tests.services.factories import picture

    png = signing.DRAWN + base64.b64encode(picture()[0].read()).decode()
    me: dict[str, Any] = {
        "actor": town.mother_actor, "draft": draft, "field": "applicant.declaration_signature", "at": AT,
    }  # fmt: skip
    with pytest.raises(signing.NotSigned):
        actions.sign(name="", confirmed=True, drawn="data:image/svg+xml;base64,PHN2Zz4=", **me)
    with write():
        actions.sign(name="", confirmed=True, drawn=png, **me)
    kept = queries.read_signature(shown(draft)["applicant.declaration_signature"]["value"])
    assert StoredFile.objects.get(ref=kept["file"]).media_type == "image/png"
    assert kept["how"] == "drawn" and kept["name"] == "林晓"


def test_numbers_with_check_digits_say_which_field_to_look_at(town: Town, draft: Draft) -> None:
    me: dict[str, Any] = {"actor": town.mother_actor, "draft": draft, "at": AT}
    with write():
        actions.add_row(group="members", **me)
    right = identity_number(77)
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    for typed, problem in ((wrong, True), (f" {right[:6]} {right[6:]} ".lower(), False)):
        with write():
            saved = actions.save_answer(field="members-1.identity_number", typed=typed, **me)
        assert bool(saved.problem) is problem


def test_an_office_sees_a_drawn_signature_as_a_picture_and_never_its_raw_text() -> None:
    scene = handled()
    kept = signing.keep(
        name="林晓",
        drawn=signing.DRAWN + base64.b64encode(picture()[0].read()).decode(),
        over="x",
        by=None,
        at=AT,
    )
    field = "applicant.declaration_signature"
    Submission.objects.filter(pk=scene.submission.pk).update(
        answers={field: kept},
        evidence={**scene.submission.evidence, "signatures": {field: signing.read(kept)}},
    )
    bound = catalogue.bound("civil_affairs:minimum_income")
    (fact,) = facts_of(scene.fresh(), bound, None, set())
    assert fact["drawn"] and fact["value"].startswith("林晓 2026")
    address = f"/cases/{scene.case.ref}/signatures/{field}/"
    shown = browser_of(scene.approver).get(address)
    assert shown.status_code == 200 and shown["Content-Type"] == "image/png"
    assert "sandbox" in shown["Content-Security-Policy"]
    stranger = make_applicant()[1]
    assert browser_of(stranger).get(address).status_code == 404
    assert browser_of(scene.approver).get(address.replace("declaration", "other")).status_code == 404
