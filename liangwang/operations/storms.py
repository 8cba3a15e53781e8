"""A rule that raises too much is limited: its signals are kept, and one incident tells a person instead of thousands."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction

from liangwang.base import events
from liangwang.base.errors import Refusal
from liangwang.base.hats import platform
from liangwang.base.models import Office, Place
from liangwang.base.packs import declared
from liangwang.base.places import city_settings
from liangwang.cases import actions
from liangwang.cases.declare import compile_plan
from liangwang.cases.plans import store_plan
from liangwang.cases.queries import Case
from liangwang.rules.sets import Judged

from .models import Signal

logger = logging.getLogger(__name__)

MOST_AN_HOUR: Final = 200
HOUR: Final = timedelta(hours=1)
PLAN: Final = "vocabulary:too_many_signals"
LIVE: Final = ("open", "accepted")
AT_A_TIME: Final = 500


class Quota:
    """How many incidents each rule may still open: 200 an hour, counted once for each write and then along."""

    def __init__(self, at: datetime) -> None:
        self.since = at - HOUR
        self.opened: dict[str, int] = {}

    def spent(self, rule: str) -> bool:
        """Tell whether a rule has opened as many incidents as it may."""
        if rule not in self.opened:
            recent = Signal.objects.filter(rule=rule, judged_at__gte=self.since).exclude(case_ref="")
            self.opened[rule] = recent.values("case_ref").distinct().count()
        return self.opened[rule] >= MOST_AN_HOUR

    def spend(self, rule: str) -> None:
        """Count one more incident of a rule."""
        if rule in self.opened:
            self.opened[rule] += 1


def limited(one: Judged, surplus: Sequence[Signal], at: datetime) -> int:
    """Keep signals beyond the quota under one incident that tells so; returns how many were new."""
    new = _unknown(surplus)
    if not new:
        return 0
    storm = standing(one.program.key) or _try(one, new[0], at)
    for signal in new:
        signal.case_ref = storm.ref if storm else ""
    Signal.objects.bulk_create(new, batch_size=AT_A_TIME)
    if storm is None:
        return len(new)
    told: dict[str, object] = {
        "kind": "incident",
        "rule": one.program.key,
        "level": "red",
        "case": storm.ref,
        "more": len(new),
    }
    events.emit(
        "signal.limited", storm.ref, at, told, key=f"signal.limited/{new[0].key}", place_code=_city().code
    )
    return len(new)


def standing(rule: str) -> Case | None:
    """The incident that tells of a rule's flood, while it is open."""
    return Case.objects.filter(key__startswith=_key(rule), state__in=LIVE).order_by("-opened_at").first()


def cleared(rule: str, assets: Iterable[int], at: dict[int, datetime]) -> set[int]:
    """End those signals of these things that only a flood's incident tells of; returns the things it was for."""
    storms = list(Case.objects.filter(key__startswith=_key(rule)).values_list("ref", flat=True))
    if not storms:
        return set()
    rows = Signal.objects.filter(rule=rule, asset_id__in=list(assets), cleared_at=None, case_ref__in=storms)
    found = list(rows.only("id", "asset_id"))
    for row in found:
        row.cleared_at = at[row.asset_id]
    Signal.objects.bulk_update(found, ["cleared_at"], batch_size=AT_A_TIME)
    return {row.asset_id for row in found}


def _unknown(signals: Sequence[Signal]) -> list[Signal]:
    """Return the signals that are not kept yet: a step that is judged again finds the same ones."""
    known: set[str] = set()
    for start in range(0, len(signals), AT_A_TIME):
        keys = [signal.key for signal in signals[start : start + AT_A_TIME]]
        known |= set(Signal.objects.filter(key__in=keys).values_list("key", flat=True))
    return [signal for signal in signals if signal.key not in known]


def _key(rule: str) -> str:
    return f"flood/{rule}/"


def _city() -> Place:
    return Place.objects.get(code=city_settings(settings.CITY_DIR)["code"])


def _try(one: Judged, first: Signal, at: datetime) -> Case | None:
    """Open the incident; where that fails the signals stand alone, because judging the city must go on."""
    try:
        with transaction.atomic():
            return _opened(one, first, at)
    except OperationalError:
        raise
    except (DatabaseError, LookupError, ValueError, Refusal):
        logger.exception("%s: no incident for its flood", one.program.key)
        return None


def _opened(one: Judged, first: Signal, at: datetime) -> Case:
    label: Any = one.rule.label
    plan = declared("plans.yaml", PLAN)
    return actions.open_case(
        actor=platform(one.pack),
        at=at,
        plan=store_plan(compile_plan(plan.value, plan.pack), at=at),
        kind="incident",
        title={
            "zh": f"规则“{label['zh']}”一小时内超过 {MOST_AN_HOUR} 件，已限流",
            "en": f"Rule '{label['en']}' passed {MOST_AN_HOUR} incidents in an hour and is limited",
        },
        place=_city(),
        lead_office=Office.objects.filter(key=f"operations.{_city().code}").first(),
        source="rule",
        pack=one.pack,
        key=f"{_key(one.program.key)}{first.key[-60:]}",
        level="red",
        facts={"rule": one.program.key, "version": one.program.version, "since": first.at.isoformat()},
    )
