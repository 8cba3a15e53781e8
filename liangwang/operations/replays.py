"""Replays as pages ask for them and look at them; `replay` does the work."""

from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, ClassVar, Final

from liangwang.base.errors import NotFound, Refusal
from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.base.working_days import local_day
from liangwang.cases import history
from liangwang.cases.queries import incident_minutes

from . import signals
from .recorded_day import days_with_readings
from .replay import Variant
from .rule_models import Trial

LOOKED_BACK: Final = timedelta(days=92)


class NothingChanged(Refusal):
    """Both runs would be the same."""

    status, code = 422, "nothing_changed"
    template: ClassVar[Label] = {
        "zh": "两边一样，没有可比的。换一份草稿、计划、队伍或时限",
        "en": "Both sides are the same. Change the draft, the plan, the crews or the limits",
    }


class NoReadings(Refusal):
    """Nothing of the day is kept that could be judged again."""

    status, code = 422, "no_readings"
    template: ClassVar[Label] = {
        "zh": "{day} 没有留下读数，没法再判一遍。请选有读数的一天",
        "en": "No readings of {day} are kept, so it cannot be judged again. Choose a day that has some",
    }


def days(at: datetime) -> list[date]:
    """The days that can be run again, the newest first."""
    return sorted(days_with_readings(at - LOOKED_BACK, at), reverse=True)


def plans() -> list[tuple[str, Label]]:
    """The plans by which incidents of rules can be handled, by ref."""
    used = {one.pack for one in signals.ruleset() if one.rule.plan}
    found = declarations("plans.yaml")
    return [(one.ref, one.value.label) for one in found if one.pack in used and one.value.kind == "incident"]


def ask(given: dict[str, Any], by: int | None, at: datetime) -> Trial:
    """A replay that is not run yet; raises NothingChanged, NoReadings. Inside a transaction."""
    if Variant.of(given["a"]) == Variant.of(given["b"]):
        raise NothingChanged
    begins, ends = signals.instant(int(given["from"])), signals.instant(int(given["to"]))
    if local_day(begins) not in days_with_readings(begins, ends):
        raise NoReadings(day=local_day(begins).isoformat())
    return Trial.objects.create(kind="replay", given=given, asked_by_id=by, asked_at=at)


def lately() -> list[Trial]:
    """The newest replays."""
    rows = Trial.objects.filter(kind="replay").select_related("asked_by").defer("found")
    return list(rows.order_by("-asked_at")[:30])


def one(ref: str) -> Trial:
    """A replay by its ref; raises NotFound."""
    found = Trial.objects.filter(kind="replay", ref=ref).select_related("asked_by").first()
    if found is None:
        raise NotFound
    return found


def rule_label(key: str) -> Label:
    """What a rule is called; its key where it is gone."""
    found: Label | None = next((d.value.label for d in declarations("rules.yaml") if d.ref == key), None)
    return found or {"zh": key, "en": key}


def as_it_went(start: datetime, end: datetime) -> dict[str, float | int | None]:
    """What really came of the incidents that rules opened in a span: how many, and median minutes."""
    cases = list(
        history.cases_in("incident", "").filter(source="rule", opened_at__gte=start, opened_at__lt=end)
    )
    minutes = [incident_minutes(case) for case in cases]
    handled = [(case.handled_at - case.opened_at) / timedelta(minutes=1) for case in cases if case.handled_at]

    def middle(values: list[float]) -> float | None:
        return round(median(values), 2) if values else None

    return {
        "incidents": len(cases),
        "detect_min": middle([row["detect"] for row in minutes if row["detect"] is not None]),
        "arrive_min": middle([row["arrive"] for row in minutes if row["arrive"] is not None]),
        "done_min": middle(handled),
    }
