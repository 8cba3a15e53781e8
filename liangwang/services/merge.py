"""Merges what several items ask: questions by key, fields by (concept, role), constraints by intersection."""

from collections.abc import Iterable

import msgspec

from liangwang.base.labels import Label

from .compiled import Ask, Bound, CompileError, Page, Proved, Source
from .declare import Consent, Field, Option, Question, holds
from .vocabulary import Choice, Words, field_id

Answers = dict[str, str]


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
    bound: Bound, items: tuple[Source, ...], answers: Answers, proved: Proved, words: Words
) -> tuple[Page, ...]:
    """The merged form: one page per person, fields in the order in which the items first name them."""
    uses: dict[tuple[str, str], list[tuple[str, Field]]] = {}
    for source in items:
        for field in source.item.fields:
            if holds(field.when, answers):
                uses.setdefault((field.role, field.concept), []).append((source.key, field))
    names = roles(bound)
    given = given_values(items, answers)
    by_role: dict[str, list[Ask]] = {}
    for (role, _), asked in uses.items():
        ask = _merged(asked, names.get(role, {"zh": role, "en": role}), proved, words)
        maker = given.get(ask.id)
        if maker and maker.key not in ask.asked_by:
            ask = msgspec.structs.replace(ask, comes_from=maker.item.label)
        by_role.setdefault(role, []).append(ask)
    order = [role for role in names if role in by_role] + [role for role in by_role if role not in names]
    return tuple(
        Page(role, names.get(role, {"zh": role, "en": role}), tuple(by_role[role])) for role in order
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
    """One field out of all that ask it; raises CompileError citing both items where no value suits them."""
    key, field = asked[0]
    concept = words.concept(field.concept)
    ask = _ask(key, field, role_label, words)
    for other_key, other in asked[1:]:
        ask = _both(ask, key, _ask(other_key, other, role_label, words), other_key)
        key = other_key
    if concept.choices and not ask.choices:
        raise _contradiction(ask, asked[0][0], asked[-1][0], "选项", "choices")
    return msgspec.structs.replace(ask, known=proved.values.get(ask.id))


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
    )


def _both(one: Ask, one_key: str, two: Ask, two_key: str) -> Ask:
    """The intersection of two demands on the same field."""
    theirs = {choice.value for choice in two.choices}
    choices = tuple(choice for choice in one.choices if choice.value in theirs)
    if (one.choices or two.choices) and not choices:
        raise _contradiction(one, one_key, two_key, "选项", "choices")
    low, high = _top(one.min_length, two.min_length), _bottom(one.max_length, two.max_length)
    if low is not None and high is not None and low > high:
        raise _contradiction(one, one_key, two_key, "长度", "length")
    least, most = _top(one.minimum, two.minimum), _bottom(one.maximum, two.maximum)
    if least is not None and most is not None and least > most:
        raise _contradiction(one, one_key, two_key, "数值范围", "range")
    return msgspec.structs.replace(
        one,
        hint=one.hint or two.hint,
        required=one.required or two.required,
        choices=choices,
        min_length=None if low is None else int(low),
        max_length=None if high is None else int(high),
        patterns=tuple(dict.fromkeys((*one.patterns, *two.patterns))),
        minimum=least,
        maximum=most,
        not_after_today=one.not_after_today or two.not_after_today,
        asked_by=(*one.asked_by, *two.asked_by),
    )


def _contradiction(ask: Ask, one: str, two: str, zh: str, en: str) -> CompileError:
    return CompileError(
        zh=f"{one} 与 {two} 对“{ask.role_label['zh']}·{ask.label['zh']}”的{zh}要求互相矛盾，没有一个值能同时满足",
        en=f"{one} and {two} contradict each other on the {en} of {ask.id}: no value satisfies both",
    )


def _top(one: float | None, two: float | None) -> float | None:
    given = [value for value in (one, two) if value is not None]
    return max(given) if given else None


def _bottom(one: float | None, two: float | None) -> float | None:
    given = [value for value in (one, two) if value is not None]
    return min(given) if given else None
