"""Signals: the rules in force over the city's things, and what their transitions become in the database."""

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction

from liangwang.base import events, packs
from liangwang.base.errors import Refusal
from liangwang.cases import queries
from liangwang.rules.declare import LEVELS, SignalRule
from liangwang.rules.durations import microseconds
from liangwang.rules.errors import RuleError
from liangwang.rules.sets import All, Judged, judged
from liangwang.rules.state import Params, State, params_for
from liangwang.rules.stream import CLEAR, RAISE, Transitions, why

from . import alerts, incidents, storms
from .datastreams import Index
from .models import Asset, Signal

logger = logging.getLogger(__name__)

ENDED = frozenset({"closed", "refused", "withdrawn"})
MANY = 200
RETRY_AFTER = timedelta(seconds=30)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Ruleset = tuple[Judged, ...]


def ruleset(everything: All = packs.declarations) -> Ruleset:
    """Return every signal rule in force of routine packs; one that cannot run is left to `liangwang check`.

    `everything` may be other declarations: a draft in place of what is in force.
    """
    routine = {pack.key for pack in packs.packs() if pack.meta.mode == "routine"}
    found = []
    for one in everything("rules.yaml"):
        if isinstance(one.value, SignalRule) and one.pack in routine:
            try:
                found.append(judged(everything, one.pack, one.value))
            except RuleError:
                continue
    return tuple(found)


def params_of(rules: Ruleset, index: Index, since: int) -> Params:
    """Return what the kernel needs to judge these rules over these datastreams from `since` (µs) on."""
    heed = [one.kind for one in rules if one.program.heeds]
    known = alerts.alerts(heed, since) if heed else []
    return params_for(index.streams, [(one.program, one.kind) for one in rules], settings.TIME_ZONE, known)


def apply(rules: Ruleset, params: Params, state: State, found: Transitions, judged_at: datetime) -> int:
    """Carry transitions into the database, inside a write: signals, incidents, events. Each at most once."""
    carried = _Carried(rules, params, state, judged_at)
    assets = Asset.objects.select_related("place", "subject").in_bulk(
        {int(number) for number in found["thing"]}
    )
    done = carried.clear_many(found)
    for row in found:
        asset = assets.get(int(row["thing"]))
        if asset is not None:
            done += carried.one(row, asset)
    return done + carried.rest()


class _Carried:
    """Transitions on their way into the database; what goes beyond a rule's quota waits to be kept in bulk."""

    def __init__(self, rules: Ruleset, params: Params, state: State, judged_at: datetime) -> None:
        self.rules, self.params, self.state, self.judged_at = rules, params, state, judged_at
        self.by_key = {one.program.key: one for one in rules}
        self.quota = storms.Quota(judged_at)
        self.surplus: dict[str, list[Signal]] = {}
        self.done: set[tuple[int, int]] = set()

    def clear_many(self, found: Transitions) -> int:
        """End at once what only the incident of a flood tells of, where very many signals clear together."""
        clears = found[found["kind"] == CLEAR]
        count = 0
        for number in np.unique(clears["rule"]) if len(clears) > MANY else ():
            mine = clears[clears["rule"] == number]
            rule = self.params.rules[int(number)]
            at = {int(row["thing"]): instant(int(row["at"])) for row in mine}
            raised = found[(found["kind"] == RAISE) & (found["rule"] == number)]["thing"]
            ended = storms.cleared(rule.program.key, set(at) - {int(thing) for thing in raised}, at)
            self.done |= {(int(number), thing) for thing in ended}
            count += len(ended)
        return count

    def one(self, row: np.void, asset: Asset) -> int:
        """Carry one transition."""
        number, thing = int(row["rule"]), int(row["thing"])
        rule = self.params.rules[number]
        one, at = self.by_key[rule.program.key], instant(int(row["at"]))
        if row["kind"] == RAISE:
            return self.raised(one, asset, row)
        if (number, thing) in self.done:
            return 0
        if self.surplus.get(rule.program.key):
            self.rest()
        if row["kind"] == CLEAR:
            return _cleared(one, asset, at)
        return _climbed(one, asset, at, int(row["level"]))

    def raised(self, one: Judged, asset: Asset, row: np.void) -> int:
        """Raise a signal; beyond the rule's quota it waits for the others."""
        key = one.program.key
        if one.rule.plan and self.quota.spent(key):
            self.surplus.setdefault(key, []).append(_signal(one, asset, row, self.judged_at, []))
            return 0
        rule = self.params.rules[int(row["rule"])]
        because = why(self.state, self.params, rule, int(row["thing"]), int(row["at"]), float(row["value"]))
        self.quota.spend(key)
        return _raised(one, _signal(one, asset, row, self.judged_at, because), _kin(one, self.rules))

    def rest(self) -> int:
        """Keep what waits."""
        waiting, self.surplus = self.surplus, {}
        return sum(
            storms.limited(self.by_key[key], signals, self.judged_at) for key, signals in waiting.items()
        )


def _kin(one: Judged, rules: Ruleset) -> list[str]:
    """Return the rules whose signals may join one incident: of the same pack, with a `join` and the same plan."""
    if one.rule.join is None:
        return []
    return [
        other.program.key
        for other in rules
        if other.pack == one.pack and other.rule.join is not None and other.rule.plan == one.rule.plan
    ]


def instant(us: int) -> datetime:
    """Return an instant from µs since 1970."""
    return EPOCH + timedelta(microseconds=us)


def standing(rule: str, asset: Asset) -> Signal | None:
    """Return the signal of a rule that stands for an asset, if any."""
    return Signal.objects.filter(rule=rule, asset=asset, cleared_at=None).order_by("-at").first()


def _signal(
    one: Judged, asset: Asset, row: np.void, judged_at: datetime, because: list[dict[str, object]]
) -> Signal:
    """Return the signal of a transition, not kept yet."""
    return Signal(
        key=f"{one.program.key}@{one.program.version}/{row['datastream']}/{row['at']}",
        rule=one.program.key,
        version=one.program.version,
        asset=asset,
        datastream_id=int(row["datastream"]),
        at=instant(int(row["at"])),
        judged_at=judged_at,
        level=LEVELS[int(row["level"])],
        value=None if np.isnan(row["value"]) else float(row["value"]),
        because=because,
    )


def _raised(one: Judged, signal: Signal, kin: list[str]) -> int:
    """Keep a signal once, tell of it, and give it an incident."""
    if Signal.objects.filter(key=signal.key).exists():
        return 0
    signal.save(force_insert=True)
    events.emit(
        "signal.raised",
        signal.ref,
        signal.at,
        _told(signal),
        key=f"signal.raised/{signal.key}",
        place_code=signal.asset.place.code,
    )
    if one.rule.plan:
        signal.case_ref = _joined(one, signal, kin)
        if signal.case_ref:
            signal.save(update_fields=["case_ref"])
        else:
            signal.case_ref = _opened(one, signal)  # which links them
    return 1


def open_missing(at: datetime) -> int:
    """Open the incidents that standing signals should have and have not: their opening failed. Returns how many."""
    by_key = {one.program.key: one for one in ruleset() if one.rule.plan}
    waiting = Signal.objects.select_related("asset__place").filter(
        rule__in=by_key, case_ref="", cleared_at=None, judged_at__lt=at - RETRY_AFTER
    )
    done = 0
    for signal in waiting.order_by("id")[:100]:
        signal.case_ref = _opened(by_key[signal.rule], signal)
        signal.save(update_fields=["case_ref"])
        done += bool(signal.case_ref)
    return done


def _opened(one: Judged, signal: Signal) -> str:
    """Open the incident of a signal; where that fails, the signal stands alone and `open_missing` tries again."""
    try:
        # A savepoint: one plan that cannot be opened must not stop the judging of the whole city.
        with transaction.atomic():
            case = incidents.open_incident(signal, at=signal.judged_at)
    except OperationalError:
        raise
    except (DatabaseError, LookupError, ValueError, TypeError, Refusal):
        logger.exception("%s: no incident for signal %s", one.program.key, signal.ref)
        return ""
    return case.ref if case is not None else ""


def _joined(one: Judged, signal: Signal, kin: list[str]) -> str:
    """Return the open incident that this signal joins by its rule's `join`, or nothing; `kin` are rules that share it."""
    join = one.rule.join
    if join is None:
        return ""
    since = signal.at - timedelta(microseconds=microseconds(join.within))
    near = Signal.objects.filter(rule__in=kin, at__gte=since, at__lte=signal.at).exclude(case_ref="")
    if join.of == "asset":
        near = near.filter(asset=signal.asset)
    else:
        near = near.filter(asset__place__code__startswith=signal.asset.place.code[:9])
    for case_ref in near.order_by("-at").values_list("case_ref", flat=True).distinct()[:5]:
        case = queries.case_by_ref(case_ref)
        if case is not None and case.state not in ENDED:
            return str(case_ref)
    return ""


def _cleared(one: Judged, asset: Asset, at: datetime) -> int:
    signal = standing(one.program.key, asset)
    if signal is None:
        return 0
    signal.cleared_at = at
    signal.save(update_fields=["cleared_at"])
    events.emit(
        "signal.cleared",
        signal.ref,
        at,
        _told(signal),
        key=f"signal.cleared/{signal.ref}",
        place_code=asset.place.code,
    )
    if signal.case_ref:
        incidents.signal_cleared(signal, at=at)
    return 1


def _climbed(one: Judged, asset: Asset, at: datetime, level: int) -> int:
    signal = standing(one.program.key, asset)
    if signal is None or LEVELS.index(signal.level) >= level:
        return 0
    signal.level = LEVELS[level]
    signal.save(update_fields=["level"])
    key = f"signal.climbed/{signal.ref}/{signal.level}"
    if signal.case_ref:
        incidents.level_changed(signal, at=at)
    events.emit("signal.climbed", signal.ref, at, _told(signal), key=key, place_code=asset.place.code)
    return 1


def _told(signal: Signal) -> dict[str, object]:
    return {"kind": "incident", "rule": signal.rule, "level": signal.level, "case": signal.case_ref}
