"""Declared rules made ready to judge: conditions parsed, limits and durations resolved, version given."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from . import durations
from .decide import Case, Decision
from .declare import LEVELS, Area, CaseOf, DecisionRule, Limit, SignalRule
from .errors import RuleError
from .language import Limit as LimitNode
from .language import Node, Not, Place, Variable, Window, heeds_warnings, is_timed, names, walk, windows
from .parse import Limits, did_you_mean, parse_condition


@dataclass(frozen=True, slots=True)
class SignalProgram:
    """A signal rule ready for the kernel; times in µs, levels from low to high as (index, condition)."""

    key: str
    version: str
    when: Node
    clear: Node
    levels: tuple[tuple[int, Node | None], ...]
    lasting: int
    names: tuple[str, ...]
    windows: tuple[Window, ...]
    timed: bool
    heeds: bool = False  # warnings
    under: str | None = None
    flap_most: int = 0
    flap_within: int = 0


def limits_of(declared: Iterable[Limit | Area]) -> dict[str, tuple[float, str | None] | Place]:
    """Return limits by name as (value, unit) and areas as rings; the unit `1` of a plain number counts as none."""
    found: dict[str, tuple[float, str | None] | Place] = {}
    for one in declared:
        if isinstance(one, Area):
            found[one.area] = Place(one.ring)
        else:
            found[one.limit] = (one.value, None if one.unit == "1" else one.unit)
    return found


def compile_signal(
    rule: SignalRule, variables: Mapping[str, Variable] | None, limits: Limits, key: str | None = None
) -> SignalProgram:
    """Return a signal rule ready to judge; `key` is its full name (`pack:rule`). Raises RuleError."""
    when = parse_condition(rule.when, variables, limits)
    clear = (
        parse_condition(rule.clear, variables, limits) if rule.clear else Not(f"not ({when.text})", 1, when)
    )
    levels = _levels(rule, variables, limits)
    nodes = [when, clear, *(condition for _, condition in levels if condition)]
    used = tuple(dict.fromkeys(name for node in nodes for name in names(node)))
    return SignalProgram(
        key=key or rule.rule,
        version=_version(rule, nodes),
        when=when,
        clear=clear,
        levels=levels,
        lasting=durations.microseconds(rule.lasting) if rule.lasting else 0,
        names=used,
        windows=tuple(dict.fromkeys(call for node in nodes for call in windows(node))),
        timed=any(is_timed(node) for node in nodes),
        heeds=any(heeds_warnings(node) for node in nodes),
        under=rule.under,
        flap_most=rule.flap.most if rule.flap else 0,
        flap_within=durations.microseconds(rule.flap.within) if rule.flap else 0,
    )


def compile_decision(
    rule: DecisionRule, variables: Mapping[str, Variable] | None, limits: Limits
) -> Decision:
    """Return a decision rule ready to judge. Raises RuleError."""

    def case(of: CaseOf) -> Case:
        when = parse_condition(of.when, variables, limits) if of.when is not None else None
        return Case(when, of.then, of.because)

    return Decision(tuple(case(of) for of in rule.first))


def parents_first(programs: Sequence[SignalProgram]) -> list[SignalProgram]:
    """Return the programs, each after the one it is `under`. Raises RuleError for unknown ones and circles."""
    by_key = {program.key: program for program in programs}
    done: dict[str, SignalProgram] = {}

    def place(program: SignalProgram, path: tuple[str, ...]) -> None:
        if program.key in done:
            return
        if program.key in path:
            raise RuleError("under_cycle", names=" → ".join((*path, program.key)))
        if program.under is not None:
            parent = by_key.get(full_key(program.under, program.key))
            if parent is None:
                raise RuleError("under", name=program.under, **did_you_mean(program.under, by_key))
            place(parent, (*path, program.key))
        done[program.key] = program

    for program in programs:
        place(program, ())
    return list(done.values())


def full_key(name: str, beside: str) -> str:
    """Return `pack:rule` for a rule named beside another of the same pack.

    >>> full_key("flooded", "manholes:displaced")
    'manholes:flooded'
    """
    if ":" in name or ":" not in beside:
        return name
    return f"{beside.partition(':')[0]}:{name}"


def _levels(
    rule: SignalRule, variables: Mapping[str, Variable] | None, limits: Limits
) -> tuple[tuple[int, Node | None], ...]:
    if isinstance(rule.level, str):
        return ((LEVELS.index(rule.level), None),)
    for level in rule.level:
        if level not in LEVELS:
            raise RuleError("ladder", level=level, **did_you_mean(level, LEVELS))
    found = [
        (LEVELS.index(level), parse_condition(text, variables, limits)) for level, text in rule.level.items()
    ]
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _version(rule: SignalRule, nodes: Sequence[Node]) -> str:
    """Name a rule by what judges: a changed label keeps the running state, a changed limit does not."""
    raw = msgspec.to_builtins(rule)
    for word in ("label", "plan", "join"):
        raw.pop(word, None)
    used = sorted(
        {
            (n.text, n.value, n.known_unit or "")
            for node in nodes
            for n in walk(node)
            if isinstance(n, LimitNode)
        }
    )
    areas = sorted({(call.text, call.ring) for node in nodes for call in windows(node) if call.ring})
    judges = [raw, used, areas] if areas else [raw, used]
    return hashlib.sha256(msgspec.json.encode(judges, order="sorted")).hexdigest()[:12]
