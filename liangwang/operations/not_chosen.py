"""Why others were not sent: of the next-best what outweighed the shorter way, of those near by what kept them out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from liangwang.base.geo import haversine_m
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


OUTWEIGHED: dict[str, Label] = {
    "competence": {"zh": "路更近，但权属、辖区优先", "en": "nearer, but competence goes before distance"},
    "tools": {"zh": "路更近，但有维修工具，留着抢修", "en": "nearer, but its tools are kept for repairs"},
    "load": {"zh": "路差不多，但近来任务多", "en": "as near, but has had more to do of late"},
    "elsewhere": {
        "zh": "路更近，但同时派给了另一件",
        "en": "nearer, but was sent to another incident at the same time",
    },
}


def next_best(best: Candidate, options: Sequence[Candidate]) -> list[dict[str, Any]]:
    """The best of the others, at most NEXT_BEST, each with its minutes and, where it is nearer, what outweighed that."""
    others = [option for option in options if option.crew.pk != best.crew.pk][:NEXT_BEST]
    return [
        {**one.said(), **({"but": OUTWEIGHED[_outweighed(best, one)]} if one.seconds < best.seconds else {})}
        for one in others
    ]


def _outweighed(best: Candidate, other: Candidate) -> str:
    if other.rank > best.rank:
        return "competence"
    if other.spared and not best.spared:
        return "tools"
    return "load" if other.load > best.load and other.cost() > best.cost() else "elsewhere"


def passed_over(task: Task, options: Sequence[Candidate], at: datetime) -> list[dict[str, Any]]:
    """The nearest crews that were no candidates, each with the reason; as the crow flies, at most NEXT_BEST."""
    case = task.case
    if case.lon is None or case.lat is None:
        return []
    place = case.lon, case.lat
    taken = {option.crew.pk for option in options}
    worth = near(task, NEAR_BY_M) & (Q() if task.by.get("anyone") else Q(repairs=True))
    rows = (
        Crew.objects.filter(worth, office__ended_at=None)
        .exclude(pk__in=taken)
        .select_related("office__place")
    )
    metres = sorted(
        ((haversine_m(place, (c.lon, c.lat)), c.pk, c) for c in rows),
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
