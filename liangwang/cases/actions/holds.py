"""Keeps a case open for a reason (a signal, a payment, a supplement), and lets it go."""

from datetime import datetime

from liangwang.base.hats import Actor

from ..engine import lock_case, require_live
from ..models import Case, CaseHold
from .close import close_when_done


def hold(*, actor: Actor, at: datetime, case: Case, reason: str, ref: str = "") -> CaseHold:
    """Holds a case open for a reason; the same reason and ref again is the same hold."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN, Case.State.ACCEPTED)
    held, created = CaseHold.objects.get_or_create(
        case=locked.case, reason=reason, ref=ref, released_at=None, defaults={"since": at}
    )
    if created:
        locked.note("case.held", reason=reason, ref=ref)
        locked.seal("update", body={"hold": reason, "ref": ref})
    return held


def release(*, actor: Actor, at: datetime, case: Case, reason: str, ref: str = "") -> bool:
    """Lets a hold go; an application that has only waited for it closes. False when there was none."""
    locked = lock_case(case.pk, actor, at)
    held = CaseHold.objects.filter(case=case, reason=reason, ref=ref, released_at=None)
    if not held.update(released_at=at):
        return False
    locked.note("case.released", reason=reason, ref=ref)
    locked.seal("update", "case.released", body={"hold": reason, "ref": ref})
    close_when_done(locked)
    return True
