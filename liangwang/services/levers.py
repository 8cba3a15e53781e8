"""Which single changes would help most over the whole catalogue, and who would have to act."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple, TypedDict

import msgspec

from liangwang.base.labels import Label

from . import reform
from .compile import compile_bound
from .compiled import Bound, Compiled, CompileError, Node, Proved
from .declare import Bundle, Item
from .plan import critical_path, in_order
from .vocabulary import Words
from .whatif import Act, Change

Kind = Literal["step", "wait", "material"]
MOST = 40


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """One change and what it would bring: working days off the promise, materials that nobody asks for any more.

    `days` and `materials` are sums over the bundles of the catalogue in their usual situation, `alone` over the items
    by themselves. `who` are departments: the first has to act, the others have to agree. `changes` try it out.
    """

    kind: Kind
    act: Act
    what: Label
    detail: Label
    who: tuple[str, ...]
    days: int = 0
    materials: int = 0
    alone: int = 0
    bundles: tuple[Label, ...] = ()
    changes: tuple[Change, ...] = ()


class Seen(NamedTuple):
    """One bundle or item, compiled in its usual situation."""

    bound: Bound
    compiled: Compiled


def levers(bounds: Iterable[Bound], words: Words) -> tuple[Lever, ...]:
    """The changes that bring something, those that bring most to the bundles first; pure."""
    seen = []
    for bound in bounds:
        try:
            seen.append(Seen(bound, compile_bound(bound, reform.usual(bound), Proved(), words)))
        except CompileError:
            continue  # the report names what does not compile
    found = [*_steps(seen), *_waits(seen), *_materials(seen, words)]
    found.sort(key=lambda one: (-(one.days + one.materials), -one.alone, one.what["zh"], one.detail["zh"]))
    return tuple(found)


# --- days -------------------------------------------------------------------------------------------------


class Sums(TypedDict):
    """What one change brings, added up."""

    days: int
    alone: int
    bundles: tuple[Label, ...]


class Gain(NamedTuple):
    """Days that one change takes off one bundle or item."""

    seen: Seen
    days: int


def _steps(seen: list[Seen]) -> Iterable[Lever]:
    """Each step on a critical path, as if it took half its days (双减半)."""
    gains: dict[tuple[str, str], list[Gain]] = {}
    nodes: dict[tuple[str, str], Node] = {}
    for one in seen:
        order = in_order(one.compiled.nodes)
        for node in _critical(one.compiled):
            saved = one.compiled.promised_days - _length(order, {node.key: node.days // 2})
            if saved > 0 and node.days > 1:
                key = node.item, node.key
                nodes[key] = node
                gains.setdefault(key, []).append(Gain(one, saved))
    for key, found in gains.items():
        node = nodes[key]
        half = node.days // 2
        change = Change(act="days", item=node.item, part=_own(node.key), value=str(half))
        yield Lever(
            kind="step",
            act="days",
            what=node.label,
            detail={
                "zh": f"{_item(node.item, found)['zh']}：{node.days} 日减到 {half} 日",
                "en": f"{_item(node.item, found)['en']}: {node.days} days to {half}",
            },
            who=(node.department,),
            changes=(change,),
            **_sums(found),
        )


def _waits(seen: list[Seen]) -> Iterable[Lever]:
    """Each wait of one item for another on a critical path, as if its office did not need the other's result.

    The order of steps inside one item is that office's own affair.
    """
    gains: dict[tuple[str, str, str], list[Gain]] = {}
    pairs: dict[tuple[str, str, str], tuple[Node, Node]] = {}
    for one in seen:
        order = in_order(one.compiled.nodes)
        by_key = {node.key: node for node in one.compiled.nodes}
        path = critical_path(one.compiled.nodes)
        for before, after in pairwise(path):
            if by_key[before].item == by_key[after].item:
                continue
            saved = one.compiled.promised_days - _length(order, {}, (after, before))
            if saved > 0:
                key = by_key[after].item, after, before
                pairs[key] = by_key[before], by_key[after]
                gains.setdefault(key, []).append(Gain(one, saved))
    for key, found in gains.items():
        before_node, after_node = pairs[key]
        yield Lever(
            kind="wait",
            act="free",
            what=after_node.label,
            detail={
                "zh": f"{_item(after_node.item, found)['zh']}：不等“{before_node.label['zh']}”就开始",
                "en": f"{_item(after_node.item, found)['en']}: begin without “{before_node.label['en']}”",
            },
            who=tuple(dict.fromkeys((after_node.department, before_node.department))),
            changes=_freeing(before_node, after_node, found[0].seen.bound),
            **_sums(found),
        )


def _critical(compiled: Compiled) -> list[Node]:
    by_key = {node.key: node for node in compiled.nodes}
    return [by_key[key] for key in critical_path(compiled.nodes)]


def _length(order: list[Node], days: Mapping[str, int], without: tuple[str, str] | None = None) -> int:
    """The promise with other days for some steps, or with one wait (step, what it waits for) left out."""
    ends: dict[str, int] = {}
    for node in order:
        waits = (ends[need] for need in node.needs if (node.key, need) != without)
        ends[node.key] = max(waits, default=0) + days.get(node.key, node.days)
    return max(ends.values(), default=0)


def _sums(found: list[Gain]) -> Sums:
    """Days over bundles and over items by themselves, and the bundles' names."""
    bundles = [gain for gain in found if isinstance(gain.seen.bound.head, Bundle)]
    return Sums(
        days=sum(gain.days for gain in bundles),
        alone=sum(gain.days for gain in found if isinstance(gain.seen.bound.head, Item)),
        bundles=tuple(gain.seen.compiled.label for gain in bundles),
    )


def _freeing(before: Node, after: Node, bound: Bound) -> tuple[Change, ...]:
    """The changes that end a wait: the step uses nothing that the other gives, and its item no longer asks the paper."""
    item = next(source.item for source in bound.items if source.key == after.item)
    papers = dict.fromkeys(f"{m.role}.{m.type}" for m in item.materials)
    return (
        *(
            Change(act="free", item=after.item, part=_own(after.key), value=one)
            for one in after.uses
            if one in before.gives
        ),
        *(Change(act="drop", item=after.item, part=one) for one in papers if one in before.gives),
    )


# --- materials ---------------------------------------------------------------------------------------------


def _materials(seen: list[Seen], words: Words) -> Iterable[Lever]:
    """Each kind of document that is still asked for, as if nobody asked for it any more, however many ask it now."""
    asked: dict[str, list[tuple[Seen, str, tuple[str, ...]]]] = {}
    for one in seen:
        for need in one.compiled.materials_asked:
            asked.setdefault(need.type, []).append((one, need.id, need.asked_by))
    departments = {source.key: source.item.office.department for one in seen for source in one.bound.items}
    for kind, found in asked.items():
        document = words.document(kind)
        bundles = [entry for entry in found if isinstance(entry[0].bound.head, Bundle)]
        items = dict.fromkeys(item for _, _, by in found for item in by)
        act: Act = "show" if document.electronic else "promise" if document.kind == "proof" else "drop"
        joined = dict.fromkeys((item, id) for _, id, by in bundles for item in by)
        yield Lever(
            kind="material",
            act=act,
            what=document.label,
            detail={
                "zh": f"{len(items)} 个事项还在要",
                "en": f"still asked by {len(items)} item{'s' if len(items) > 1 else ''}",
            },
            who=tuple(
                dict.fromkeys(
                    [*([document.issuer] if document.issuer else []), *(departments[item] for item in items)]
                )
            ),
            materials=len(bundles),
            alone=sum(isinstance(entry[0].bound.head, Item) for entry in found),
            bundles=tuple({one.bound.key: one.compiled.label for one, _, _ in bundles}.values()),
            changes=tuple(Change(act="drop", item=item, part=id) for item, id in joined)[:MOST],
        )


def _own(key: str) -> str:
    """A step's key inside its item."""
    return key.partition(".")[2]


def _item(key: str, found: list[Gain]) -> Label:
    return next(source.item.label for source in found[0].seen.bound.items if source.key == key)
