"""The most parallel plan: edges only from data, legal precondition or payment, and its critical path in working days."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from liangwang.base.labels import Label

from .compiled import CompileError, Node, Source
from .declare import Step, holds
from .merge import Answers
from .vocabulary import Words, field_id


class Draft(NamedTuple):
    """A node before its edges are known."""

    key: str
    source: Source
    step: Step
    gives: tuple[str, ...]


class Edge(NamedTuple):
    """Why one node waits for another: data (which), law (which basis) or payment."""

    before: str
    why: str


class Handed(NamedTuple):
    """A material that another item's step makes: `item` waits for it, at the steps that it gates where it says so."""

    id: str
    item: str
    gates: tuple[str, ...]


def nodes(
    items: Iterable[Source],
    answers: Answers,
    supplied: frozenset[str],
    handed: Iterable[Handed],
    words: Words,
) -> tuple[Node, ...]:
    """Every step of the situation with its needs and its place in time; raises CompileError for a circle.

    `supplied` names the values and documents that are there at the start: nobody waits for those. `handed` are the
    materials that items hand to one another.
    """
    drafts = [draft for source in items for draft in _drafts(source, answers)]
    index = _index(drafts)
    edges = {draft.key: _edges(draft, index, supplied) for draft in drafts}
    _hand_over(handed, drafts, index, edges)
    order = _ordered(edges, words)
    by_key = {draft.key: draft for draft in drafts}
    found: dict[str, Node] = {}
    for key in order:
        waits, starts = edges[key], 0
        for edge in waits:
            starts = max(starts, found[edge.before].ends)
        found[key] = _node(by_key[key], waits, starts)
    return tuple([found[draft.key] for draft in drafts])


def critical_days(plan: Iterable[Node]) -> int:
    """Working days from acceptance to the last result."""
    return max((node.ends for node in plan), default=0)


def own_days(plan: Iterable[Node]) -> dict[str, int]:
    """Working days that each item's own steps take once everything from elsewhere is there."""
    by_item: dict[str, dict[str, Node]] = {}
    for node in plan:
        by_item.setdefault(node.item, {})[node.key] = node
    return {item: _own_days(own) for item, own in by_item.items()}


def _own_days(own: dict[str, Node]) -> int:
    """Working days of one item's steps, which seldom wait for anything but the step declared before them."""
    ends: dict[str, int] = {}
    waiting = list(own.values())
    while waiting:
        later: list[Node] = []
        for node in waiting:
            begins = 0
            for need in node.needs:
                if need in own:
                    if need not in ends:
                        later.append(node)
                        break
                    begins = max(begins, ends[need])
            else:
                ends[node.key] = begins + node.days
        waiting = later
    return max(ends.values())


def in_order(plan: Iterable[Node]) -> list[Node]:
    """The steps, each after those that it waits for."""
    by_key = {node.key: node for node in plan}
    order = _topological({key: node.needs for key, node in by_key.items()})
    return [by_key[key] for key in order]


def critical_path(plan: Iterable[Node]) -> list[str]:
    """The steps on which the promised day hangs, first to last: each waits for the one before it, without a gap.

    Of two that are as long, the one that is declared first. Empty for a plan that takes no time.
    """
    by_key = {node.key: node for node in plan}
    last = max(by_key.values(), key=lambda node: node.ends, default=None)
    path: list[str] = []
    while last is not None and last.ends:
        path.append(last.key)
        start = last.starts
        last = next((by_key[need] for need in last.needs if by_key[need].ends == start), None)
    return path[::-1]


def longest_chain(plan: Iterable[Node]) -> list[str]:
    """The most steps that wait for one another, first to last."""
    depth: dict[str, int] = {}
    before: dict[str, str | None] = {}
    for node in in_order(plan):
        deepest = max(node.needs, key=lambda need: depth.get(need, 0), default=None)
        before[node.key], depth[node.key] = deepest, 1 + (depth.get(deepest, 0) if deepest else 0)
    at: str | None = max(depth, key=lambda key: depth[key], default=None)
    chain: list[str] = []
    while at is not None and at in before:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def legal_days(plan: tuple[Node, ...], items: Iterable[Source]) -> int | None:
    """The limits of law along the longest chain of items; None unless every item has one."""
    limits = {source.key: source.item.legal_days for source in items}
    if not limits or any(limit is None for limit in limits.values()):
        return None
    owner = {node.key: node.item for node in plan}
    waits: dict[str, set[str]] = {key: set() for key in limits}
    for node in plan:
        waits[node.item] |= {owner[need] for need in node.needs if owner[need] != node.item}
    order = _topological(waits)
    if len(order) < len(waits):  # items may interleave step by step; then only the sum is a safe statement
        return sum(limit.days for limit in limits.values() if limit)
    ends: dict[str, int] = {}
    for key in order:
        limit = limits[key]
        ends[key] = max((ends[before] for before in waits[key]), default=0) + (limit.days if limit else 0)
    return max(ends.values())


def _drafts(source: Source, answers: Answers) -> Iterable[Draft]:
    """The steps of one item; its outputs are given by its last step unless a step names them."""
    steps = [step for step in source.item.steps if holds(step.when, answers)]
    for fee in source.item.fees:
        if holds(fee.when, answers):
            label: Label = {"zh": f"缴费:{fee.label['zh']}", "en": f"Pay: {fee.label['en']}"}
            pay = Step(
                step=f"pay_{fee.fee}", label=label, working_days=0, gives=(f"paid.{source.key}.{fee.fee}",)
            )
            yield Draft(f"{_short(source.key)}.{pay.step}", source, pay, pay.gives)
    named = {gives for step in steps for gives in step.gives}
    outputs: dict[str, None] = {}
    for output in source.item.outputs:
        if holds(output.when, answers):
            if output.certificate:
                outputs[f"{output.role}.{output.certificate}"] = None
            outputs.update({field_id(output.role, concept): None for concept in output.attributes})
    rest = tuple(key for key in outputs if key not in named)
    for step in steps:
        gives = (*step.gives, *rest) if step is steps[-1] else step.gives
        yield Draft(f"{_short(source.key)}.{step.step}", source, step, gives)


class _Index(NamedTuple):
    """Who gives what, and which node carries out which step of which item."""

    givers: dict[str, list[str]]
    steps: dict[str, str]


def _index(drafts: list[Draft]) -> _Index:
    givers: dict[str, list[str]] = {}
    for draft in drafts:
        for gives in draft.gives:
            givers.setdefault(gives, []).append(draft.key)
    return _Index(givers, {f"{draft.source.key}.{draft.step.step}": draft.key for draft in drafts})


def _edges(draft: Draft, index: _Index, supplied: frozenset[str]) -> list[Edge]:
    """Why a node waits: for data that nobody supplied, for a step that law puts first, for a payment."""
    edges: list[Edge] = []
    for uses in draft.step.uses:
        if uses not in supplied:
            edges += [Edge(giver, uses) for giver in index.givers.get(uses, ()) if giver != draft.key]
    for after in draft.step.after:
        pack = draft.source.key.partition(":")[0]
        for full in (f"{draft.source.key}.{after}", f"{pack}:{after}", after):
            if full in index.steps:
                edges.append(Edge(index.steps[full], "law"))
                break
    if draft.step.pays:
        paid = f"paid.{draft.source.key}.{draft.step.pays}"
        edges += [Edge(giver, "payment") for giver in index.givers.get(paid, ())]
    return edges


def _hand_over(
    handed: Iterable[Handed], drafts: list[Draft], index: _Index, edges: dict[str, list[Edge]]
) -> None:
    """Adds the edge from a paper's maker to whoever asks it, where no step of that item waits for the maker already.

    Without it an item would begin before the paper that it asks for exists.
    """
    own: dict[str, list[str]] = {}
    for draft in drafts:
        own.setdefault(draft.source.key, []).append(draft.key)
    for id, item, gates in handed:
        steps, givers = own.get(item, []), index.givers.get(id, [])
        waiting = {edge.before for key in steps for edge in edges[key]}
        first = [key for key in steps if not any(edge.before in steps for edge in edges[key])]
        at = [key for key in gates if key in edges] or first
        for giver in givers:
            if giver not in waiting and giver not in steps:
                for key in at:
                    edges[key].append(Edge(giver, id))


def _topological(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """The keys, each after what it needs; those in a circle, and what hangs on it, are left out.

    A sorter of the standard library takes half of a large compilation, because it makes an object for each key.
    """
    waits: dict[str, int] = {}
    after: dict[str, list[str]] = {}
    order: list[str] = []
    for key, wanted in needs.items():
        distinct = set(wanted)
        if not distinct:
            order.append(key)
            continue
        waits[key] = len(distinct)
        for one in distinct:
            after.setdefault(one, []).append(key)
    for key in order:
        for one in after.get(key, ()):
            waits[one] -= 1
            if not waits[one]:
                order.append(one)
    return order


def _ordered(edges: dict[str, list[Edge]], words: Words) -> list[str]:
    """The keys in an order in which they can be done; raises CompileError that names a circle."""
    order = _topological({key: [edge.before for edge in found] for key, found in edges.items()})
    if len(order) == len(edges):
        return order
    try:
        TopologicalSorter({key: {edge.before for edge in found} for key, found in edges.items()}).prepare()
        raise AssertionError("no circle, and yet no order")
    except CycleError as error:
        circle: list[str] = error.args[1]
        why = [edge.why for key in circle for edge in edges[key] if edge.before in circle]
        names = list(dict.fromkeys(why))
        zh = "、".join(_name(name, words)["zh"] for name in names)
        en = ", ".join(_name(name, words)["en"] for name in names)
        chain = " → ".join(circle)
        raise CompileError(
            zh=f"互为前提:{chain};循环的材料:{zh}", en=f"circular: {chain}; the circular materials: {en}"
        ) from error


def _name(why: str, words: Words) -> Label:
    if why == "law":
        return {"zh": "法定前置", "en": "legal precondition"}
    if why == "payment":
        return {"zh": "缴费", "en": "payment"}
    key = why.partition(".")[2]
    return words.documents[key].label if key in words.documents else words.concept(key).label


def _node(draft: Draft, edges: list[Edge], starts: int) -> Node:
    step = draft.step
    by = step.by or draft.source.item.office
    return Node(
        key=draft.key,
        item=draft.source.key,
        label=step.label,
        department=by.department,
        level=by.level,
        days=step.working_days,
        needs=tuple(dict.fromkeys([edge.before for edge in edges])),
        uses=step.uses,
        gives=draft.gives,
        because=tuple(dict.fromkeys([edge.why for edge in edges])),
        starts=starts,
        ends=starts + step.working_days,
        special=step.special,
        sign=step.sign,
    )


def _short(key: str) -> str:
    return key.partition(":")[2]
