"""会签 and 加签: an office signs another office's task; the deciding office asks one more."""

from datetime import datetime

from liangwang.base.hats import Actor
from liangwang.base.models import Office

from .. import signing
from ..engine import STATE_LABELS, both, lock_task, require_live
from ..models import OPEN_TASK_STATES, Signature, Task
from ..refusals import NotAsked, OnceOnly, ReasonNeeded, TaskMoved, WrongOffice

State = Signature.State


def sign_task(*, actor: Actor, at: datetime, task: Task, agreed: bool, opinion: str = "") -> Signature:
    """会签: the actor's office agrees, or opposes with its reasons; once per attempt. Raises NotAsked, OnceOnly.

    The task is not decided by this: its own office decides when enough have agreed, and sees every opinion.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    row = signing.of_attempt(task).filter(office_id=actor.office_id or 0).first()
    if row is None:
        raise NotAsked(**both("task", task.label))
    if not agreed and not opinion.strip():
        raise ReasonNeeded(what="不同意的理由", what_en="why you oppose it")
    values = {
        "state": State.AGREED if agreed else State.OPPOSED, "opinion": opinion.strip(), "signed_at": at,
        "signed_by_id": actor.party_id,
    }  # fmt: skip
    if not Signature.objects.filter(pk=row.pk, state=State.ASKED).update(**values):
        raise OnceOnly(what="会签", what_en="Signing")
    what = "task.signed" if agreed else "task.opposed"
    locked.note(what, task, opinion=opinion.strip(), office=row.office.name)
    body = {"agreed": agreed, "attempt": task.attempt}
    locked.seal("decide", what, task, body=body, key=f"{what}/{row.ref}")
    row.refresh_from_db()
    return row


def ask_signature(*, actor: Actor, at: datetime, task: Task, office: Office, why: str) -> Signature:
    """加签: the deciding office asks one more office; its answer is waited for. Raises OnceOnly, WrongOffice."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    signing.require_own(actor, task)
    if task.state not in OPEN_TASK_STATES:
        verb = {"zh": "加签", "en": "given another signer"}
        state = STATE_LABELS[task.state]
        raise TaskMoved(**both("task", task.label), **both("state", state), **both("verb", verb))
    if not why.strip():
        raise ReasonNeeded(what="请对方看什么", what_en="what they are to look at")
    if office.pk == task.office_id or office.ended_at is not None:
        raise WrongOffice(office=office.name["zh"], office_en=office.name["en"])
    if signing.of_attempt(task).filter(office=office).exists():
        raise OnceOnly(what=f"请{office.name['zh']}会签", what_en=f"Asking {office.name['en']} to sign")
    signing.need(task, task.signs_needed + 1)
    row = signing.ask(locked, task, office, added=True, why=why.strip())
    locked.note("task.signer_added", task, to=office.name, reason=why.strip())
    body = {"to": office.key, "attempt": task.attempt}
    locked.seal("decide", "task.signer_added", task, body=body, key=f"task.signer_added/{row.ref}")
    return row
