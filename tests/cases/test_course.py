"""What an incident was at each moment, folded from its timeline: the last moment is the case as it stands."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from liangwang.base.errors import Refusal
from liangwang.base.hats import platform
from liangwang.cases import actions
from liangwang.cases.course import BECOMES, OF_CASE, OF_TASK, course, courses, lines_of
from liangwang.cases.models import Case, CaseEvent, Task
from liangwang.cases.queries import incident_minutes
from tests.cases.factories import AT, Street, make_actor, make_street, node, open_incident

pytestmark = pytest.mark.django_db
NODES = (
    node("guard", by={"anyone": True}, within={"minutes": 15}, stage="handle"),
    node("repair", by={"crew": {"skill": "s"}}, verify="other", stage="handle"),
    node("clean", ["repair", "guard"], by={"crew": {"skill": "s"}}, within={"minutes": 60}, stage="handle"),
    node("look", ["clean"], by={"role": "approver"}, within={"working_days": 1}),
)
LIMITS = {"red": {"minutes": 120}, "yellow": {"working_days": 1}}
CASE_VERBS = ("change_level", "merge_case", "unmerge_case", "reopen_case", "close_case")
NEXT = {
    "ready": ("assign_task", "complete_task"),
    "assigned": ("accept_task", "accept_task", "decline_task", "put_back_task"),
    "accepted": ("arrive_task", "report_task", "take_over_task"),
    "arrived": ("report_task",),
    "reported": ("verify_task",),
    "deferred": ("wake_task",),
    "cancelled": ("unmerge_case",),
}
BY_HOLDER = ("accept_task", "arrive_task", "report_task", "put_back_task")
CLOSING = ("close_case", "reopen_case")
VERBS = (
    "defer_task", "approve_deferral", "wake_task", "rule_task", "supervise_task", "escalate_task", "put_back_task",
    "send_back", "decline_task", *CASE_VERBS,
)  # fmt: skip


def stands(case: Case) -> None:
    """The folded timeline ends where the rows are."""
    case = Case.objects.get(pk=case.pk)
    last = courses([case])[case.pk][-1]
    tasks = list(Task.objects.filter(case=case).select_related("crew_office"))
    assert (last.state, last.stage, last.level, last.supervised) == (
        case.state, case.stage, case.level, case.supervised,
    )  # fmt: skip
    open_now = [t for t in tasks if t.state in ("ready", "assigned", "accepted", "arrived", "reported")]
    due = min((t.due_at for t in open_now if t.due_at and t.ready_at), default=None)
    assert (last.clock[2] if last.clock else None) == due
    if last.clock:
        clocked = next(t for t in open_now if t.node == last.clock[0])
        assert last.clock[1] == clocked.ready_at
    in_hand = {
        (t.crew_office.key, t.state)
        for t in tasks
        if t.crew_office and t.state in ("assigned", "accepted", "arrived")
    }
    assert set(last.hands) == in_hand


class Walk:
    """Anyone does anything to an incident, minute by minute."""

    def __init__(self, street: Street, seed: int) -> None:
        self.dice, self.street, self.at = random.Random(seed), street, AT
        self.case = open_incident(street, NODES, limits=LIMITS)
        self.other = open_incident(street, NODES, limits=LIMITS)
        crews = (street.crew, street.other_crew)
        self.crews = {office.pk: make_actor(office, "crew") for office in crews}
        self.duty, self.chief = (
            make_actor(street.centre, "duty_officer"),
            make_actor(street.centre, "duty_officer"),
        )

    def tried(self, verb: str, **fields: Any) -> None:
        self.at += timedelta(minutes=1)
        fields.setdefault("actor", self.duty)
        try:
            with transaction.atomic():
                getattr(actions, verb)(at=self.at, **fields)
        except Refusal:
            pass

    def go(self) -> None:
        tasks = list(Task.objects.filter(case=self.case).select_related("crew_office").order_by("id"))
        task = self.dice.choice(tasks)
        mine = self.crews.get(task.crew_office_id or 0, self.duty)
        verb = self.dice.choice(NEXT.get(task.state, CLOSING) if self.dice.random() < 0.6 else VERBS)
        if task.defer_asked and task.state != "deferred" and self.dice.random() < 0.5:
            verb = "approve_deferral"
        level = self.dice.choice(["red", "yellow"])
        fields: dict[str, dict[str, Any]] = {
            "assign_task": {"crew_office": self.dice.choice([self.street.crew, self.street.other_crew])},
            "verify_task": {"passed": self.dice.random() < 0.5, "note": "n"},
            "decline_task": {"actor": mine, "reason": "busy"},
            "rule_task": {"office": self.dice.choice([self.street.crew, self.street.grid]), "note": "n"},
            "defer_task": {
                "actor": mine, "until": self.at + timedelta(hours=9), "reason": "r",
                "how": self.dice.choice(["extend", "postpone", "shelve"]),
            },
            "approve_deferral": {"approved": self.dice.random() < 0.7, "actor": self.chief},
            "supervise_task": {"note": "n"},
            "take_over_task": {
                "actor": self.dice.choice(list(self.crews.values())),
                "crew_from": task.crew_office_id or 0,
                "reason": {"zh": "因", "en": "b"},
            },
            "escalate_task": {"level": "district", "offices": []},
            "send_back": {"to_node": self.dice.choice(["guard", "repair"]), "reason": "r"},
            "change_level": {"level": level, "because": {"zh": "因", "en": "b"}},
            "merge_case": {"into": self.other},
            "reopen_case": {"reason": "r"},
            "close_case": {"actor": self.chief},
        }  # fmt: skip
        given = {"actor": mine} if verb in BY_HOLDER else {}
        what = {"case": self.case} if verb in CASE_VERBS else {"task": task}
        self.tried(verb, **{**what, **given, **fields.get(verb, {})})


def test_whatever_happens_the_timeline_ends_where_the_case_stands() -> None:
    happened: set[str] = set()
    for seed in range(4):
        walk = Walk(make_street(f"31010500{seed}"), seed)
        for step in range(160):
            walk.go()
            if step % 3 == 0:
                stands(walk.case)
        walk.tried("refuse_case", case=walk.case, reasons=["r"], remedies=["m"])
        stands(walk.case)
        happened |= set(CaseEvent.objects.filter(case=walk.case).values_list("what", flat=True))
    assert set(OF_CASE) | set(OF_TASK) | set(BECOMES) <= happened | {
        "case.withdrawn", "task.kept", "task.sent_back", "task.passed_on",
    }  # fmt: skip


def test_each_moment_is_as_it_was_then(at: Any) -> None:
    street = make_street()
    case = open_incident(street, limits=LIMITS)
    crew = make_actor(street.crew, "crew")
    guard = case.tasks.get(node="guard")
    minute = timedelta(minutes=1)
    actions.assign_task(actor=platform("test"), at=AT + minute, task=guard, crew_office=street.crew)
    actions.accept_task(actor=crew, at=AT + 2 * minute, task=guard)
    actions.report_task(actor=crew, at=AT + 9 * minute, task=guard)
    opened, sent, taken, reported = courses([case])[case.pk]
    assert (opened.at, opened.stage, opened.hands) == (AT, "file", ())
    assert opened.clock == ("guard", AT, AT + 15 * minute)
    assert sent.hands == ((street.crew.key, "assigned"),)
    assert (taken.stage, taken.hands) == ("handle", ((street.crew.key, "accepted"),))
    assert (reported.hands, reported.clock) == ((), ("repair", AT, AT + 120 * minute))
    assert incident_minutes(Case.objects.get(pk=case.pk))["assign"] == 1.0


def test_lines_before_crews_were_named_still_tell_the_crew() -> None:
    street = make_street()
    case = open_incident(street)
    guard = case.tasks.get(node="guard")
    because = {"crew": street.crew.key}
    actions.assign_task(actor=platform("test"), at=AT, task=guard, crew_office=street.crew, because=because)
    (*before, last) = lines_of([case])[case.pk]
    lines = [*before, last._replace(body={"because": because})]
    assert list(course(case, {guard.pk: "guard"}, lines))[-1].hands == ((street.crew.key, "assigned"),)
