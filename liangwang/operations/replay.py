"""A recorded day run again under other rules, plans or forces: what is found, how fast somebody is there, how far they drive.

Readings are judged as they arrived; then crews are sent by the same competence, travel times and assignment as live
sends them. How long work takes is drawn once for each incident from the seed, so that two runs differ only by what
was changed: the same seed gives the same outcome, byte for byte. It compares choices; it does not foretell.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from liangwang.rules.declare import LEVELS
from liangwang.rules.durations import microseconds
from liangwang.rules.sets import Judged

from . import rule_drafts, signals
from .models import Asset
from .replay_outcome import counted, differing
from .replay_sending import Incident, Job, forces, sent
from .road import router
from .rule_models import Trial
from .trials import Raise, Tell, judge_rules

WORK_S: Final = (900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Variant:
    """How a day is run: rules as in force or with a draft's, a plan in place of others, a share of crews, shorter limits.

    `forces` 1.0 is every crew on shift, 0.5 every second one; `within` 1.0 is the plan's own limit; `draft` is a ref,
    `plan` the ref of a plan (`pack:key`) that takes the place of every plan of its pack; "" is as in force.
    """

    draft: str = ""
    forces: float = 1.0
    within: float = 1.0
    plan: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Variant":
        """Return the variant that a row describes."""
        share, within = float(given.get("forces", 1.0)), float(given.get("within", 1.0))
        return cls(str(given.get("draft", "")), share, within, str(given.get("plan", "")))

    def plan_of(self, rule: Judged) -> str:
        """The plan by which the incidents of a rule are handled."""
        own = str(rule.rule.plan)
        return self.plan if self.plan and self.plan.partition(":")[0] == rule.pack else own


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
    return counted(incidents, crews, raises, seen, (when[1] - when[0]) / 1e6)


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
        found.append(_incident(rule, one, asset, start, (seed, variant)))
    return found


def _incident(rule: Judged, one: Raise, asset: Asset, start: int, drawn: tuple[int, Variant]) -> Incident:
    seed, variant = drawn
    raised = (one.at - start) / 1e6
    made = Incident(
        rule.program.key, one.thing, raised - rule.program.lasting / 1e6, raised, LEVELS[one.level],
        asset.owner, asset.place.code, asset.lon, asset.lat, asset.label,
    )  # fmt: skip
    # Work takes as long in every variant: what is drawn hangs on the thing and the rule, not on the order.
    random = np.random.default_rng([seed, one.thing, crc32(rule.program.key.encode())])
    plan = declared("plans.yaml", variant.plan_of(rule), within=rule.pack)
    for node in compile_plan(plan.value, plan.pack)["nodes"]:
        work = float(random.uniform(*WORK_S))
        if node["by"].get("anyone") or node["by"].get("crew"):
            needs = [i for i, job in enumerate(made.jobs) if job.task in node["needs"]]
            limit = _seconds(node["within"]) * variant.within
            made.jobs.append(Job(node["key"], node["by"], raised, limit, needs, work))
    return made


def _seconds(within: Any) -> float:
    """Return a task's limit in seconds; one in working days counts as eight hours each."""
    units = {"minutes": 60.0, "hours": 3600.0, "days": 86_400.0, "working_days": 28_800.0}
    return sum(units.get(name, 0.0) * float(n) for name, n in (within or {}).items() if n) or 86_400.0


FIGURES: Final = (
    "readings", "signals", "incidents", "crews", "detect_min", "arrive_min", "arrive_p95_min", "done_min", "km", "missed",
)  # fmt: skip


def command(
    day: str, against: str = "", forces: float = 1.0, within: float = 1.0, seed: int = 1, plan: str = ""
) -> int:
    """The command: replay a recorded day as it was, and against a draft, another plan, other forces or other limits."""
    begins = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    start, end = (round(at.timestamp() * 1e6) for at in (begins, begins + timedelta(days=1)))
    variants = Variant(), Variant(against, forces, within, plan)
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
