"""退单 延期 缓办 挂账 督办: decline once with a reason, defer with approval, supervise with a reply, climb when late."""

from datetime import datetime, timedelta

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office

from ..engine import both, date_incident, flip, lock_case, lock_task, require_live
from ..models import OPEN_TASK_STATES, Case, Supervision, Task
from ..refusals import DeclineRefused, NotAsked, OnceOnly, OwnWork, ReasonNeeded
from .handle import require_holder

State = Task.State
DECLINE_WITHIN = timedelta(minutes=30)  # the house's own limit, no legal basis; counted from the assignment
DECLINE_REASONS: dict[str, Label] = {
    "not_ours": {"zh": "不属本单位权属或职责", "en": "not our asset or duty"},
    "wrong_place": {"zh": "位置有误，不在本辖区", "en": "wrong place, outside our area"},
    "no_skill": {"zh": "需要其他专业队伍或设备", "en": "needs another trade or equipment"},
    "busy": {"zh": "正在处置更紧急的案件", "en": "busy with a more urgent incident"},
    "unsafe": {"zh": "现场不具备作业条件", "en": "the place is not safe to work in"},
}


DEFERRALS: dict[str, Label] = {
    "extend": {"zh": "延期", "en": "more time"},
    "postpone": {"zh": "缓办", "en": "postponed"},
    "shelve": {"zh": "挂账", "en": "shelved"},
}
"""延期 goes on with a later limit; 缓办 rests until a day; 挂账 rests as it cannot be done now, until looked at again."""


def decline_task(
    *, actor: Actor, at: datetime, task: Task, reason: str, note: str = "", did_at: datetime | None = None
) -> Task:
    """退单 before accepting: a reason from the list, within the limit, once; then the duty officer names the lead.

    A crew declines what it was sent to, an office what has come to it; meanwhile the lead office answers for it.
    The limit is judged by when it was declined: a phone without a signal does not make it late.
    """
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    if reason not in DECLINE_REASONS:
        words = "、".join(label["zh"] for label in DECLINE_REASONS.values())
        english = "; ".join(label["en"] for label in DECLINE_REASONS.values())
        raise ReasonNeeded(what=f"退单原因（{words}）", what_en=f"a reason to decline ({english})")
    if task.declined:
        raise DeclineRefused(why="已经退过一次", why_en="it has been declined once")
    came = task.assigned_at if task.crew_office_id else task.ready_at
    if came and (did_at or at) - came > DECLINE_WITHIN:
        minutes = int(DECLINE_WITHIN.total_seconds() // 60)
        raise DeclineRefused(why=f"已超过 {minutes} 分钟", why_en=f"more than {minutes} minutes have passed")
    declined_by = task.crew_office or task.office
    values = {
        "state": State.READY,
        "crew_office_id": None,
        "assignee_id": None,
        "declined": task.declined + 1,
        "office_id": task.office_id if task.crew_office_id else locked.case.lead_office_id,
    }
    held = State.ASSIGNED if task.crew_office_id else State.READY
    flip(task, [held], {"zh": "退单", "en": "declined"}, **values)
    body = {"reason": reason, "by": declined_by.key if declined_by else ""}
    locked.note("task.declined", task, stage="dispatch", note=note, label=DECLINE_REASONS[reason], **body)
    locked.seal("handle", "task.declined", task, body=body, key=f"task.declined/{task.ref}/{task.attempt}")
    if locked.case.lead_office:
        _tell_office(
            locked.case.lead_office, task, "declined", at,
            {"zh": f"退单：{task.label['zh']}，请指定主办、协办", "en": f"Declined: {task.label['en']}; name who leads"},
        )  # fmt: skip
    return task


def defer_task(
    *,
    actor: Actor,
    at: datetime,
    task: Task,
    until: datetime,
    reason: str,
    how: str = "shelve",
    did_at: datetime | None = None,
) -> Task:
    """Asks for 延期, 缓办 or 挂账 (`how`, of DEFERRALS): nothing changes until someone else approves."""
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    if not reason.strip() or until <= at:
        raise ReasonNeeded(what="挂账的理由和将来的日期", what_en="the reason and a date to come")
    if how not in DEFERRALS:
        raise ReasonNeeded(what="延期、缓办还是挂账", what_en="whether it is extended, postponed or shelved")
    asked = {
        "until": until.isoformat(), "reason": reason, "party": actor.party_ref, "from": task.state, "how": how,
        "label": actor.label,
    }  # fmt: skip
    flip(task, OPEN_TASK_STATES, {"zh": "申请挂账", "en": "deferred"}, defer_asked=asked)
    locked.note("task.defer_asked", task, until=asked["until"], reason=reason, how=DEFERRALS[how])
    locked.seal("handle", "task.defer_asked", task, body={"until": asked["until"], "how": how})
    return task


def approve_deferral(*, actor: Actor, at: datetime, task: Task, approved: bool, note: str = "") -> Task:
    """Decides on an asked deferral; not by the one who asked. Approved, the clock runs to the new day.

    An extension goes on being worked on; what is postponed or shelved rests and stays on the board.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    asked = task.defer_asked
    if not asked:
        raise OnceOnly(what="挂账审批", what_en="Deciding on a deferral")
    if asked["party"] and asked["party"] == actor.party_ref:
        raise OwnWork(**both("task", task.label))
    how = asked.get("how", "shelve")
    if approved:
        until = datetime.fromisoformat(asked["until"])
        back = {**asked, "from": task.state}  # it may have gone on while the answer was awaited
        rests = {"state": State.DEFERRED, "deferred_until": until, "due_at": until, "defer_asked": back}
        longer = {"due_at": until, "defer_asked": None, "climbed": ""}
        flip(task, OPEN_TASK_STATES, DEFERRALS[how], **(longer if how == "extend" else rests))
        if locked.case.due_at is not None:
            locked.put(due_at=max(locked.case.due_at, until))
    else:
        flip(task, OPEN_TASK_STATES, {"zh": "退回挂账申请", "en": "kept going"}, defer_asked=None)
    said = "task.deferred" if approved else "task.not_deferred"
    locked.note(said, task, note=note, until=asked["until"], how=DEFERRALS[how], rests=how != "extend")
    locked.seal(
        "dispatch", "task.deferred" if approved else None, task, body={"approved": approved, "how": how}
    )
    return task


def wake_task(*, actor: Actor, at: datetime, task: Task) -> Task:
    """A deferred task whose day has come, or that is called back, goes on where it was."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    back = (task.defer_asked or {}).get("from", State.READY)
    values = {"state": back, "defer_asked": None, "deferred_until": None}
    flip(task, [State.DEFERRED], {"zh": "恢复", "en": "taken up again"}, **values)
    locked.note("task.woken", task)
    locked.seal("dispatch", "task.woken", task)
    return task


def supervise_task(
    *, actor: Actor, at: datetime, task: Task, note: str, due_at: datetime | None = None
) -> Task:
    """督办: marks the case, tells the office that holds the task, and wants its reply by `due_at`."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if not note.strip():
        raise ReasonNeeded(what="督办要求", what_en="what is demanded")
    locked.put(supervised=True)
    locked.note("task.supervised", task, note=note)
    locked.seal("supervise", "task.supervised", task)
    holder = task.crew_office or task.office
    by = {"party": actor.party_ref, "office": actor.office_key, "label": actor.label}
    Supervision.objects.create(
        case=locked.case, task=task, office=holder, note=note.strip(), asked_at=at, asked_by=by, due_at=due_at
    )
    if holder is not None:
        _tell_office(
            holder, task, f"supervised/{at.isoformat()}", at,
            {"zh": f"督办：{note}", "en": f"Supervised: {note}"},
        )  # fmt: skip
    return task


def reply_supervision(
    *, actor: Actor, at: datetime, row: Supervision, text: str, did_at: datetime | None = None
) -> Supervision:
    """The office that was supervised says what it has done about it, once."""
    locked = lock_case(row.case_id, actor, at)
    locked.did_at = did_at
    if row.office_id is None or actor.office_id != row.office_id:
        raise NotAsked(task=row.note, task_en=row.note)
    if not text.strip():
        raise ReasonNeeded(what="督办回复", what_en="the reply")
    by = {"party": actor.party_ref, "office": actor.office_key, "label": actor.label}
    fresh = Supervision.objects.filter(pk=row.pk, replied_at=None)
    if not fresh.update(reply=text.strip(), replied_at=at, replied_by=by):
        raise OnceOnly(what="督办回复", what_en="A reply")
    locked.note("case.supervision_replied", row.task, note=text.strip())
    locked.seal("handle", "case.supervision_replied", body={"supervision": row.ref})
    row.refresh_from_db()
    return row


def escalate_task(*, actor: Actor, at: datetime, task: Task, level: str, offices: list[Office]) -> bool:
    """A late task climbs to a level (street, district, city), whose offices are told once; False when they were."""
    locked, task = lock_task(task, actor, at)
    order = ("", "street", "district", "city")
    if task.state not in OPEN_TASK_STATES or order.index(task.climbed) >= order.index(level):
        return False
    flip(task, OPEN_TASK_STATES, {"zh": "升级", "en": "escalated"}, climbed=level)
    locked.note("task.overdue", task, level=level)
    body = {"level": level, "offices": [office.key for office in offices]}
    # With a later limit (延期) it can be late anew, in the same attempt.
    again = f"{task.attempt}/{int(task.due_at.timestamp()) if task.due_at else 0}"
    key = f"task.overdue/{task.ref}/{again}/{level}"
    locked.seal("supervise", "task.overdue", task, body=body, key=key)
    for office in offices:
        text: Label = {
            "zh": f"{locked.case.number} 的“{task.label['zh']}”已超时",
            "en": f"'{task.label['en']}' of {locked.case.number} is late",
        }
        _tell_office(office, task, f"late/{level}/{again}", at, text)
    return True


def change_level(*, actor: Actor, at: datetime, case: Case, level: str, because: Label) -> Case:
    """An incident's level rises or falls with its signal; the timeline says why."""
    locked = lock_case(case.pk, actor, at)
    if locked.case.level != level:
        before = locked.case.level
        due = locked.case.due_at
        locked.put(level=level)
        date_incident(locked)
        if locked.case.due_at != due:  # what is being handled within the incident's limit moves with it
            open_now = Task.objects.filter(case=locked.case, state__in=OPEN_TASK_STATES, stage="handle")
            open_now.filter(due_at=due).update(due_at=locked.case.due_at)
        locked.note("case.level", before=before, level=level, because=because)
        locked.seal("update", "case.level", body={"level": level, "before": before})
    return locked.case


def _page_of(task: Task) -> str:
    """Where the office works on it: a crew in the field, an office on the case's page."""
    if task.case.kind == "incident":
        return f"/tasks/{task.ref}/"
    return f"/staff/applications/{task.case.ref}/?task={task.ref}"


def _tell_office(office: Office, task: Task, what: str, at: datetime, body: Label) -> None:
    notices.notify(
        to=office, template=f"task.{what.partition('/')[0]}", title=task.label, body=body, at=at,
        key=f"{task.ref}/{what}/{office.pk}", link=_page_of(task),
    )  # fmt: skip
