"""The schema of items.yaml: what a person may ask of which office, and bundles (一件事) that join items."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from liangwang.base.declare import declaration_file, reference
from liangwang.base.labels import Label

from . import item_code

Level = Literal["city", "district", "street"]
Form = Literal["original", "copy", "certificate"]
Kind = Literal["licence", "confirmation", "grant", "award", "ruling", "levy", "other_power", "public_service"]
"""行政许可 行政确认 行政给付 行政奖励 行政裁决 行政征收 其他行政权力 公共服务: what the office's power is by law."""
When = dict[str, tuple[str, ...]]


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A part of a declaration: read once, never changed, in no circle, and no key of it is unknown."""


class Basis(Shape, frozen=True, kw_only=True):
    """A rule of law and the words of it that matter; without `source` it says itself that nobody checked it."""

    law: Label
    article: str | None = None
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if bool(self.source) == self.unverified:
            raise ValueError(f"basis '{self.law['zh']}' has either a 'source' or 'unverified: true'")


class Deciding(Shape, frozen=True, kw_only=True):
    """The office that an item belongs to: a department at one of the three levels."""

    department: Annotated[str, reference("departments")]
    level: Level


class Days(Shape, frozen=True, kw_only=True):
    """A limit in working days and what it rests on."""

    days: int
    basis: Label
    source: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if bool(self.source) == self.unverified:
            raise ValueError("a limit has either a 'source' or 'unverified: true'")


class Known(Shape, frozen=True, kw_only=True):
    """What of which person the hub may know that answers a question; `means` maps its values, or "any", to options."""

    concept: Annotated[str, reference("concepts.csv")]
    role: str
    means: dict[str, str]


class Option(Shape, frozen=True, kw_only=True):
    """One situation (情形) that an applicant may be in."""

    option: str
    label: Label
    hint: Label | None = None


class Question(Shape, frozen=True, kw_only=True):
    """A question whose answer selects fields, materials and steps; `known_by` lets the hub answer it."""

    question: str
    label: Label
    options: tuple[Option, ...]
    hint: Label | None = None
    known_by: Known | None = None
    when: When = {}

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise ValueError(f"question '{self.question}' has at least two options")


class Field(Shape, frozen=True, kw_only=True):
    """A value to be filled in: its identity is (concept, role); the rest are constraints.

    `when` names questions, or with a dot other fields ("mother.employer_kind"): then the field appears as those are
    answered.
    """

    concept: Annotated[str, reference("concepts.csv")]
    role: str
    label: Label | None = None
    hint: Label | None = None
    required: bool = True
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    one_of: tuple[str, ...] = ()
    not_after_today: bool = False
    when: When = {}


class Group(Shape, frozen=True, kw_only=True):
    """Fields that are filled in once for each of several: children, employees, shareholders.

    `role` names the page that the rows stand on; the fields themselves have the group's own key as their role, so row
    2 of `children` is asked as `children-2.name`. A field's `when` may name another field of the same row.
    """

    group: str
    role: str = "applicant"
    label: Label
    row: Label
    hint: Label | None = None
    minimum: int = 0
    maximum: int = 10
    fields: tuple[Field, ...]
    when: When = {}

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum or not self.maximum:
            raise ValueError(f"group '{self.group}' has 0 <= minimum <= maximum, and a maximum above 0")
        if odd := [field.concept for field in self.fields if field.role != self.group]:
            raise ValueError(f"the fields of group '{self.group}' have the role '{self.group}': {odd}")


class Material(Shape, frozen=True, kw_only=True):
    """A document to be handed in: its identity is (type, role, validity, form).

    `shown_by` names the values that together say the same, each "any" or as it must read: verified in the hub, nobody
    asks for the paper.
    """

    type: Annotated[str, reference("materials.csv")]
    role: str
    form: Form = "copy"
    shown_by: dict[Annotated[str, reference("concepts.csv")], str] = {}
    valid_months: int | None = None
    required: bool = True
    commitment: Label | None = None
    gates: str | None = None
    hint: Label | None = None
    when: When = {}


class Output(Shape, frozen=True, kw_only=True):
    """What the item ends in: a certificate, and the values that enter the hub with it.

    `again`: every application makes a new one (a second home, a further employee, a renewal), so one that the person
    has already neither settles the item nor stands for the new one. `keeper` is the role of the party who has it in
    her hands where `role`, whom it is about, cannot: the relative who applies for the certificate of a death.
    """

    certificate: Annotated[str, reference("materials.csv")] | None = None
    role: str
    keeper: str = ""
    again: bool = False
    attributes: tuple[Annotated[str, reference("concepts.csv")], ...] = ()
    valid_months: int | None = None
    paper: bool = False
    when: When = {}


class Sign(Shape, frozen=True, kw_only=True):
    """会签: the offices whose signatures a step wants beside its own decision; `need` of them, or all, must agree."""

    of: tuple[Deciding, ...]
    need: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= (self.need or len(self.of)) <= len(self.of):
            raise ValueError(f"'need' lies between 1 and {len(self.of)}, the offices that are asked to sign")


class Step(Shape, frozen=True, kw_only=True):
    """A published step. `uses`, `after` and `pays` are the only three reasons for which it may wait.

    `reason` says what the office has to write down when it grants, where the law or the item asks for that: it stands
    in the decision that the applicant gets.
    """

    step: str
    label: Label
    by: Deciding | None = None
    working_days: int
    uses: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_basis: Label | None = None
    pays: str | None = None
    special: bool = False
    sign: Sign | None = None
    reason: Label | None = None
    when: When = {}


class Fee(Shape, frozen=True, kw_only=True):
    """A charge in 分 and what allows it; it becomes a step of its own that others may wait for."""

    fee: str
    label: Label
    fen: int
    currency: str = "CNY"
    basis: Basis
    when: When = {}


class Delivery(Shape, frozen=True, kw_only=True):
    """How a paper result reaches the person, which no computer can do away with."""

    ways: tuple[Literal["post", "collect", "electronic"], ...]
    label: Label
    when: When = {}


class Joined(Shape, frozen=True, kw_only=True):
    """One item of a bundle, and the situations in which it is part of it."""

    item: Annotated[str, reference("items.yaml")]
    when: When = {}


class Consent(Shape, frozen=True, kw_only=True):
    """Whose consent is needed, in words that the person reads before she gives it."""

    role: str
    label: Label
    text: Label
    when: When = {}


class Part(Shape, frozen=True, kw_only=True):
    """What somebody else than the applicant fills in and confirms: the fields of her `role`, and of roles in `fills`.

    `sees` names the roles of others that she reads besides her own; everything else stays hidden from her. `by`
    says who she is, a person or a company (a bank).
    """

    role: str
    label: Label
    by: Literal["person", "company"] = "person"
    fills: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    when: When = {}

    @property
    def own(self) -> frozenset[str]:
        """The roles whose fields only she fills in."""
        return frozenset((self.role, *self.fills))


class Item(Shape, frozen=True, kw_only=True):
    """An item (事项) of one office: what it asks, what it does with it, and what comes out.

    `code` is its number in the national list of items (实施编码, 31 characters) and `basic_code` the last 12 of them
    (基本编码), only where they are known: the national platform gives them. `result` says what there is in the end where
    that is no certificate. `citywide`: any counter of the city takes it in (全市通办). `visit` says why somebody has to
    come, where `trips` is not 0. After `ends_on` nobody can apply any more; `instead` names what there is in its place.
    """

    item: str
    label: Label
    guide: Label
    office: Deciding
    kind: Kind
    code: str | None = None
    basic_code: str | None = None
    serves: tuple[Literal["person", "company"], ...] = ("person",)
    conditions: tuple[Label, ...] = ()
    citywide: bool = False
    visit: Label | None = None
    counters: tuple[Label, ...] = ()
    result: Label | None = None
    subject: str = "applicant"
    theme: Annotated[str, reference("themes.csv")] = "other"
    aliases: tuple[str, ...] = ()
    roles: dict[str, Label] = {}
    apply: tuple[str, ...] = ("applicant",)
    basis: tuple[Basis, ...] = ()
    legal_days: Days | None = None
    promised_days: Days
    trips: int = 0
    questions: tuple[Question, ...] = ()
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    materials: tuple[Material, ...] = ()
    outputs: tuple[Output, ...] = ()
    steps: tuple[Step, ...]
    fees: tuple[Fee, ...] = ()
    delivery: tuple[Delivery, ...] = ()
    consents: tuple[Consent, ...] = ()
    parts: tuple[Part, ...] = ()
    ends_on: date | None = None
    instead: Annotated[str, reference("items.yaml")] | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"item '{self.item}' has at least one step")
        if self.trips and self.visit is None:
            raise ValueError(f"item '{self.item}' asks for {self.trips} visit(s): say why in 'visit'")
        if odd := item_code.fault(self.code, self.basic_code, self.kind):
            raise ValueError(f"item '{self.item}': {odd}")
        if loose := sorted(self._loose_ends()):
            raise ValueError(f"item '{self.item}' has no {', '.join(loose)}: a step would wait for nothing")

    def _loose_ends(self) -> set[str]:
        """Steps and fees of its own that a step or a material names and that are not there."""
        steps, fees = {step.step for step in self.steps}, {fee.fee for fee in self.fees}
        named = {after for step in self.steps for after in step.after if not {".", ":"} & set(after)}
        named |= {material.gates for material in self.materials if material.gates}
        return {f"step '{one}'" for one in named - steps} | {
            f"fee '{step.pays}'" for step in self.steps if step.pays and step.pays not in fees
        }


class Bundle(Shape, frozen=True, kw_only=True):
    """One thing done once (一件事): it only joins; what is asked belongs to the items.

    `ours`: the choice of items is this project's own, not a bundle that the city has published.
    """

    bundle: str
    label: Label
    guide: Label
    office: Deciding
    joins: tuple[Joined, ...]
    ours: bool = False
    subject: str = "applicant"
    theme: Annotated[str, reference("themes.csv")] = "other"
    aliases: tuple[str, ...] = ()
    roles: dict[str, Label] = {}
    apply: tuple[str, ...] = ("applicant",)
    basis: tuple[Basis, ...] = ()
    legal_days: Days | None = None
    questions: tuple[Question, ...] = ()
    consents: tuple[Consent, ...] = ()
    parts: tuple[Part, ...] = ()
    ends_on: date | None = None
    instead: Annotated[str, reference("items.yaml")] | None = None


class Theme(Shape, frozen=True, kw_only=True):
    """A theme of the catalogue, as people look for it, with its drawing."""

    key: str
    zh: str
    en: str
    icon: str

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


declaration_file("themes.csv", tuple_of=Theme, owner="services")
declaration_file("items.yaml", tuple_of=(Item, Bundle), owner="services")


def holds(when: When, answers: dict[str, str]) -> bool:
    """True when every question named in `when` is answered with one of its options.

    >>> holds({"marriage": ("unmarried",), "with": ("father",)}, {"marriage": "unmarried", "with": "father"})
    True
    """
    return not when or all(answers.get(question) in options for question, options in when.items())
