"""转交: a crew hands a task that it has accepted to another, with a reason; the other takes it or does not."""

from datetime import datetime
from typing import ClassVar

from django.db.models import Q

from liangwang.base import notices
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.geo import haversine_m
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task

from .competence import at_work, near, ranks
from .dispatch_models import Crew
from .relay_models import Relay

REASONS: dict[str, Label] = {
    "shift_over": {"zh": "到点下班，办不完", "en": "our shift ends before it is done"},
    "tools": {"zh": "缺工具、材料或人手", "en": "tools, material or hands are missing"},
    "trade": {"zh": "需要别的专业", "en": "it needs another trade"},
    "urgent": {"zh": "被调去更急的事", "en": "called to something more urgent"},
    "trouble": {"zh": "车坏了或人员不适", "en": "the vehicle broke down, or somebody is unwell"},
}
REACH_M = 30_000.0
GUARDS_M = 3_000.0
OFFERED = 6
IN_HAND = ("accepted", "arrived")


class NotThatCrew(Refusal):
    """The crew that is asked to take over is not on shift, has a task in hand, or may not do this work."""

    status, code = 409, "not_that_crew"
    template: ClassVar[Label] = {
        "zh": "这支队伍现在接不了：不在班、手上有任务或不会这项工作；请换一支",
        "en": "That crew cannot take it now: off shift, busy or of another trade; choose another",
    }


class RelayReason(Refusal):
    status, code = 422, "relay_reason"
    template: ClassVar[Label] = {
        "zh": "请选择转交的原因和接手的队伍",
        "en": "Choose why it is handed over, and to which crew",
    }


class RelayOver(Refusal):
    """Answered, recalled, or the task has gone on meanwhile."""

    status, code = 409, "relay_over"
    template: ClassVar[Label] = {
        "zh": "这次转交已经结束：对方已收回、任务已反馈，或您已经答复过",
        "en": "This hand-over is over: recalled, the task has been reported, or you have answered already",
    }


def crews_to_ask(task: Task, at: datetime) -> list[Crew]:
    """Crews on shift without a task that may do this one, by competence and then the distance from its place."""
    case = task.case
    if case.lon is None or case.lat is None:
        return []
    busy = cases.busy_crew_ids() | {task.crew_office_id or 0}
    # Who guards comes from near by, as there are thousands; who repairs has tools and may come from far.
    worth = near(task, GUARDS_M) if task.by.get("anyone") else near(task, REACH_M) & Q(repairs=True)
    rows = Crew.objects.filter(worth, at_work(at), office__ended_at=None)
    free = [crew for crew in rows.select_related("office__place") if crew.office_id not in busy]
    place = case.lon, case.lat
    found = [
        (rank, haversine_m(place, (crew.lon, crew.lat)), crew.pk, crew) for crew, rank, _ in ranks(task, free)
    ]
    return [crew for *_, crew in sorted(found, key=lambda one: one[:3])[:OFFERED]]


def ask(*, actor: Actor, at: datetime, task: Task, crew: str, reason: str, note: str = "") -> Relay:
    """Asks the crew with this office key to take over; another that was asked before is asked no longer.

    The asking crew keeps the task until the other says yes. Raises RelayReason, NotThatCrew, RelayOver.
    """
    if reason not in REASONS or not crew:
        raise RelayReason
    if actor.office_id is None or task.crew_office_id != actor.office_id or task.state not in IN_HAND:
        raise RelayOver
    other = next((one for one in crews_to_ask(task, at) if one.office.key == crew), None)
    if other is None:
        raise NotThatCrew
    Relay.objects.filter(task_id=task.pk, ended="").update(ended="recalled", answered_at=at)
    row = Relay.objects.create(
        task_id=task.pk,
        crew_from_id=actor.office_id,
        crew_to=other.office,
        reason=reason,
        note=note[:300],
        asked_at=at,
    )
    actions.note_case(
        actor=actor,
        at=at,
        case=task.case,
        what="task.relay_asked",
        to=other.office.name,
        label=REASONS[reason],
    )
    notices.notify(
        to=other.office, template="task.relay", title=task.label, body={
            "zh": f"请您接手：{REASONS[reason]['zh']}", "en": f"Please take this over: {REASONS[reason]['en']}",
        }, at=at, key=f"relay/{row.ref}", link="/field/",
    )  # fmt: skip
    return row


def waiting_for(office_id: int | None) -> list[Relay]:
    """What other crews ask this one to take over, the oldest first."""
    rows = Relay.objects.filter(crew_to_id=office_id or 0, ended="", task__state__in=IN_HAND)
    rows = rows.select_related("task__case__place", "crew_from").order_by("asked_at", "id")
    return [row for row in rows if row.task.crew_office_id == row.crew_from_id]


def asked_about(task: Task) -> Relay | None:
    """The crew that is asked to take over this task and has not answered."""
    rows = Relay.objects.filter(task_id=task.pk, ended="", crew_from_id=task.crew_office_id or 0)
    return rows.select_related("crew_to").first()


def answer(*, actor: Actor, at: datetime, ref: str, taken: bool) -> Relay:
    """The asked crew takes the task, or lets it be; raises NotFound for another crew's, RelayOver for one that is over."""
    row = Relay.objects.select_related("task__case", "crew_from").filter(ref=ref).first()
    if row is None or actor.office_id is None or row.crew_to_id != actor.office_id:
        raise NotFound
    ended = "taken" if taken else "refused"
    if not Relay.objects.filter(pk=row.pk, ended="").update(ended=ended, answered_at=at):
        raise RelayOver
    if taken:
        actions.take_over_task(
            actor=actor,
            at=at,
            task=row.task,
            crew_from=row.crew_from_id,
            reason=REASONS[row.reason],
            note=row.note,
        )
    else:
        actions.note_case(actor=actor, at=at, case=row.task.case, what="task.relay_refused")
    said: Label = (
        {"zh": "对方已接手", "en": "taken over"}
        if taken
        else {"zh": "对方接不了，任务仍在您这里", "en": "not taken: the task stays with you"}
    )
    notices.notify(
        to=row.crew_from, template="task.relay_answered", title=row.task.label, body=said, at=at,
        key=f"relay/{row.ref}/answer", link=f"/field/tasks/{row.task.ref}/",
    )  # fmt: skip
    row.refresh_from_db()
    return row
