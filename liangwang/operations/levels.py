"""三级联动: city, district and street each with own duty and clock; handing up (上报) and down (下派) by hand."""

from datetime import datetime
from typing import ClassVar, TypedDict

from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Case, Task

from .escalation import LEVELS

DUTIES: dict[str, Label] = {
    "street": {"zh": "受理、派遣、督促处置、结案", "en": "accepts, dispatches, presses, closes"},
    "district": {
        "zh": "协调各部门、审批挂账、接手跨街镇的事",
        "en": "coordinates, approves, takes what crosses streets",
    },
    "city": {
        "zh": "督办、调度全市力量、接手跨区的事",
        "en": "supervises, moves forces, takes what crosses districts",
    },
}


class NoFurther(Refusal):
    """There is no level above the city's, nor below the street's."""

    status, code = 409, "no_further_level"
    template: ClassVar[Label] = {
        "zh": "没有可以{how}的上一级或下一级城运中心",
        "en": "There is no operations centre to hand it {how_en} to",
    }


class NotYourLevel(Refusal):
    """Only the leading level, or one above it, hands an incident on."""

    status, code = 403, "not_your_level"
    template: ClassVar[Label] = {
        "zh": "现在由{lead}主办，请由它或上级办理",
        "en": "{lead_en} leads now; it, or a level above, does this",
    }


class LevelDuty(TypedDict):
    """What one level has with an incident: its centre, whether it leads, since when it knows of lateness, or when it would."""

    level: str
    office: Office | None
    duty: Label
    leads: bool
    told_at: datetime | None
    tells_at: datetime | None


def duties(case: Case) -> list[LevelDuty]:
    """The three levels of an incident, the street first."""
    told = {
        line["body"].get("level"): line["at"]
        for line in reversed(cases.timeline(case))
        if line["what"] == "task.overdue"
    }
    open_tasks = [task for task in cases.next_steps(case) if task.due_at and task.ready_at]
    return [
        LevelDuty(
            level=level,
            office=(office := cases.centre_of(case, level)),
            duty=DUTIES[level],
            leads=office is not None and office.pk == case.lead_office_id,
            told_at=told.get(level),
            tells_at=min((_tells(task, n) for task in open_tasks), default=None),
        )
        for n, level in enumerate(LEVELS)
    ]


def _tells(task: Task, n: int) -> datetime:
    """When a level hears that a task is late: the street when its time is up, each further level one term later."""
    assert task.due_at is not None
    assert task.ready_at is not None
    return task.due_at + n * (task.due_at - task.ready_at)


def hand_up(*, actor: Actor, at: datetime, case: Case, reason: str) -> Case:
    """The centre of the next level leads from now on; raises NoFurther, NotYourLevel."""
    return _hand(actor, at, case, 1, reason)


def hand_down(*, actor: Actor, at: datetime, case: Case, reason: str) -> Case:
    """The centre of the level below, where the incident lies, leads from now on; raises NoFurther, NotYourLevel."""
    return _hand(actor, at, case, -1, reason)


def _hand(actor: Actor, at: datetime, case: Case, step: int, reason: str) -> Case:
    lead = case.lead_office
    now = LEVELS.index(lead.level) if lead and lead.level in LEVELS else 0
    own = LEVELS.index(actor.level) if actor.level in LEVELS else -1
    if own < now:
        name = lead.name if lead else {"zh": "", "en": ""}
        raise NotYourLevel(lead=name["zh"], lead_en=name["en"])
    to = cases.centre_of(case, LEVELS[now + step]) if 0 <= now + step < len(LEVELS) else None
    if to is None:
        raise NoFurther(how="上报" if step > 0 else "下派", how_en="up" if step > 0 else "down")
    return actions.hand_on(
        actor=actor, at=at, case=case, office=to, how="up" if step > 0 else "down", reason=reason
    )
