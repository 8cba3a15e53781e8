"""流程再造 (re-engineering): one bundle before, after, and with all data known; and the whole catalogue added up."""

from collections.abc import Iterable

import msgspec

from liangwang.base.labels import Label

from . import fates, merge
from .compile import compile_bound
from .compiled import Bound, Compiled, CompileError, Evidence, Proved, Source
from .declare import Bundle, holds
from .fates import Fate
from .merge import Answers
from .plan import critical_path
from .report import Report, Side, after, report
from .supply import ANY, given_by
from .vocabulary import Words, field_id

REGISTER: Label = {"zh": "数据已核", "en": "verified data"}
ALWAYS_KNOWN = frozenset({"person.name", "person.identity_number", "person.sex", "person.birth_date"})
"""What the login itself proves of a person (services/provable.py)."""


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle in one situation: both sides, the side with all data known, and the fate of every part."""

    bound: Bound
    answers: Answers
    compiled: Compiled
    report: Report
    known: Side
    materials: tuple[Fate, ...]
    fields: tuple[Fate, ...]
    steps: tuple[Fate, ...]
    trips: tuple[Fate, ...]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of a flow chart, in working days; `critical` where the promised day hangs on it."""

    label: Label
    item: Label
    start: int
    days: int
    critical: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle or item of the catalogue in its usual situation."""

    key: str
    label: Label
    items: int
    before: Side
    after: Side
    known: Side


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All bundles, and all items by themselves, each line and the sums; an item of two bundles counts in both.

    `broken` names what does not compile, with the reason.
    """

    bundles: tuple[Line, ...]
    items: tuple[Line, ...]
    of_bundles: Line
    of_items: Line
    broken: tuple[tuple[str, CompileError], ...] = ()


def usual(bound: Bound) -> Answers:
    """The first option of every question that concerns such a person: the situation to show before anyone answers."""
    answers: Answers = {}
    for question in merge.questions(bound):
        if holds(question.when, answers):
            answers[question.question] = question.options[0].option
    return answers


def study(bound: Bound, answers: Answers, words: Words, concepts: frozenset[str]) -> Study:
    """Everything that the report of one bundle says; `concepts` are those that registers answer. Raises CompileError."""
    compiled = compile_bound(bound, answers, Proved(), words)
    made = report(bound, compiled, answers, words)
    return Study(
        bound=bound,
        answers=answers,
        compiled=compiled,
        report=made,
        known=known_side(bound, compiled, answers, words, concepts),
        materials=fates.materials(compiled, answers, words),
        fields=fates.fields(compiled),
        steps=fates.steps(compiled, answers),
        trips=fates.trips(compiled, made.after.trips),
    )


def serial(one: Study) -> tuple[Span, ...]:
    """改革前: the items one after another, each as long as it promises; together the days of the side "before"."""
    found, day = [], 0
    for source in one.compiled.items:
        days = source.item.promised_days.days
        found.append(
            Span(label=source.item.label, item=source.item.label, start=day, days=days, critical=True)
        )
        day += days
    return tuple(found)


def parallel(one: Study) -> tuple[Span, ...]:
    """改革后: every step as soon as what it waits for is there; together the days of the side "after"."""
    labels = {source.key: source.item.label for source in one.compiled.items}
    critical = set(critical_path(one.compiled.nodes))
    return tuple(
        Span(
            label=node.label,
            item=labels[node.item],
            start=node.starts,
            days=node.days,
            critical=node.key in critical,
        )
        for node in sorted(one.compiled.nodes, key=lambda node: (node.starts, node.ends))
    )


def line(bound: Bound, answers: Answers, words: Words, concepts: frozenset[str]) -> Line:
    """One row of the catalogue's report."""
    compiled = compile_bound(bound, answers, Proved(), words)
    made = report(bound, compiled, answers, words)
    return Line(
        key=bound.key,
        label=bound.head.label,
        items=len(compiled.items),
        before=made.before,
        after=made.after,
        known=known_side(bound, compiled, answers, words, concepts),
    )


def known_side(
    bound: Bound, compiled: Compiled, answers: Answers, words: Words, concepts: frozenset[str]
) -> Side:
    """What is left for somebody of whom everything is known that can be."""
    proved = all_known(compiled.items, answers, words, concepts)
    return after(bound, compile_bound(bound, answers, proved, words), answers)


def all_known(items: Iterable[Source], answers: Answers, words: Words, concepts: frozenset[str]) -> Proved:
    """Every certificate in the library, every register's value verified, every commitment made.

    What the items themselves make is left out: it does not exist before.
    """
    given = given_by(items, answers).keys() | merge.given_values(items, answers).keys()
    evidence = Evidence(source=REGISTER)
    certificates: dict[str, Evidence] = {}
    values: dict[str, Evidence] = {}
    committed = set[str]()
    for source in items:
        for material in source.item.materials:
            document = words.document(material.type)
            name = f"{material.role}.{material.type}"
            if document.electronic and name not in given:
                certificates[name] = evidence
            for concept, reads in material.shown_by.items():
                value = None if reads == ANY else reads
                values[field_id(material.role, concept)] = Evidence(source=REGISTER, value=value)
            if material.commitment:
                committed.add(name)
        for field in source.item.fields:
            if field.concept in concepts:
                values.setdefault(field_id(field.role, field.concept), evidence)
    return Proved(
        certificates=certificates,
        values={key: value for key, value in values.items() if key not in given},
        committed=frozenset(committed),
    )


def total(bounds: Iterable[Bound], words: Words, concepts: frozenset[str]) -> Total:
    """The whole catalogue, each bundle and each item in its usual situation."""
    bundles: list[Line] = []
    items: list[Line] = []
    broken: list[tuple[str, CompileError]] = []
    for bound in bounds:
        try:
            one = line(bound, usual(bound), words, concepts)
        except CompileError as error:
            broken.append((bound.key, error))
        else:
            (bundles if isinstance(bound.head, Bundle) else items).append(one)
    return Total(
        bundles=tuple(bundles),
        items=tuple(items),
        of_bundles=_sum(bundles, {"zh": "全部一件事", "en": "All bundles"}),
        of_items=_sum(items, {"zh": "全部事项（单独办）", "en": "All items, one by one"}),
        broken=tuple(broken),
    )


def _sum(lines: list[Line], label: Label) -> Line:
    return Line(
        key="",
        label=label,
        items=sum(one.items for one in lines),
        before=added([one.before for one in lines]),
        after=added([one.after for one in lines]),
        known=added([one.known for one in lines]),
    )


def added(sides: Iterable[Side]) -> Side:
    """The sum of several sides, dimension by dimension."""
    rows = list(sides)
    return Side(**{name: sum(getattr(one, name) for one in rows) for name in Side.__struct_fields__})
