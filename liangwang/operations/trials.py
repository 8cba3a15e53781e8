"""Tries a rule on recorded readings beside the one in force: what each would have raised, and what people did then.

Readings are judged by the same kernel, a minute of arrival at a time: moments of `lasting` stay exact, what windows
and silence find may come up to a minute later than live would have found it, and the page says so.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from liangwang.base.packs import declarations
from liangwang.cases.queries import Case
from liangwang.rules.declare import LEVELS
from liangwang.rules.sets import Judged
from liangwang.rules.state import Batch, Params, fresh
from liangwang.rules.stream import CLEAR, RAISE, step

from . import datastreams, rule_drafts, signals
from .history import DAY_US, recorded
from .models import Asset, Signal
from .rule_models import RuleDraft, Trial
from .rule_overview import end_of
from .snapshots import Step

MINUTE_US: Final = 60_000_000
NEAR_US: Final = 30 * MINUTE_US
LISTED: Final = 100
MOST_RAISES: Final = 10_000
LONG_DAYS: Final = 92
Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Raise:
    """One signal of one rule for one thing: when, until when (None: it stood at the end), how grave."""

    thing: int
    at: int
    until: int | None
    level: int
    datastream: int
    value: float


def ask(draft: RuleDraft, days: int, by: int | None, at: datetime) -> Trial:
    """A trial of a draft over the last days, not run yet."""
    days = min(max(days, 1), LONG_DAYS)
    return Trial.objects.create(kind="draft", draft=draft, given={"days": days}, asked_by_id=by, asked_at=at)


def run(trial: Trial, at: datetime, tell: Tell, data: Path | None = None) -> dict[str, Any]:
    """Judge the last days by the draft and by the rule in force; returns what the page shows. Raises RuleError."""
    draft = trial.draft
    assert draft is not None
    end = round(trial.asked_at.timestamp() * 1e6)
    start = end - trial.given["days"] * DAY_US
    checked = rule_drafts.check(draft.pack, draft.key, draft.text, draft.limits)
    if checked.judged is None:
        raise rule_drafts.Wrong(n=len(checked.problems))
    new = rule_drafts.ruleset_of(checked.everything, draft.pack, draft.key)
    old = (
        rule_drafts.ruleset_of(declarations, draft.pack, draft.key)
        if rule_drafts.in_force(draft.pack, draft.key)
        else ()
    )
    found, seen = judge_both([new, old], start, end, tell, data)
    return compared(f"{draft.pack}:{draft.key}", found, seen, (start, end))


@dataclass(slots=True)
class Seen:
    """What was judged: readings, minutes, and the span from the first to the last of them in µs."""

    readings: int = 0
    minutes: int = 0
    first: int = 0
    last: int = 0


def judge_both(
    sets: Sequence[tuple[Judged, ...]], start: int, end: int, tell: Tell, data: Path | None = None
) -> tuple[list[list[Raise]], Seen]:
    """Judge the recorded readings by several rulesets; returns what the first rule of each would have raised."""
    found, seen = _judge([rules for rules in sets if rules], start, end, tell, data)
    left = iter(found)
    return [next(left)[rules[0].program.key] if rules else [] for rules in sets], seen


def judge_rules(
    rules: tuple[Judged, ...], start: int, end: int, tell: Tell, data: Path | None = None
) -> tuple[dict[str, list[Raise]], Seen]:
    """Judge the recorded readings by one ruleset; returns the signals of each rule by its key."""
    (found,), seen = _judge([rules], start, end, tell, data)
    return found, seen


def _judge(
    sets: Sequence[tuple[Judged, ...]], start: int, end: int, tell: Tell, data: Path | None
) -> tuple[list[dict[str, list[Raise]]], Seen]:
    index = datastreams.refreshed()
    runs = [_Run(signals.params_of(rules, index, start)) for rules in sets]
    streams = (
        np.unique(np.concatenate([run.streams() for run in runs])) if runs else np.zeros(0, dtype=np.int32)
    )
    seen = Seen()
    for now, batch, deaf in minutes(recorded(data or settings.DATA, start, end, streams)):
        for run in runs:
            run.judge(batch, now, deaf)
        seen.readings += len(batch.at)
        seen.minutes += 1
        seen.first, seen.last = seen.first or now, now
        if seen.minutes % 60 == 0:
            tell((now - start) / (end - start))
    return [run.raises() for run in runs], seen


def minutes(steps: Iterator[tuple[Step, Batch]]) -> Iterator[tuple[int, Batch, bool]]:
    """Join recorded steps into one for each minute of arrival: (now, readings, whether nobody listened before)."""
    held: list[Batch] = []
    now, deaf, minute = 0, False, -1
    for past, batch in steps:
        if past.now // MINUTE_US != minute and minute >= 0:
            yield now, _joined(held), deaf
            held, deaf = [], False
        minute, now, deaf = past.now // MINUTE_US, past.now, deaf or past.deaf
        if len(batch.at):
            held.append(batch)
    if minute >= 0:
        yield now, _joined(held), deaf


def _joined(batches: Sequence[Batch]) -> Batch:
    if not batches:
        return Batch.empty()
    columns = [np.concatenate(column) for column in zip(*batches, strict=True)]
    return Batch(*columns)


class _Run:
    """One ruleset at work over history."""

    def __init__(self, params: Params) -> None:
        self.params, self.state = params, fresh(params)
        self.open: dict[tuple[int, int], Raise] = {}
        self.found: dict[str, list[Raise]] = {rule.program.key: [] for rule in params.rules}

    def streams(self) -> NDArray[np.int32]:
        """The datastreams at which the rules look."""
        touched = np.zeros(len(self.params.thing), dtype=bool)
        for rule in self.params.rules:
            touched |= rule.touches
        return np.flatnonzero(touched).astype(np.int32)

    def judge(self, batch: Batch, now: int, deaf: bool) -> None:
        """Judge one minute."""
        self.state, told = step(self.state, self.params, batch, now, deaf=deaf)
        for row in told:
            place = int(row["rule"]), int(row["thing"])
            at, level = int(row["at"]), int(row["level"])
            if row["kind"] == RAISE:
                self.open[place] = Raise(
                    place[1], at, None, level, int(row["datastream"]), float(row["value"])
                )
            elif place in self.open and row["kind"] == CLEAR:
                self._close(place, at)
            elif place in self.open:
                self.open[place] = replace(self.open[place], level=level)

    def _close(self, place: tuple[int, int], until: int | None) -> None:
        key = self.params.rules[place[0]].program.key
        self.found[key].append(replace(self.open.pop(place), until=until))

    def raises(self) -> dict[str, list[Raise]]:
        """All signals of each rule, by time; those that stand at the end have no `until`."""
        for place in list(self.open):
            self._close(place, None)
        return {key: sorted(rows, key=lambda one: (one.at, one.thing)) for key, rows in self.found.items()}


# --- comparing -------------------------------------------------------------------------------------------


def paired(
    new: Sequence[Raise], old: Sequence[Raise], last: int
) -> tuple[list[tuple[Raise, Raise]], list[Raise], list[Raise]]:
    """Return (same in both, only old = missed, only new = fresh): of one thing, overlapping or within half an hour."""
    of_thing: dict[int, list[Raise]] = defaultdict(list)
    for one in old:
        of_thing[one.thing].append(one)
    used: set[tuple[int, int]] = set()
    both, fresh_ones = [], []
    for one in new:
        match = next(
            (
                other
                for other in of_thing.get(one.thing, ())
                if (other.thing, other.at) not in used
                and other.at - NEAR_US <= (one.until or last)
                and one.at - NEAR_US <= (other.until or last)
            ),
            None,
        )
        if match is None:
            fresh_ones.append(one)
        else:
            used.add((match.thing, match.at))
            both.append((one, match))
    return both, [one for one in old if (one.thing, one.at) not in used], fresh_ones


def compared(rule: str, found: Sequence[list[Raise]], seen: Seen, when: tuple[int, int]) -> dict[str, Any]:
    """Return what the page shows of a trial: counts by day, things, and what was done about the incidents then."""
    new, old = found
    both, missed, fresh_ones = paired(new, old, when[1])
    done = _Done(rule, when)
    things = {one.thing for one in [*new, *old]}
    assets = Asset.objects.select_related("place").in_bulk([*things][: LISTED * 10])
    shown: Callable[[Raise], dict[str, Any]] = lambda one: _shown(one, assets, done)  # noqa: E731
    earlier = [(a, b) for a, b in both if a.at < b.at]
    later = [(a, b) for a, b in both if a.at > b.at]
    return {
        "from": when[0], "to": when[1], "readings": seen.readings, "minutes": seen.minutes,
        "first": seen.first, "last": seen.last,
        "new": _side(new, when), "old": _side(old, when),
        "both": len(both), "missed": len(missed), "fresh": len(fresh_ones),
        "earlier": len(earlier), "later": len(later),
        "sooner_s": _middle([b.at - a.at for a, b in earlier]), "later_s": _middle([a.at - b.at for a, b in later]),
        "done_both": Counter(done.of(b) for _, b in both), "done_missed": Counter(done.of(one) for one in missed),
        "missed_rows": [shown(one) for one in missed[:LISTED]],
        "fresh_rows": [shown(one) for one in fresh_ones[:LISTED]],
        "both_rows": [{**shown(a), "old_at": b.at} for a, b in both[:LISTED]],
        "too_many": len(new) > MOST_RAISES, "busiest": _busiest(new, assets),
    }  # fmt: skip


def _middle(spans: Sequence[int]) -> float | None:
    return float(np.median(spans)) / 1e6 if spans else None


def _side(raises: Sequence[Raise], when: tuple[int, int]) -> dict[str, Any]:
    """Counts of one side: in all, of how many things, on each day of the city, by level."""
    city = ZoneInfo(settings.TIME_ZONE)
    days = Counter(signals.instant(one.at).astimezone(city).date().isoformat() for one in raises)
    first, last = (signals.instant(at).astimezone(city).date() for at in when)
    every = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    return {
        "raises": len(raises),
        "things": len({one.thing for one in raises}),
        "days": [[day, days.get(day, 0)] for day in every],
        "levels": Counter(str(one.level) for one in raises),
        "standing": sum(one.until is None for one in raises),
    }


def _busiest(raises: Sequence[Raise], assets: dict[int, Asset]) -> list[dict[str, Any]]:
    """The things that would raise most often: a rattling sensor shows here."""
    often = Counter(one.thing for one in raises).most_common(5)
    return [
        {
            "label": assets[thing].label if thing in assets else {},
            "key": assets[thing].key if thing in assets else str(thing),
            "n": n,
        }
        for thing, n in often
        if n > 1
    ]


def _shown(one: Raise, assets: dict[int, Asset], done: "_Done") -> dict[str, Any]:
    asset = assets.get(one.thing)
    return {
        "at": one.at, "until": one.until, "level": LEVELS[one.level], "stream": one.datastream,
        "value": None if np.isnan(one.value) else round(one.value, 3),
        "label": asset.label if asset else {}, "key": asset.key if asset else str(one.thing),
        "place": asset.place.name if asset else {}, **done.case(one),
    }  # fmt: skip


class _Done:
    """What people did about the signals that live raised then: the incident of each, and how it ended."""

    def __init__(self, rule: str, when: tuple[int, int]) -> None:
        start, end = (signals.instant(at) for at in when)
        rows = Signal.objects.filter(rule=rule, at__gte=start - timedelta(hours=1), at__lt=end)
        self.of_thing: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for asset, at, ref in rows.order_by("at").values_list("asset_id", "at", "case_ref"):
            self.of_thing[asset].append((round(at.timestamp() * 1e6), ref))
        refs = {ref for pairs in self.of_thing.values() for _, ref in pairs if ref}
        self.cases = {case.ref: case for case in Case.objects.filter(ref__in=refs)}

    def near(self, one: Raise) -> Case | None:
        """The incident that live opened for this thing at about this time."""
        pairs = self.of_thing.get(one.thing, [])
        low, high = bisect_left(pairs, (one.at - NEAR_US, "")), bisect_right(pairs, (one.at + NEAR_US, "￿"))
        return next((self.cases[ref] for _, ref in pairs[low:high] if ref in self.cases), None)

    def of(self, one: Raise) -> str:
        """How it ended: none, open, refused, handled (somebody worked on it) or closed without work."""
        return end_of(self.near(one))

    def case(self, one: Raise) -> dict[str, Any]:
        """The incident's ref and end for the list."""
        case = self.near(one)
        return {"case": case.ref if case else "", "number": case.number if case else "", "done": self.of(one)}
