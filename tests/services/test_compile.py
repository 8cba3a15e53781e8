"""The compiler: merges by concept and role, asks only what nothing proves, waits only for reasons, shuts nobody out."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.services import catalogue
from liangwang.services.compile import compile_bound
from liangwang.services.compiled import Bound, Compiled, CompileError, Evidence, Proved, Source
from liangwang.services.declare import (
    Basis,
    Bundle,
    Days,
    Deciding,
    Fee,
    Field,
    Item,
    Joined,
    Material,
    Option,
    Output,
    Question,
    Step,
)
from liangwang.services.pack_tests import situations
from liangwang.services.report import report
from liangwang.services.vocabulary import Choice, Concept, Document, Words
from tests.tries import tries

HERE = Deciding(department="health", level="district")
BASIS = Basis(law={"zh": "价目", "en": "tariff"}, unverified=True)
WORDS = Words(
    {
        "person.name": Concept(key="person.name", label={"zh": "姓名", "en": "Name"}),
        "person.sex": Concept(
            key="person.sex",
            label={"zh": "性别", "en": "Sex"},
            kind="choice",
            choices=(
                Choice(value="m", label={"zh": "男", "en": "m"}),
                Choice(value="f", label={"zh": "女", "en": "f"}),
            ),
        ),
    },
    {
        "card": Document(key="card", label={"zh": "身份证", "en": "Card"}),
        "form": Document(key="form", label={"zh": "申请表", "en": "Form"}, kind="form"),
    },
)


def label(text: str) -> Any:
    return {"zh": text, "en": text}


def days(n: int) -> Days:
    return Days(days=n, basis=label("试"), unverified=True)


def step(key: str, n: int = 1, **fields: Any) -> Step:
    return Step(step=key, label=label(key), working_days=n, **fields)


def item(key: str, *, promised: int = 50, **fields: Any) -> Item:
    fields.setdefault("steps", (step("do"),))
    return Item(
        item=key,
        label=label(key),
        guide=label(key),
        office=HERE,
        kind="public_service",
        promised_days=days(promised),
        **fields,
    )


def bundle(*items: Item, **fields: Any) -> Bound:
    head = Bundle(
        bundle="b",
        label=label("b"),
        guide=label("b"),
        office=HERE,
        joins=tuple(Joined(item=f"p:{one.item}") for one in items),
        **fields,
    )
    return Bound("p:b", head, tuple(Source(f"p:{one.item}", one) for one in items))


def compiled(*items: Item, answers: dict[str, str] | None = None, proved: Proved | None = None) -> Compiled:
    return compile_bound(bundle(*items), answers or {}, proved or Proved(), WORDS)


def name(**constraints: Any) -> Field:
    return Field(concept="person.name", role="mother", **constraints)


def test_one_concept_of_one_person_is_one_field_with_both_demands() -> None:
    one = compiled(
        item("a", fields=(name(max_length=40, required=False),)), item("b", fields=(name(max_length=20),))
    )
    assert [(ask.id, ask.max_length, ask.required) for ask in one.asks] == [("mother.name", 20, True)]
    assert one.asks[0].asked_by == ("p:a", "p:b")


def test_the_same_concept_of_two_people_is_two_fields() -> None:
    one = compiled(item("a", fields=(name(), Field(concept="person.name", role="father"))))
    assert {ask.id for ask in one.asks} == {"mother.name", "father.name"}


def test_demands_that_exclude_each_other_are_an_error_that_cites_both_items() -> None:
    short, long = item("a", fields=(name(max_length=4),)), item("b", fields=(name(min_length=5),))
    with pytest.raises(CompileError) as error:
        compiled(short, long)
    assert "p:a" in error.value.message("zh") and "p:b" in error.value.message("en")


def test_options_that_share_nothing_are_an_error() -> None:
    sex = {"concept": "person.sex", "role": "child"}
    with pytest.raises(CompileError):
        compiled(
            item("a", fields=(Field(**sex, one_of=("m",)),)), item("b", fields=(Field(**sex, one_of=("f",)),))
        )


def test_items_that_know_other_situations_shut_nobody_out_silently() -> None:
    def asks(*options: str) -> tuple[Question, ...]:
        return (
            Question(
                question="marriage",
                label=label("?"),
                options=tuple(Option(option=o, label=label(o)) for o in options),
            ),
        )

    with pytest.raises(CompileError) as error:
        compiled(item("a", questions=asks("yes", "no")), item("b", questions=asks("yes", "no", "widowed")))
    assert "widowed" in error.value.message("en")


def test_the_order_of_supply_is_certificate_value_output_earlier_promise_ask() -> None:
    card = Material(
        type="card", role="mother", form="original", shown_by={"person.name": "any"}, valid_months=12,
        commitment=label("我承诺"),
    )  # fmt: skip
    asks = item("a", materials=(card,))
    gives = item("b", outputs=(Output(certificate="card", role="mother"),))
    known = Evidence(source=label("局"), value="林晓", at="2026-06-01")
    certificates, values = {"mother.card": known}, {"mother.name": known}

    def way(*items: Item, **proved: Any) -> str:
        return compiled(*items, proved=Proved(today="2026-11-22", **proved)).needs[0].supply.way

    promised = frozenset({"mother.card"})
    all_of_it = {"values": values, "earlier": certificates, "committed": promised}
    assert way(asks, values=values, earlier=certificates, certificates=certificates) == "certificate"
    assert way(asks, gives, **all_of_it) == "attribute"
    assert way(asks, gives, earlier=certificates, committed=promised) == "output"
    assert way(asks, earlier=certificates, committed=promised) == "earlier"
    assert way(asks, committed=promised) == "commitment"
    assert way(asks) == "ask"
    stale = {"mother.card": Evidence(source=label("局"), at="2025-06-01")}
    assert way(asks, earlier=stale) == "ask"


def test_a_value_that_is_not_verified_proposes_and_does_not_prove() -> None:
    for state in ("single", "majority", "conflict"):
        known = Evidence(source=label("局"), value="林晓", state=state)  # type: ignore[arg-type]
        one = compiled(item("a", fields=(name(),)), proved=Proved(values={"mother.name": known}))
        assert [ask.id for ask in one.asks] == ["mother.name"]


def test_an_offices_own_form_is_never_asked_for() -> None:
    one = compiled(item("a", materials=(Material(type="form", role="mother"),)))
    assert [need.supply.way for need in one.needs] == ["form"] and not one.materials_asked


def test_items_wait_for_data_and_for_nothing_else() -> None:
    first = item("first", steps=(step("do", 3),), outputs=(Output(certificate="card", role="child"),))
    second = item("second", steps=(step("do", 2, uses=("child.card",)),))
    third = item("third", steps=(step("do", 4),))
    one = compiled(first, second, third)
    assert {n.key: (n.starts, n.ends) for n in one.nodes} == {
        "first.do": (0, 3),
        "second.do": (3, 5),
        "third.do": (0, 4),
    }
    assert one.promised_days == 5
    known = Proved(certificates={"child.card": Evidence(source=label("局"))})
    alone = compiled(first, second, third, proved=known)
    assert [source.key for source in alone.already] == ["p:first"]
    assert {n.key: n.starts for n in alone.nodes} == {"second.do": 0, "third.do": 0}


def test_a_fee_is_a_step_that_others_wait_for() -> None:
    paid = item(
        "a",
        fees=(Fee(fee="charge", label=label("工本费"), fen=500, basis=BASIS),),
        steps=(step("do", pays="charge"),),
    )
    one = compiled(paid)
    assert next(n for n in one.nodes if n.key == "a.do").because == ("payment",)


def test_a_circle_names_the_materials_that_make_it() -> None:
    chicken = item(
        "a", steps=(step("do", uses=("x.form",)),), outputs=(Output(certificate="card", role="x"),)
    )
    egg = item("b", steps=(step("do", uses=("x.card",)),), outputs=(Output(certificate="form", role="x"),))
    with pytest.raises(CompileError) as error:
        compiled(chicken, egg)
    assert "身份证" in error.value.message("zh") and "申请表" in error.value.message("zh")


def test_an_item_that_takes_longer_than_it_promises_is_an_error() -> None:
    with pytest.raises(CompileError):
        compiled(item("a", promised=2, steps=(step("one", 2), step("two", 1, after=("one",)))))


def test_an_answer_to_a_question_that_no_longer_concerns_her_selects_nothing() -> None:
    def ask(key: str, **fields: Any) -> Question:
        options = (Option(option="yes", label=label("y")), Option(option="no", label=label("n")))
        return Question(question=key, label=label(key), options=options, **fields)

    one = item(
        "a",
        questions=(ask("first"), ask("second", when={"first": ("yes",)})),
        materials=(Material(type="card", role="x", when={"second": ("yes",)}),),
    )
    assert compiled(one, answers={"first": "yes", "second": "yes"}).needs
    assert not compiled(one, answers={"first": "no", "second": "yes"}).needs


# --- properties ------------------------------------------------------------------------------------------

KEYS = [f"i{n}" for n in range(7)]


@st.composite
def chains(draw: st.DrawFn) -> list[Item]:
    """Items that use only what earlier ones give: always without a circle."""
    found = []
    for n, key in enumerate(KEYS[: draw(st.integers(1, 7))]):
        uses = tuple(f"x.{KEYS[before]}" for before in range(n) if draw(st.booleans()))
        output = Output(certificate=key, role="x")
        found.append(item(key, steps=(step("do", draw(st.integers(0, 9)), uses=uses),), outputs=(output,)))
    return found


@given(chains(), st.randoms())
@settings(max_examples=tries(150), deadline=None)
def test_no_order_of_items_changes_the_plan(items: list[Item], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    one, two = compiled(*items), compiled(*shuffled)
    assert {n.key: (n.starts, n.ends) for n in one.nodes} == {n.key: (n.starts, n.ends) for n in two.nodes}


@given(chains())
@settings(max_examples=tries(150), deadline=None)
def test_nothing_begins_before_what_it_needs_and_nothing_waits_without_a_reason(items: list[Item]) -> None:
    one = compiled(*items)
    ends = {node.key: node.ends for node in one.nodes}
    for node in one.nodes:
        assert node.starts == max((ends[need] for need in node.needs), default=0)
        assert {f"x.{need.partition('.')[0]}" for need in node.needs} == set(node.uses)
    serial = sum(node.days for node in one.nodes)
    assert max((node.days for node in one.nodes), default=0) <= one.promised_days <= serial


@given(chains(), st.sets(st.sampled_from(KEYS)))
@settings(max_examples=tries(150), deadline=None)
def test_knowing_more_never_asks_or_takes_more(items: list[Item], known: set[str]) -> None:
    one = compiled(*items)
    proved = Proved(certificates={f"x.{key}": Evidence(source=label("局")) for key in known})
    two = compiled(*items, proved=proved)
    assert two.promised_days <= one.promised_days and len(two.nodes) <= len(one.nodes)
    assert len(two.materials_asked) <= len(one.materials_asked)


# --- the packs -------------------------------------------------------------------------------------------


def test_no_situation_of_a_birth_is_shut_out() -> None:
    bound, words = catalogue.bound("birth:birth"), catalogue.words()
    seen = 0
    for answers in situations(bound):
        if answers["i_am"] == "father":
            continue  # who applies selects nothing: the other half is the same
        one = compile_bound(bound, answers, Proved(), words)
        given_out = {key for node in one.nodes for key in node.gives}
        assert {
            "child.household_book_page",
            "child.social_security_card",
            "child.vaccination_booklet",
        } <= given_out
        made = report(bound, one, answers, words)
        assert made.after.materials <= made.before.materials and made.after.days <= made.before.days
        seen += 1
    assert seen == 2916


def test_who_applies_selects_nothing() -> None:
    bound = catalogue.bound("birth:birth")
    parts = [part for s in bound.items for part in (*s.item.fields, *s.item.materials, *s.item.steps)]
    assert not [part for part in parts if "i_am" in part.when]
