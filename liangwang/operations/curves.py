"""What stands beside a curve: the datastream and its thing, the limits its rules hold it to, the signals it raised."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.rules.declare import SignalRule
from liangwang.rules.language import Comparison, Limit, Name, Node, walk

from . import datastreams, signals
from .models import Datastream, Signal
from .series import extent, series
from .signals import instant

__all__ = ["Mark", "Threshold", "about", "datastream", "extent", "marks", "of_thing", "series", "thresholds"]
MOST_MARKS = 200


@dataclass(frozen=True, slots=True)
class About:
    """What a stream's source declares of one quantity."""

    label: Label
    unit: str
    source: Label
    stale_us: int
    every_us: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit to which a rule holds the quantity."""

    limit: str
    label: Label
    value: float
    rule: Label


@dataclass(frozen=True, slots=True)
class Mark:
    """A signal of the thing inside the range: from when to when (None: it stands), and its incident."""

    label: Label
    level: str
    at: datetime
    cleared_at: datetime | None
    case_ref: str
    value: float | None


def datastream(pk: int) -> Datastream | None:
    """The datastream of a number, with its thing."""
    return Datastream.objects.select_related("asset__place").filter(pk=pk).first()


def of_thing(stream: Datastream) -> list[Datastream]:
    """All quantities of the same thing."""
    return list(Datastream.objects.filter(asset_id=stream.asset_id, ended_at=None).order_by("id"))


def about(stream: Datastream) -> About:
    """What the source declares; the bare key where it declares nothing any more."""
    declared = datastreams.stream_sources().get(f"{stream.pack}:{stream.source}")
    quantity = declared.quantities.get(stream.quantity) if declared else None
    if declared is None or quantity is None:
        name: Label = {"zh": stream.quantity, "en": stream.quantity}
        return About(name, "", name, 0, 0)
    every, _, stale = datastreams.times(declared)
    unit = "" if quantity.unit == "1" else quantity.unit
    return About(quantity.label, unit, declared.label, stale, every)


def thresholds(stream: Datastream) -> list[Threshold]:
    """The limits that the rules in force compare this quantity with, each once, the lowest first."""
    labels = {one.key: one.value.label for one in declarations("limits.yaml") if one.pack == stream.pack}
    found: dict[str, Threshold] = {}
    for one in signals.ruleset():
        if one.pack != stream.pack:
            continue
        for node in _conditions(one):
            for limit in _compared(node, stream.quantity):
                label = labels.get(limit.text, {"zh": limit.text, "en": limit.text})
                found.setdefault(limit.text, Threshold(limit.text, label, limit.value, one.rule.label))
    return sorted(found.values(), key=lambda each: each.value)


def _conditions(one: Any) -> list[Node]:
    program = one.program
    return [
        program.when,
        program.clear,
        *(condition for _, condition in program.levels if condition is not None),
    ]


def _compared(node: Node, quantity: str) -> list[Limit]:
    found = []
    for part in walk(node):
        if isinstance(part, Comparison):
            sides = (part.left, part.right)
            if any(isinstance(side, Name) and side.name == quantity for side in sides):
                found += [side for side in sides if isinstance(side, Limit)]
    return found


def marks(stream: Datastream, start: int, end: int) -> list[Mark]:
    """The signals of the thing that stood between two moments (µs), by rules that look at this quantity."""
    rules = {
        one.program.key: one.rule.label for one in signals.ruleset() if stream.quantity in one.program.names
    }
    labels = {
        one.ref: one.value.label for one in declarations("rules.yaml") if isinstance(one.value, SignalRule)
    }
    rows = Signal.objects.filter(asset_id=stream.asset_id, rule__in=rules, at__lt=instant(end))
    rows = rows.exclude(cleared_at__lt=instant(start)).order_by("-at")[:MOST_MARKS]
    return [
        Mark(
            labels.get(row.rule, {"zh": row.rule, "en": row.rule}),
            row.level,
            row.at,
            row.cleared_at,
            row.case_ref,
            row.value,
        )
        for row in rows
    ]
