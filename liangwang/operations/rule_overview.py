"""What a rule has done lately: its signals, the things that raised them, and how their incidents ended."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count

from liangwang.base.labels import Label
from liangwang.base.packs import declarations, packs
from liangwang.cases.queries import Case
from liangwang.rules.declare import Limit, SignalRule
from liangwang.rules.errors import RuleError
from liangwang.rules.sets import judged

from . import rule_drafts
from .models import Signal
from .rule_models import RuleDraft

DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Lately:
    """A rule in force with its last thirty days: signals, things, standing now, incidents by how they ended."""

    pack: str
    key: str
    label: Label
    pack_label: Label
    when: str
    lasting: str
    signals: int
    things: int
    standing: int
    ends: dict[str, int]
    broken: bool


def rules(at: datetime) -> list[Lately]:
    """Every signal rule in force."""
    names = {pack.key: pack.meta.name for pack in packs()}
    found = [d for d in declarations(rule_drafts.RULES) if isinstance(d.value, SignalRule)]
    counts = {
        row["rule"]: row
        for row in _recent(at).values("rule").annotate(n=Count("id"), things=Count("asset", distinct=True))
    }
    standing = dict(Signal.objects.filter(cleared_at=None).values_list("rule").annotate(n=Count("id")))
    ends = _ends(at)
    return [
        _lately(
            d,
            names.get(d.pack, {"zh": d.pack, "en": d.pack}),
            counts.get(d.ref, {}),
            standing.get(d.ref, 0),
            ends.get(d.ref, {}),
        )
        for d in found
    ]


def one(pack: str, key: str, at: datetime) -> Lately | None:
    """One rule in force."""
    return next((row for row in rules(at) if (row.pack, row.key) == (pack, key)), None)


def limits(pack: str, key: str) -> list[Limit]:
    """The limits that a rule in force names."""
    held = rule_drafts.in_force(pack, key)
    if held is None:
        return []
    by_name = {d.key: d.value for d in declarations(rule_drafts.LIMITS) if d.pack == pack}
    try:
        ready = judged(declarations, pack, held.value)
    except RuleError:
        return []
    return [by_name[name] for name in rule_drafts.limits_of(ready) if name in by_name]


def versions(pack: str, key: str) -> list[dict[str, Any]]:
    """Every published version with who wrote and who published it, the newest first."""
    drafts = {
        draft.version: draft
        for draft in RuleDraft.objects.select_related("author", "decided_by").filter(
            pack=pack, key=key, state=RuleDraft.State.PUBLISHED
        )
    }
    return [
        {"row": row, "draft": drafts.get(row.version), "in_force": row.state == "published"}
        for row in rule_drafts.versions(pack, key)
    ]


def _recent(at: datetime) -> Any:
    return Signal.objects.filter(at__gte=at - timedelta(days=DAYS), at__lte=at)


def _ends(at: datetime) -> dict[str, Counter[str]]:
    """How the incidents of each rule's recent signals ended."""
    of_case = dict(_recent(at).exclude(case_ref="").values_list("case_ref", "rule"))
    found: dict[str, Counter[str]] = {}
    refs = list(of_case)
    for start in range(0, len(refs), 500):
        for case in Case.objects.filter(ref__in=refs[start : start + 500]).only("ref", "state", "handled_at"):
            found.setdefault(of_case[case.ref], Counter())[end_of(case)] += 1
    return found


def end_of(case: Case | None) -> str:
    """How an incident ended: none, open, refused, handled (somebody worked on it) or closed without work."""
    if case is None:
        return "none"
    if case.state in ("open", "accepted", "supplement"):
        return "open"
    if case.state != "closed":
        return "refused"
    return "handled" if case.handled_at else "closed"


def _lately(
    one: Any, pack_label: Label, counts: dict[str, Any], standing: int, ends: dict[str, int]
) -> Lately:
    rule: SignalRule = one.value
    try:
        judged(declarations, one.pack, rule)
        broken = False
    except RuleError:
        broken = True
    return Lately(
        one.pack, one.key, rule.label, pack_label, rule.when, rule.lasting or "",
        counts.get("n", 0), counts.get("things", 0), standing, dict(ends), broken,
    )  # fmt: skip
