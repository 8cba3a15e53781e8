"""The heart of the engine: one case under its lock, states that flip once, counters that fall, clocks that start."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Model

from liangwang.base import audit, events
from liangwang.base.access import Thing
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Event
from liangwang.base.statements import insert_groups, update_all
from liangwang.base.working_days import end_of_day, local_day, working_days

from . import signing
from .access import task_kind
from .declare import PlanNode, Within
from .graph import Graph, input_hash
from .models import STAGES, Case, CaseEvent, Task
from .plans import graph_of
from .prepared import Prepared
from .refusals import CaseMoved, TaskMoved

STATE_LABELS: dict[str, Label] = {
    "waiting": {"zh": "未开始", "en": "not started"},
    "ready": {"zh": "待办", "en": "to do"},
    "assigned": {"zh": "已派", "en": "assigned"},
    "accepted": {"zh": "已接单", "en": "accepted"},
    "arrived": {"zh": "已到场", "en": "on site"},
    "reported": {"zh": "已反馈，待核查", "en": "reported, to be verified"},
    "kept": {"zh": "退回中，意见暂留", "en": "kept while sent back"},
    "deferred": {"zh": "挂账", "en": "deferred"},
    "done": {"zh": "已办结", "en": "done"},
    "cancelled": {"zh": "已取消", "en": "cancelled"},
    "open": {"zh": "待受理", "en": "not yet accepted"},
    "supplement": {"zh": "待补正", "en": "waiting for a supplement"},
    "closed": {"zh": "已结案", "en": "closed"},
    "refused": {"zh": "不予办理", "en": "refused"},
    "withdrawn": {"zh": "已撤件", "en": "withdrawn"},
    "merged": {"zh": "已并案", "en": "merged"},
}
DONE = Task.State.DONE


def both(name: str, label: Label | dict[str, str]) -> dict[str, str]:
    """A label as the two named fields of a refusal's template.

    >>> both("task", {"zh": "看护", "en": "Guard"})
    {'task': '看护', 'task_en': 'Guard'}
    """
    return {name: label["zh"], f"{name}_en": label["en"]}


@dataclass
class Locked:
    """A case held by this transaction, its graph and tasks; lines of the timeline are written together at the end.

    `did_at` is when it was done on a phone without a signal, if before `at`: said on the timeline, never on a clock.
    """

    case: Case
    graph: Graph
    tasks: dict[str, Task]
    actor: Actor
    at: datetime
    did_at: datetime | None = None
    lines: list[CaseEvent] = field(default_factory=list)
    outbox: list[Event] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def note(self, what: str, task: Task | None = None, *, stage: str = "", **body: Any) -> None:
        """A line of the timeline, written when the act is sealed."""
        who = {
            "party": self.actor.party_ref,
            "office": self.actor.office_key,
            "role": self.actor.role,
            "label": self.actor.label,
        }
        if self.did_at is not None:
            body = {**body, "did_at": self.did_at.isoformat()}
        self.lines.append(
            CaseEvent(case=self.case, task=task, at=self.at, what=what, stage=stage, who=who, body=body)
        )

    def put(self, **values: Any) -> None:
        """Changes columns of the case, written once when the act is sealed."""
        for name, value in values.items():
            if getattr(self.case, name) != value:
                setattr(self.case, name, value)
                self.changed.add(name)

    def reach(self, stage: str, *, back: bool = False) -> None:
        """Moves an incident on to a stage; only rework moves it back."""
        if self.case.kind == "incident" and (back or STAGES.index(stage) > STAGES.index(self.case.stage)):
            self.put(stage=stage)

    def seal(
        self,
        verb: str,
        event: str | None = None,
        task: Task | None = None,
        *,
        body: dict[str, Any] | None = None,
        key: str = "",
    ) -> None:
        """Ends the act: case columns, timeline, audit leaf and outbox, all in the caller's transaction."""
        thing = thing_now(self.case, task)
        entry = audit.leaf(self.actor, verb, thing, at=self.at, purpose="case", body=body)
        if event:
            tell(self, event, task, key=key, **(body or {}))
            self.outbox.insert(0, self.outbox.pop())  # before what it has caused
        if self.changed:
            columns = sorted(str(Case._meta.get_field(name).attname) for name in self.changed)  # type: ignore[union-attr]
            update_all(Case, [self.case.pk], {name: getattr(self.case, name) for name in columns})
        insert_groups(
            self.lines, [entry], audit.touching(entry, thing), self.outbox, events.owed(self.outbox)
        )
        self.changed.clear()
        self.lines.clear()
        self.outbox.clear()


def place_code_of(case: Case) -> str:
    """The division code of the case's place, "" where it has none."""
    if not case.place_id:
        return ""
    read_along: str | None = getattr(case, "place_code", None)
    return read_along or (case.place.code if case.place else "")


def thing_now(case: Case, task: Task | None = None) -> Thing:
    """What the audit log says was acted on, from what is in memory already."""
    offices = {case.lead_office_id, task.office_id, task.crew_office_id} if task else {case.lead_office_id}
    return Thing(
        kind=task_kind(case) if task else case.kind,
        ref=task.ref if task else case.ref,
        office_ids=frozenset(office for office in offices if office is not None),
        subject_ids=frozenset({case.subject_id} if case.subject_id and case.kind != "incident" else ()),
    )


def tell(locked: Locked, event: str, task: Task | None = None, *, key: str = "", **body: Any) -> None:
    """Puts an outbox event that says what a listener needs to know without asking; sent when the act is sealed."""
    case = locked.case
    said: dict[str, Any] = {"case": case.ref, "kind": case.kind, "pack": case.pack, **body}
    if task is not None:
        said |= {"task": task.ref, "node": task.node}
    ref = task.ref if task is not None else case.ref
    place = place_code_of(case)
    locked.outbox.append(events.unsent(event, ref, locked.at, said, key=key or None, place_code=place))


TASK_COLUMNS = (
    *("ref", "case_id", "node", "label", "stage", "role", "state", "waits", "office_id", "crew_office_id"),
    *(
        "assignee_id",
        "verify",
        "signs_needed",
        "attempt",
        "declined",
        "ready_at",
        "due_at",
        "assigned_at",
        "reported_at",
        "climbed",
    ),
    *("done_by_id", "verified_by_id", "outcome", "result", "input_hash", "defer_asked"),
)


_cases = Prepared(
    Case,
    lambda pk: (
        Case.objects.select_for_update(of=("self",)).filter(pk=pk).annotate(place_code=F("place__code"))
    ),
)
_tasks = Prepared(Task, lambda pk: Task.objects.filter(case_id=pk).only(*TASK_COLUMNS))


def lock_case(case_id: int, actor: Actor, at: datetime) -> Locked:
    """The case and its tasks, held until the transaction ends: two statements."""
    case = next(_cases.fetch(case_id), None)
    if case is None:
        raise NotFound
    tasks = {task.node: task for task in _tasks.fetch(case_id)}
    for task in tasks.values():
        task.case = case
    return Locked(case, graph_of(case.plan_id), tasks, actor, at)


def lock_task(task: Task, actor: Actor, at: datetime, did_at: datetime | None = None) -> tuple[Locked, Task]:
    """The task's case under lock, and the task as it is now; the caller's copy may be old."""
    locked = lock_case(task.case_id, actor, at)
    locked.did_at = did_at
    if task.node not in locked.tasks:
        raise NotFound
    return locked, locked.tasks[task.node]


def require_live(case: Case, *states: str) -> None:
    """Raises CaseMoved unless the case is in one of the states."""
    if case.state not in (states or (Case.State.ACCEPTED,)):
        raise CaseMoved(number=case.number, **both("state", STATE_LABELS[case.state]))


def flip(task: Task, from_states: Iterable[str], verb: Label, **values: Any) -> None:
    """The optimistic UPDATE … WHERE state IN …: it succeeds once; the second of two raises TaskMoved."""
    plain = {name: value.pk if isinstance(value, Model) else value for name, value in values.items()}
    if not update_all(Task, [task.pk], plain, list(from_states)):
        raise TaskMoved(
            **both("task", task.label), **both("state", STATE_LABELS[task.state]), **both("verb", verb)
        )
    for name, value in plain.items():
        setattr(task, name, value)


def outputs_of(locked: Locked) -> dict[str, Any]:
    """What finished nodes gave, by output key."""
    found: dict[str, Any] = {}
    for key in locked.graph.order:
        task = locked.tasks[key]
        if task.state == DONE:
            found |= {
                name: task.result[name] for name in locked.graph.nodes[key].gives if name in task.result
            }
    return found


def due_of(within: Within | None, start: datetime) -> datetime | None:
    """When a limit that starts now runs out; None where there is none."""
    if within is None:
        return None
    if within.minutes is not None:
        return start + timedelta(minutes=within.minutes)
    day = working_days().due_on(local_day(start), within.working_days or 0)
    return end_of_day(day) if day else None


def date_incident(locked: Locked) -> None:
    """Sets when an accepted incident should be handled, by its level and from its filing (立案)."""
    case = locked.case
    if case.accepted_at is not None and (limit := case.limits.get(case.level)):
        locked.put(due_at=due_of(Within(**limit), case.accepted_at))


def _task_due(locked: Locked, task: Task) -> datetime | None:
    """A task's own limit from now; handling that has none of its own has its incident's."""
    within = locked.graph.nodes[task.node].within
    if within is None and locked.case.kind == "incident" and task.stage == "handle":
        return locked.case.due_at
    return due_of(within, locked.at)


def finish(
    locked: Locked, task: Task, from_states: Iterable[str], outcome: str, result: dict[str, Any]
) -> None:
    """Flips a task to done, then lets its successors' counters fall."""
    node = locked.graph.nodes[task.node]
    based_on = input_hash(node, locked.case.facts, outputs_of(locked) if node.uses else {})
    values: dict[str, Any] = {"state": DONE, "done_at": locked.at, "outcome": outcome, "input_hash": based_on}
    if result:
        values["result"] = {**task.result, **result}
    if task.state != Task.State.REPORTED and locked.actor.party_id:
        values["done_by_id"] = locked.actor.party_id
    flip(task, from_states, {"zh": "办结", "en": "completed"}, **values)
    locked.note("task.done", task, outcome=outcome, attempt=task.attempt)
    if outcome != "refused":
        settle(locked, [task])


def settle(locked: Locked, finished: list[Task]) -> None:
    """Counters of successors fall; those at zero become ready, or stand again if what they were based on is the same."""
    graph, tasks = locked.graph, locked.tasks
    fallen: dict[int, list[int]] = {}
    ready: list[Task] = []
    front = list(finished)
    touched: set[str] = set()
    while front:
        for key in graph.successors[front.pop().node]:
            task = tasks[key]
            task.waits -= 1
            touched.add(key)
            if task.waits == 0 and task.state == Task.State.WAITING:
                ready.append(task)
            elif task.waits == 0 and task.state == Task.State.KEPT and _stands(locked, task):
                front.append(task)
            elif task.waits == 0 and task.state == Task.State.KEPT:
                ready.append(task)
    for key in touched - {task.node for task in ready}:
        fallen.setdefault(tasks[key].waits, []).append(tasks[key].pk)
    for waits, ids in fallen.items():
        update_all(Task, ids, {"waits": waits})
    make_ready(locked, ready)


def _stands(locked: Locked, task: Task) -> bool:
    """Whether a kept approval's inputs came back the same; then it is done again without a hand."""
    node = locked.graph.nodes[task.node]
    if input_hash(node, locked.case.facts, outputs_of(locked)) != task.input_hash:
        return False
    flip(task, [Task.State.KEPT], {"zh": "恢复", "en": "restored"}, state=DONE)
    locked.note("task.kept", task)
    return True


def make_ready(locked: Locked, tasks: list[Task]) -> None:
    """Starts the clock of tasks that wait for nothing any more, one statement per due time."""
    by_due: dict[tuple[datetime | None, int], list[Task]] = {}
    for task in tasks:
        due = _task_due(locked, task)
        again = task.ready_at is not None  # it was out before: what comes now is another attempt
        by_due.setdefault((due, task.attempt + again), []).append(task)
    for (due, attempt), group in by_due.items():
        values = {
            "state": Task.State.READY, "waits": 0, "ready_at": locked.at, "due_at": due,
            "attempt": attempt, "outcome": "", "climbed": "",
        }  # fmt: skip
        update_all(Task, [task.pk for task in group], values)
        for task in group:
            for name, value in values.items():
                setattr(task, name, value)
            signing.ask_all(locked, task)
            tell_ready(locked, task)


def tell_ready(locked: Locked, task: Task, *, again: str = "") -> None:
    """`task.ready`, with who is wanted, where dispatch, a rule or a signal must act; an office finds it in its inbox.

    `again` marks a second telling of the same attempt.
    """
    node = locked.graph.nodes[task.node]
    if not (node.by.anyone or node.by.crew or node.by.rule or node.by.signal):
        return
    key = f"task.ready/{task.ref}/{task.attempt}{again and '/'}{again}"
    tell(locked, "task.ready", task, key=key, by=by_json(node), office=task.office_id)


def by_json(node: PlanNode) -> dict[str, Any]:
    """Who does a node, as plain data."""
    by = node.by
    found = {
        "anyone": by.anyone, "department": by.department, "role": by.role, "office": by.office,
        "signal": by.signal, "rule": by.rule, "level": by.level,
    }  # fmt: skip
    plain: dict[str, Any] = {name: value for name, value in found.items() if value}
    if by.crew:
        plain["crew"] = {"skill": by.crew.skill, "of": by.crew.of}
    return plain


def all_done(locked: Locked, *, but_stage: str = "") -> bool:
    """Whether nothing is left to do, apart from nodes of one stage; a refused outcome is not done."""
    over = {DONE, Task.State.CANCELLED}
    return all(
        (task.state in over and task.outcome != "refused") or (but_stage and task.stage == but_stage)
        for task in locked.tasks.values()
    )
