"""Why a nearer crew was not sent: off shift, has a task in hand, did not answer, lacks the skill, not its duty, no way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Q

from liangwang.base.geo import degrees_of
from liangwang.base.labels import Label
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task

from . import sendings
from .competence import NEXT_BEST, Candidate, near, ranks
from .dispatch_models import Crew

NEAR_BY_M = 3_000.0

REASONS: dict[str, Label] = {
    "off_shift": {"zh": "不在班", "en": "off shift"},
    "full": {"zh": "手上有任务", "en": "has a task in hand"},
    "no_answer": {"zh": "派过，没有应答", "en": "was asked and did not answer"},
    "no_skill": {"zh": "没有这项技能", "en": "lacks the skill"},
    "no_duty": {"zh": "不属其权属或辖区", "en": "not its asset or street"},
    "no_way": {"zh": "一小时内到不了", "en": "cannot be there within the hour"},
}


def passed_over(task: Task, options: Sequence[Candidate], at: datetime) -> list[dict[str, Any]]:
    """The nearest crews that were no candidates, each with the reason; as the crow flies, at most NEXT_BEST."""
    case = task.case
    if case.lon is None or case.lat is None:
        return []
    east, north = degrees_of(1.0, case.lat)
    taken = {option.crew.pk for option in options}
    worth = near(task, NEAR_BY_M) & (Q() if task.by.get("anyone") else Q(repairs=True))
    rows = (
        Crew.objects.filter(worth, office__ended_at=None)
        .exclude(pk__in=taken)
        .select_related("office__place")
    )
    metres = sorted(
        ((float(np.hypot((c.lon - case.lon) / east, (c.lat - case.lat) / north)), c.pk, c) for c in rows),
        key=lambda one: one[:2],
    )
    busy, silent = cases.busy_crew_ids(), sendings.silent(task)
    return [
        {
            "crew": crew.office.key,
            "name": crew.office.name,
            "why": REASONS[_why_not(task, crew, at, busy, silent)],
        }
        for _, _, crew in metres[:NEXT_BEST]
    ]


def _why_not(task: Task, crew: Crew, at: datetime, busy: set[int], silent: set[int]) -> str:
    if not crew.on_shift or (crew.shift_until is not None and crew.shift_until <= at):
        return "off_shift"
    if crew.office_id in silent:
        return "no_answer"
    if crew.office_id in busy:
        return "full"
    if ranks(task, [crew]):
        return "no_way"
    skill = task.by.get("crew", {}).get("skill")
    return "no_skill" if skill and skill not in crew.skills else "no_duty"
