"""The kernel's twin in plain Python, reading by reading: the oracle of its tests and the baseline of its benchmark."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

CLEAR, RAISE, LEVEL = 0, 1, 2


class View:
    """What one thing has told so far; values that are stale at a moment are None."""

    def __init__(self, stale_us: int) -> None:
        self.stale_us = stale_us
        self.last: dict[str, tuple[int, float]] = {}
        self.history: dict[str, list[tuple[int, float]]] = {}
        self.counted: dict[int, list[int]] = {}

    def value(self, name: str, at: int) -> float | None:
        if name not in self.last or at - self.last[name][0] > self.stale_us:
            return None
        return self.last[name][1]

    def over(self, name: str, limit: float, at: int) -> bool:
        value = self.value(name, at)
        return value is not None and value > limit

    def under(self, name: str, limit: float, at: int) -> bool:
        value = self.value(name, at)
        return value is not None and value < limit

    def rise(self, name: str, window_us: int, at: int) -> float | None:
        inside = [value for when, value in self.history.get(name, []) if when >= at - window_us]
        now = self.value(name, at)
        return None if now is None or len(inside) < 2 else now - inside[0]

    def silent(self, name: str, window_us: int, at: int) -> bool:
        return name in self.last and at - self.last[name][0] >= window_us


Test = Callable[[View, int], bool]


@dataclass
class Plain:
    """A rule as Python functions that are true only where the condition is surely true."""

    names: tuple[str, ...]
    when: Test
    clear: Test
    lasting: int = 0
    levels: tuple[tuple[int, Test | None], ...] = ((3, None),)
    timed: bool = False
    under: int | None = None
    flap_most: int = 0
    flap_within: int = 0
    counts: Test | None = None


@dataclass
class Known:
    since: int | None = None
    raised: str = ""
    raised_at: int = 0
    level: int = 0
    told: list[int] = field(default_factory=list)


class Thing:
    """One thing under all rules."""

    def __init__(self, number: int, rules: list[Plain], stale_us: int) -> None:
        self.number, self.rules, self.view = number, rules, View(stale_us)
        self.known = [Known() for _ in rules]
        self.found: list[tuple[int, int, int, int, int]] = []

    def reading(self, name: str, at: int, value: float) -> None:
        mine = [i for i, rule in enumerate(self.rules) if name in rule.names]
        for i in sorted({above for one in mine for above in self.above(one)}):
            self.settle(i, at)
        self.view.last[name] = (at, value)
        self.view.history.setdefault(name, []).append((at, value))
        for i in mine:
            counts = self.rules[i].counts
            if counts is not None and counts(self.view, at):
                self.view.counted.setdefault(i, []).append(at)
            self.judge(i, at)

    def above(self, i: int) -> set[int]:
        """A rule and those that it stands under: they must know what stands before it is asked."""
        under = self.rules[i].under
        return {i} | (self.above(under) if under is not None else set())

    def settle(self, i: int, at: int) -> None:
        rule, known = self.rules[i], self.known[i]
        if known.since is None:
            return
        due = known.since + rule.lasting
        if not rule.when(self.view, min(due, at)):
            known.since = None
        elif due < at:
            self.raise_(i, due)

    def tick(self, clock: int) -> None:
        for i, rule in enumerate(self.rules):
            known = self.known[i]
            if known.since is not None and known.since + rule.lasting <= clock:
                due = known.since + rule.lasting
                if rule.when(self.view, due):
                    self.raise_(i, due)
                else:
                    known.since = None
            if rule.timed and any(name in self.view.last for name in rule.names):
                self.judge(i, clock)

    def judge(self, i: int, at: int) -> None:
        rule, known = self.rules[i], self.known[i]
        if known.raised:
            self.clear_or_climb(i, at)
            return
        covered = rule.under is not None and self.known[rule.under].raised
        if covered or not rule.when(self.view, at):
            known.since = None
            return
        known.since = at if known.since is None else known.since
        if known.since + rule.lasting <= at:
            self.raise_(i, known.since + rule.lasting)

    def clear_or_climb(self, i: int, at: int) -> None:
        rule, known = self.rules[i], self.known[i]
        if rule.clear(self.view, at):
            if known.raised == "told":
                self.note(i, at, CLEAR)
            known.raised = ""
        elif known.raised == "told" and self.level(i, at) > known.level:
            known.level = self.level(i, at)
            self.note(i, at, LEVEL)

    def raise_(self, i: int, due: int) -> None:
        rule, known = self.rules[i], self.known[i]
        above = self.known[rule.under] if rule.under is not None else None
        if above is not None and above.raised and above.raised_at <= due:
            known.since = None
            return
        known.raised_at = due
        known.since, known.level = None, self.level(i, due)
        recent = [told for told in known.told if told > due - rule.flap_within]
        if rule.flap_most and len(recent) >= rule.flap_most:
            known.raised = "muted"
            return
        known.raised = "told"
        known.told.append(due)
        self.note(i, due, RAISE)

    def level(self, i: int, at: int) -> int:
        found = self.rules[i].levels[0][0]
        for level, test in self.rules[i].levels[1:]:
            if test is not None and test(self.view, at):
                found = level
        return found

    def note(self, i: int, at: int, kind: int) -> None:
        self.found.append((at, i, self.number, kind, self.known[i].level))


def judge_all(
    rules: list[Plain], readings: Iterable[tuple[int, str, int, int, float]], clocks: list[int], stale_us: int
) -> list[tuple[int, int, int, int, int]]:
    """Return the transitions (at, rule, thing, kind, level) of readings (thing, name, at, seq, value), in any order."""
    things: dict[int, Thing] = {}
    seen: set[tuple[Any, ...]] = set()
    ordered = sorted(readings, key=lambda r: (r[2], r[1], r[3], r[4]))
    position = 0
    for clock in clocks:
        while position < len(ordered) and ordered[position][2] <= clock:
            thing, name, at, seq, value = ordered[position]
            position += 1
            if (thing, name, at, seq) in seen:
                continue
            seen.add((thing, name, at, seq))
            things.setdefault(thing, Thing(thing, rules, stale_us)).reading(name, at, value)
        for one in things.values():
            one.tick(clock)
    return sorted(line for one in things.values() for line in one.found)
