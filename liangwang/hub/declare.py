"""The schema of sources.yaml: what arrives from whom, in which columns, and what may be done with it.

An entry with `stream: true` is a stream of readings, one with `reports: true` brings work orders: the hub checks their
form and hands them to operations.
"""

from typing import Annotated, Literal

import msgspec

from liangwang.base.declare import declaration_file, reference
from liangwang.base.labels import Label

ColumnType = Literal[
    "text",
    "name",
    "identity",
    "document",
    "phone",
    "address",
    "credit_code",
    "plate",
    "integer",
    "number",
    "date",
    "time",
    "code",
    "place",
]
Channel = Literal["csv", "parquet", "http", "table"]
About = Literal["person", "company", "place"]
SharingClass = Literal["unconditional", "conditional", "none"]
SEALED_TYPES = frozenset({"identity", "document", "phone", "address", "plate"})
DOCUMENT_KINDS = frozenset({"identity", "permit", "passport", "travel_permit"})


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a declaration: read once, never changed, and no key of it is unknown."""


class Column(Shape, frozen=True, kw_only=True):
    """One column of a table: its type, its bounds, and what it says of the row's subject (`says: attribute`).

    `kind_in` of a document names the code column that says what kind of document it is; without it the number's
    own shape decides.
    """

    label: Label
    type: ColumnType
    optional: bool = False
    heads: tuple[str, ...] = ()
    says: Annotated[str, reference("attributes.csv")] | None = None
    min: int | float | str | None = None
    max: int | float | str | None = None
    pattern: str | None = None
    unit: str | None = None
    values: dict[str, Label] = {}
    level: Literal["district", "street", "neighbourhood"] | None = None
    kind_in: str | None = None

    @property
    def field(self) -> str:
        """Under which name the blind index is made: a document that is an identity number meets that number."""
        return "identity" if self.type == "document" else self.type

    @property
    def sealed(self) -> bool:
        """True where the hub keeps a keyed hash and a sealed text instead of the value."""
        return self.type in SEALED_TYPES

    def __post_init__(self) -> None:
        if (self.type == "code") != bool(self.values):
            raise ValueError("a column of type code lists its 'values', and no other type does")
        if self.level and self.type != "place":
            raise ValueError("'level' belongs to columns of type place")
        if self.kind_in and self.type != "document":
            raise ValueError("'kind_in' belongs to columns of type document")


class Volume(Shape, frozen=True, kw_only=True):
    """How many rows a batch has on an ordinary day; outside of it the batch is taken and marked unusual."""

    min: int = 1
    max: int = 1_000_000


class Pull(Shape, frozen=True, kw_only=True):
    """A table of another database that the hub reads itself, from where it stopped the last time.

    `dsn` names an address of the environment (`PULL_<DSN>`), because a password belongs in no declaration; `cursor`
    is a column that only grows (a number or an instant), `id` one that tells rows of the same instant apart.
    """

    dsn: str
    table: str
    cursor: str
    id: str
    every: str = "1h"
    page: int = 50_000

    def __post_init__(self) -> None:
        if not 1 <= self.page <= 500_000:
            raise ValueError("'page' is the number of rows of one batch, 1 to 500000")


class Source(Shape, frozen=True, kw_only=True):
    """A table that an office delivers in batches, with the contract that every row is held to.

    `copies` names the source from which this one takes what it says: the two are one voice, errors and all.
    `about` is what a row's subject is; `registers: true` makes subjects of identifiers that nobody has yet.
    """

    source: str
    label: Label
    category: Label
    office: Annotated[str, reference("departments")]
    key: tuple[str, ...]
    observed: str
    fresh_within: str
    rows: Volume = Volume()
    reject_over: float = 0.5
    weight: int = 1
    sharing: SharingClass
    retention: str
    copies: Annotated[str, reference("sources.yaml")] | None = None
    about: About = "person"
    registers: bool = False
    channels: tuple[Channel, ...] = ("csv", "parquet", "http")
    pull: Pull | None = None
    columns: dict[str, Column]

    def __post_init__(self) -> None:
        self._check_columns()
        if ("table" in self.channels) != (self.pull is not None):
            raise ValueError("'pull' and the channel table belong together")
        if self.registers and not self.identifiers:
            raise ValueError("'registers: true' needs a column that identifies the subject")

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The columns that name the row's subject without doubt, the surest first.

        A column that says something of the subject goes before one that may be about somebody else.
        """
        wanted = {"person": ("identity", "document"), "company": ("credit_code",), "place": ("place",)}
        found = [(n, c) for kind in wanted[self.about] for n, c in self.columns.items() if c.type == kind]
        return tuple(name for name, column in sorted(found, key=lambda pair: pair[1].says is None))

    def _check_columns(self) -> None:
        taken = sorted(
            {"batch", "row", "subject_id", "method", "score", "reasons", "doubled"} & set(self.columns)
        )
        if taken:
            raise ValueError(f"'{taken[0]}' is a name that the hub's own columns have; choose another")
        for name, column in self.columns.items():
            kinds_said = self.columns[column.kind_in].values if column.kind_in in self.columns else {}
            if column.kind_in and not (kinds_said and DOCUMENT_KINDS.issuperset(kinds_said)):
                kinds = ", ".join(sorted(DOCUMENT_KINDS))
                raise ValueError(f"'kind_in: {column.kind_in}' of '{name}' must be a code column of {kinds}")
        for name in (*self.key, self.observed):
            if name not in self.columns:
                raise ValueError(f"'{name}' is not a column of {self.source}")
        if self.columns[self.observed].type not in {"date", "time"}:
            raise ValueError(f"'observed: {self.observed}' must be a date or time: it dates what a row says")
        if not 0 < self.reject_over <= 1:
            raise ValueError("'reject_over' is a share of bad rows, over 0 and up to 1")


Term = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d*[dy]$")]
"""A number of days or years: `90d`, `2y`."""


class Change(Shape, frozen=True, kw_only=True):
    """How fast a quantity can change in nature: at most `most` of its unit within `within`."""

    most: float
    within: str


class Quantity(Shape, frozen=True, kw_only=True):
    """One quantity that a stream carries: its unit and the bounds beyond which a reading is refused.

    `usual`, `change` and `flat` refuse nothing: a reading outside the usual range, a leap, or a value that has not
    moved for so long is kept with a flag that says so.
    """

    label: Label
    unit: str
    min: float | None = None
    max: float | None = None
    usual: tuple[float, float] | None = None
    change: Change | None = None
    flat: str | None = None


class Mapping(Shape, frozen=True, kw_only=True):
    """Where a foreign JSON message has what a reading needs: paths such as `$.data[*].temp`, from the message's root.

    `rows` are the records (paths of the others then start at a record), `values` a path for each quantity. Where a
    topic template names `{device}` or `{quantity}`, the topic says it.
    """

    rows: str = "$"
    device: str = ""
    at: str = ""
    time: Literal["iso", "s", "ms", "us"] = "iso"
    seq: str = ""
    values: dict[str, str] = {}


class Signature(Shape, frozen=True, kw_only=True):
    """How a webhook's sender proves itself: HMAC-SHA256 over the body, in a header after a prefix."""

    header: str = "X-Signature"
    prefix: str = "sha256="
    form: Literal["hex", "base64"] = "hex"


class Keep(Shape, frozen=True, kw_only=True):
    """How long readings stay: as they came, then as least, most and mean of each minute, then of each hour."""

    raw: Term = "90d"
    minute: Term = "2y"
    hour: Term = "20y"


class Stream(Shape, frozen=True, kw_only=True):
    """A stream of readings from devices; operations takes, judges and stores them.

    In a storm readings of priority `low` are turned away first, those of `alarm` never. `registers: true` lets a
    source register its own things by SensorThings. `topics` are MQTT topics with `{device}` and `{quantity}`. `moves`
    says that quantities lon and lat are where a crew is.
    """

    source: str
    stream: Literal[True]
    label: Label
    office: Annotated[str, reference("departments")]
    things: str
    quantities: dict[str, Quantity]
    channels: tuple[str, ...] = ("http",)
    every: str
    reorder: str = "30s"
    stale_after: str
    sharing: SharingClass = "conditional"
    keep: Keep = Keep()
    priority: Literal["alarm", "normal", "low"] = "normal"
    registers: bool = False
    moves: Literal["crew"] | None = None
    topics: tuple[str, ...] = ()
    mapping: Mapping | None = None
    signature: Signature | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.mapping.values) - set(self.quantities)) if self.mapping else []
        if unknown:
            raise ValueError(f"'mapping.values' names '{unknown[0]}', which is no quantity of {self.source}")
        if self.moves and not {"lon", "lat"} <= set(self.quantities):
            raise ValueError("'moves' needs the quantities lon and lat")
        if self.signature and not self.mapping:
            raise ValueError("'signature' belongs to a webhook, which needs a 'mapping'")


class Reports(Shape, frozen=True, kw_only=True):
    """Work orders of another system (12345, a partner's desk) that become reports of incidents.

    `fields` says under which heads a field comes (`number: [工单编号]`), for API and sheet alike; `kinds` which kind
    of incident a word of theirs means, `otherwise` the kind of the rest, `sorts` what a caller wants by their word.
    """

    source: str
    reports: Literal[True]
    label: Label
    office: Annotated[str, reference("departments")]
    fields: dict[str, tuple[str, ...]]
    kinds: dict[str, Annotated[str, reference("kinds.yaml")]] = {}
    otherwise: Annotated[str, reference("kinds.yaml")]
    sorts: dict[str, Literal["enquiry", "help", "complaint", "suggestion", "review"]] = {}

    def __post_init__(self) -> None:
        missing = sorted({"number", "text"} - set(self.fields))
        if missing:
            raise ValueError(f"'fields' must say where '{missing[0]}' comes from")


declaration_file("sources.yaml", owner="hub", tuple_of=(Source, Stream, Reports))
