"""派遣 处置 反馈: assign, accept, arrive, show proof, report, complete."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, StoredFile

from .. import signing
from ..engine import Locked, both, finish, flip, lock_task, require_live
from ..models import Proof, Task
from ..refusals import NotHolder, ProofMissing, ReasonNeeded
from .close import close_when_done

State = Task.State
PROOF_LABELS: dict[str, Label] = {
    "photo_before": {"zh": "处置前照片", "en": "photo before"},
    "photo_after": {"zh": "处置后照片", "en": "photo after"},
    "photo": {"zh": "现场照片", "en": "photo of the place"},
}


@dataclass(frozen=True)
class Shown:
    """A proof as the field page hands it in: its kind (`photo_before`), the stored file, where it was taken."""

    kind: str
    file: StoredFile
    lon: float | None = None
    lat: float | None = None


def assign_task(
    *,
    actor: Actor,
    at: datetime,
    task: Task,
    crew_office: Office | None,
    because: dict[str, Any] | None = None,
) -> Task:
    """派单 to a crew; `because` keeps the reason, with the next-best and their times."""
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if crew_office is None:
        raise ReasonNeeded(what="派给哪支队伍", what_en="the crew")
    values: dict[str, Any] = {
        "state": State.ASSIGNED, "crew_office_id": crew_office.pk, "assigned_at": at, "assignee_id": None,
        "because": because or {},
    }  # fmt: skip
    flip(task, [State.READY, State.ASSIGNED], {"zh": "派单", "en": "assigned"}, **values)
    locked.put(assigned_at=locked.case.assigned_at or at)
    locked.reach("dispatch")
    locked.note(
        "task.assigned",
        task,
        stage="dispatch",
        to=crew_office.name,
        crew=crew_office.key,
        because=because or {},
    )
    locked.seal("dispatch", "task.assigned", task, body={"to": crew_office.key, "attempt": task.attempt})
    return task


def require_holder(actor: Actor, task: Task) -> None:
    """Raises NotHolder unless the actor is of the crew, or where there is none of the office, that has the task."""
    holder = task.crew_office if task.crew_office_id else task.office
    if holder is None or actor.office_id != holder.pk:
        name = holder.name if holder else {"zh": "无", "en": "nobody"}
        raise NotHolder(**both("task", task.label), **both("holder", name))


def accept_task(*, actor: Actor, at: datetime, task: Task, did_at: datetime | None = None) -> Task:
    """接单: one post of the crew takes the task and is its one holder."""
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    values = {"state": State.ACCEPTED, "assignee_id": actor.post_id, "accepted_at": at}
    flip(task, [State.ASSIGNED, State.READY], {"zh": "接单", "en": "accepted"}, **values)
    locked.reach("handle")
    locked.note("task.accepted", task, stage="handle")
    locked.seal("handle", "task.accepted", task)
    return task


def arrive_task(*, actor: Actor, at: datetime, task: Task, did_at: datetime | None = None) -> Task:
    """到场: the first arrival of a case stops its minutes-to-arrive."""
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    values = {"state": State.ARRIVED, "arrived_at": at}
    flip(task, [State.ACCEPTED], {"zh": "签到", "en": "marked as arrived"}, **values)
    locked.put(arrived_at=locked.case.arrived_at or at)
    locked.note("task.arrived", task, stage="handle")
    locked.seal("handle", "task.arrived", task)
    return task


def add_proof(
    *, actor: Actor, at: datetime, task: Task, shown: Shown, did_at: datetime | None = None
) -> Proof:
    """Keeps one photo or document of the present attempt; later ones of a kind stand beside earlier ones.

    Its time is when it was taken, where a phone kept it until there was a signal.
    """
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    proof = _prove(locked, task, [shown])[0]
    locked.seal("update", body={"proof": shown.kind}, task=task)
    return proof


def _prove(locked: Locked, task: Task, proofs: Iterable[Shown]) -> list[Proof]:
    rows = [
        Proof(
            task=task, attempt=task.attempt, kind=shown.kind, file=shown.file, at=locked.did_at or locked.at,
            lon=shown.lon,
            lat=shown.lat, party_id=locked.actor.party_id, office_id=locked.actor.office_id,
        )
        for shown in proofs
    ]  # fmt: skip
    return Proof.objects.bulk_create(rows)


def report_task(
    *,
    actor: Actor,
    at: datetime,
    task: Task,
    result: dict[str, Any] | None = None,
    proofs: Iterable[Shown] = (),
    did_at: datetime | None = None,
) -> Task:
    """反馈: done, with the proof that the plan asks for; waits for verification where there is one."""
    locked, task = lock_task(task, actor, at, did_at)
    require_live(locked.case)
    require_holder(actor, task)
    _prove(locked, task, proofs)
    wanted = locked.graph.nodes[task.node].proof
    if wanted:
        have = set(Proof.objects.filter(task=task, attempt=task.attempt).values_list("kind", flat=True))
        if missing := [kind for kind in wanted if kind not in have]:
            raise ProofMissing(missing="、".join(PROOF_LABELS.get(k, {"zh": k})["zh"] for k in missing))
    verb: Label = {"zh": "反馈", "en": "reported"}
    values = {
        "state": State.REPORTED, "reported_at": at, "done_by_id": actor.party_id,
        "result": {**task.result, **(result or {})},
    }  # fmt: skip
    in_hand = [State.ACCEPTED, State.ARRIVED, *([] if task.crew_office_id else [State.READY])]
    flip(task, in_hand, verb, **values)
    locked.put(handled_at=at)
    locked.reach("feedback")
    locked.note("task.reported", task, stage="feedback", attempt=task.attempt, result=result or {})
    if task.verify:
        locked.seal("handle", "task.reported", task, key=f"task.reported/{task.ref}/{task.attempt}")
        return task
    finish(locked, task, [State.REPORTED], "done", {})
    locked.seal("handle", "task.done", task, key=f"task.done/{task.ref}/{task.attempt}")
    close_when_done(locked)
    return task


def complete_task(
    *, actor: Actor, at: datetime, task: Task, outcome: str = "done", result: dict[str, Any] | None = None
) -> Task:
    """An office, a rule or a signal finishes its node; `result` holds what the node gives.

    Outcome "refused" wants `result["reasons"]`, lets no successor start, and leaves the decision to the lead office.
    """
    locked, task = lock_task(task, actor, at)
    require_live(locked.case)
    if task.crew_office_id:
        require_holder(actor, task)
    if task.verify:
        raise ProofMissing(missing="反馈和核查 / a report and its verification")
    signing.require_own(actor, task)
    if outcome == "refused" and not (result or {}).get("reasons"):
        raise ReasonNeeded(what="不同意的理由", what_en="the reasons")
    if outcome != "refused":
        signing.require_signed(task)
    signing.end_open(task, at)
    finish(locked, task, [State.READY, State.ASSIGNED, State.ACCEPTED, State.ARRIVED], outcome, result or {})
    key = f"task.done/{task.ref}/{task.attempt}"
    locked.seal("decide", "task.done", task, key=key, body={"outcome": outcome})
    close_when_done(locked)
    return task
