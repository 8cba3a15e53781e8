"""A recorded day run again under other rules, plans or forces: what is found, how fast somebody is there, how far they drive.

Readings are judged as they arrived; then crews are sent by the same competence, travel times and assignment as live
sends them. How long work takes is drawn once for each incident from the seed, so that two runs differ only by what
was changed: the same seed gives the same outcome, byte for byte. It compares choices; it does not foretell.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings

from liangwang.base.errors import NotFound
from liangwang.base.packs import declared
from liangwang.cases.declare import compile_plan
from liangwang.engines.assignment import assign
from liangwang.engines.routing import Router
from liangwang.rules.declare import LEVELS
from liangwang.rules.durations import microseconds
from liangwang.rules.sets import Judged

from . import competence, rule_drafts, signals, solving
from .dispatch_models import Crew
from .models import Asset
from .road import router
from .rule_models import Trial
from .trials import LISTED, Raise, Seen, Tell, judge_rules

MINUTE_S: Final = 60.0
WORK_S: Final = (900.0, 3600.0)
KMH: Final = 20.0
NOBODY: Final = -1
PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Variant:
    """How a day is run: rules as in force or with a draft's, a share of the crews on shift, and how much shorter limits are.

    `forces` 1.0 is every crew, 0.5 every second one; `within` 1.0 is the plan's own limit; `draft` is a ref or "".
    """

    draft: str = ""
    forces: float = 1.0
    within: float = 1.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Variant":
        """Return the variant that a row describes."""
        return cls(
            str(given.get("draft", "")), float(given.get("forces", 1.0)), float(given.get("within", 1.0))
        )


@dataclass(slots=True)
class Job:
    """A piece of work of an incident: who may do it, from when, by when (s since the day began), and who went."""

    task: str
    by: dict[str, Any]
    ready_s: float
    within_s: float
    needs: list[int]
    work_s: float
    crew: int = NOBODY
    sent_s: float = np.nan
    arrived_s: float = np.nan
    done_s: float = np.nan
    metres: float = 0.0


@dataclass(slots=True)
class Incident:
    """What a rule opened: for which thing, since when its condition held, when it was raised (s since the day began)."""

    rule: str
    thing: int
    since_s: float
    raised_s: float
    level: str
    owner: str
    street: str
    lon: float
    lat: float
    label: Mapping[str, str]
    jobs: list[Job] = field(default_factory=list)


def run(trial: Trial, at: datetime, tell: Tell, data: Path | None = None) -> dict[str, Any]:
    """Run a recorded span twice, as it was and as it is asked; returns both outcomes for the page."""
    start, end = int(trial.given["from"]), int(trial.given["to"])
    seed, found = int(trial.given.get("seed", 1)), {}
    for place, name in enumerate(("a", "b")):
        variant = Variant.of(trial.given[name])

        def told(share: float, place: int = place) -> None:
            tell(place / 2 + share / 2)

        found[name] = outcome(variant, (start, end), seed, told, data)
    return {**found, "from": start, "to": end, "seed": seed, "differ": differing(found["a"], found["b"])}


def outcome(
    variant: Variant, when: tuple[int, int], seed: int, tell: Tell, data: Path | None = None
) -> dict[str, Any]:
    """Judge a span by the rules of a variant, send its crews, and return what came of it."""
    rules = rules_of(variant)
    raises, seen = judge_rules(rules, *when, tell, data)
    incidents = opened(rules, raises, when[0], seed, variant)
    crews = forces(variant.forces, seed)
    sent(incidents, crews, router())
    return counted(incidents, crews, raises, seen)


def rules_of(variant: Variant) -> tuple[Judged, ...]:
    """Return the rules in force, or those with a draft's in place. Raises NotFound, Wrong."""
    if not variant.draft:
        return signals.ruleset()
    draft = rule_drafts.one(variant.draft)
    checked = rule_drafts.check(draft.pack, draft.key, draft.text, draft.limits)
    if checked.judged is None:
        raise rule_drafts.Wrong(n=len(checked.problems))
    return signals.ruleset(checked.everything)


# --- incidents -------------------------------------------------------------------------------------------


def opened(
    rules: Sequence[Judged], raises: Mapping[str, Sequence[Raise]], start: int, seed: int, variant: Variant
) -> list[Incident]:
    """Return the incidents that signals would open: one for each thing and rule at a time, or one for a street by `join`."""
    things = {one.thing for rows in raises.values() for one in rows}
    assets = Asset.objects.select_related("place").in_bulk(list(things))
    found: list[Incident] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    by_key = {rule.program.key: rule for rule in rules}
    pairs = sorted(
        ((one, key) for key, rows in raises.items() for one in rows),
        key=lambda p: (p[0].at, p[1], p[0].thing),
    )
    for one, key in pairs:
        rule, asset = by_key[key], assets.get(one.thing)
        if asset is None or rule.rule.plan is None:
            continue
        join, group = rule.rule.join, (rule.rule.plan, str(one.thing))
        if join is not None and join.of == "street":
            group = (rule.rule.plan, asset.place.code[:9])
        within = microseconds(join.within) if join else 0
        before = last.get(group)
        until = one.until if one.until is not None else one.at
        if before is not None and one.at <= max(before[1], before[0] + within):
            last[group] = (before[0], max(before[1], until))
            continue
        last[group] = (one.at, until)
        found.append(_incident(rule, one, asset, start, (seed, variant.within)))
    return found


def _incident(rule: Judged, one: Raise, asset: Asset, start: int, drawn: tuple[int, float]) -> Incident:
    seed, within = drawn
    raised = (one.at - start) / 1e6
    made = Incident(
        rule.program.key, one.thing, raised - rule.program.lasting / 1e6, raised, LEVELS[one.level],
        asset.owner, asset.place.code, asset.lon, asset.lat, asset.label,
    )  # fmt: skip
    # Work takes as long in every variant: what is drawn hangs on the thing and the rule, not on the order.
    random = np.random.default_rng([seed, one.thing, crc32(rule.program.key.encode())])
    plan = declared("plans.yaml", str(rule.rule.plan), within=rule.pack)
    for node in compile_plan(plan.value, plan.pack)["nodes"]:
        work = float(random.uniform(*WORK_S))
        if node["by"].get("anyone") or node["by"].get("crew"):
            needs = [i for i, job in enumerate(made.jobs) if job.task in node["needs"]]
            limit = _seconds(node["within"]) * within
            made.jobs.append(Job(node["key"], node["by"], raised, limit, needs, work))
    return made


def _seconds(within: Any) -> float:
    """Return a task's limit in seconds; one in working days counts as eight hours each."""
    units = {"minutes": 60.0, "hours": 3600.0, "days": 86_400.0, "working_days": 28_800.0}
    return sum(units.get(name, 0.0) * float(n) for name, n in (within or {}).items() if n) or 86_400.0


# --- sending ---------------------------------------------------------------------------------------------


def forces(share: float, seed: int) -> list[Crew]:
    """Return the crews of a variant: all, a fixed choice of them, or some of them twice."""
    every = list(Crew.objects.filter(on_shift=True).select_related("office__place").order_by("pk"))
    whole, part = int(share), share - int(share)
    picked = np.random.default_rng([seed, 7]).permutation(len(every))[: round(part * len(every))]
    return every * whole + [every[i] for i in sorted(picked.tolist())]


def sent(incidents: Sequence[Incident], crews: Sequence[Crew], way: Router | None) -> None:
    """Send crews as live would: competence first, then the least time; who is busy comes later; once a minute."""
    if way is None or not crews:
        return
    free_at = np.zeros(len(crews))
    where = [(crew.lon, crew.lat) for crew in crews]
    waiting: list[tuple[Incident, Job]] = []
    queue = sorted(
        ((one, job) for one in incidents for job in one.jobs),
        key=lambda p: (p[1].ready_s, p[0].thing, p[1].task),
    )
    now, place = (queue[0][1].ready_s if queue else 0.0), 0
    while place < len(queue) or waiting:
        while place < len(queue) and queue[place][1].ready_s <= now:
            waiting.append(queue[place])
            place += 1
        ready = [pair for pair in waiting if _may_start(*pair, now)]
        for pair in _round(ready, crews, where, free_at, way, now):
            waiting.remove(pair)
        if not waiting and place < len(queue):
            now = queue[place][1].ready_s
        elif waiting:
            late = [pair for pair in waiting if now > pair[1].ready_s + max(pair[1].within_s, 86_400.0)]
            for pair in late:
                waiting.remove(pair)
            now += PAUSE_S


def _may_start(one: Incident, job: Job, now: float) -> bool:
    """Tell whether the tasks before this one are done."""
    return all(one.jobs[i].done_s <= now for i in job.needs)


def _round(
    ready: Sequence[tuple[Incident, Job]], crews: Sequence[Crew], where: list[tuple[float, float]],
    free_at: Any, way: Router, now: float,
) -> list[tuple[Incident, Job]]:  # fmt: skip
    """Send the free crews once; returns the jobs that got one."""
    free = np.flatnonzero(free_at <= now)
    if not len(ready) or not len(free):
        return []
    seconds = way.matrix(
        [(one.lon, one.lat) for one, _ in ready], [where[i] for i in free], competence.LIMIT_S
    )
    cost = np.full(seconds.shape, np.inf)
    for row, (one, job) in enumerate(ready):
        weight = solving.SEVERITY.get(one.level, 1.0)
        for column, place in enumerate(free):
            rank = rank_of(job.by, one.owner, one.street, crews[int(place)])
            if rank is not None:
                cost[row, column] = rank * competence.RANK_S + weight * seconds[row, column]
    severe = np.array([solving.SEVERITY.get(one.level, 1.0) for one, _ in ready])
    done = []
    for row, column in enumerate(assign(cost, solving.UNSERVED_S * severe)):
        if column < 0:
            continue
        one, job = ready[row]
        number, took = int(free[column]), float(seconds[row, column])
        job.crew, job.sent_s, job.arrived_s = number, now, now + took
        job.done_s = job.arrived_s + job.work_s
        job.metres = took / 3600.0 * KMH * 1000.0
        free_at[number], where[number] = job.done_s, (one.lon, one.lat)
        done.append((one, job))
    return done


def rank_of(by: Mapping[str, Any], owner: str, street: str, crew: Crew) -> int | None:
    """Return a crew's rank of competence for a task as `competence.ranks` has it, None where it may not go."""
    if by.get("anyone"):
        return 0
    wanted = by["crew"]
    if wanted["skill"] not in crew.skills:
        return None
    of_owner = wanted.get("of") == "asset_owner"
    if of_owner and owner and owner in crew.owners:
        return 0
    if "*" in crew.owners and street.startswith(crew.office.place.code):
        return 1
    return None if of_owner else 2


# --- counting --------------------------------------------------------------------------------------------


def counted(
    incidents: Sequence[Incident], crews: Sequence[Crew], raises: Mapping[str, Sequence[Raise]], seen: Seen
) -> dict[str, Any]:
    """Return the figures of an outcome: found, minutes to find, to be there and to be done, kilometres, missed."""
    jobs = [job for one in incidents for job in one.jobs]
    first = [min((j.arrived_s for j in one.jobs if j.crew != NOBODY), default=np.nan) for one in incidents]
    last = [float(np.max([np.nan, *(j.done_s for j in one.jobs)][bool(one.jobs) :])) for one in incidents]
    missed = [
        one
        for one in incidents
        if any(j.crew == NOBODY or j.arrived_s > j.ready_s + j.within_s for j in one.jobs)
    ]
    return {
        "readings": seen.readings, "signals": sum(len(rows) for rows in raises.values()),
        "incidents": len(incidents), "crews": len(crews), "sent": sum(job.crew != NOBODY for job in jobs),
        "detect_min": _median([one.raised_s - one.since_s for one in incidents]),
        "arrive_min": _median([a - one.raised_s for a, one in zip(first, incidents, strict=True)]),
        "arrive_p95_min": _share([a - one.raised_s for a, one in zip(first, incidents, strict=True)], 95),
        "done_min": _median([a - one.raised_s for a, one in zip(last, incidents, strict=True)]),
        "km": round(sum(job.metres for job in jobs) / 1000.0, 1),
        "missed": len(missed), "by_rule": Counter(one.rule for one in incidents),
        "rows": [_row(one) for one in incidents[:LISTED]],
        "keys": sorted(f"{one.rule}/{one.thing}/{round(one.since_s)}" for one in incidents),
    }  # fmt: skip


def _row(one: Incident) -> dict[str, Any]:
    arrived = min((j.arrived_s for j in one.jobs if j.crew != NOBODY), default=None)
    return {
        "rule": one.rule, "thing": one.thing, "label": dict(one.label), "level": one.level,
        "raised_s": round(one.raised_s, 3),
        "arrived_min": None if arrived is None else round((arrived - one.raised_s) / MINUTE_S, 1),
        "km": round(sum(j.metres for j in one.jobs) / 1000.0, 2),
    }  # fmt: skip


def _median(seconds: Sequence[float]) -> float | None:
    return _share(seconds, 50)


def _share(seconds: Sequence[float], percent: float) -> float | None:
    known = [s for s in seconds if np.isfinite(s)]
    return round(float(np.percentile(known, percent)) / MINUTE_S, 2) if known else None


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, int]:
    """Return how many incidents are in both outcomes, only in the first, only in the second."""
    first, second = Counter(_place(key) for key in a["keys"]), Counter(_place(key) for key in b["keys"])
    return {
        "both": sum((first & second).values()),
        "only_a": sum((first - second).values()),
        "only_b": sum((second - first).values()),
    }


def _place(key: str) -> str:
    """An incident without its moment: another rule finds the same thing a little sooner or later."""
    return key.rpartition("/")[0]


FIGURES: Final = (
    "readings", "signals", "incidents", "crews", "detect_min", "arrive_min", "arrive_p95_min", "done_min", "km", "missed",
)  # fmt: skip


def command(day: str, against: str = "", forces: float = 1.0, within: float = 1.0, seed: int = 1) -> int:
    """The command: replay a recorded day as it was, and against a draft, other forces or other limits."""
    begins = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    start, end = (round(at.timestamp() * 1e6) for at in (begins, begins + timedelta(days=1)))
    variants = Variant(), Variant(against, forces, within)
    try:
        pair = [outcome(variant, (start, end), seed, _silent) for variant in variants]
    except NotFound:
        sys.stdout.write(f"没有草稿 {against} · there is no draft {against}\n")
        return 2
    for name in FIGURES:
        sys.stdout.write(f"{name:<16} {pair[0][name]!s:>12} {pair[1][name]!s:>12}\n")
    sys.stdout.write(f"{differing(*pair)}\n")
    return 0


def _silent(share: float) -> None:
    """A command says nothing on the way."""
