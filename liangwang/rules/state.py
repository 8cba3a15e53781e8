"""What the kernel knows between two steps, as arrays; saved and loaded as one npz."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .held import Held
from .program import SignalProgram, full_key, parents_first
from .windows import NEVER, Ring, slots_for

Int = NDArray[np.int64]
Float = NDArray[np.float64]

VERSION: Final = 2
QUIET, RAISED, MUTED = 0, 1, 2
_KEPT: Final = ("since", "raised", "raised_at", "level")


class Batch(NamedTuple):
    """Readings as columns of one length: datastream int32, at int64 µs, seq int64, value float64."""

    datastream: NDArray[np.int32]
    at: Int
    seq: Int
    value: Float

    @classmethod
    def empty(cls) -> "Batch":
        """Return a batch without readings, for a bare tick."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none.astype(np.int32), none, none, none.astype(np.float64))

    def pick(self, rows: NDArray[Any]) -> "Batch":
        """Return the rows of a mask or of indices."""
        return Batch(self.datastream[rows], self.at[rows], self.seq[rows], self.value[rows])

    def joined(self, other: "Batch") -> "Batch":
        """Return this batch and another behind it."""
        return Batch(
            np.concatenate([self.datastream, other.datastream]),
            np.concatenate([self.at, other.at]),
            np.concatenate([self.seq, other.seq]),
            np.concatenate([self.value, other.value]),
        )


class Alert(NamedTuple):
    """A warning over things (their indices, sorted int32): its level and times in µs, and since when a step may know.

    A step at `now` knows it from `known` on, and that it was ended early (at `ended`) from `ended_known` on, so that
    live and a replay of its steps know the same at each of them.
    """

    level: int
    things: NDArray[np.int32]
    starts: int
    ends: int
    known: int
    ended: int
    ended_known: int


@dataclass(slots=True)
class RuleParams:
    """One rule over the things that have all its quantities: streams int32[n_things, n_names], -1 = none.

    `touches` says which datastreams it looks at, `settles` also those of the rules under it: they ask what stands.
    """

    index: int
    program: SignalProgram
    streams: NDArray[np.int32]
    applies: NDArray[np.bool_]
    touches: NDArray[np.bool_]
    settles: NDArray[np.bool_]
    slots: tuple[int, ...]
    parent: int | None


@dataclass(slots=True)
class Params:
    """What the kernel judges: datastreams by dense index and the rules over them; times in microseconds."""

    thing: NDArray[np.int32]
    reorder: Int
    stale_after: Int
    things: int
    rules: list[RuleParams]
    thing_reorder: Int
    zone: str = "Asia/Shanghai"
    alerts: Sequence[Alert] = ()


@dataclass(slots=True)
class RuleState:
    """What one rule version knows of each thing: since when its condition holds, and whether (since when) it is raised."""

    since: Int
    raised: NDArray[np.int8]
    raised_at: Int
    level: NDArray[np.int8]
    flaps: Ring
    rings: list[Ring]


@dataclass(slots=True)
class State:
    """Everything that the kernel carries from step to step."""

    last_at: Int
    last_value: Float
    late: Int
    floor: Int
    top: Int
    held: Held
    tick_at: int
    awake: int = NEVER  # when listening began again after a pause
    rules: dict[str, RuleState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Datastreams:
    """Datastreams by dense index, arrays of one length; `quantity` and `kind` are names, thing -1 = none."""

    thing: NDArray[np.int32]
    quantity: Sequence[str]
    kind: Sequence[str]
    every: Int
    reorder: Int
    stale_after: Int


def params_for(
    datastreams: Datastreams,
    programs: Sequence[tuple[SignalProgram, str]],
    zone: str = "Asia/Shanghai",
    alerts: Sequence[Alert] = (),
) -> Params:
    """Return the parameters of rules, each given with the kind of thing that it judges (`manholes:cover`)."""
    thing = datastreams.thing
    things = int(thing.max(initial=-1)) + 1
    kinds = dict(programs_by_key(programs))
    ordered = parents_first([program for program, _ in programs])
    index = {program.key: i for i, program in enumerate(ordered)}
    quantity, kind = (
        np.asarray(datastreams.quantity, dtype=object),
        np.asarray(datastreams.kind, dtype=object),
    )
    rules: list[RuleParams] = []
    for program in ordered:
        of_kind = (kind == kinds[program.key]) & (thing >= 0)
        streams = np.full((things, len(program.names)), -1, dtype=np.int32)
        for column, name in enumerate(program.names):
            found = np.flatnonzero(of_kind & (quantity == name))
            streams[thing[found], column] = found
        applies = np.asarray((streams >= 0).all(axis=1) & bool(program.names))
        touches = np.zeros(len(thing), dtype=bool)
        touches[streams[applies].ravel()] = True
        every = int(datastreams.every[touches].min(initial=2**40))
        parent = index[full_key(program.under, program.key)] if program.under else None
        slots = tuple(slots_for(call, every) for call in program.windows)
        rules.append(
            RuleParams(len(rules), program, streams, applies, touches, touches.copy(), slots, parent)
        )
    for rule in reversed(rules):
        if rule.parent is not None:
            rules[rule.parent].settles |= rule.settles
    thing_reorder = np.zeros(things, dtype=np.int64)
    known = thing >= 0
    np.maximum.at(thing_reorder, thing[known], datastreams.reorder[known])
    return Params(
        thing, datastreams.reorder, datastreams.stale_after, things, rules, thing_reorder, zone, alerts
    )


def programs_by_key(programs: Sequence[tuple[SignalProgram, str]]) -> dict[str, str]:
    """Return the kind of thing by the key of the rule."""
    return {program.key: kind for program, kind in programs}


def name_of(program: SignalProgram) -> str:
    """Return the name under which a rule's state is kept: a changed rule starts anew."""
    return f"{program.key}@{program.version}"


def fresh(params: Params) -> State:
    """Return the state before any reading."""
    none = np.zeros(0, dtype=np.int64)
    empty = State(none, none.astype(np.float64), none, none, none, Held(), NEVER)
    return fitted(empty, params)


def fitted(state: State, params: Params) -> State:
    """Return a state with room for every datastream, thing and rule of `params`; rules that are gone are dropped."""
    streams, things = len(params.thing), params.things
    rules = {}
    for rule in params.rules:
        name = name_of(rule.program)
        rules[name] = _rule_state(state.rules.get(name), rule, things)
    return replace(
        state,
        last_at=_grown(state.last_at, streams, NEVER),
        last_value=_grown(state.last_value, streams, np.nan),
        late=_grown(state.late, streams, 0),
        floor=_grown(state.floor, things, NEVER),
        top=_grown(state.top, things, NEVER),
        held=state.held.loosened(),
        rules=rules,
    )


def _grown(array: NDArray[Any], size: int, filler: float) -> NDArray[Any]:
    if len(array) >= size:
        return array
    more = np.full((size - len(array), *array.shape[1:]), filler, dtype=array.dtype)
    return np.concatenate([array, more])


def _ring(old: Ring | None, things: int, slots: int) -> Ring:
    if old is None or old.at.shape[1] != slots:
        return Ring.empty(things, slots)
    return Ring(_grown(old.at, things, NEVER), _grown(old.value, things, np.nan), _grown(old.next, things, 0))


def _rule_state(old: RuleState | None, rule: RuleParams, things: int) -> RuleState:
    most = rule.program.flap_most
    if old is None:
        return RuleState(
            np.full(things, NEVER, dtype=np.int64),
            np.zeros(things, dtype=np.int8),
            np.full(things, NEVER, dtype=np.int64),
            np.zeros(things, dtype=np.int8),
            Ring.empty(things, most),
            [Ring.empty(things, slots) for slots in rule.slots],
        )
    rings = [_ring(ring, things, slots) for ring, slots in zip(old.rings, rule.slots, strict=True)]
    return RuleState(
        _grown(old.since, things, NEVER),
        _grown(old.raised, things, QUIET),
        _grown(old.raised_at, things, NEVER),
        _grown(old.level, things, 0),
        _ring(old.flaps, things, most),
        rings,
    )


def _flat(state: State) -> dict[str, NDArray[Any]]:
    flat: dict[str, NDArray[Any]] = {
        name: getattr(state, name) for name in ("last_at", "last_value", "late", "floor", "top")
    }
    waiting = [(Batch.empty(), np.zeros(0, dtype=np.int64)), *state.held.loosened().loose]
    for place, name in enumerate(Batch._fields):
        flat[f"held.{name}"] = np.concatenate([batch[place] for batch, _ in waiting])
    flat["held_since"] = np.concatenate([since for _, since in waiting])
    for index, rule in enumerate(state.rules.values()):
        flat |= {f"{index}.{name}": getattr(rule, name) for name in _KEPT}
        for number, ring in enumerate([rule.flaps, *rule.rings]):
            flat |= {f"{index}.{number}.{name}": getattr(ring, name) for name in ("at", "value", "next")}
    return flat


def save(state: State, path: Path, note: dict[str, Any]) -> None:
    """Write a snapshot with its note (log positions) durably: written aside, fsynced, renamed."""
    about = {
        "v": VERSION,
        "tick_at": state.tick_at,
        "awake": state.awake,
        "rules": [[name, len(rule.rings)] for name, rule in state.rules.items()],
        "note": note,
    }
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **_flat(state))  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """Read a snapshot: the state and its note. Raises ValueError for a version that is not known."""
    with np.load(path, allow_pickle=False) as file:
        flat = {name: file[name] for name in file.files}
    about = json.loads(str(flat.pop("about")))
    if about["v"] == 1:  # from before a signal remembered its moment: what stands has stood for long
        flat |= {
            f"{index}.raised_at": np.full(len(flat[f"{index}.since"]), NEVER)
            for index in range(len(about["rules"]))
        }
    elif about["v"] != VERSION:
        raise ValueError(f"{path.name}: snapshot version {about['v']}, expected {VERSION}")
    state = State(
        last_at=flat["last_at"],
        last_value=flat["last_value"],
        late=flat["late"],
        floor=flat["floor"],
        top=flat["top"],
        held=Held([], [(Batch(*(flat[f"held.{name}"] for name in Batch._fields)), flat["held_since"])]),
        tick_at=about["tick_at"],
        awake=about["awake"],
    )
    for index, (name, count) in enumerate(about["rules"]):
        rings = [
            Ring(*(flat[f"{index}.{number}.{part}"] for part in ("at", "value", "next")))
            for number in range(count + 1)
        ]
        since, raised, raised_at, level = (flat[f"{index}.{part}"] for part in _KEPT)
        state.rules[name] = RuleState(since, raised, raised_at, level, rings[0], rings[1:])
    return state, about["note"]
