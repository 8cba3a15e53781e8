"""The schemas of rules.yaml and limits.yaml."""

from typing import Annotated, Literal

import msgspec

from liangwang.base.declare import declaration_file, reference
from liangwang.base.labels import Label

LEVELS = ("blue", "yellow", "orange", "red")
Level = Literal["blue", "yellow", "orange", "red"]


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a declaration: read once, never changed, and no key of it is unknown."""


class Limit(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number with unit, date and basis; a basis without a source says `unverified: true`."""

    limit: str
    label: Label
    value: float
    unit: str
    since: str
    basis: Label
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if not self.unit.strip():
            raise ValueError(
                f"限值“{self.limit}”没有单位；没有单位的数写 '1'"
                f" | limit '{self.limit}' has no unit; write '1' for a plain number"
            )
        if (self.source is None) == (not self.unverified):
            raise ValueError(
                "依据要么有 source,要么标 unverified: true"
                " | a basis has either 'source' or 'unverified: true'"
            )


class Area(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named area for `inside` and `dwell`: its corners as [lon, lat] in WGS-84, with date and basis like a limit."""

    area: str
    label: Label
    ring: tuple[tuple[float, float], ...]
    since: str
    basis: Label
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if len(self.ring) < 3 or any(not (-180 <= x <= 180 and -90 <= y <= 90) for x, y in self.ring):
            raise ValueError(
                f"区域“{self.area}”至少要有三个角，写成 [经度, 纬度]"
                f" | area '{self.area}' needs three corners or more, each [lon, lat]"
            )
        if (self.source is None) == (not self.unverified):
            raise ValueError(
                "依据要么有 source,要么标 unverified: true"
                " | a basis has either 'source' or 'unverified: true'"
            )


class Join(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Later signals of the same rule join one open incident: within a time, of one asset or street."""

    within: str
    of: Literal["asset", "street"] = "asset"


class Flap(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After `most` raises within this time further ones are kept silent: a rattling sensor is one signal."""

    most: int
    within: str

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 20:
            raise ValueError("flap.most 应为 1 至 20 | 'flap.most' is from 1 to 20")


class SignalRule(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule over readings: when a condition lasts, a signal of a level opens the plan's incident."""

    rule: str
    label: Label
    when: str
    level: Level | dict[Level, str]
    lasting: str | None = None
    clear: str | None = None
    plan: Annotated[str, reference("plans.yaml")] | None = None
    join: Join | None = None
    under: str | None = None
    flap: Flap | None = None


class CaseOf(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case of a decision; the last has no `when` and holds otherwise."""

    then: str
    because: Label
    when: str | None = None


class DecisionRule(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ordered cases over attributes: the first that is not false decides; unknown leaves it to a person."""

    rule: str
    label: Label
    first: tuple[CaseOf, ...]
    says: str | None = None


declaration_file("rules.yaml", owner="rules", tuple_of=(SignalRule, DecisionRule))
declaration_file("limits.yaml", owner="rules", tuple_of=(Limit, Area))
