"""并案 and 重开: an incident turns out to be another one, or is taken up again; each can be undone."""

from datetime import datetime
from typing import Any

from liangwang.base.hats import Actor
from liangwang.base.models import PurposeGrant

from ..engine import DONE, Locked, date_incident, lock_case, make_ready, require_live, tell_ready
from ..models import OPEN_TASK_STATES, Case, CaseEvent, CaseHold, Task
from ..refusals import CaseMoved, ReasonNeeded

State = Task.State
LEFT = (*OPEN_TASK_STATES, State.WAITING, State.KEPT, State.DEFERRED)
LIVE = (Case.State.OPEN, Case.State.ACCEPTED)


def merge_case(*, actor: Actor, at: datetime, case: Case, into: Case, reason: str = "") -> Case:
    """Ends an incident because it is another one: its open tasks are called back, everything of it stays to be read."""
    locked, kept = lock_case(case.pk, actor, at), lock_case(into.pk, actor, at)
    require_live(locked.case, *LIVE)
    require_live(kept.case, *LIVE)
    if case.pk == into.pk or locked.case.kind != "incident" or kept.case.kind != "incident":
        raise CaseMoved(number=case.number, state="同一件", state_en="the same one")
    was = {task.node: task.state for task in locked.tasks.values() if task.state in LEFT}
    Task.objects.filter(case=locked.case, state__in=LEFT).update(state=State.CANCELLED)
    CaseHold.objects.filter(case=case, released_at=None).update(released_at=at)
    PurposeGrant.objects.filter(case_ref=case.ref, ended_at=None).update(ended_at=at)
    before = {"state": locked.case.state, "tasks": was}
    locked.put(state=Case.State.MERGED, closed_at=at, follows=kept.case, follows_as="merged")
    locked.note("case.merged", to=kept.case.number, reason=reason, before=before)
    locked.seal("update", "case.merged", body={"to": kept.case.ref})
    kept.note("case.took_in", number=locked.case.number, reason=reason)
    kept.seal("update", "case.took_in", body={"from": locked.case.ref})
    return locked.case


def unmerge_case(*, actor: Actor, at: datetime, case: Case, reason: str = "") -> Case:
    """Takes a merging back: the incident goes on where it was; who had been sent is sent anew."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.MERGED)
    line = CaseEvent.objects.filter(case=case, what="case.merged").order_by("-id").first()
    before: dict[str, Any] = line.body["before"] if line else {"state": Case.State.OPEN, "tasks": {}}
    parts = {"waiting": State.WAITING, "kept": State.KEPT, "deferred": State.DEFERRED}
    again = []
    for node, state in before["tasks"].items():
        task = locked.tasks[node]
        fresh = parts.get(state, State.READY)
        attempt = task.attempt + (fresh == State.READY)  # what is begun anew is told anew
        Task.objects.filter(pk=task.pk).update(state=fresh, attempt=attempt, crew_office=None, assignee=None)
        task.state, task.attempt, task.crew_office_id = fresh, attempt, None
        if fresh == State.READY:
            again.append(task)
    locked.put(state=before["state"], closed_at=None, follows=None, follows_as="")
    _grant_again(locked)
    locked.note("case.unmerged", reason=reason)
    for task in again:
        tell_ready(locked, task, again=at.isoformat())
    locked.seal("update", "case.unmerged", body={"tasks": sorted(before["tasks"])})
    return locked.case


def reopen_case(*, actor: Actor, at: datetime, case: Case, reason: str) -> Case:
    """重开: a closed incident is handled again from its handling on; what follows is done and checked anew."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.CLOSED)
    if not reason.strip():
        raise ReasonNeeded(what="重开的理由", what_en="why it is opened again")
    graph, tasks = locked.graph, locked.tasks
    handled = [key for key in graph.order if tasks[key].stage == "handle"] or graph.roots
    reached = {after for key in handled for after in graph.descendants(key)}
    roots = [key for key in handled if key not in reached]
    redo = set(roots) | reached
    for key in redo:
        tasks[key].state = State.WAITING
    for key in redo:
        waits = sum(tasks[need].state != DONE for need in set(graph.nodes[key].needs))
        tasks[key].waits = waits
        Task.objects.filter(pk=tasks[key].pk).update(
            state=State.WAITING, waits=waits, crew_office=None, assignee=None, declined=0, done_at=None,
            defer_asked=None, deferred_until=None, verified_by=None,
        )  # fmt: skip
        tasks[key].crew_office_id = None
    locked.put(state=Case.State.ACCEPTED, closed_at=None, handled_at=None, accepted_at=at)
    date_incident(locked)
    _grant_again(locked)
    locked.reach("handle", back=True)
    locked.note("case.reopened", stage="handle", reason=reason.strip())
    make_ready(locked, [tasks[key] for key in roots])
    locked.seal("update", "case.reopened", body={"reason": reason.strip()})
    return locked.case


def _grant_again(locked: Locked) -> None:
    """The purpose for which data of the case may be read stands again."""
    case = locked.case
    last = PurposeGrant.objects.filter(case_ref=case.ref).order_by("-id").first()
    PurposeGrant.objects.create(
        case_ref=case.ref, subject=case.subject, purpose=last.purpose if last else case.pack,
        office=case.lead_office, opened_at=locked.at,
    )  # fmt: skip
