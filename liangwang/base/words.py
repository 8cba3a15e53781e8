"""The schemas of the words that packs share: concepts of fields, document types, attributes, quantities."""

from typing import Annotated, Literal

import msgspec

from .declare import declaration_file, reference
from .labels import Label
from .units import known

ValueType = Literal[
    "text", "number", "whole", "date", "datetime", "choice", "yes_no", "place", "file", "money"
]
# What only forms know: each is text to the hub, and read, checked and shown in a way of its own.
ConceptType = Literal[
    "text",
    "number",
    "whole",
    "date",
    "datetime",
    "choice",
    "yes_no",
    "place",
    "file",
    "money",
    "identity_number",
    "credit_code",
    "phone",
    "email",
    "address",
    "signature",
]


class Concept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing that forms ask or records hold: with a subject's role it is the identity of a field."""

    key: str
    zh: str
    en: str
    type: ConceptType
    unit: str | None = None
    personal: bool
    # The choices of a `choice`, as `value=中文/English`.
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.unit:
            known(self.unit)
        if (self.type == "choice") != bool(self.choices):
            raise ValueError(
                "选项只能也必须写给 choice 类型 | choices belong to the type choice, and only to it"
            )
        for choice in self.choices:
            if "=" not in choice or "/" not in choice:
                raise ValueError(
                    f"选项“{choice}”应写成 值=中文/English | write the choice as value=中文/English"
                )

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}

    def options(self) -> dict[str, Label]:
        """Each choice's value with its label."""
        found: dict[str, Label] = {}
        for choice in self.choices:
            value, _, words = choice.partition("=")
            zh, _, en = words.partition("/")
            found[value] = {"zh": zh, "en": en}
        return found


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A type of document that items ask for or give; `source` is the department that issues it."""

    key: str
    zh: str
    en: str
    kind: Literal["certificate", "proof", "form", "letter", "photo", "report", "commitment"]
    source: Annotated[str, reference("departments.csv")] | None = None
    electronic: bool = False

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


class Attribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that the hub can hold of a subject, with the concept that it answers.

    `office` is the department that answers for it (数源部门). `rule` says whose word counts where sources differ: that
    office's, the newest, or the one with most trust. `together: home_address` takes the value from the very
    statement that won for that attribute, so that parts of one address are never mixed.
    """

    key: str
    zh: str
    en: str
    of: Literal["person", "company", "place", "thing"]
    type: ValueType
    concept: Annotated[str, reference("concepts.csv")] | None = None
    unit: str | None = None
    personal: bool
    office: Annotated[str, reference("departments.csv")] | None = None
    rule: Literal["agreement", "office", "newest"] = "agreement"
    together: Annotated[str, reference("attributes.csv")] | None = None

    def __post_init__(self) -> None:
        if self.unit:
            known(self.unit)
        if self.rule == "office" and self.office is None:
            raise ValueError(
                "rule 为 office 的属性要写明数源部门 office | an attribute with the rule 'office' names its 'office'"
            )

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


class MeasuredQuantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sensor measures, in the unit in which everyone stores it."""

    key: str
    zh: str
    en: str
    unit: str

    def __post_init__(self) -> None:
        known(self.unit)

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


declaration_file("concepts.csv", tuple_of=Concept, owner="base")
declaration_file("materials.csv", tuple_of=Material, owner="base")
declaration_file("attributes.csv", tuple_of=Attribute, owner="base")
declaration_file("quantities.csv", tuple_of=MeasuredQuantity, owner="base")


class Department(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A department of the city, whatever the level of its offices."""

    key: str
    zh: str
    en: str

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


class Skill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a crew can do; plans ask for skills, never for crews by name."""

    key: str
    zh: str
    en: str

    @property
    def label(self) -> Label:
        return {"zh": self.zh, "en": self.en}


declaration_file("departments.csv", tuple_of=Department, owner="base")
declaration_file("skills.csv", tuple_of=Skill, owner="base")
