"""Runs the packs' own application tests: a situation and what is proved, and the form, materials, plan and day they give."""

from collections.abc import Iterator
from datetime import date
from itertools import combinations, product
from typing import Annotated, Any

import msgspec

from liangwang.base.calendar import DayKind, WorkingDays
from liangwang.base.declare import Problem, declaration_file, reference
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.inspection import Look
from liangwang.base.labels import Label
from liangwang.base.packs import Declared

from . import catalogue, merge
from .compile import compile_bound
from .compiled import Bound, Compiled, Evidence, Proved
from .declare import Bundle
from .report import report
from .vocabulary import Words

FILE = "tests/*.yaml"
SOMEWHERE: Label = {"zh": "测试来源", "en": "a test's source"}
REMEDY: Label = {"zh": "改声明，或改测试", "en": "change the declaration, or the test"}


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What must come out; only what is written is compared."""

    questions: list[str] | None = None
    pages: dict[str, list[str]] | None = None
    asked: list[str] | None = None
    materials: list[str] | None = None
    not_asked: dict[str, str] | None = None
    nodes: dict[str, list[int]] | None = None
    already: list[str] | None = None
    consents: list[str] | None = None
    days: int | None = None
    promised_on: str | None = None
    before: dict[str, int] | None = None
    after: dict[str, int] | None = None


class ApplicationTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pages` lists the fields left to fill in by page; `nodes` gives [first, last] working day of each step.

    `proved` lists certificates ("mother.marriage_certificate") and values ("mother.name=林晓"); `on` is the day of
    acceptance, `holidays` days that do not work.
    """

    application: str
    item: Annotated[str, reference("items.yaml")]
    answers: dict[str, str] = {}
    proved: list[str] = []
    on: str = ""
    holidays: list[str] = []
    expect: Expected


declaration_file(FILE, owner="services", tuple_of=(ApplicationTest,))


def problems(look: Look) -> Iterator[Problem]:
    """What is wrong with items: a situation that does not compile, a test that fails, an item without a test."""
    words = catalogue.words(look.root)
    tested: set[str] = set()
    for one in look.all(FILE):
        if isinstance(one.value, ApplicationTest):
            tested.add(one.value.item if ":" in one.value.item else f"{one.pack}:{one.value.item}")
            yield from _run(one, words, look)
    for one in look.all("items.yaml"):
        yield from _all_situations(one, words, look)
        if one.ref not in tested:
            message: Label = {"zh": f"“{one.key}”没有测试", "en": f"'{one.key}' has no test"}
            remedy: Label = {
                "zh": "在 tests/ 里写一个 application 测试",
                "en": "write an 'application' test in tests/",
            }
            yield look.problem(one, (), "untested", message, remedy)


def situations(bound: Bound) -> Iterator[dict[str, str]]:
    """Every combination of answers to the questions of an item or bundle."""
    asked = merge.questions(bound)
    for options in product(*([option.option for option in question.options] for question in asked)):
        yield dict(zip((question.question for question in asked), options, strict=True))


def pairs(bound: Bound) -> Iterator[dict[str, str]]:
    """Situations in which every two answers to two questions meet; the rest is answered as most people would."""
    asked = merge.questions(bound)
    usual = {question.question: question.options[0].option for question in asked}
    yield usual
    for one, two in combinations(asked, 2):
        for first, second in product(one.options[1:], two.options):
            yield {**usual, one.question: first.option, two.question: second.option}
    if asked:
        for option in asked[-1].options[1:]:
            yield {**usual, asked[-1].question: option.option}


def result(test: ApplicationTest, bound: Bound, words: Words) -> Expected:
    """What the compiler makes of a test, in the words of `Expected`."""
    compiled = compile_bound(bound, test.answers, _proved(test), words)
    made = report(bound, compiled, test.answers, words)
    return Expected(
        questions=list(compiled.unanswered),
        pages={p.key: left for p in compiled.pages if (left := [a.id for a in p.fields if not a.settled])},
        asked=[ask.id for ask in compiled.asks],
        materials=[need.id for need in compiled.materials_asked],
        not_asked={need.id: need.supply.way for need in compiled.materials_not_asked},
        nodes={node.key: [node.starts, node.ends] for node in compiled.nodes},
        already=[source.key for source in compiled.already],
        consents=[consent.role for consent in compiled.consents],
        days=compiled.promised_days,
        promised_on=_promised_on(test, compiled),
        before=msgspec.structs.asdict(made.before),
        after=msgspec.structs.asdict(made.after),
    )


def _run(one: Declared, words: Words, look: Look) -> Iterator[Problem]:
    test: ApplicationTest = one.value
    try:
        bound = catalogue.bound(test.item if ":" in test.item else f"{one.pack}:{test.item}", look.root)
        found = result(test, bound, words)
    except NotFound:
        return  # the reference check has said so
    except Refusal as error:
        yield look.problem(one, (), "test", {"zh": error.message("zh"), "en": error.message("en")}, REMEDY)
        return
    for name in test.expect.__struct_fields__:
        wanted, came = getattr(test.expect, name), getattr(found, name)
        if wanted is not None and not _same(wanted, came):
            message: Label = {
                "zh": f"“{one.key}”的 {name}:应为 {wanted},实为 {came}",
                "en": f"'{one.key}': {name} should be {wanted}, is {came}",
            }
            yield look.problem(one, ("expect", name), "test", message, REMEDY)


def _same(wanted: Any, came: Any) -> bool:
    """A table names the entries that it is about; a list is compared whole, in any order."""
    if isinstance(wanted, dict):
        return all(_same(value, came.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(came, list) and all(isinstance(v, str) for v in wanted):
        return sorted(wanted) == sorted(came)
    return bool(wanted == came)


def _all_situations(one: Declared, words: Words, look: Look) -> Iterator[Problem]:
    """No situation is shut out: each compiles, and each leaves something to do (all of them: tests/services)."""
    try:
        bound = catalogue.bound(one.ref, look.root)
        for answers in pairs(bound):
            if not compile_bound(bound, answers, Proved(), words).nodes:
                message: Label = {
                    "zh": f"情形 {answers} 没有任何环节",
                    "en": f"the situation {answers} has no step",
                }
                yield look.problem(one, (), "shut_out", message, REMEDY)
                return
    except NotFound:
        return
    except Refusal as error:
        path = ("joins",) if isinstance(one.value, Bundle) else ()
        yield look.problem(
            one, path, "compile", {"zh": error.message("zh"), "en": error.message("en")}, REMEDY
        )


def _proved(test: ApplicationTest) -> Proved:
    certificates, values = {}, {}
    for said in test.proved:
        key, equals, value = said.partition("=")
        evidence = Evidence(source=SOMEWHERE, value=value or None, at="2026-01-01", ref="test")
        if equals:
            values[key] = evidence
        else:
            certificates[key] = evidence
    return Proved(certificates=certificates, values=values, today=test.on or "2026-01-01")


def _promised_on(test: ApplicationTest, compiled: Compiled) -> str | None:
    if not test.on:
        return None
    off = DayKind(False, {"zh": "放假", "en": "holiday"})
    calendar = WorkingDays({date.fromisoformat(day): off for day in test.holidays})
    due = calendar.due(date.fromisoformat(test.on), compiled.promised_days).day
    return due.isoformat() if due else None
