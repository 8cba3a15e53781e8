"""The schema of sources.yaml: what arrives from whom, in which columns, and what may be done with it.

An entry with `stream: true` is a stream of readings: the hub checks its form and hands it to operations.
"""

from typing import Annotated, Literal

import msgspec

from liangwang.base.declare import declaration_file, reference
from liangwang.base.labels import Label

ColumnType = Literal[
    "text", "name", "identity", "phone", "address", "integer", "number", "date", "time", "code", "place"
]
SharingClass = Literal["unconditional", "conditional", "none"]
SEALED_TYPES = frozenset({"identity", "phone", "address"})


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a declaration: read once, never changed, and no key of it is unknown."""


class Column(Shape, frozen=True, kw_only=True):
    """One column of a table: its type, its bounds, and what it says of the person (`says: concept`)."""

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

    @property
    def sealed(self) -> bool:
        """True where the hub keeps a keyed hash and a sealed text instead of the value."""
        return self.type in SEALED_TYPES

    def __post_init__(self) -> None:
        if (self.type == "code") != bool(self.values):
            raise ValueError("a column of type code lists its 'values', and no other type does")
        if self.level and self.type != "place":
            raise ValueError("'level' belongs to columns of type place")


class Volume(Shape, frozen=True, kw_only=True):
    """How many rows a batch has on an ordinary day; outside of it the batch is taken and marked unusual."""

    min: int = 1
    max: int = 1_000_000


class Source(Shape, frozen=True, kw_only=True):
    """A table that an office delivers in batches, with the contract that every row is held to."""

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
    columns: dict[str, Column]

    def __post_init__(self) -> None:
        for name in (*self.key, self.observed):
            if name not in self.columns:
                raise ValueError(f"'{name}' is not a column of {self.source}")
        if self.columns[self.observed].type not in {"date", "time"}:
            raise ValueError(f"'observed: {self.observed}' must be a date or time: it dates what a row says")
        if not 0 < self.reject_over <= 1:
            raise ValueError("'reject_over' is a share of bad rows, over 0 and up to 1")


class Quantity(Shape, frozen=True, kw_only=True):
    """One quantity that a stream carries: its unit and the bounds beyond which a reading is refused."""

    label: Label
    unit: str
    min: float | None = None
    max: float | None = None


class Stream(Shape, frozen=True, kw_only=True):
    """A stream of readings from devices; operations takes, judges and stores them."""

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
    retention: str = "2y"


declaration_file("sources.yaml", owner="hub", tuple_of=(Source, Stream))
