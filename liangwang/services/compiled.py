"""What the compiler returns: one form, one material list, one plan, with the reason of every part."""

from typing import Any, ClassVar, Literal

import msgspec

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label

from .declare import Bundle, Item, Sign
from .vocabulary import Choice

# `gc=False`: what is frozen from the bottom up is in no circle, and a large compilation spends half its time otherwise
# in the collector looking for one.

Way = Literal["form", "certificate", "attribute", "output", "earlier", "commitment", "ask"]


class CompileError(Refusal):
    """The declarations contradict each other: shown to their designer with both items named."""

    status, code = 422, "does_not_compile"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Something already known: a value or a document, with its source, time and state.

    `of_office`: the office that answers for the value says it itself, and nobody says otherwise. It then does what the
    office's own paper would do, though a value that one source alone says still fills in no field unasked.
    """

    source: Label
    value: Any = None
    state: Literal["verified", "single", "majority", "conflict", "disputed"] = "verified"
    of_office: bool = False
    at: str = ""
    ref: str = ""


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """What can be supplied without asking, by "role.type" and "role.concept"; `today` judges how old it may be."""

    certificates: dict[str, Evidence] = {}
    values: dict[str, Evidence] = {}
    earlier: dict[str, Evidence] = {}
    today: str = ""
    committed: frozenset[str] = frozenset()


class Source(msgspec.Struct, frozen=True):
    """One item to be compiled: its full key (pack:key) and its declaration."""

    key: str
    item: Item


class Bound(msgspec.Struct, frozen=True):
    """A bundle with the items that it joins, or one item alone; what the compiler takes."""

    key: str
    head: Item | Bundle
    items: tuple[Source, ...]


class Ask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One field of the merged form; `id` is role.concept, `asked_by` the items that need it.

    `chosen`: an item or the concept names options, so a value outside all of them is none. `group` and `row` are of
    a field that is asked once for each of several.
    """

    id: str
    concept: str
    role: str
    label: Label
    role_label: Label
    kind: str
    hint: Label | None = None
    required: bool = True
    choices: tuple[Choice, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    patterns: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    not_after_today: bool = False
    asked_by: tuple[str, ...] = ()
    chosen: bool = False
    group: str = ""
    row: int = 0
    unit: str = ""
    known: Evidence | None = None
    comes_from: Label | None = None

    @property
    def settled(self) -> bool:
        """True where a verified value, or an item of the same bundle, makes the question unnecessary."""
        return self.comes_from is not None or (self.known is not None and self.known.state == "verified")


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft has so far: values that fields may hang on, and the numbers of the rows of each group."""

    values: dict[str, str] = {}
    rows: dict[str, tuple[int, ...]] = {}


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A repeating group as it stands: `numbers` are its rows, each number used once and never again."""

    group: str
    label: Label
    row: Label
    hint: Label | None
    minimum: int
    maximum: int
    numbers: tuple[int, ...]


class Page(msgspec.Struct, frozen=True, gc=False):
    """One page of the form: the fields about one person, in the order of the declarations, rows of groups last."""

    key: str
    title: Label
    fields: tuple[Ask, ...]
    groups: tuple[Rows, ...] = ()


class Supply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a material comes in: by itself (from which office), by a commitment, or from the applicant."""

    way: Way
    source: Label | None = None
    at: str = ""
    ref: str = ""


class Need(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One material of the merged list; `forms` is every form that all items accept."""

    id: str
    type: str
    role: str
    label: Label
    role_label: Label
    kind: str
    forms: tuple[str, ...]
    valid_months: int | None
    required: bool
    supply: Supply
    asked_by: tuple[str, ...]
    item_labels: tuple[Label, ...]
    hint: Label | None = None
    commitment: Label | None = None
    gates: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step of the plan with its place in time, in working days after acceptance."""

    key: str
    item: str
    label: Label
    department: str
    level: str
    days: int
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    gives: tuple[str, ...]
    because: tuple[str, ...]
    starts: int
    ends: int
    special: bool = False
    sign: Sign | None = None


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """An item or bundle, compiled for one situation and one set of what is already proved."""

    key: str
    label: Label
    items: tuple[Source, ...]
    already: tuple[Source, ...]
    questions: tuple[Any, ...]
    unanswered: tuple[str, ...]
    pages: tuple[Page, ...]
    needs: tuple[Need, ...]
    nodes: tuple[Node, ...]
    consents: tuple[Any, ...]
    promised_days: int
    legal_days: int | None

    @property
    def plan(self) -> dict[str, Any]:
        """The plan as the case engine takes it (content-addressed there)."""
        return {
            "key": self.key,
            "kind": "application",
            "label": dict(self.label),
            "legal_days": self.legal_days,
            "promised_days": self.promised_days,
            "nodes": [_body(node) for node in self.nodes],
        }

    @property
    def asks(self) -> list[Ask]:
        """Every field that a person still has to look at."""
        return [ask for page in self.pages for ask in page.fields if not ask.settled]

    @property
    def materials_asked(self) -> list[Need]:
        return [need for need in self.needs if need.supply.way == "ask"]

    @property
    def materials_not_asked(self) -> list[Need]:
        """不用您交的材料: each with the office that supplies it."""
        return [need for need in self.needs if need.supply.way not in ("ask", "commitment")]


def _body(node: Node) -> dict[str, Any]:
    return {
        "key": node.key,
        "label": dict(node.label),
        "by": {"department": node.department, "level": node.level},
        "within": {"working_days": node.days} if node.days else None,
        "needs": list(node.needs),
        "uses": list(node.uses),
        "gives": list(node.gives),
        "proof": [],
        "verify": None,
        "stage": "handle",
        "tell": [],
        "special": node.special,
        "sign": msgspec.to_builtins(node.sign) if node.sign else None,
    }
