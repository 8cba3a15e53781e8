"""Kinds of incident (小类): what packs say can happen, by which plan it is handled, how soon, and what joins it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

import msgspec

from liangwang.base import packs
from liangwang.base.declare import declaration_file, reference
from liangwang.base.errors import Refusal
from liangwang.base.labels import Label
from liangwang.cases.declare import Within
from liangwang.rules.declare import Level
from liangwang.rules.durations import microseconds


class Matter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class of matter (大类 or 小类): a component (部件) or an occurrence (事件), after GB/T 30428.2.

    A row with `within` is a 小类 of that 大类. `unverified`: the code was not compared with the standard's text.
    """

    key: str
    zh: str
    en: str
    of: Literal["component", "occurrence"]
    code: str
    within: Annotated[str, reference("matters.csv")] | None = None
    unverified: bool = True

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


class Near(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What joins one incident of a kind: a report or signal within this time and distance of the one before."""

    within: str
    metres: float

    def __post_init__(self) -> None:
        microseconds(self.within)
        if not 0 < self.metres <= 2000:
            raise ValueError(
                "join.metres 应大于 0、不超过 2000 | 'join.metres' lies above 0 and at most at 2000"
            )

    def holds(self, *, seconds: float, metres: float) -> bool:
        """Whether something so much later and so far away is the same matter.

        >>> Near(within="2h", metres=50).holds(seconds=7200, metres=50)
        True
        """
        return 0 <= seconds * 1e6 <= microseconds(self.within) and metres <= self.metres


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of incident of a pack: `- kind: bikes_in_the_way`; its limits count from filing (立案), by level."""

    kind: str
    label: Label
    matter: Annotated[str, reference("matters.csv")]
    plan: Annotated[str, reference("plans.yaml")]
    level: Level
    within: dict[Level, Within]
    join: Near
    signals: list[Annotated[str, reference("rules.yaml")]] = []
    things: str | None = None  # the kind of asset that it happens to: the nearest one at the point has it
    hint: Label | None = None
    by_people: bool = True  # people may report it; else only signals open it
    basis: Label | None = None
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if self.level not in self.within:
            raise ValueError(
                f"within 里要有等级 {self.level} 的时限 | 'within' needs a limit for the level {self.level}"
            )
        if (self.source is None) == (not self.unverified):
            raise ValueError(
                "时限的依据要么有 source,要么标 unverified: true"
                " | the limits have either a 'source' or 'unverified: true'"
            )


declaration_file("matters.csv", owner="operations", tuple_of=Matter)
declaration_file("kinds.yaml", owner="operations", tuple_of=Kind)


class UnknownKind(Refusal):
    """Something was reported of a kind that no routine pack declares."""

    status, code = 422, "unknown_kind"
    template: ClassVar[Label] = {
        "zh": "没有“{kind}”这类问题，请从列表里选择最接近的一类",
        "en": "There is no kind '{kind}'; choose the nearest one of the list",
    }


class Known(NamedTuple):
    """A kind in force with its pack; `ref` is the name by which it is called, `pack:kind`."""

    pack: str
    value: Kind

    @property
    def ref(self) -> str:
        return f"{self.pack}:{self.value.kind}"

    @property
    def plan(self) -> str:
        """The plan's full name, `pack:plan`."""
        return self.value.plan if ":" in self.value.plan else f"{self.pack}:{self.value.plan}"

    def limits(self) -> dict[str, dict[str, int]]:
        """Limits by level as a case keeps them; a level that the pack does not name has that of the next milder one."""
        found: dict[str, dict[str, int]] = {}
        last = self.value.within[self.value.level]
        level: Level
        for level in get_args(Level):
            last = self.value.within.get(level, last)
            found[level] = msgspec.to_builtins(last)
        return found


def kinds() -> list[Known]:
    """Every kind of the routine packs, as declared."""
    routine = {pack.key for pack in packs.packs() if pack.meta.mode == "routine"}
    return [Known(row.pack, row.value) for row in packs.declarations("kinds.yaml") if row.pack in routine]


def kind_named(name: str) -> Known:
    """The kind `pack:kind`; raises UnknownKind."""
    for one in kinds():
        if one.ref == name:
            return one
    raise UnknownKind(kind=name)


def kind_of_rule(rule: str) -> Known | None:
    """The kind whose incidents a signal rule (`pack:rule`) opens; None where its pack names none."""
    for one in kinds():
        if any(rule == (name if ":" in name else f"{one.pack}:{name}") for name in one.value.signals):
            return one
    return None


def matters() -> Mapping[str, Matter]:
    """Every matter of the vocabulary by key."""
    return {row.key: row.value for row in packs.declarations("matters.csv")}


class Group(NamedTuple):
    """Kinds that people may report, under their class of matter."""

    label: Label
    of: str
    kinds: list[Known]


def groups() -> list[Group]:
    """The kinds that people may report by class of matter, in the order of the vocabulary."""
    known = matters()
    found: dict[str, Group] = {}
    for key, matter in known.items():
        parent = known.get(matter.within or "")
        top, label = (parent.key, parent.label) if parent else (key, matter.label)
        here = [one for one in kinds() if one.value.by_people and one.value.matter.rpartition(":")[2] == key]
        if here:
            found.setdefault(top, Group(label, matter.of, [])).kinds.extend(here)
    return list(found.values())
