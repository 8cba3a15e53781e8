"""会签, 加签: other offices' words on a task: asked for when it becomes ready, counted when it is decided."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office

from .competence import Competence
from .models import Signature, Task
from .refusals import NotHolder, SignaturesMissing

if TYPE_CHECKING:
    from .engine import Locked

State = Signature.State


def of_attempt(task: Task) -> QuerySet[Signature]:
    """The signatures asked for on the present attempt of a task, in the order in which they were asked."""
    return Signature.objects.filter(task=task, attempt=task.attempt).select_related("office").order_by("id")


def ask_all(locked: "Locked", task: Task) -> None:
    """Asks every office that the plan names for this node; the deciding office itself needs no signature of its own."""
    sign = locked.graph.nodes[task.node].sign
    if sign is None:
        if task.signs_needed:  # somebody was asked on an earlier attempt (加签)
            need(task, 0)
        return
    competence = Competence(locked.case.place, locked.case.lead_office)
    found = [competence.office_by(by, task.label) for by in sign.of]
    offices = {office.pk: office for office in found if office and office.pk != task.office_id}
    need(task, min(sign.needed, len(offices)))
    for office in offices.values():
        ask(locked, task, office)


def need(task: Task, number: int) -> None:
    """Sets how many of those asked must agree."""
    Task.objects.filter(pk=task.pk).update(signs_needed=number)
    task.signs_needed = number


def ask(locked: "Locked", task: Task, office: Office, *, added: bool = False, why: str = "") -> Signature:
    """Asks one office, which finds it in its inbox and as a notice."""
    row = Signature.objects.create(
        task=task, attempt=task.attempt, office=office, added=added, why=why, asked_at=locked.at
    )
    title: Label = {"zh": f"请会签：{task.label['zh']}", "en": f"To co-sign: {task.label['en']}"}
    number = locked.case.number
    notices.notify(
        to=office,
        template="task.sign",
        title=title,
        body={"zh": f"{number}：{why or '请会签'}", "en": f"{number}: {why or 'please co-sign'}"},
        at=locked.at,
        key=f"{task.ref}/sign/{task.attempt}/{office.pk}",
        link=f"/tasks/{task.ref}/",
    )
    return row


def require_signed(task: Task) -> None:
    """Raises SignaturesMissing, naming who has not signed and who opposed, while too few have agreed."""
    if not task.signs_needed:
        return
    rows = list(of_attempt(task))
    agreed = sum(row.state == State.AGREED for row in rows)
    if agreed >= task.signs_needed and not any(row.added and row.state == State.ASKED for row in rows):
        return
    waits = [row.office.name for row in rows if row.state == State.ASKED]
    against = [row.office.name for row in rows if row.state == State.OPPOSED]
    raise SignaturesMissing(
        have=agreed,
        need=task.signs_needed,
        waits="、".join(name["zh"] for name in waits) or "无",
        waits_en=", ".join(name["en"] for name in waits) or "none",
        against="、".join(name["zh"] for name in against) or "无",
        against_en=", ".join(name["en"] for name in against) or "none",
    )


def end_open(task: Task, at: datetime) -> None:
    """Nobody need sign any more: the task was decided, sent back or ended."""
    if task.signs_needed:
        Signature.objects.filter(task=task, state=State.ASKED).update(state=State.ENDED, signed_at=at)


def require_own(actor: Actor, task: Task) -> None:
    """An office that is only asked to sign does not decide; raises NotHolder."""
    if not task.signs_needed or actor.office_id in (None, task.office_id):
        return
    if Signature.objects.filter(task=task, office_id=actor.office_id or 0).exists():
        office = Office.objects.filter(pk=task.office_id or 0).first()
        name = office.name if office else {"zh": "无", "en": "nobody"}
        raise NotHolder(
            task=task.label["zh"], task_en=task.label["en"], holder=name["zh"], holder_en=name["en"]
        )
