"""Merges what several items ask: questions by key, fields by (concept, role), constraints by intersection."""

import re
from collections.abc import Callable, Iterable
from itertools import combinations

import msgspec

from liangwang.base.labels import Label

from . import groups
from .compiled import Ask, Bound, CompileError, Filled, Page, Proved, Rows, Source
from .declare import Consent, Field, Option, Question, holds
from .vocabulary import Choice, Words, field_id

Answers = dict[str, str]
NOTHING = Filled()


def questions(bound: Bound) -> tuple[Question, ...]:
    """All questions of a bundle and its items, each once; items that know other options would shut people out."""
    found: dict[str, tuple[Question, str]] = {}
    if len(bound.head.apply) > 1:
        found["i_am"] = (_i_am(bound), bound.key)
    for owner, asked in (
        (bound.key, bound.head.questions),
        *((s.key, s.item.questions) for s in bound.items),
    ):
        for question in asked:
            first, by = found.setdefault(question.question, (question, owner))
            ours = {o.option for o in first.options}
            theirs = {o.option for o in question.options}
            if ours != theirs:
                odd = "、".join(sorted(ours ^ theirs))
                raise CompileError(
                    zh=f"{by} 与 {owner} 对情形“{question.question}”的选项不同({odd}),有人会办不成",
                    en=f"{by} and {owner} know different options of '{question.question}' ({odd}): someone would be shut out",
                )
    return tuple(question for question, _ in found.values())


def _i_am(bound: Bound) -> Question:
    """Whoever may apply in more than one role says first which one is hers."""
    names = roles(bound)
    options = tuple(
        Option(option=role, label=names.get(role, {"zh": role, "en": role})) for role in bound.head.apply
    )
    subject = names.get(bound.head.subject, {"zh": "当事人", "en": "person"})
    label: Label = {"zh": f"您是{subject['zh']}的", "en": f"You are the {subject['en']}'s"}
    return Question(question="i_am", label=label, options=options)


def asked_questions(all_questions: Iterable[Question], answers: Answers) -> tuple[Question, ...]:
    """The questions that concern this person, given what she has answered."""
    return tuple(q for q in all_questions if holds(q.when, answers))


def roles(bound: Bound) -> dict[str, Label]:
    """What every role is called: the bundle's word before the items'."""
    found: dict[str, Label] = {"applicant": {"zh": "申请人", "en": "applicant"}}
    for source in bound.items:
        found.update(source.item.roles)
    return {**found, **bound.head.roles}


def pages(
    bound: Bound,
    items: tuple[Source, ...],
    answers: Answers,
    proved: Proved,
    words: Words,
    filled: Filled = NOTHING,
) -> tuple[Page, ...]:
    """The merged form: one page per person, fields in the order in which the items first name them; signatures last."""
    values = groups.values_of(answers, proved, filled)
    uses: dict[tuple[str, str], list[tuple[str, Field]]] = {}
    for source in items:
        for field in source.item.fields:
            if holds(field.when, values):
                uses.setdefault((field.role, field.concept), []).append((source.key, field))
    names = roles(bound)
    given = given_values(items, answers)
    by_role: dict[str, list[Ask]] = {}
    for (role, _), asked in uses.items():
        ask = _merged(asked, names.get(role, {"zh": role, "en": role}), proved, words)
        maker = given.get(ask.id)
        if maker and maker.key not in ask.asked_by:
            ask = msgspec.structs.replace(ask, comes_from=maker.item.label)
        by_role.setdefault(groups.SIGNING if ask.kind == "signature" else role, []).append(ask)
    repeated: dict[str, list[Rows]] = {}
    for one in groups.expand(items, values, filled):
        repeated.setdefault(one.page, []).append(one.rows)
        asks = by_role.setdefault(one.page, [])
        for number, label, fields in one.asked:
            merged = (_merged(asked, label, proved, words) for asked in fields)
            asks += [msgspec.structs.replace(ask, group=one.rows.group, row=number) for ask in merged]
    named = {**names, groups.SIGNING: groups.SIGN_TITLE}
    order = [role for role in names if role in by_role] + [role for role in by_role if role not in names]
    order.sort(key=lambda role: role == groups.SIGNING)
    return tuple(
        Page(
            role,
            named.get(role, {"zh": role, "en": role}),
            tuple(by_role[role]),
            tuple(repeated.get(role, ())),
        )
        for role in order
    )


def given_values(items: Iterable[Source], answers: Answers) -> dict[str, Source]:
    """Every "role.concept" that an item of the bundle produces: nobody is asked for what comes out of it."""
    return {
        field_id(output.role, concept): source
        for source in items
        for output in source.item.outputs
        if holds(output.when, answers)
        for concept in output.attributes
    }


def consents(bound: Bound, items: Iterable[Source], answers: Answers) -> tuple[Consent, ...]:
    """Whose consent this situation needs, each role once."""
    found: dict[str, Consent] = {}
    for asked in (bound.head.consents, *(source.item.consents for source in items)):
        for consent in asked:
            if holds(consent.when, answers):
                found.setdefault(consent.role, consent)
    return tuple(found.values())


def _merged(asked: list[tuple[str, Field]], role_label: Label, proved: Proved, words: Words) -> Ask:
    """One field out of all that ask it; raises CompileError citing the items where no value suits them."""
    first = _ask(*asked[0], role_label, words)
    if all(_is_bare(field) for _, field in asked[1:]):
        ask = first if len(asked) == 1 else _asked_by_all(first, asked)
    else:
        ask = _all_of([first, *(_ask(key, field, role_label, words) for key, field in asked[1:])])
    for what, empty in _EMPTY.items():
        if empty(ask):
            each = [_ask(key, field, role_label, words) for key, field in asked]
            raise _contradiction(ask, _culprits(each, empty), what)
    if ask.choices and (ask.patterns or ask.min_length or ask.max_length):
        ask = msgspec.structs.replace(ask, choices=_allowed(ask))
    known = proved.values.get(ask.id)
    return ask if known is None else msgspec.structs.replace(ask, known=known)


def _ask(key: str, field: Field, role_label: Label, words: Words) -> Ask:
    concept = words.concept(field.concept)
    choices = concept.choices
    if field.one_of:
        named = {choice.value: choice for choice in choices}
        choices = tuple(
            named.get(value) or Choice(value=value, label={"zh": value, "en": value})
            for value in field.one_of
        )
    return Ask(
        id=field_id(field.role, field.concept),
        concept=field.concept,
        role=field.role,
        label=field.label or concept.label,
        role_label=role_label,
        kind=concept.kind,
        hint=field.hint,
        required=field.required,
        choices=choices,
        min_length=field.min_length,
        max_length=field.max_length,
        patterns=(field.pattern,) if field.pattern else (),
        minimum=field.minimum,
        maximum=field.maximum,
        not_after_today=field.not_after_today,
        asked_by=(key,),
        chosen=bool(choices),
        unit=concept.unit,
    )


def _is_bare(field: Field) -> bool:
    """True for a field without demands of its own: most of what many items ask, and half the time of a large merge."""
    return not (
        field.one_of
        or field.pattern
        or field.not_after_today
        or field.min_length is not None
        or field.max_length is not None
        or field.minimum is not None
        or field.maximum is not None
    )


def _asked_by_all(first: Ask, asked: list[tuple[str, Field]]) -> Ask:
    """The first demand, where the others only ask the same."""
    return msgspec.structs.replace(
        first,
        hint=next((field.hint for _, field in asked if field.hint), None),
        required=any(field.required for _, field in asked),
        asked_by=tuple([key for key, _ in asked]),
    )


def _all_of(each: list[Ask]) -> Ask:
    """The intersection of several demands on the same field; a demand that an item does not make restricts nothing."""
    low, high = _top(ask.min_length for ask in each), _bottom(ask.max_length for ask in each)
    return msgspec.structs.replace(
        each[0],
        hint=next((ask.hint for ask in each if ask.hint), None),
        required=any(ask.required for ask in each),
        choices=_shared([ask.choices for ask in each if ask.choices]),
        min_length=None if low is None else int(low),
        max_length=None if high is None else int(high),
        patterns=tuple(dict.fromkeys(pattern for ask in each for pattern in ask.patterns)),
        minimum=_top(ask.minimum for ask in each),
        maximum=_bottom(ask.maximum for ask in each),
        not_after_today=any(ask.not_after_today for ask in each),
        asked_by=tuple(key for ask in each for key in ask.asked_by),
        chosen=any(ask.chosen for ask in each),
    )


def _shared(lists: list[tuple[Choice, ...]]) -> tuple[Choice, ...]:
    """The options that stand in every list, in the order of the first."""
    if not lists:
        return ()
    values = set.intersection(*({choice.value for choice in one} for one in lists))
    return tuple(choice for choice in lists[0] if choice.value in values)


def _allowed(ask: Ask) -> tuple[Choice, ...]:
    """The options that also meet the demands on length and form."""
    low, high = ask.min_length or 0, ask.max_length
    return tuple(
        choice
        for choice in ask.choices
        if low <= len(choice.value) <= (high or len(choice.value))
        and all(re.fullmatch(pattern, choice.value) for pattern in ask.patterns)
    )


def _crossed(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


_EMPTY: dict[tuple[str, str], Callable[[Ask], bool]] = {
    ("选项", "choices"): lambda ask: ask.chosen and not _allowed(ask),
    ("长度", "length"): lambda ask: _crossed(ask.min_length, ask.max_length),
    ("数值范围", "range"): lambda ask: _crossed(ask.minimum, ask.maximum),
}
"""What of a field no value can satisfy, and how that is seen."""


def _culprits(each: list[Ask], empty: Callable[[Ask], bool]) -> list[str]:
    """The fewest items that exclude each other: one in itself, two, or all of them where only together they do."""
    for size in (1, 2):
        for some in combinations(each, size):
            if empty(_all_of(list(some))):
                return [key for ask in some for key in ask.asked_by]
    return [key for ask in each for key in ask.asked_by]


def _contradiction(ask: Ask, items: list[str], what: tuple[str, str]) -> CompileError:
    zh, en = what
    return CompileError(
        zh=f"{' 与 '.join(items)} 对“{ask.role_label['zh']}·{ask.label['zh']}”的{zh}要求互相矛盾，没有一个值能同时满足",
        en=f"{' and '.join(items)} contradict each other on the {en} of {ask.id}: no value satisfies all of it",
    )


def _top(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _bottom(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
