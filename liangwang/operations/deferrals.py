"""延期 缓办 挂账: which level approves which."""

from datetime import datetime
from typing import ClassVar

from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.cases import actions
from liangwang.cases.queries import Task

from .escalation import LEVELS

APPROVED_BY = {"extend": "street", "postpone": "street", "shelve": "district"}
"""The lowest level that approves; the house's own rule: what may rest without an end is seen above the street."""


class HigherLevel(Refusal):
    """Shelving is approved above the street."""

    status, code = 403, "higher_level"
    template: ClassVar[Label] = {
        "zh": "“{how}”须由区级以上城运中心批准",
        "en": "'{how_en}' is approved by the district's centre or above",
    }


def decide(*, actor: Actor, at: datetime, task: Task, approved: bool, note: str = "") -> Task:
    """Approves or refuses what was asked for a task; raises HigherLevel, OwnWork for the one who asked."""
    how = str((task.defer_asked or {}).get("how", "shelve"))
    wanted = LEVELS.index(APPROVED_BY[how])
    if approved and (actor.level not in LEVELS or LEVELS.index(actor.level) < wanted):
        label = actions.DEFERRALS[how]
        raise HigherLevel(how=label["zh"], how_en=label["en"])
    return actions.approve_deferral(actor=actor, at=at, task=task, approved=approved, note=note)
