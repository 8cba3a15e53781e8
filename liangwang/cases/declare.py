"""What plans.yaml and calls.yaml may say, and how a declared plan becomes the immutable graph that cases pin."""

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

import msgspec

from liangwang.base.declare import Problem, declaration_file, reference
from liangwang.base.labels import Label

LEVELS = ("street", "district", "city")
Verify = Literal["other", "signal"]
Stage = Literal[
    "report", "confirm", "accept", "file", "dispatch", "handle", "feedback", "verify", "close", "rate"
]


class Crew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A crew by what it can do; `of: asset_owner` asks for the asset owner's own crew first."""

    skill: Annotated[str, reference("skills.csv")]
    of: Literal["asset_owner"] | None = None


class By(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who does a node: exactly one of anyone, department, crew, role, office, signal, rule; `level` narrows it."""

    anyone: bool = False
    department: Annotated[str | None, reference("departments.csv")] = None
    crew: Crew | None = None
    role: str | None = None
    office: str | None = None
    signal: Literal["clear"] | None = None
    rule: str | None = None
    level: Literal["street", "district", "city"] | None = None

    def __post_init__(self) -> None:
        ways = (self.anyone, self.department, self.crew, self.role, self.office, self.signal, self.rule)
        if sum(bool(way) for way in ways) != 1:
            raise ValueError(
                "by 下只写一种办理人：anyone、department、crew、role、office、signal 或 rule"
                " | under 'by' name one of anyone, department, crew, role, office, signal, rule"
            )


class Within(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A time limit: minutes on the clock, or working days of the city's calendar."""

    minutes: int | None = None
    working_days: int | None = None

    def __post_init__(self) -> None:
        given = [n for n in (self.minutes, self.working_days) if n is not None]
        if len(given) != 1 or given[0] < 0:
            raise ValueError(
                "within 下写 minutes 或 working_days 之一，且不小于 0"
                " | under 'within' give minutes or working_days, not below 0"
            )


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """会签: whose signatures a node needs beside its own office's decision, and how many of them must agree."""

    of: list[By]
    need: int | None = None

    def __post_init__(self) -> None:
        if not all(by.department or by.office for by in self.of):
            raise ValueError(
                "会签的单位写 department 或 office | under 'sign: of' name departments or offices"
            )
        if not 1 <= self.needed <= len(self.of):
            raise ValueError(
                f"会签需要 1 到 {len(self.of)} 个单位同意，不是 {self.need}"
                f" | 'sign: need' lies between 1 and {len(self.of)}, not {self.need}"
            )

    @property
    def needed(self) -> int:
        """All of them, unless the plan says fewer."""
        return len(self.of) if self.need is None else self.need


class PlanNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node of a compiled plan."""

    key: str
    label: Label
    by: By
    within: Within | None = None
    needs: list[str] = []
    uses: list[str] = []
    gives: list[str] = []
    proof: list[str] = []
    verify: Verify | None = None
    stage: str = ""
    tell: list[str] = []
    guide: list[Label] = []
    special: bool = False
    sign: Sign | None = None


class PlanBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A compiled plan, the form in which the database keeps it."""

    key: str
    kind: Literal["application", "incident", "ticket"]
    label: Label
    nodes: list[PlanNode]
    legal_days: int | None = None
    promised_days: int | None = None


class TaskDeclaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task of a declared plan: by whom, within what time, after what, shown by what, verified how.

    `guide` is what whoever does it reads on the spot, line by line.
    """

    task: str
    label: Label
    by: By
    within: Within | None = None
    needs: list[str] = []
    uses: list[str] = []
    gives: list[str] = []
    proof: list[str] = []
    verify: Verify | None = None
    stage: Stage = "handle"
    tell: list[str] = []
    guide: list[Label] = []
    special: bool = False
    sign: Sign | None = None


class PlanDeclaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan of a pack: `- plan: guard_and_replace`."""

    plan: str
    label: Label
    tasks: list[TaskDeclaration]
    kind: Literal["application", "incident", "ticket"] = "incident"
    legal_days: int | None = None
    promised_days: int | None = None
    basis: Label | None = None
    source: str | None = None
    unverified: bool = False


class CallDeclaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a committee does for a case, beside its plan and without a say in it: `- call: lives_here`.

    `way`: to check (by telephone, in the list, in passing) or to visit at home. `when`: as soon as the case is opened,
    or once it is accepted. `known` names an attribute: where the office that keeps it, or two sources, have answered
    already, nobody needs to go.
    """

    call: str
    label: Label
    way: Literal["check", "visit"]
    items: list[Annotated[str, reference("items.yaml")]] = []
    kinds: list[Annotated[str, reference("kinds.yaml")]] = []
    when: Literal["opened", "accepted"] = "accepted"
    known: Annotated[str, reference("attributes.csv")] | None = None
    guide: list[Label] = []
    within: Within
    basis: Label | None = None
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if not self.items and not self.kinds:
            raise ValueError(
                "要写 items 或 kinds：为哪些办件、案件走访 | name 'items' or 'kinds': for which cases the call is made"
            )
        if (self.source is None) == (not self.unverified):
            raise ValueError(
                "依据要么有 source,要么标 unverified: true | it has either a 'source' or 'unverified: true'"
            )


declaration_file("plans.yaml", owner="cases", tuple_of=PlanDeclaration)
declaration_file("calls.yaml", owner="cases", tuple_of=CallDeclaration)


class PlanFault(ValueError):
    """A plan that cannot run; says which nodes are to blame, in zh and en."""

    def __init__(self, zh: str, en: str, nodes: tuple[str, ...] = ()) -> None:
        super().__init__(en)
        self.message: Label = {"zh": zh, "en": en}
        self.nodes = nodes


def canonical_plan(body: dict[str, Any]) -> tuple[PlanBody, str, str]:
    """The typed body, its canonical JSON and the SHA-256 that names it; raises PlanFault or ValidationError."""
    typed = msgspec.convert(body, PlanBody)
    ordered(typed)
    text = json.dumps(msgspec.to_builtins(typed), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return typed, text, hashlib.sha256(text.encode()).hexdigest()


def compile_plan(declared: PlanDeclaration, pack: str) -> dict[str, Any]:
    """A declared plan as the body that the engine runs; raises PlanFault."""
    nodes = []
    for task in declared.tasks:
        fields: dict[str, Any] = {f: getattr(task, f) for f in task.__struct_fields__ if f != "task"}
        nodes.append(PlanNode(key=task.task, **fields))
    body = PlanBody(
        key=f"{pack}:{declared.plan}",
        kind=declared.kind,
        label=declared.label,
        nodes=nodes,
        legal_days=declared.legal_days,
        promised_days=declared.promised_days,
    )
    ordered(body)
    built: dict[str, Any] = msgspec.to_builtins(body)
    return built


def ordered(body: PlanBody) -> list[str]:
    """Node keys, each after what it needs; raises PlanFault for a double, an unknown need or a cycle, naming them."""
    needs = {node.key: set(node.needs) for node in body.nodes}
    if not needs:
        raise PlanFault("计划里没有环节", "the plan has no task")
    if len(needs) != len(body.nodes):
        keys = [node.key for node in body.nodes]
        double = tuple(sorted({key for key in keys if keys.count(key) > 1}))
        raise PlanFault(f"环节重名：{'、'.join(double)}", f"tasks named twice: {', '.join(double)}", double)
    for key, wanted in needs.items():
        if unknown := sorted(wanted - set(needs)):
            names = ", ".join(unknown)
            raise PlanFault(
                f"“{key}”需要的环节不存在：{names}", f"'{key}' needs unknown tasks: {names}", (key,)
            )
    order: list[str] = []
    left = dict(needs)
    while left:
        free = [key for key, wanted in left.items() if not wanted & left.keys()]
        if not free:
            circle = _circle(left)
            path = " → ".join(circle)
            raise PlanFault(f"环节互相等待：{path}", f"tasks wait for each other: {path}", tuple(circle))
        order += free
        for key in free:
            del left[key]
    return order


def _circle(needs: dict[str, set[str]]) -> list[str]:
    """One cycle among nodes that all wait for another, starting and ending at the same."""
    walked: list[str] = []
    key = min(needs)
    while key not in walked:
        walked.append(key)
        key = min(needs[key] & needs.keys())
    return [*walked[walked.index(key) :], key]


def faults_of(
    declared: PlanDeclaration, *, skills: Collection[str], departments: Collection[str] = ()
) -> Iterator[PlanFault]:
    """What `liangwang check` says of a plan: its graph, and skills and departments that the city does not have."""
    try:
        compile_plan(declared, "check")
    except PlanFault as fault:
        yield fault
    for task in declared.tasks:
        crew = task.by.crew
        if crew and crew.skill not in skills:
            yield PlanFault(
                f"没有会“{crew.skill}”的队伍", f"no crew has the skill '{crew.skill}'", (task.task,)
            )
        department = task.by.department
        if department and departments and department not in departments:
            yield PlanFault(f"没有部门“{department}”", f"no department '{department}'", (task.task,))
        if task.verify == "other" and task.by.rule:
            yield PlanFault(
                "规则办理的环节不能由人核查", "a rule's task is not verified by a person", (task.task,)
            )


def problem_of(fault: PlanFault, *, file: str, line: int, key: str) -> Problem:
    """The fault as a line of the inspector's report."""
    remedy: Label = {
        "zh": "改 needs、by 或先在 packs/vocabulary 里登记",
        "en": "change 'needs' or 'by', or register the word in packs/vocabulary first",
    }
    return Problem(file=file, line=line, key=key, message=fault.message, remedy=remedy, rule="plan")
