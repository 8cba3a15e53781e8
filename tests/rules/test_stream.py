"""The kernel: equal to its plain twin, whatever the order, repetition and cutting of what arrives inside `reorder`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.rules.declare import LEVELS, Flap, SignalRule
from liangwang.rules.errors import RuleError
from liangwang.rules.language import Place, Variable
from liangwang.rules.parse import parse_condition
from liangwang.rules.program import compile_signal
from liangwang.rules.state import (
    Alert,
    Batch,
    Datastreams,
    Params,
    State,
    fitted,
    fresh,
    load,
    params_for,
    save,
)
from liangwang.rules.stream import step
from tests.tries import tries

from .plain import Plain, judge_all

S = 1_000_000
T0 = 1_760_000_000 * S
REORDER, STALE, TICK = 30 * S, 120 * S, 10 * S
LABEL = {"zh": "甲", "en": "a"}
THINGS = 3


def rule(name: str, when: str, **more: Any) -> SignalRule:
    return SignalRule(**{"rule": name, "label": LABEL, "when": when, "level": "red", **more})


RULES = [
    rule("high", "x > 16", clear="x < 14", flap=Flap(most=2, within="10min")),
    rule("lasting", "x > 16", lasting="1min"),
    rule("rise", "rate(x, 2min) >= 3"),
    rule("silent", "silent(x, 90s)"),
    rule("both", "x > 16 and y > 5", lasting="20s"),
    rule("either", "x > 18 or y > 5", lasting="45s", under="high"),
    rule("often", "count(x > 16, 2min) >= 3", level={"blue": "x > 16", "red": "x > 20"}),
]
PLAIN = [
    Plain(
        ("x",),
        lambda v, t: v.over("x", 16, t),
        lambda v, t: v.under("x", 14, t),
        flap_most=2,
        flap_within=600 * S,
    ),
    Plain(
        ("x",),
        lambda v, t: v.over("x", 16, t),
        lambda v, t: v.value("x", t) is not None and not v.over("x", 16, t),
        60 * S,
    ),
    Plain(
        ("x",),
        lambda v, t: (v.rise("x", 120 * S, t) or 0) >= 3,
        lambda v, t: (r := v.rise("x", 120 * S, t)) is not None and r < 3,
        timed=True,
    ),
    Plain(
        ("x",),
        lambda v, t: v.silent("x", 90 * S, t),
        lambda v, t: "x" in v.last and not v.silent("x", 90 * S, t),
        timed=True,
    ),
    Plain(
        ("x", "y"),
        lambda v, t: v.over("x", 16, t) and v.over("y", 5, t),
        lambda v, t: surely_not(v, t, "x", 16) or surely_not(v, t, "y", 5),
        20 * S,
    ),
    Plain(
        ("x", "y"),
        lambda v, t: v.over("x", 18, t) or v.over("y", 5, t),
        lambda v, t: surely_not(v, t, "x", 18) and surely_not(v, t, "y", 5),
        45 * S,
        under=0,
    ),
    Plain(
        ("x",),
        lambda v, t: counted(v, t) >= 3,
        lambda v, t: counted(v, t) < 3,
        levels=((0, None), (3, lambda v, t: v.over("x", 20, t))),
        timed=True,
        counts=lambda v, t: v.over("x", 16, t),
    ),
]


def surely_not(view: Any, at: int, name: str, limit: float) -> bool:
    value = view.value(name, at)
    return value is not None and value <= limit


def counted(view: Any, at: int) -> int:
    return sum(when > at - 120 * S for when in view.counted.get(6, []))


def params(reorder: int = REORDER, every: int = 1 * S, rules: list[SignalRule] = RULES) -> Params:
    thing = np.repeat(np.arange(THINGS, dtype=np.int32), 2)
    n = len(thing)
    streams = Datastreams(
        thing, ["x", "y"] * THINGS, ["p:k"] * n, np.full(n, every), np.full(n, reorder), np.full(n, STALE)
    )
    return params_for(streams, [(compile_signal(one, None, {}, f"p:{one.rule}"), "p:k") for one in rules])


PARAMS = params()


def batch(rows: list[tuple[int, int, int, float]]) -> Batch:
    stream, at, seq, value = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Batch(
        np.array(stream, dtype=np.int32),
        np.array(at, dtype=np.int64),
        np.array(seq, dtype=np.int64),
        np.array(value, dtype=np.float64),
    )


def run(
    arrivals: list[tuple[int, tuple[int, int, int, float]]], end: int
) -> tuple[State, list[tuple[int, ...]]]:
    """Feed readings, each at the step after its arrival; steps come every ten seconds."""
    state, found = fresh(PARAMS), []
    for now in range(T0, end + 1, TICK):
        due = [reading for arrived, reading in arrivals if now - TICK < arrived <= now]
        state, told = step(state, PARAMS, batch(due), now)
        found += [tuple(int(row[c]) for c in ("at", "rule", "thing", "kind", "level")) for row in told]
    return state, sorted(found)


readings = st.lists(
    st.tuples(
        st.integers(0, 2 * THINGS - 1),
        st.integers(0, 120).map(lambda n: T0 + n * 5 * S),
        st.integers(0, 1),
        st.sampled_from([1.0, 6.0, 13.0, 15.0, 17.0, 19.0, 21.0]),
    ),
    max_size=60,
    unique_by=lambda r: (r[0], r[1], r[2]),
)


@given(data=st.data(), rows=readings)
@settings(max_examples=tries(60), deadline=None)
def test_disorder_and_repetition_inside_the_window_change_nothing(
    data: st.DataObject, rows: list[tuple[int, int, int, float]]
) -> None:
    end = T0 + 1000 * S
    in_order = [(at, (stream, at, seq, value)) for stream, at, seq, value in rows]
    delays = st.integers(0, (REORDER - TICK) // S).map(lambda s: s * S)
    shuffled = [(at + data.draw(delays), reading) for at, reading in in_order]
    if shuffled:
        again = data.draw(st.lists(st.sampled_from(range(len(shuffled))), max_size=10))
        shuffled += [(in_order[i][0] + data.draw(delays), in_order[i][1]) for i in again]
        shuffled = data.draw(st.permutations(shuffled))
    first, found = run(in_order, end)
    second, found_again = run(shuffled, end)
    assert found == found_again
    assert_same(first, second)
    clocks = [now - REORDER for now in range(T0, end + 1, TICK)]
    plain = [(stream // 2, "xy"[stream % 2], at, seq, value) for stream, at, seq, value in rows]
    assert found == judge_all(PLAIN, plain, clocks, STALE)


UNTIMED = [one for one in RULES if one.rule in {"high", "lasting", "both", "either"}]


@given(data=st.data(), rows=readings)
@settings(max_examples=tries(40), deadline=None)
def test_however_the_readings_are_cut_into_steps_the_same_signals_come(
    data: st.DataObject, rows: list[tuple[int, int, int, float]]
) -> None:
    """Rules without a window know event time alone: steps of any width at any moment find what one step finds."""
    some = params(rules=UNTIMED)
    order = sorted(rows, key=lambda row: row[1])
    whole, at_once = step(fresh(some), some, batch(order), T0 + 700 * S)
    whole, last = step(whole, some, Batch.empty(), T0 + 2000 * S)
    cuts = sorted(data.draw(st.sets(st.integers(1, 139), max_size=12)))
    state, found, sent = fresh(some), [], 0
    for now in [*(T0 + cut * 5 * S for cut in cuts), T0 + 700 * S, T0 + 2000 * S]:
        due = [row for row in order[sent:] if row[1] <= now]
        state, told = step(state, some, batch(due), now)
        found.append(told)
        sent += len(due)
    split = np.sort(np.concatenate(found), order=["at", "rule", "thing", "kind"])
    joined = np.sort(np.concatenate([at_once, last]), order=["at", "rule", "thing", "kind"])
    fields = ["at", "rule", "thing", "kind", "level"]
    assert split[fields].tolist() == joined[fields].tolist()
    assert_same(whole, state)


SQUARE = Place(((121.0, 31.0), (121.1, 31.0), (121.1, 31.1), (121.0, 31.1)))


def moves(way: list[tuple[int, float, float]], when: str, end: int, **more: Any) -> list[tuple[str, int]]:
    """Return (kind, second) of the transitions of one vehicle that tells where it is (second, lon, lat), lon first."""
    one = rule("here", when, **more)
    streams = Datastreams(
        np.zeros(2, np.int32), ["lon", "lat"], ["k", "k"], *(np.full(2, n) for n in (S, 0, STALE))
    )
    program = compile_signal(one, {"lon": Variable("number"), "lat": Variable("number")}, {"square": SQUARE})
    some = params_for(streams, [(program, "k")])
    state, found, known = fresh(some), [], {at: (lon, lat) for at, lon, lat in way}
    for second in range(0, end + 1, 5):
        rows = [(i, T0 + second * S, 0, value) for i, value in enumerate(known.get(second, ()))]
        state, told = step(state, some, batch(rows), T0 + second * S)
        found += [(("clear", "raise", "level")[row["kind"]], (int(row["at"]) - T0) // S) for row in told]
    return found


def test_a_position_counts_when_both_its_numbers_are_of_one_moment() -> None:
    way = [(0, 120.9, 31.2), (60, 121.05, 31.05), (120, 121.2, 31.2)]
    assert moves(way, "inside(square)", 200) == [("raise", 60), ("clear", 120)]
    # On the way past a corner neither point is inside; a mixture of the two would be.
    assert moves([(0, 121.05, 31.2), (60, 121.2, 31.05)], "inside(square)", 200) == []


def test_who_stays_in_an_area_is_told_when_the_time_is_up_and_who_drives_through_is_not() -> None:
    stays = [(second, 121.05, 31.05) for second in range(60, 301, 60)] + [(360, 121.5, 31.05)]
    assert moves(stays, "dwell(square, 3min)", 400) == [("raise", 240), ("clear", 360)]
    through = [(0, 120.9, 31.05), (60, 121.05, 31.05), (120, 121.2, 31.05), (180, 121.05, 31.05)]
    assert moves(through, "dwell(square, 2min)", 260) == []


def test_a_position_gone_stale_is_unknown_and_staying_starts_over() -> None:
    gone = [(0, 121.05, 31.05), (60, 121.05, 31.05), (240, 121.05, 31.05), (300, 121.05, 31.05)]
    assert moves(gone, "dwell(square, 4min)", 400) == []
    assert moves(gone[:2], "not inside(square)", 400) == []


def under_warning(when: str, alerts: list[Alert], *, every: int = 5, **more: Any) -> list[tuple[str, int]]:
    """Return (kind, second) of the transitions of thing 1 of two, whose x is 20 for ten minutes; steps as given."""
    streams = Datastreams(
        np.arange(2, dtype=np.int32), ["x", "x"], ["k", "k"], *(np.full(2, n) for n in (S, 0, 3600 * S))
    )
    some = params_for(streams, [(compile_signal(rule("w", when, **more), None, {}), "k")], alerts=alerts)
    state, found = fresh(some), []
    for second in range(0, 601, every):
        rows = [(n, T0 + second * S, 0, 20.0) for n in range(2)] if second % 60 == 0 else []
        state, told = step(state, some, batch(rows), T0 + second * S)
        found += [row for row in told if row["thing"] == 1]
    return [(("clear", "raise", "level")[row["kind"]], (int(row["at"]) - T0) // S) for row in found]


def alert(level: str, starts: int, ends: int, **more: Any) -> Alert:
    """A warning over thing 1 with its times in seconds."""
    times = {"known": 0, "ended": 9_999, "ended_known": 9_999, **more.pop("known", {})}
    things = more.pop("things", np.array([1], dtype=np.int32))
    return Alert(
        LEVELS.index(level), things, T0 + starts * S, T0 + ends * S, *(T0 + n * S for n in times.values())
    )


def test_a_rule_holds_while_a_warning_of_its_level_or_a_higher_one_covers_the_thing() -> None:
    when = "x > 16 and warned(orange)"
    assert under_warning(when, [alert("orange", 100, 300)]) == [("raise", 100), ("clear", 300)]
    assert under_warning(when, [alert("red", 100, 300)]) == [("raise", 100), ("clear", 300)]
    assert under_warning(when, [alert("yellow", 100, 300)]) == []
    assert under_warning(when, [alert("red", 100, 300, things=np.array([0], np.int32))]) == []
    assert under_warning(when, [alert("orange", 100, 300)], lasting="2min") == [
        ("raise", 220),
        ("clear", 300),
    ]
    assert under_warning(when, [alert("orange", 100, 210)], lasting="2min") == []
    two = [alert("orange", 100, 200), alert("red", 200, 300)]
    assert under_warning(when, two) == [("raise", 100), ("clear", 300)], "an update leaves no gap"
    ladder = {"blue": "x > 16", "red": "x > 16 and warned(orange)"}
    assert under_warning("x > 16", [alert("orange", 100, 300)], level=ladder) == [
        ("raise", 0),
        ("level", 100),
    ]


def test_a_step_knows_a_warning_only_since_it_was_received_and_that_it_was_ended_since_that_was() -> None:
    when = "x > 16 and warned(orange)"
    late = alert("orange", 0, 700, known={"known": 150})
    assert under_warning(when, [late]) == [("raise", 150)]
    ended = alert("orange", 0, 700, known={"ended": 200, "ended_known": 210})
    assert under_warning(when, [ended]) == [("raise", 0), ("clear", 210)]


def test_only_the_four_levels_can_be_asked_for() -> None:
    with pytest.raises(RuleError) as unknown:
        parse_condition("warned(oragne)")
    assert "did you mean 'orange'" in unknown.value.message("en")
    for wrong in ("warned(3)", "warned('red')", "warned()", "warned(red, 5min)"):
        with pytest.raises(RuleError):
            parse_condition(wrong)


def test_an_area_must_be_declared_and_the_thing_must_tell_where_it_is() -> None:
    with pytest.raises(RuleError) as unknown:
        parse_condition(
            "inside(sqare)", {"lon": Variable("number"), "lat": Variable("number")}, {"square": SQUARE}
        )
    assert "did you mean 'square'" in unknown.value.message("en")
    with pytest.raises(RuleError) as nowhere:
        parse_condition("dwell(square, 5min)", {"tilt": Variable("number")}, {"square": SQUARE})
    assert "lon" in nowhere.value.message("zh")


def assert_same(first: State, second: State) -> None:
    for name in ("last_at", "last_value", "floor", "top"):
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True), name
    for key, known in first.rules.items():
        for name in ("since", "raised", "level"):
            assert np.array_equal(getattr(known, name), getattr(second.rules[key], name)), (key, name)


def test_lasting_ends_at_its_moment_though_no_reading_and_no_tick_falls_on_it() -> None:
    state = fresh(PARAMS)
    state, _ = step(state, PARAMS, batch([(0, T0, 0, 17.0)]), T0)
    state, found = step(state, PARAMS, Batch.empty(), T0 + 95 * S)
    lasting = found[found["rule"] == 1]
    assert list(lasting["at"]) == [T0 + 60 * S]


def test_a_value_that_goes_stale_ends_the_waiting() -> None:
    slow = [rule("slow", "x > 16", lasting="3min")]
    one = params_for(
        Datastreams(np.zeros(1, np.int32), ["x"], ["k"], *(np.full(1, n) for n in (S, 0, STALE))),
        [(compile_signal(slow[0], None, {}), "k")],
    )
    state, found = fresh(one), []
    for offset, value in ((0, 17.0), (150, 17.0), (240, 17.0), (300, 17.0)):
        state, told = step(state, one, batch([(0, T0 + offset * S, 0, value)]), T0 + offset * S)
        found += list(told["at"])
    assert found == []
    state, told = step(state, one, Batch.empty(), T0 + 331 * S)
    assert list(told["at"]) == [T0 + 330 * S]


def test_what_comes_after_its_moment_is_counted_late_and_not_judged() -> None:
    state = fresh(PARAMS)
    state, _ = step(state, PARAMS, batch([(0, T0 + 100 * S, 0, 1.0)]), T0 + 100 * S)
    state, _ = step(state, PARAMS, Batch.empty(), T0 + 140 * S)
    state, found = step(state, PARAMS, batch([(0, T0 + 20 * S, 0, 99.0)]), T0 + 141 * S)
    state, _ = step(state, PARAMS, Batch.empty(), T0 + 200 * S)
    assert state.late[0] == 1
    assert state.last_value[0] == 1.0
    assert not len(found)


def test_a_fast_clock_of_one_thing_makes_no_other_thing_late() -> None:
    state = fresh(PARAMS)
    rows = [(0, T0 + 500 * S, 0, 1.0), (2, T0, 0, 2.0)]
    state, _ = step(state, PARAMS, batch(rows), T0)
    state, _ = step(state, PARAMS, batch([(2, T0 + 5 * S, 0, 3.0)]), T0 + 5 * S)
    state, _ = step(state, PARAMS, Batch.empty(), T0 + 60 * S)
    assert state.late.sum() == 0
    assert state.last_value[2] == 3.0


def test_a_snapshot_brings_back_every_byte_and_grows_with_the_city(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        (int(rng.integers(6)), T0 + int(rng.integers(400)) * S, 0, float(rng.integers(0, 25)))
        for _ in range(200)
    ]
    half, _ = run([(at, (s, at, q, v)) for s, at, q, v in rows], T0 + 200 * S)
    save(half, tmp_path / "1.npz", {"step": 7})
    loaded, note = load(tmp_path / "1.npz")
    assert note == {"step": 7}
    assert_same(half, loaded)
    for now in range(T0 + 210 * S, T0 + 600 * S, TICK):
        due = [(s, at, q, v) for s, at, q, v in rows if now - TICK < at <= now]
        half, first = step(half, PARAMS, batch(due), now)
        loaded, second = step(loaded, PARAMS, batch(due), now)
        assert first.tobytes() == second.tobytes()
    assert_same(fitted(loaded, PARAMS), half)
