"""The signal rules of packs made ready: which quantities and limits they may name, and which kind of thing they judge."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from liangwang.base.packs import Declared

from .declare import Area, DecisionRule, Limit, SignalRule
from .errors import RuleError
from .language import Place, Variable
from .program import SignalProgram, compile_decision, compile_signal, limits_of

All = Callable[[str], Iterable[Declared]]
"""File name -> everything declared in such files (`packs.declarations`, or the inspector's look)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A signal rule ready to run: its pack, its declaration, its program, and the kind of thing that it judges."""

    pack: str
    rule: SignalRule
    program: SignalProgram
    kind: str


def limits_of_pack(everything: All, pack: str) -> dict[str, tuple[float, str | None] | Place]:
    """Return the limits and areas that a pack declares, by name."""
    found = [one.value for one in everything("limits.yaml") if one.pack == pack]
    return limits_of(limit for limit in found if isinstance(limit, (Limit, Area)))


def streams_of_pack(everything: All, pack: str) -> dict[str, Declared]:
    """Return the streams of readings that a pack declares, by key; tables of records are not among them."""
    return {
        one.key: one
        for one in everything("sources.yaml")
        if one.pack == pack and getattr(one.value, "stream", False)
    }


def quantities_of_pack(everything: All, pack: str) -> dict[str, dict[str, Variable]]:
    """Return the quantities of each kind of thing ("manholes:cover") that a pack's streams carry."""
    found: dict[str, dict[str, Variable]] = {}
    for one in streams_of_pack(everything, pack).values():
        kind = found.setdefault(f"{pack}:{one.value.things}", {})
        kind |= {name: Variable("number", quantity.unit) for name, quantity in one.value.quantities.items()}
    return found


def judged(everything: All, pack: str, rule: SignalRule) -> Judged:
    """Return one declared rule ready to run. Raises RuleError."""
    kinds = quantities_of_pack(everything, pack)
    every = {name: variable for names in kinds.values() for name, variable in names.items()}
    program = compile_signal(rule, every, limits_of_pack(everything, pack), f"{pack}:{rule.rule}")
    for kind, names in kinds.items():
        if program.names and set(program.names) <= set(names):
            return Judged(pack, rule, program, kind)
    raise RuleError("no_thing", names=", ".join(program.names) or "–")


def compiles(everything: All, pack: str, rule: SignalRule | DecisionRule) -> RuleError | None:
    """Return why a declared rule cannot run, None when it can; names of a decision are not known here."""
    try:
        if isinstance(rule, SignalRule):
            judged(everything, pack, rule)
        else:
            compile_decision(rule, None, limits_of_pack(everything, pack))
    except RuleError as error:
        return error
    return None
