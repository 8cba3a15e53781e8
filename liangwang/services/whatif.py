"""What if: one item changed in thought, and what the bundles that it is in would then take; nothing is written."""

from collections.abc import Iterable
from functools import reduce
from typing import Any, Literal

import msgspec

from liangwang.base.labels import Label

from . import reform
from .compiled import Bound, CompileError, Source
from .declare import Bundle, Delivery, Item, Material, Step
from .reform import Line
from .refusals import UnknownPart
from .vocabulary import Words

Act = Literal["drop", "show", "promise", "days", "free", "field", "post"]
ACTS: dict[Act, Label] = {
    "drop": {"zh": "不再要这份材料", "en": "no longer ask for this material"},
    "show": {"zh": "用数据代替这份材料", "en": "let data stand for this material"},
    "promise": {"zh": "这份材料可以承诺代替", "en": "let a commitment stand for this material"},
    "days": {"zh": "改办理天数", "en": "change the days"},
    "free": {"zh": "不再等", "en": "no longer wait"},
    "field": {"zh": "不再填这一栏", "en": "no longer ask this field"},
    "post": {"zh": "结果可以邮寄", "en": "let the result be posted"},
}
COMMITMENT: Label = {"zh": "我承诺符合条件", "en": "I state that I meet the condition"}
POSTED: Label = {"zh": "邮寄送达", "en": "Sent by post"}
DAYS_MAX = 365


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thought: what is done (`act`) to which part of which item, with `value` where the act needs one.

    `part` is "role.type" of a material, the key of a step, "role.concept" of a field; `value` is a concept for "show",
    working days for "days", and for "free" what is no longer waited for.
    """

    act: Act
    item: str
    part: str = ""
    value: str = ""

    def written(self) -> str:
        """The change as an address carries it; `read_change` reads it again."""
        return "|".join((self.act, self.item, self.part, self.value))


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle or item as it is and as it would be; None with `problem` where the declarations contradict each other.

    A change may be just what mends such a contradiction.
    """

    key: str
    label: Label
    now: Line | None
    then: Line | None
    problem: CompileError | None = None


class Catalogue:
    """Everything that can be applied for, with the bundles that each item is in; lines are computed once and kept."""

    def __init__(self, bounds: Iterable[Bound], words: Words, concepts: frozenset[str]) -> None:
        self.bounds = {bound.key: bound for bound in bounds}
        self.words, self.concepts = words, concepts
        self.within: dict[str, list[str]] = {}
        self._lines: dict[str, Line] = {}
        for bound in self.bounds.values():
            for source in bound.items:
                self.within.setdefault(source.key, []).append(bound.key)

    def line(self, bound: Bound) -> Line:
        """The usual situation of one bundle or item as declared; raises CompileError."""
        if self.bounds.get(bound.key) is not bound:
            return reform.line(bound, reform.usual(bound), self.words, self.concepts)
        if bound.key not in self._lines:
            self._lines[bound.key] = reform.line(bound, reform.usual(bound), self.words, self.concepts)
        return self._lines[bound.key]

    def touched(self, changes: Iterable[Change]) -> list[str]:
        """The bundles and items that have a part in these changes, bundles first."""
        keys = dict.fromkeys(key for change in changes for key in self.within.get(change.item, ()))
        return sorted(keys, key=lambda key: (not isinstance(self.bounds[key].head, Bundle), key))

    def applies(self, change: Change) -> bool:
        """False where the item or the part is not there (any more): an address may be older than the catalogue."""
        within = self.within.get(change.item)
        if not within:
            return False
        try:
            changed(self.bounds[within[0]], [change])
        except UnknownPart:
            return False
        return True

    def effects(self, changes: list[Change]) -> list[Effect]:
        """What the changes do to each bundle and item that they touch; raises UnknownPart for a part that is not there."""
        return [self._effect(self.bounds[key], changes) for key in self.touched(changes)]

    def _effect(self, bound: Bound, changes: list[Change]) -> Effect:
        now, problem = self._try(bound)
        then, later = self._try(changed(bound, changes))
        return Effect(key=bound.key, label=bound.head.label, now=now, then=then, problem=later or problem)

    def _try(self, bound: Bound) -> tuple[Line | None, CompileError | None]:
        try:
            return self.line(bound), None
        except CompileError as error:
            return None, error


def read_change(text: str) -> Change:
    """A change as an address carries it; raises UnknownPart where it is none."""
    act, _, rest = text.partition("|")
    item, part, value = (*rest.split("|"), "", "", "")[:3]
    if act not in ACTS or not item:
        raise UnknownPart(part=text)
    return Change(act=act, item=item, part=part, value=value)  # type: ignore[arg-type]


def changed(bound: Bound, changes: Iterable[Change]) -> Bound:
    """The bundle as the changes would have it; items that they do not name stay the same objects."""
    mine = list(changes)
    items = tuple(
        Source(source.key, reduce(_apply, (c for c in mine if c.item == source.key), source.item))
        if any(change.item == source.key for change in mine)
        else source
        for source in bound.items
    )
    alone = isinstance(bound.head, Item)
    return Bound(bound.key, items[0].item if alone else bound.head, items)


def _apply(item: Item, change: Change) -> Item:
    return _APPLY[change.act](item, change)


def _drop(item: Item, change: Change) -> Item:
    left = tuple(m for m in item.materials if f"{m.role}.{m.type}" != change.part)
    return msgspec.structs.replace(item, materials=_fewer(item.materials, left, change))


def _show(item: Item, change: Change) -> Item:
    return _with_material(item, change, shown_by={change.value or "person.name": "any"})


def _promise(item: Item, change: Change) -> Item:
    return _with_material(item, change, commitment=COMMITMENT)


def _with_material(item: Item, change: Change, **fields: object) -> Item:
    named = [m for m in item.materials if f"{m.role}.{m.type}" == change.part]
    if not named:
        raise UnknownPart(part=change.part)
    made: tuple[Material, ...] = tuple(
        msgspec.structs.replace(m, **fields) if m in named else m for m in item.materials
    )
    return msgspec.structs.replace(item, materials=made)


def _days(item: Item, change: Change) -> Item:
    if not change.value.isdigit() or int(change.value) > DAYS_MAX:
        raise UnknownPart(part=change.value)
    step = _step(item, change)
    longer = int(change.value) - step.working_days
    item = _with_step(item, step, working_days=int(change.value))
    if longer <= 0:
        return item
    # Whoever takes longer promises more: else every longer step would be a contradiction and nothing to learn.
    promise = msgspec.structs.replace(item.promised_days, days=item.promised_days.days + longer)
    return msgspec.structs.replace(item, promised_days=promise)


def _free(item: Item, change: Change) -> Item:
    step = _step(item, change)
    uses = tuple(one for one in step.uses if one != change.value)
    after = tuple(one for one in step.after if one != change.value)
    pays = None if step.pays == change.value else step.pays
    if (uses, after, pays) == (step.uses, step.after, step.pays):
        raise UnknownPart(part=change.value)
    return _with_step(item, step, uses=uses, after=after, pays=pays)


def _field(item: Item, change: Change) -> Item:
    left = tuple(f for f in item.fields if f"{f.role}.{f.concept}" != change.part)
    return msgspec.structs.replace(item, fields=_fewer(item.fields, left, change))


def _post(item: Item, change: Change) -> Item:
    delivery = tuple(
        msgspec.structs.replace(one, ways=(*one.ways, "post")) if "post" not in one.ways else one
        for one in item.delivery
    ) or (Delivery(ways=("post",), label=POSTED),)
    return msgspec.structs.replace(item, delivery=delivery, trips=0)


def _step(item: Item, change: Change) -> Step:
    found = next((step for step in item.steps if step.step == change.part), None)
    if found is None:
        raise UnknownPart(part=change.part)
    return found


def _with_step(item: Item, old: Step, **fields: object) -> Item:
    new = msgspec.structs.replace(old, **fields)
    return msgspec.structs.replace(item, steps=tuple(new if step is old else step for step in item.steps))


def _fewer(all_of_it: tuple[Any, ...], left: tuple[Any, ...], change: Change) -> tuple[Any, ...]:
    if len(left) == len(all_of_it):
        raise UnknownPart(part=change.part)
    return left


_APPLY = {
    "drop": _drop,
    "show": _show,
    "promise": _promise,
    "days": _days,
    "free": _free,
    "field": _field,
    "post": _post,
}
