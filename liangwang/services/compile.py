"""Compiles items or a bundle for one situation into one form, one material list and the most parallel plan."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from . import merge, plan, supply
from .compiled import Bound, Compiled, CompileError, Filled, Need, Node, Proved, Source
from .declare import Bundle, Question, holds
from .merge import Answers
from .vocabulary import Words


def compile_bound(
    bound: Bound, answers: Answers, proved: Proved, words: Words, filled: Filled = merge.NOTHING
) -> Compiled:
    """The form, materials and plan of `bound` for these scenario answers, less what is proved; pure.

    `filled` is what a draft has so far: rows of groups, and values that conditional fields hang on.

    Raises CompileError where two items contradict each other, shut a situation out, or wait for each other.
    """
    questions = merge.questions(bound)
    asked = merge.asked_questions(_concerning(bound, questions, answers), answers)
    # An answer to a question that no longer concerns her must not select anything.
    live = {q.question: answers[q.question] for q in asked if q.question in answers}
    joined = _joined(bound, live)
    proved = _less_the_new(joined, live, proved)
    already = tuple(source for source in joined if _has_all(source, live, proved))
    items = tuple(source for source in joined if source not in already)
    needs = supply.needs(bound, items, live, proved, words)
    supplied = frozenset(proved.certificates) | {
        key for key, evidence in proved.values.items() if evidence.state == "verified"
    }
    nodes = plan.nodes(items, live, supplied, _handed(needs), words)
    _keep_promises(items, nodes)
    promised = plan.critical_days(nodes)
    # Joint handling has a limit of its own, where the bundle names it.
    joint = bound.head.legal_days if isinstance(bound.head, Bundle) else None
    legal = joint.days if joint else plan.legal_days(nodes, items)
    return Compiled(
        key=bound.key,
        label=bound.head.label,
        items=items,
        already=already,
        questions=asked,
        unanswered=tuple(q.question for q in asked if q.question not in live),
        pages=merge.pages(bound, items, live, proved, words, filled),
        needs=needs,
        nodes=nodes,
        consents=merge.consents(bound, items, live),
        promised_days=promised,
        legal_days=legal,
    )


def _concerning(bound: Bound, questions: tuple[Question, ...], answers: Answers) -> tuple[Question, ...]:
    """The questions that choose a bundle's items, and those on which the items of this situation hang."""
    head = bound.head
    if not isinstance(head, Bundle):
        return questions
    wanted = {"i_am", *(question.question for question in head.questions)}
    parts: list[Iterable[Any]] = [head.joins, head.consents]
    for source in _joined(bound, answers):
        item = source.item
        for question in item.questions:
            wanted.add(question.question)
        parts += (item.fields, item.groups, item.materials, item.consents)
        parts += (item.steps, item.outputs, item.fees, item.delivery)
    for part in chain.from_iterable(parts):
        if part.when:
            wanted.update(part.when)
    return tuple(question for question in questions if question.question in wanted)


def _joined(bound: Bound, answers: Answers) -> tuple[Source, ...]:
    if not isinstance(bound.head, Bundle):
        return bound.items
    wanted = {joined.item: joined for joined in bound.head.joins}
    return tuple(source for source in bound.items if holds(wanted[source.key].when, answers))


def _has_all(source: Source, answers: Answers, proved: Proved) -> bool:
    """True where every certificate that the item would issue is in the library already."""
    outputs = [o for o in source.item.outputs if o.certificate and holds(o.when, answers)]
    if any(o.again for o in outputs):
        return False
    return bool(outputs) and all(f"{o.role}.{o.certificate}" in proved.certificates for o in outputs)


def _less_the_new(joined: tuple[Source, ...], answers: Answers, proved: Proved) -> Proved:
    """What is proved, without the certificates that this very case makes anew: the old ones are of something else.

    An item that takes in the certificate that it renews still finds it in the library.
    """
    made = set[str]()
    for source in joined:
        if not any(o.again for o in source.item.outputs):
            continue
        taken = {f"{m.role}.{m.type}" for m in source.item.materials if holds(m.when, answers)}
        made |= {
            f"{o.role}.{o.certificate}"
            for o in source.item.outputs
            if o.again and o.certificate and holds(o.when, answers)
        } - taken
    left = {key: one for key, one in proved.certificates.items() if key not in made}
    return msgspec.structs.replace(proved, certificates=left)


def _handed(needs: tuple[Need, ...]) -> list[plan.Handed]:
    """Materials that one item of the bundle makes for others: these wait for it, whether or not a step names it."""
    return [
        plan.Handed(need.id, item, tuple(gate for gate in need.gates if gate.startswith(f"{short}.")))
        for need in needs
        if need.supply.way == "output"
        for item, short in ((item, item.partition(":")[2]) for item in need.asked_by)
    ]


def _keep_promises(items: tuple[Source, ...], nodes: tuple[Node, ...]) -> None:
    """An item whose steps take longer than it promises is a contradiction in its own declaration."""
    own = plan.own_days(nodes)
    for source in items:
        days = own.get(source.key, 0)
        if days > source.item.promised_days.days:
            raise CompileError(
                zh=f"{source.key} 承诺 {source.item.promised_days.days} 个工作日，但它的环节要 {days} 个",
                en=f"{source.key} promises {source.item.promised_days.days} working days, its steps take {days}",
            )
