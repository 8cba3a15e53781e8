"""主办: which office leads an incident: handed up (上报) or down (下派) between levels, or ruled after a decline."""

from datetime import datetime
from typing import Literal

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office

from ..engine import flip, lock_case, lock_task, require_live
from ..models import OPEN_TASK_STATES, Case, Task
from ..refusals import ReasonNeeded, WrongOffice

How = Literal["up", "down"]
HOW: dict[str, Label] = {
    "up": {"zh": "上报", "en": "Handed up"},
    "down": {"zh": "下派", "en": "Handed down"},
}


def hand_on(*, actor: Actor, at: datetime, case: Case, office: Office, how: How, reason: str) -> Case:
    """The office of another level leads from now on, and its duty officer's tasks with it. Clocks run on."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN, Case.State.ACCEPTED)
    if not reason.strip():
        raise ReasonNeeded(what="上报或下派的理由", what_en="why it is handed on")
    before = locked.case.lead_office
    if before is not None and before.pk == office.pk:
        raise WrongOffice(office=office.name["zh"], office_en=office.name["en"])
    locked.put(lead_office=office)
    left = Task.objects.filter(case=locked.case, state__in=[*OPEN_TASK_STATES, Task.State.WAITING])
    left.filter(role="duty_officer", crew_office=None).update(office=office)
    name = before.name if before else {"zh": "", "en": ""}
    locked.note(f"case.handed_{how}", to=office.name, before=name, reason=reason.strip())
    locked.seal("dispatch", f"case.handed_{how}", body={"to": office.key})
    title: Label = {
        "zh": f"{HOW[how]['zh']}：{locked.case.title['zh']}",
        "en": f"{HOW[how]['en']}: {locked.case.title['en']}",
    }
    body: Label = {"zh": f"{locked.case.number}：{reason}", "en": f"{locked.case.number}: {reason}"}
    key = f"{locked.case.ref}/{how}/{at.isoformat()}"
    link = f"/command/incidents/{locked.case.ref}/"
    notices.notify(to=office, template=f"case.{how}", title=title, body=body, at=at, key=key, link=link)
    return locked.case


def rule_task(*, actor: Actor, at: datetime, task: Task, office: Office, note: str) -> Task:
    """首接负责: after a decline the duty officer names the office that does it; it cannot be declined again."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if not note.strip():
        raise ReasonNeeded(what="指定主办的理由", what_en="why this office is to do it")
    if not task.declined:
        raise WrongOffice(office=office.name["zh"], office_en=office.name["en"])
    crew = office.kind == Office.Kind.CREW
    values = {
        "state": Task.State.ASSIGNED if crew else Task.State.READY,
        "crew_office_id": office.pk if crew else None,
        "office_id": task.office_id if crew else office.pk,
        "assigned_at": at,
        "assignee_id": None,
        "because": {"why": {"zh": "退单后由值班长指定", "en": "named by the duty officer after a decline"}},
    }
    flip(task, [Task.State.READY], {"zh": "指定主办", "en": "given to an office"}, **values)
    locked.put(assigned_at=locked.case.assigned_at or at)
    locked.reach("dispatch")
    sent = {"crew": office.key} if crew else {}
    locked.note("task.ruled", task, stage="dispatch", to=office.name, note=note.strip(), **sent)
    locked.seal("dispatch", "task.ruled", task, body={"to": office.key, "attempt": task.attempt})
    title: Label = {
        "zh": f"指定主办：{task.label['zh']}",
        "en": f"You are to do it: {task.label['en']}",
    }
    number = locked.case.number
    notices.notify(
        to=office, template="task.ruled", title=title, at=at, key=f"{task.ref}/ruled/{task.attempt}",
        body={"zh": f"{number}：{note}", "en": f"{number}: {note}"}, link=f"/tasks/{task.ref}/",
    )  # fmt: skip
    return task
