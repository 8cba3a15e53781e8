"""Runs the packs' own rule tests: readings at times, and which signals stand at which offsets."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from liangwang.base.declare import Problem, declaration_file
from liangwang.base.inspection import Look
from liangwang.base.labels import Label
from liangwang.base.packs import Declared

from .decide import decide_one
from .declare import LEVELS, DecisionRule, Level, Shape, SignalRule
from .durations import microseconds
from .errors import RuleError
from .program import compile_decision
from .sets import Judged, compiles, judged, limits_of_pack, streams_of_pack
from .state import RAISED, Alert, Batch, Datastreams, Params, fresh, name_of, params_for
from .stream import step

ZONE: Final = "Asia/Shanghai"
TICK_US: Final = 10_000_000
DAY: Final = "2026-01-05"
FILE: Final = "tests/*.yaml"
_VALUE: Final = re.compile(r"(-|-?\d+(?:\.\d+)?)(?:x(\d+))?")


class Series(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of one datastream from the start on: `2 20x3 - 2` is 2, three times 20, one missing, 2."""

    every: str
    values: str | int | float


class RuleTest(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Readings of things (`M1.tilt`), and the signals that stand at offsets (`M1.cover_displaced red`).

    Where only one thing is in the test its name may be left out; so may the level. `warned` are the offsets from and to
    which a warning of a level covers all of them.
    """

    name: str
    readings: dict[str, Series]
    expect: dict[str, list[str]]
    begins: str = "12:00"
    warned: dict[Level, tuple[str, str]] = {}


class DecisionTest(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes of one subject, and the verdict of a decision rule; null is undecided."""

    name: str
    rule: str
    given: dict[str, str | int | float | bool | None]
    verdict: str | None


declaration_file(FILE, owner="rules", tuple_of=(RuleTest, DecisionTest))


class Failure(NamedTuple):
    """What a test expected and what came instead."""

    at: str
    expected: list[str]
    found: list[str]


def run(pack: str, root: Path | None = None) -> list[Problem]:
    """Return the problems of one pack's rules and rule tests."""
    return [problem for problem in problems(Look(root)) if problem.file.split("/")[1:2] == [pack]]


def problems(look: Look) -> Iterator[Problem]:
    """Yield what is wrong with the rules: they cannot run, a test fails, or a rule has no test."""
    fired: dict[str, set[bool]] = defaultdict(set)
    for one in look.all("rules.yaml"):
        error = compiles(look.all, one.pack, one.value)
        if error is not None:
            yield look.problem(one, (_key_of(error, one),), "rule", _label(error), REMEDY)
    for one in look.all(FILE):
        if isinstance(one.value, RuleTest):
            yield from _signal_test(one, look, fired)
        elif isinstance(one.value, DecisionTest):
            yield from _decision_test(one, look, fired)
    yield from _untested(look, fired)


REMEDY: Final[Label] = {"zh": "按规则语言改写", "en": "write it in the rule language"}


def _key_of(error: RuleError, one: Declared) -> str:
    return (
        "first"
        if isinstance(one.value, DecisionRule)
        else "under"
        if error.code.startswith("under")
        else "when"
    )


def _label(error: RuleError) -> Label:
    return {"zh": error.message("zh"), "en": error.message("en")}


def _signal_test(one: Declared, look: Look, fired: dict[str, set[bool]]) -> Iterator[Problem]:
    try:
        rules = _rules(look, one.pack)
        failures, seen = judge_test(one.value, rules, streams_of_pack(look.all, one.pack).values())
    except RuleError as error:
        yield look.problem(one, (), "test", _label(error), REMEDY)
        return
    for rule, states in seen.items():
        fired[f"{one.pack}:{rule}"] |= states
    for failure in failures:
        message: Label = {
            "zh": f"“{one.key}”在 {failure.at}:应有 {failure.expected},实有 {failure.found}",
            "en": f"'{one.key}' at {failure.at}: expected {failure.expected}, found {failure.found}",
        }
        remedy: Label = {"zh": "改规则，或改测试", "en": "change the rule, or the test"}
        yield look.problem(one, ("expect", failure.at), "test", message, remedy)


def _decision_test(one: Declared, look: Look, fired: dict[str, set[bool]]) -> Iterator[Problem]:
    test: DecisionTest = one.value
    rules = {r.key: r.value for r in look.all("rules.yaml") if r.pack == one.pack}
    rule = rules.get(test.rule)
    remedy: Label = {"zh": "改规则，或改测试", "en": "change the rule, or the test"}
    if not isinstance(rule, DecisionRule):
        message: Label = {"zh": f"没有判定规则“{test.rule}”", "en": f"no decision rule '{test.rule}'"}
        yield look.problem(one, ("rule",), "test", message, remedy)
        return
    case, _ = decide_one(compile_decision(rule, None, limits_of_pack(look.all, one.pack)), test.given)
    found = case.then if case else None
    fired[f"{one.pack}:{test.rule}"] |= {True, False}
    if found != test.verdict:
        message = {
            "zh": f"“{one.key}”应判 {test.verdict},实判 {found}",
            "en": f"'{one.key}' should be {test.verdict}, is {found}",
        }
        yield look.problem(one, ("verdict",), "test", message, remedy)


def _untested(look: Look, fired: dict[str, set[bool]]) -> Iterator[Problem]:
    for one in look.all("rules.yaml"):
        missing = {True, False} - fired[one.ref]
        if not missing:
            continue
        what_zh, what_en = (
            ("会触发", "in which it fires") if True in missing else ("不触发", "in which it stays silent")
        )
        message: Label = {
            "zh": f"规则“{one.key}”缺少一个{what_zh}的测试",
            "en": f"rule '{one.key}' has no test {what_en}",
        }
        remedy: Label = {"zh": "在 tests/ 里补上", "en": "add one in tests/"}
        yield look.problem(one, (), "untested", message, remedy)


def _rules(look: Look, pack: str) -> list[Judged]:
    declared = [
        one for one in look.all("rules.yaml") if one.pack == pack and isinstance(one.value, SignalRule)
    ]
    return [
        judged(look.all, pack, one.value) for one in declared if compiles(look.all, pack, one.value) is None
    ]


# --- running one test ------------------------------------------------------------------------------------


def judge_test(
    test: RuleTest, rules: list[Judged], streams: Iterable[Declared]
) -> tuple[list[Failure], dict[str, set[bool]]]:
    """Return the failures of a test, and for each rule that it reaches whether it fired (True) and was silent."""
    names = list(test.readings)
    params = _params(names, rules, list(streams))
    readings = _readings(test)
    offsets = {name: microseconds(name) for name in test.expect}
    begins = _begins(test.begins)
    params.alerts = _alerts(test, params.things, begins)
    end = max([*offsets.values(), *(at for at, _, _ in readings), 0])
    moments = sorted({*range(0, end + 1, TICK_US), *offsets.values(), *(at for at, _, _ in readings)})
    state, things = fresh(params), [name.rpartition(".")[0] for name in names]
    thing_names = list(dict.fromkeys(things))
    by_time: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for at, stream, value in readings:
        by_time[at].append((stream, value))
    failures: list[Failure] = []
    reached = {rule.program.key.partition(":")[2]: set[bool]() for rule in params.rules if rule.applies.any()}
    for moment in moments:
        state.tick_at = -(2**62)
        state, _ = step(state, params, _batch(by_time[moment], begins + moment), begins + moment)
        standing = _standing(state, params, thing_names)
        for rule in reached:
            reached[rule].add(any(line[1] == rule for line in standing))
        for offset in (name for name, at in offsets.items() if at == moment):
            failure = _compare(test.expect[offset], standing, len(thing_names) == 1)
            if failure:
                failures.append(Failure(offset, *failure))
    silent_or_fired = {rule: ({True} if True in states else {False}) for rule, states in reached.items()}
    return failures, silent_or_fired


def _params(names: list[str], rules: list[Judged], streams: list[Declared]) -> Params:
    """Return the kernel's parameters for the datastreams that a test names; order is not tested here."""
    things = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    quantities = [name.rpartition(".")[2] for name in names]
    of: dict[str, Declared] = {q: one for one in streams for q in one.value.quantities}
    for name, quantity in zip(names, quantities, strict=True):
        if quantity not in of:
            raise RuleError("name", name=name, hint_zh="", hint_en="")
    kinds = [f"{of[q].pack}:{of[q].value.things}" for q in quantities]
    thing = np.array([things.index(name.rpartition(".")[0]) for name in names], dtype=np.int32)
    every = np.array([microseconds(of[q].value.every) for q in quantities], dtype=np.int64)
    stale = np.array([microseconds(of[q].value.stale_after) for q in quantities], dtype=np.int64)
    datastreams = Datastreams(thing, quantities, kinds, every, np.zeros(len(names), dtype=np.int64), stale)
    return params_for(datastreams, [(rule.program, rule.kind) for rule in rules], ZONE)


def _readings(test: RuleTest) -> list[tuple[int, int, float]]:
    """Return (offset µs, datastream, value) of every value of a test."""
    found: list[tuple[int, int, float]] = []
    for stream, series in enumerate(test.readings.values()):
        every = microseconds(series.every)
        values = enumerate(_values(str(series.values)))
        found += [(place * every, stream, value) for place, value in values if not math.isnan(value)]
    return found


def _values(text: str) -> Iterator[float]:
    """Yield the values of a series, NaN where one is missing.

    >>> list(_values("2 20x2 3"))
    [2.0, 20.0, 20.0, 3.0]
    """
    for word in text.split():
        match = _VALUE.fullmatch(word)
        if match is None:
            raise RuleError("values", text=word)
        for _ in range(int(match[2] or 1)):
            yield math.nan if match[1] == "-" else float(match[1])


def _batch(readings: list[tuple[int, float]], at: int) -> Batch:
    n = len(readings)
    return Batch(
        np.array([stream for stream, _ in readings], dtype=np.int32),
        np.full(n, at, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.array([value for _, value in readings], dtype=np.float64),
    )


def _begins(text: str) -> int:
    at = datetime.fromisoformat(f"{DAY}T{text}:00").replace(tzinfo=ZoneInfo(ZONE))
    return round(at.timestamp()) * 1_000_000


def _alerts(test: RuleTest, things: int, begins: int) -> list[Alert]:
    every = np.arange(things, dtype=np.int32)
    spans = [(LEVELS.index(level), *map(microseconds, span)) for level, span in test.warned.items()]
    return [Alert(n, every, begins + a, begins + b, begins, begins + b, begins + b) for n, a, b in spans]


Line = tuple[str, str, str]


def _standing(state: Any, params: Params, things: list[str]) -> list[Line]:
    """Return (thing, rule, level) of every signal that stands."""
    found: list[Line] = []
    for rule in params.rules:
        known = state.rules[name_of(rule.program)]
        key = rule.program.key.partition(":")[2]
        standing = np.flatnonzero(known.raised == RAISED)
        found += [(things[thing], key, LEVELS[int(known.level[thing])]) for thing in standing]
    return found


def _compare(
    expected: list[str], standing: list[Line], one_thing: bool
) -> tuple[list[str], list[str]] | None:
    """Return (expected, found) as texts when they differ."""
    wanted = []
    for text in expected:
        match = re.fullmatch(r"(?:(.+)\.)?([^. ]+)(?: (\w+))?", text.strip())
        wanted.append((match[1], match[2], match[3]) if match else ("", text, None))
    left = list(standing)
    for thing, rule, level in wanted:
        fits = [
            line for line in left if line[1] == rule and thing in (None, line[0]) and level in (None, line[2])
        ]
        if not fits:
            break
        left.remove(fits[0])
    else:
        if not left:
            return None
    return sorted(expected), sorted(f"{r} {v}" if one_thing else f"{t}.{r} {v}" for t, r, v in standing)
