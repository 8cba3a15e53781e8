"""The kernel: one vector step judges a batch of readings of many datastreams by many rules; no clock, no file.

Event time rules: a reading is judged when it can no longer be overtaken inside its source's `reorder`, in the
order of `at`, and a pending `lasting` ends at its exact moment, whichever reading or tick comes after it. So
disorder and repetition inside `reorder` change nothing, and a replay of the same steps gives the same bytes.
"""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray

from .explain import explain, verdict_of
from .language import POSITION, Name, Node, Window, names
from .numpy_backend import Column, Mask, is_true
from .reorder import release, rounds, take
from .state import MUTED, QUIET, RAISED, Batch, Int, Params, RuleParams, RuleState, State, fresh, name_of
from .windows import NEVER, Ring, polygon

__all__ = [
    "CLEAR",
    "LEVEL",
    "RAISE",
    "TRANSITION",
    "Batch",
    "Params",
    "State",
    "flush_at",
    "fresh",
    "step",
    "why",
]

CLEAR, RAISE, LEVEL = 0, 1, 2
TICK_US: Final = 1_000_000
DAY_US: Final = 86_400_000_000
MINUTE_US: Final = 60_000_000
FOREVER: Final = 2**62

TRANSITION: Final = np.dtype(
    [
        ("at", "i8"),
        ("rule", "i2"),
        ("thing", "i4"),
        ("datastream", "i4"),
        ("kind", "i1"),
        ("level", "i1"),
        ("value", "f8"),
    ]
)
Transitions = NDArray[np.void]
Things = NDArray[np.int32]
Float = NDArray[np.float64]


def step(
    state: State, params: Params, batch: Batch, now: int, *, deaf: bool = False
) -> tuple[State, Transitions]:
    """Judge a batch received at `now` (µs) and what time itself decides; return state and transitions.

    `deaf` says that nobody listened for a while before `now`: silence is counted from here, or after a night
    without power every sensor of the city would be called silent at once.

    The state passed in is spent: its arrays are used on. Transitions come in order of (at, rule, thing, kind).
    """
    if deaf:
        state.awake = now
    judge = _Judge(state, params, now)
    take(state, params, batch, now)
    for round_ in rounds(params, release(state, params, now)):
        judge.round(round_)
    if now - state.tick_at >= TICK_US:
        state.tick_at = now
        judge.tick()
    return state, judge.transitions()


def why(
    state: State, params: Params, rule: RuleParams, thing: int, at: int, value: float
) -> list[dict[str, Any]]:
    """Return the trace of a rule's condition, and of the level that holds, for one thing at a moment.

    `value` is that of its first quantity.
    """
    judge = _Judge(state, params, at)
    judge.known_at = FOREVER  # the signal stands: what it was raised by is known
    things = np.array([thing], dtype=np.int32)
    moment = _Moment(judge, rule, judge.rule_states[rule.index], things, np.array([at], dtype=np.int64))
    row = {name: moment.column(i) for i, name in enumerate(rule.program.names)}
    known = {name: None if c.null is not None else float(c.values[0]) for name, c in row.items()}
    if rule.program.names:
        known[rule.program.names[0]] = value
    traced = explain(rule.program.when, known, moment)
    for _, condition in reversed(rule.program.levels):
        if condition is not None and verdict_of(condition, known, moment):
            said = {line["expression"] for line in traced}
            return traced + [
                line for line in explain(condition, known, moment) if line["expression"] not in said
            ]
    return traced


def flush_at(params: Params, last_at: int) -> int:
    """Return a `now` at which every reading up to `last_at` is judged."""
    return last_at + int(params.reorder.max(initial=0)) + TICK_US


class _Judge:
    """One step at work: the state, the rules, and the transitions found so far."""

    def __init__(self, state: State, params: Params, now: int) -> None:
        self.state, self.params, self.now = state, params, now
        self.known_at = now
        self.rule_states = [state.rules[name_of(rule.program)] for rule in params.rules]
        self.found: list[Transitions] = []
        offset = datetime.fromtimestamp(now / 1e6, UTC).astimezone(ZoneInfo(params.zone)).utcoffset()
        self.zone_us = int(offset.total_seconds() * 1e6) if offset is not None else 0

    def transitions(self) -> Transitions:
        if not self.found:
            return np.zeros(0, dtype=TRANSITION)
        every = np.concatenate(self.found)
        return every[np.lexsort((every["kind"], every["thing"], every["rule"], every["at"]))]

    # --- a reading comes -----------------------------------------------------------------------------

    def round(self, batch: Batch) -> None:
        """Judge one reading for each of some distinct things."""
        state, thing = self.state, self.params.thing[batch.datastream]
        touched = []
        for rule, known in zip(self.params.rules, self.rule_states, strict=True):
            touches = rule.touches[batch.datastream]
            pick = slice(None) if touches.all() else np.flatnonzero(touches)
            touched.append(
                (rule, known, thing[pick], batch.at[pick], batch.datastream[pick], batch.value[pick])
            )
            settles = rule.settles[batch.datastream]
            asked = slice(None) if settles.all() else np.flatnonzero(settles)
            if len(thing[asked]):
                self.settle(rule, known, thing[asked], batch.at[asked])
        state.last_at[batch.datastream] = batch.at
        state.last_value[batch.datastream] = batch.value
        for rule, known, things, at, streams, values in touched:
            if len(things):
                self.remember(rule, known, things, at, streams, values)
                self.judge(rule, known, things, at)

    def settle(self, rule: RuleParams, known: RuleState, things: Things, at: Int) -> None:
        """Before new values count: conditions that ended their `lasting` fire, those gone stale start over."""
        since = known.since[things]
        pending = np.flatnonzero(since != NEVER)
        if not len(pending):
            return
        things, at, since = things[pending], at[pending], since[pending]
        due = since + rule.program.lasting
        held = self.true(rule, known, rule.program.when, things, np.minimum(due, at))
        known.since[things[~held]] = NEVER
        fires = held & (due < at)
        self.raise_(rule, known, things[fires], due[fires])

    def remember(
        self,
        rule: RuleParams,
        known: RuleState,
        things: Things,
        at: Int,
        streams: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> None:
        """Put the readings into the rule's windows."""
        for call, ring in zip(rule.program.windows, known.rings, strict=True):
            if call.function == "silent":
                continue
            if call.ring:
                self.locate(rule, ring, call, things, at)
                continue
            columns = [rule.program.names.index(name) for name in names(call.subject)]
            mine = (rule.streams[things][:, columns] == streams[:, None]).any(axis=1)
            if call.function == "count":
                mine = mine & self.true(rule, known, call.subject, things, at)
            ring.push(things[mine], at[mine], values[mine])

    def locate(self, rule: RuleParams, ring: Ring, call: Window, things: Things, at: Int) -> None:
        """Remember since when things are inside an area; lon and lat count once both are of this moment."""
        streams = rule.streams[things][:, [rule.program.names.index(name) for name in POSITION]]
        whole = (self.state.last_at[streams] == at[:, None]).all(axis=1)
        things, at, streams = things[whole], at[whole], streams[whole]
        if not len(things):
            return
        lon, lat = self.state.last_value[streams].T
        inside = shapely.contains_xy(polygon(call.ring), lon, lat)
        stale = at - ring.at[things, 0] > self.params.stale_after[streams].min(axis=1)
        entered = ring.value[things, 0]
        ring.value[things, 0] = np.where(inside, np.where(np.isnan(entered) | stale, at, entered), np.nan)
        ring.at[things, 0] = at

    def judge(self, rule: RuleParams, known: RuleState, things: Things, at: Int) -> None:
        """Judge a rule for some distinct things at their moments, by the values that now hold."""
        raised = known.raised[things] != QUIET
        if raised.any():
            self.clear_or_climb(rule, known, things[raised], at[raised])
            things, at = things[~raised], at[~raised]
        if not len(things):
            return
        holds = self.true(rule, known, rule.program.when, things, at)
        if rule.parent is not None:
            # While the signal above stands nothing of this one counts: it must last anew after that has cleared.
            holds = holds & (self.rule_states[rule.parent].raised[things] == QUIET)
        since = known.since[things]
        fresh_ones = holds & (since == NEVER)
        since = np.where(holds, np.where(fresh_ones, at, since), NEVER)
        known.since[things] = since
        due = since + rule.program.lasting
        fires = holds & (due <= at)
        if fires.any():
            self.raise_(rule, known, things[fires], due[fires])

    def clear_or_climb(self, rule: RuleParams, known: RuleState, things: Things, at: Int) -> None:
        """Raised signals: those whose `clear` is true end, the others may climb the ladder, never down it."""
        clears = self.true(rule, known, rule.program.clear, things, at)
        if clears.any():
            ended = things[clears]
            told = known.raised[ended] == RAISED
            known.raised[ended] = QUIET
            self.note(rule, known, ended[told], at[clears][told], CLEAR)
        if len(rule.program.levels) < 2:
            return
        stays = ~clears & (known.raised[things] == RAISED)
        things, at = things[stays], at[stays]
        level = self.level(rule, known, things, at)
        higher = level > known.level[things]
        known.level[things[higher]] = level[higher]
        self.note(rule, known, things[higher], at[higher], LEVEL)

    # --- time passes ---------------------------------------------------------------------------------

    def tick(self) -> None:
        """Judge what time alone decides: `lasting` that has ended, silence, sliding windows, hours of the day."""
        state, params = self.state, self.params
        if not params.things:
            return
        clock = np.maximum(self.now - params.thing_reorder, state.floor)
        waiting = np.zeros(params.things, dtype=bool)
        for one in state.held.sorted_in(params):
            waiting[one.thing[one.batch.at <= clock[one.thing]]] = True
        for rule, known in zip(params.rules, self.rule_states, strict=True):
            if not rule.applies.any():
                continue
            pending = np.flatnonzero((known.since != NEVER) & ~waiting).astype(np.int32)
            self.settle_due(rule, known, pending, clock[pending])
            if rule.program.timed:
                seen = (state.last_at[rule.streams] > NEVER).any(axis=1)
                ready = np.flatnonzero(rule.applies & seen & ~waiting).astype(np.int32)
                before = len(self.found)
                self.judge(rule, known, ready, clock[ready])
                for told in self.found[before:]:
                    np.maximum.at(state.floor, told["thing"], told["at"])

    def settle_due(self, rule: RuleParams, known: RuleState, things: Things, clock: Int) -> None:
        """Fire the pending conditions whose moment has passed; a value gone stale before it starts over."""
        due = known.since[things] + rule.program.lasting
        passed = due <= clock
        things, due = things[passed], due[passed]
        if not len(things):
            return
        held = self.true(rule, known, rule.program.when, things, due)
        known.since[things[~held]] = NEVER
        self.raise_(rule, known, things[held], due[held])
        # What was judged at its moment cannot be unmade by a reading from before it.
        np.maximum.at(self.state.floor, things[held], due[held])

    # --- raising -------------------------------------------------------------------------------------

    def raise_(self, rule: RuleParams, known: RuleState, things: Things, due: Int) -> None:
        """Raise signals at `due`, unless a signal above them explained them by then, or they only flap."""
        if rule.parent is not None and len(things):
            above = self.rule_states[rule.parent]
            covered = (above.raised[things] != QUIET) & (above.raised_at[things] <= due)
            known.since[things[covered]] = NEVER
            things, due = things[~covered], due[~covered]
        if not len(things):
            return
        known.since[things] = NEVER
        known.level[things] = self.level(rule, known, things, due)
        muted = np.zeros(len(things), dtype=bool)
        if rule.program.flap_most:
            muted = known.flaps.count_after(things, due - rule.program.flap_within) >= rule.program.flap_most
            told = ~muted
            known.flaps.push(things[told], due[told], np.zeros(int(told.sum())))
        known.raised[things] = np.where(muted, MUTED, RAISED)
        known.raised_at[things] = due
        self.note(rule, known, things[~muted], due[~muted], RAISE)

    def level(self, rule: RuleParams, known: RuleState, things: Things, at: Int) -> NDArray[np.int8]:
        """Return the highest level whose condition is true, the lowest where none is."""
        levels = rule.program.levels
        found = np.full(len(things), levels[0][0], dtype=np.int8)
        for level, condition in levels[1:]:
            if condition is not None:
                found[self.true(rule, known, condition, things, at)] = level
        return found

    def note(self, rule: RuleParams, known: RuleState, things: Things, at: Int, kind: int) -> None:
        if not len(things):
            return
        told = np.zeros(len(things), dtype=TRANSITION)
        streams = rule.streams[things, 0]
        told["rule"] = rule.index
        told["thing"], told["at"], told["datastream"], told["kind"] = things, at, streams, kind
        told["level"], told["value"] = known.level[things], self.state.last_value[streams]
        self.found.append(told)

    # --- values --------------------------------------------------------------------------------------

    def true(self, rule: RuleParams, known: RuleState, condition: Node, things: Things, at: Int) -> Mask:
        """Return where a condition is surely true for things at their moments."""
        moment = _Moment(self, rule, known, things, at)
        columns = {name: moment.column(i) for i, name in enumerate(rule.program.names)}
        return is_true(condition, columns, len(things), moment)


class _Moment:
    """The values of some things as they stood at given moments; older than `stale_after` is unknown."""

    def __init__(self, judge: _Judge, rule: RuleParams, known: RuleState, things: Things, at: Int) -> None:
        self.state, self.params, self.zone_us = judge.state, judge.params, judge.zone_us
        self.known_at = judge.known_at
        self.rule, self.known, self.things, self.at = rule, known, things, at

    def column(self, index: int) -> Column:
        stream = self.rule.streams[self.things, index]
        unknown = self.at - self.state.last_at[stream] > self.params.stale_after[stream]
        return Column(self.state.last_value[stream], unknown if unknown.any() else None)

    def minute_of_day(self) -> NDArray[np.int64]:
        return np.asarray((self.at + self.zone_us) % DAY_US // MINUTE_US)

    def warned(self, level: int) -> Mask:
        """Tell which things a warning of this level or above covers at their moments, as far as this step knows."""
        found = np.zeros(len(self.things), dtype=bool)
        for one in self.params.alerts:
            if one.level < level or self.known_at < one.known:
                continue
            ends = min(one.ends, one.ended) if self.known_at >= one.ended_known else one.ends
            found |= (self.at >= one.starts) & (self.at < ends) & np.isin(self.things, one.things)
        return found

    def window(self, call: Window) -> Column:
        if call.function == "silent":
            return self.silent(call)
        ring = self.known.rings[self.rule.program.windows.index(call)]
        if call.ring:
            return self.placed(call, ring)
        if call.function == "count":
            return Column(ring.count_after(self.things, self.at - call.us))
        oldest, enough = ring.oldest_since(self.things, self.at - call.us)
        now = self.column(self.index_of(call.subject))
        unknown = ~enough if now.null is None else ~enough | now.null
        return Column(np.asarray(now.values) - oldest, unknown)

    def placed(self, call: Window, ring: Ring) -> Column:
        """Tell whether things are inside an area, or have been for so long; a position gone stale is unknown."""
        entered, told = ring.value[self.things, 0], ring.at[self.things, 0]
        stream = self.rule.streams[self.things, self.rule.program.names.index(POSITION[0])]
        unknown = self.at - told > self.params.stale_after[stream]
        with np.errstate(invalid="ignore"):
            return Column(self.at - entered >= call.us, unknown)

    def silent(self, call: Window) -> Column:
        stream = self.rule.streams[self.things, self.index_of(call.subject)]
        last = self.state.last_at[stream]
        return Column(self.at - np.maximum(last, self.state.awake) >= call.us, last == NEVER)

    def index_of(self, subject: Node) -> int:
        assert isinstance(subject, Name)
        return self.rule.program.names.index(subject.name)
