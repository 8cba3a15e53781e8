"""The compiler, property by property: demands intersect, contradictions cite who makes them, papers are waited for."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base import packs
from liangwang.services import catalogue, reform
from liangwang.services.compile import compile_bound
from liangwang.services.compiled import CompileError, Evidence, Proved
from liangwang.services.declare import Bundle, Field, Item, Material, Output
from liangwang.services.generate_items import PACK, generate, vocabulary, write_pack
from liangwang.services.merge import asked_questions, questions
from liangwang.services.plan import in_order, own_days
from tests.tries import tries

from .test_compile import compiled, item, label, step

SEX = {"concept": "person.sex", "role": "child"}


def texts(bounds: list[tuple[int | None, int | None]]) -> list[Item]:
    """Items that ask one text, each with its own shortest and longest."""
    return [
        item(
            f"i{n}",
            fields=(Field(concept="person.name", role="x", min_length=low, max_length=high),),
        )
        for n, (low, high) in enumerate(bounds)
    ]


lengths = st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))


@given(st.lists(lengths, min_size=1, max_size=4))
@settings(max_examples=tries(150), deadline=None)
def test_a_field_takes_what_every_item_takes_or_the_items_that_forbid_it_are_cited(
    bounds: list[tuple[int | None, int | None]],
) -> None:
    def takes(length: int, bound: tuple[int | None, int | None]) -> bool:
        low, high = bound
        return (low or 0) <= length <= (99 if high is None else high)

    suits = [n for n in range(12) if all(takes(n, bound) for bound in bounds)]
    if suits:
        ask = compiled(*texts(bounds)).asks[0]
        assert [n for n in range(12) if takes(n, (ask.min_length, ask.max_length))] == suits
        return
    with pytest.raises(CompileError) as error:
        compiled(*texts(bounds))
    cited = [n for n in range(len(bounds)) if f"p:i{n}" in error.value.message("en")]
    assert not [n for n in range(12) if all(takes(n, bounds[i]) for i in cited)]
    assert len(cited) <= 2


@given(st.lists(st.sets(st.sampled_from("mf")), min_size=1, max_size=4))
@settings(max_examples=tries(80), deadline=None)
def test_options_are_those_that_every_item_knows(lists: list[set[str]]) -> None:
    items = [item(f"i{n}", fields=(Field(**SEX, one_of=tuple(sorted(one))),)) for n, one in enumerate(lists)]
    shared = set.intersection(*(one or {"m", "f"} for one in lists))  # no list restricts nothing
    if shared:
        assert {choice.value for choice in compiled(*items).asks[0].choices} == shared
        return
    with pytest.raises(CompileError) as error:
        compiled(*items)
    cited = [one for n, one in enumerate(lists) if f"p:i{n}" in error.value.message("zh")]
    assert len(cited) == 2 and not set.intersection(*cited)


@given(st.lists(lengths, min_size=2, max_size=4), st.randoms())
@settings(max_examples=tries(80), deadline=None)
def test_no_order_of_items_changes_a_field(bounds: list[tuple[int | None, int | None]], random: Any) -> None:
    items = texts(bounds)
    shuffled = list(items)
    random.shuffle(shuffled)
    try:
        one = compiled(*items).asks[0]
    except CompileError:
        with pytest.raises(CompileError):
            compiled(*shuffled)
        return
    two = compiled(*shuffled).asks[0]
    assert (one.min_length, one.max_length, one.required) == (two.min_length, two.max_length, two.required)


def test_an_item_that_contradicts_itself_is_cited_alone() -> None:
    with pytest.raises(CompileError) as error:
        compiled(*texts([(1, None), (5, 4), (None, 9)]))
    said = error.value.message("en")
    assert "p:i1" in said and "p:i0" not in said and "p:i2" not in said


# --- papers ----------------------------------------------------------------------------------------------

CARD = Output(certificate="card", role="x")


def test_a_paper_of_another_item_is_waited_for_though_no_step_names_it() -> None:
    maker = item("maker", steps=(step("make", 4),), outputs=(CARD,))
    taker = item(
        "taker",
        steps=(step("look", 1), step("decide", 2, after=("look",))),
        materials=(Material(type="card", role="x"),),
    )
    found = {node.key: (node.starts, node.because) for node in compiled(maker, taker).nodes}
    assert found["taker.look"] == (4, ("x.card",))
    gated = item(
        "taker",
        steps=(step("look", 1), step("decide", 2, after=("look",))),
        materials=(Material(type="card", role="x", gates="decide"),),
    )
    found = {node.key: (node.starts, node.because) for node in compiled(maker, gated).nodes}
    assert found["taker.look"] == (0, ()) and found["taker.decide"] == (4, ("law", "x.card"))


def test_papers_that_wait_for_each_other_are_an_error_that_names_both() -> None:
    chicken = item(
        "a", materials=(Material(type="photo", role="x"),), outputs=(Output(certificate="card", role="x"),)
    )
    egg = item(
        "b", materials=(Material(type="card", role="x"),), outputs=(Output(certificate="photo", role="x"),)
    )
    with pytest.raises(CompileError) as error:
        compiled(chicken, egg)
    assert "身份证" in error.value.message("zh") and "photo" in error.value.message("en")


@pytest.mark.parametrize(
    ("at", "way"), [("2026-10-01", "certificate"), ("2026-01-01", "ask"), ("", "certificate")]
)
def test_a_certificate_that_is_too_old_for_the_item_is_asked_anew(at: str, way: str) -> None:
    asks = item("a", materials=(Material(type="card", role="x", valid_months=3),))
    known = Proved(certificates={"x.card": Evidence(source=label("局"), at=at)}, today="2026-11-23")
    assert compiled(asks, proved=known).needs[0].supply.way == way


@given(st.sets(st.sampled_from(["original", "copy", "certificate"]), min_size=1), st.randoms())
@settings(max_examples=tries(30), deadline=None)
def test_one_paper_serves_every_form_that_is_asked(forms: set[str], random: Any) -> None:
    wanted = sorted(forms)
    random.shuffle(wanted)
    items = [
        item(f"i{n}", materials=(Material(type="card", role="x", form=f),)) for n, f in enumerate(wanted)
    ]  # type: ignore[arg-type]
    (need,) = compiled(*items).needs
    assert "certificate" in need.forms  # an e-certificate stands for any form
    assert ("copy" in need.forms) == (forms == {"copy"})
    assert ("original" in need.forms) == ("certificate" not in forms)


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": (step("do", after=("gone",)),)},
        {"steps": (step("do", pays="gone"),)},
        {"materials": (Material(type="card", role="x", gates="gone"),)},
    ],
)
def test_a_step_that_would_wait_for_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="gone"):
        item("a", **fields)


# --- the generated catalogue -----------------------------------------------------------------------------


@given(st.integers(0, 10_000))
@settings(max_examples=tries(8), deadline=None)
def test_any_generated_catalogue_compiles_and_keeps_its_promises(seed: int) -> None:
    made = generate(60, seed, vocabulary())
    words = made.words(catalogue.words())
    for bound in made.bounds():
        answers = reform.usual(bound)
        one = compile_bound(bound, answers, Proved(), words)
        assert one.nodes and not one.unanswered
        order = [node.key for node in in_order(one.nodes)]
        assert all(order.index(need) < order.index(node.key) for node in one.nodes for need in node.needs)
        longest = max(own_days(one.nodes).values())
        assert longest <= one.promised_days <= sum(node.days for node in one.nodes)


def test_a_seed_is_a_catalogue_that_the_packs_read(tmp_path: Path) -> None:
    made = generate(40, 7, vocabulary())
    assert made == generate(40, 7, vocabulary()) != generate(40, 8, vocabulary())
    root = tmp_path / "packs"
    write_pack(made, root / PACK)
    (root / "vocabulary").symlink_to(Path(__file__).resolve().parents[2] / "packs" / "vocabulary")
    assert packs.problems(root) == []
    read = [one.value for one in packs.declarations("items.yaml", root)]
    assert [one.item for one in read if isinstance(one, Item)] == [f"demo_{n:04d}" for n in range(40)]
    assert sum(isinstance(one, Bundle) for one in read) == len(made.bundles)
    assert all("演示" in one.label["zh"] for one in read)


def test_the_usual_situation_answers_what_is_asked_and_nothing_else() -> None:
    for bound in catalogue.every_bound():
        answers = reform.usual(bound)
        assert set(answers) == {q.question for q in asked_questions(questions(bound), answers)}


def test_days_of_own_steps_do_not_count_waiting_for_others() -> None:
    slow = item("slow", steps=(step("s", 9),), outputs=(CARD,))
    quick = item("quick", promised=2, steps=(step("q", 2, uses=("x.card",)),))
    one = compiled(slow, quick)
    assert own_days(one.nodes) == {"p:slow": 9, "p:quick": 2} and one.promised_days == 11
