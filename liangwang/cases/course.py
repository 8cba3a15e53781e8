"""What an incident was at each moment of its life: state, stage, level, who had which task in hand, which clock ran.

The timeline says what was done; what followed from it (which task became ready, until when) follows from the pinned
plan, by the engine's own functions. So the last moment is the case as it stands now, and a test holds it to that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from liangwang.base.labels import Label

from .declare import Within
from .engine import due_of
from .graph import Graph
from .models import OPEN_TASK_STATES, STAGES, Case, CaseEvent, Task
from .plans import graph_of

OPEN = frozenset(OPEN_TASK_STATES)
HELD = frozenset(("assigned", "accepted", "arrived"))
REACHING = frozenset(
    "stage.confirm stage.accept stage.file task.assigned task.ruled task.accepted task.reported task.verified "
    "case.closed case.rated".split()
)
BACK = frozenset(("task.failed", "case.reopened"))
BECOMES = {
    "task.accepted": "accepted",
    "task.arrived": "arrived",
    "task.reported": "reported",
    "task.failed": "accepted",
}
LEFT = OPEN | {"waiting", "kept", "deferred"}
MERGED_FROM = {"waiting": "waiting", "kept": "kept", "deferred": "deferred"}  # every other state begins anew


class Line(NamedTuple):
    """What a line of the timeline says of the course of a case."""

    task_id: int | None
    at: datetime
    what: str
    stage: str
    who: dict[str, Any]
    body: dict[str, Any]


@dataclass(slots=True)
class TaskThen:
    """A task as it was: state, when it became ready, until when, the key of the crew's office that had it."""

    state: str = "waiting"
    ready_at: datetime | None = None
    due_at: datetime | None = None
    crew: str = ""
    climbed: str = ""
    rested_from: str = "ready"


@dataclass(frozen=True, slots=True)
class Moment:
    """An incident from `at` until its next moment.

    `clock` is (node, since, until) of the open task with the least time left; `hands` are the keys of the crews'
    offices that had a task in hand, with the state of that task.
    """

    at: datetime
    state: str
    stage: str
    level: str
    supervised: bool
    clock: tuple[str, datetime, datetime] | None
    hands: tuple[tuple[str, str], ...]

    @property
    def live(self) -> bool:
        """Whether it was on the board."""
        return self.state in ("open", "accepted")


def courses(cases: Sequence[Case]) -> dict[int, list[Moment]]:
    """The moments of several incidents, oldest first, by the cases' ids: two statements, and one for each new plan."""
    node_of = dict(Task.objects.filter(case__in=cases).values_list("id", "node"))
    lines = lines_of(cases)
    return {case.pk: list(course(case, node_of, lines.get(case.pk, []))) for case in cases}


def lines_of(cases: Sequence[Case]) -> dict[int, list[Line]]:
    """Those lines of several timelines that move a case, in order, by the cases' ids."""
    rows = CaseEvent.objects.filter(case__in=cases, what__in=MOVING).order_by("id")
    found: dict[int, list[Line]] = {}
    for case, *row in rows.values_list("case_id", *Line._fields):
        found.setdefault(case, []).append(Line(*row))
    return found


def course(case: Case, node_of: Mapping[int, str], lines: Iterable[Line]) -> Iterator[Moment]:
    """The moments of one incident from its timeline in order; `node_of` names the node of a task's id."""
    then = Course(case, graph_of(case.plan_id), _first_level(case, list(lines)))
    held: Moment | None = None
    for line in lines:
        then.take(line, node_of.get(line.task_id or 0, ""))
        now = then.moment(line.at)
        if held is not None and held.at != now.at:
            yield held
        held = now
    if held is not None:
        yield held


def at_moment(moments: Sequence[Moment], at: datetime) -> Moment:
    """The moment that held at an instant; the first one before it began."""
    return next((moment for moment in reversed(moments) if moment.at <= at), moments[0])


def label_of(case: Case, node: str) -> Label:
    """What a task of an incident is called."""
    label: Label = graph_of(case.plan_id).nodes[node].label
    return label


def _first_level(case: Case, lines: Sequence[Line]) -> str:
    """The level that an incident was opened with: that before the first change, or its only one."""
    changed = next((line for line in lines if line.what == "case.level"), None)
    return str(changed.body["before"]) if changed else case.level


class Course:
    """An incident on its way through its timeline."""

    def __init__(self, case: Case, graph: Graph, level: str) -> None:
        self.graph, self.limits, self.level = graph, case.limits, level
        self.state, self.stage, self.supervised = "open", "report", False
        self.accepted_at: datetime | None = None
        self.due_at: datetime | None = None
        self.tasks = {node: TaskThen() for node in graph.order}
        self.kept: dict[str, TaskThen] = {}

    def take(self, line: Line, node: str) -> None:
        """Let one line of the timeline happen."""
        if line.what in BACK:
            self.stage = "handle"
        elif line.what in REACHING and STAGES.index(line.stage) > STAGES.index(self.stage):
            self.stage = line.stage
        if node and line.what in BECOMES:
            self.tasks[node].state = BECOMES[line.what]
        elif node and line.what in OF_TASK:
            OF_TASK[line.what](self, self.tasks[node], line, node)
        elif line.what in OF_CASE:
            OF_CASE[line.what](self, line)

    def moment(self, at: datetime) -> Moment:
        """What stands after a line."""
        timed = [
            (task.due_at, task.ready_at, node)
            for node, task in self.tasks.items()
            if task.state in OPEN and task.due_at and task.ready_at
        ]
        due, ready, node = min(timed, default=(None, None, ""))
        hands = tuple(
            (task.crew, task.state) for task in self.tasks.values() if task.crew and task.state in HELD
        )
        clock = (node, ready, due) if due and ready else None
        return Moment(at, self.state, self.stage, self.level, self.supervised, clock, hands)

    # --- the case ----------------------------------------------------------------------------------------

    def _stage_file(self, line: Line) -> None:
        self.state, self.accepted_at = "accepted", line.at
        self._date()
        self._ready(self.graph.roots, line.at)

    def _case_level(self, line: Line) -> None:
        before, self.level = self.due_at, str(line.body["level"])
        self._date()
        for node, task in self.tasks.items():
            if task.state in OPEN and self._handles(node) and task.due_at == before != self.due_at:
                task.due_at = self.due_at

    def _case_over(self, line: Line) -> None:
        self._end(line.what.removeprefix("case."))

    def _case_merged(self, line: Line) -> None:
        self.before_merging = self.state, {node: copy(task) for node, task in self.tasks.items()}
        self._end("merged")

    def _case_unmerged(self, line: Line) -> None:
        self.state, tasks = self.before_merging
        for node, task in tasks.items():
            if task.state in LEFT:
                fresh = MERGED_FROM.get(task.state, "ready")
                self.tasks[node] = replace(task, state=fresh, crew="")

    def _case_reopened(self, line: Line) -> None:
        handled = [node for node in self.graph.order if self._handles(node)] or self.graph.roots
        reached = {after for node in handled for after in self.graph.descendants(node)}
        for node in {*handled, *reached}:
            self.tasks[node].state, self.tasks[node].crew = "waiting", ""
        self.state, self.accepted_at = "accepted", line.at
        self._date()
        self._ready([node for node in handled if node not in reached], line.at)

    def _end(self, state: str) -> None:
        self.state = state
        for task in self.tasks.values():
            if task.state in LEFT:
                task.state = "cancelled"

    def _date(self) -> None:
        if self.accepted_at is not None and (limit := self.limits.get(self.level)):
            self.due_at = due_of(Within(**limit), self.accepted_at)

    # --- its tasks ---------------------------------------------------------------------------------------

    def _handles(self, node: str) -> bool:
        return self.graph.nodes[node].stage == "handle"

    def _ready(self, nodes: Iterable[str], at: datetime) -> None:
        for node in nodes:
            within = self.graph.nodes[node].within
            due = self.due_at if within is None and self._handles(node) else due_of(within, at)
            task = self.tasks[node]
            task.state, task.ready_at, task.due_at, task.climbed = "ready", at, due, ""

    def _settle(self, node: str, at: datetime) -> None:
        """What waited for this node alone becomes ready; a kept approval is ready until the next line restores it."""
        for after in self.graph.successors[node]:
            task = self.tasks[after]
            done = all(self.tasks[need].state == "done" for need in self.graph.nodes[after].needs)
            if done and task.state == "kept":
                self.kept[after] = copy(task)
            if done and task.state in ("waiting", "kept"):
                self._ready([after], at)

    def _task_done(self, task: TaskThen, line: Line, node: str) -> None:
        task.state = "done"
        if line.body.get("outcome") != "refused":
            self._settle(node, line.at)

    def _task_kept(self, task: TaskThen, line: Line, node: str) -> None:
        self.tasks[node] = replace(self.kept.pop(node, task), state="done")
        self._settle(node, line.at)

    def _task_assigned(self, task: TaskThen, line: Line, node: str) -> None:
        task.state, task.crew = "assigned", _crew(line.body)

    def _task_ruled(self, task: TaskThen, line: Line, node: str) -> None:
        task.crew = _crew(line.body)
        task.state = "assigned" if task.crew else "ready"

    def _task_taken_over(self, task: TaskThen, line: Line, node: str) -> None:
        task.state, task.crew = "accepted", str(line.who["office"])

    def _task_put_back(self, task: TaskThen, line: Line, node: str) -> None:
        task.state = "assigned" if task.crew else "ready"

    def _task_declined(self, task: TaskThen, line: Line, node: str) -> None:
        task.state, task.crew = "ready", ""

    def _task_passed_on(self, task: TaskThen, line: Line, node: str) -> None:
        if line.body.get("office"):  # to another office; among colleagues the task stays as it is
            task.state, task.crew = "ready", ""

    def _task_sent_back(self, task: TaskThen, line: Line, node: str) -> None:
        to = line.body["to"]
        task.state, task.due_at = "waiting", None
        for after in (self.tasks[one] for one in self.graph.descendants(to)):
            if after.state != "cancelled":
                after.state = "kept" if after.state == "done" else "waiting"
        self._ready([to], line.at)

    def _task_deferred(self, task: TaskThen, line: Line, node: str) -> None:
        until = datetime.fromisoformat(line.body["until"])
        task.due_at = until
        if line.body.get("rests", True):
            task.rested_from, task.state = task.state, "deferred"
        else:
            task.climbed = ""
        if self.due_at is not None:
            self.due_at = max(self.due_at, until)

    def _task_woken(self, task: TaskThen, line: Line, node: str) -> None:
        task.state = task.rested_from

    def _task_overdue(self, task: TaskThen, line: Line, node: str) -> None:
        task.climbed = str(line.body["level"])

    def _task_supervised(self, task: TaskThen, line: Line, node: str) -> None:
        self.supervised = True


OF_CASE: dict[str, Callable[[Course, Line], None]] = {
    "stage.file": Course._stage_file,
    "case.level": Course._case_level,
    "case.closed": Course._case_over,
    "case.refused": Course._case_over,
    "case.withdrawn": Course._case_over,
    "case.merged": Course._case_merged,
    "case.unmerged": Course._case_unmerged,
    "case.reopened": Course._case_reopened,
}
OF_TASK: dict[str, Callable[[Course, TaskThen, Line, str], None]] = {
    "task.done": Course._task_done,
    "task.kept": Course._task_kept,
    "task.assigned": Course._task_assigned,
    "task.ruled": Course._task_ruled,
    "task.taken_over": Course._task_taken_over,
    "task.put_back": Course._task_put_back,
    "task.declined": Course._task_declined,
    "task.passed_on": Course._task_passed_on,
    "task.sent_back": Course._task_sent_back,
    "task.deferred": Course._task_deferred,
    "task.woken": Course._task_woken,
    "task.overdue": Course._task_overdue,
    "task.supervised": Course._task_supervised,
}

MOVING = ("case.opened", *OF_CASE, *OF_TASK, *BECOMES, *REACHING)


def _crew(body: Mapping[str, Any]) -> str:
    """The key of the crew's office that a line names; older lines have it in the reason."""
    return str(body.get("crew") or body.get("because", {}).get("crew", ""))
