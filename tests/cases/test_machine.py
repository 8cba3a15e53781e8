"""Anyone tries anything at any time: never two holders, never closed twice, never self-verified, counters right."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor, platform
from liangwang.base.models import Event
from liangwang.cases import actions
from liangwang.cases.models import Case, CaseEvent, Task
from tests.cases.factories import AT, make_actor, make_plan, make_street, node

NODES = [
    node("guard", by={"anyone": True}, within={"minutes": 15}, gives=["g"], stage="handle"),
    node("pump", by={"anyone": True}, uses=["x"], gives=["p"], stage="handle"),
    node(
        "repair", ["guard", "pump"], by={"crew": {"skill": "s"}}, within={"minutes": 60}, verify="other",
        uses=["g", "p"], gives=["r"], stage="handle",
    ),
    node("clean", ["repair"], by={"crew": {"skill": "s"}}, verify="other", uses=["r"], stage="handle"),
    node("report", ["guard"], by={"role": "approver"}, uses=["g"]),
]  # fmt: skip
KEYS = [n["key"] for n in NODES]
WHO = st.sampled_from(["crew1", "crew2", "other", "supervisor", "duty", "rule"])
WORK = {"task.accepted", "task.arrived", "task.reported"}


class Engine(RuleBasedStateMachine):
    """One incident, six actors, every action; refusals are fine, broken promises are not."""

    def __init__(self) -> None:
        super().__init__()
        self.held = transaction.atomic()
        self.held.__enter__()
        street = make_street()
        self.crews = [street.crew, street.other_crew]
        self.actors: dict[str, Actor] = {
            "crew1": make_actor(street.crew, "crew"),
            "crew2": make_actor(street.crew, "crew"),
            "other": make_actor(street.other_crew, "crew"),
            "supervisor": make_actor(street.grid, "supervisor"),
            "duty": make_actor(street.centre, "duty_officer"),
            "rule": platform("test"),
        }
        self.at = AT
        self.case = actions.open_case(
            actor=platform("test"), at=AT, plan=make_plan(NODES, "incident"), title={"zh": "试", "en": "t"},
            source="rule", pack="test", place=street.place,
        )  # fmt: skip

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.held.__exit__(None, None, None)

    def task(self, key: str) -> Task:
        return Task.objects.get(case=self.case, node=key)

    def attempt(self, verb: str, who: str, **fields: Any) -> None:
        """Does it, in its own savepoint as the edge would; a refusal must leave no trace."""
        self.at += timedelta(minutes=1)
        before = self.traces()
        try:
            with transaction.atomic():
                getattr(actions, verb)(actor=self.actors[who], at=self.at, **fields)
        except Refusal:
            assert self.traces() == before

    def traces(self) -> tuple[int, int, list[tuple[str, str, int]]]:
        tasks = list(self.case.tasks.order_by("id").values_list("node", "state", "waits"))
        return CaseEvent.objects.filter(case=self.case).count(), Event.objects.count(), tasks

    @rule(key=st.sampled_from(KEYS), crew=st.integers(0, 1))
    def assign(self, key: str, crew: int) -> None:
        self.attempt("assign_task", "rule", task=self.task(key), crew_office=self.crews[crew])

    @rule(key=st.sampled_from(KEYS), who=WHO, verb=st.sampled_from(["accept_task", "arrive_task"]))
    def handle(self, key: str, who: str, verb: str) -> None:
        self.attempt(verb, who, task=self.task(key))

    @rule(key=st.sampled_from(KEYS), who=WHO, value=st.integers(0, 1))
    def report(self, key: str, who: str, value: int) -> None:
        given = {name: value for n in NODES if n["key"] == key for name in n.get("gives", [])}
        self.attempt("report_task", who, task=self.task(key), result=given)

    @rule(key=st.sampled_from(KEYS), crew=st.integers(0, 1), passed=st.booleans())
    def carry_through(self, key: str, crew: int, passed: bool) -> None:
        """The usual way, so that deep states are reached."""
        who = ["crew1", "other"][crew]
        self.attempt("assign_task", "rule", task=self.task(key), crew_office=self.crews[crew])
        self.attempt("accept_task", who, task=self.task(key))
        self.attempt("report_task", who, task=self.task(key), result={key[0]: passed})
        self.attempt("verify_task", "supervisor", task=self.task(key), passed=passed, note="n")

    @rule(key=st.sampled_from(KEYS), who=WHO, passed=st.booleans())
    def verify(self, key: str, who: str, passed: bool) -> None:
        self.attempt("verify_task", who, task=self.task(key), passed=passed, note="n")

    @rule(key=st.sampled_from(KEYS), who=WHO)
    def complete(self, key: str, who: str) -> None:
        self.attempt("complete_task", who, task=self.task(key), result={"g": 1})

    @rule(key=st.sampled_from(KEYS), to=st.sampled_from(KEYS), who=WHO)
    def send_back(self, key: str, to: str, who: str) -> None:
        self.attempt("send_back", who, task=self.task(key), to_node=to, reason="r")

    @rule(key=st.sampled_from(KEYS), who=WHO)
    def decline(self, key: str, who: str) -> None:
        self.attempt("decline_task", who, task=self.task(key), reason="not_ours")

    @rule(key=st.sampled_from(KEYS), who=WHO, approve=WHO)
    def defer(self, key: str, who: str, approve: str) -> None:
        self.attempt("defer_task", who, task=self.task(key), until=self.at + timedelta(days=1), reason="r")
        self.attempt("approve_deferral", approve, task=self.task(key), approved=True)

    @rule(key=st.sampled_from(KEYS))
    def wake(self, key: str) -> None:
        self.attempt("wake_task", "rule", task=self.task(key))

    @rule(who=st.sampled_from(["crew1", "other", "supervisor", "duty"]))
    def close(self, who: str) -> None:
        self.attempt("close_case", who, case=self.case)

    @precondition(lambda self: Case.objects.get(pk=self.case.pk).state == "closed")
    @rule(score=st.integers(1, 5))
    def rate(self, score: int) -> None:
        self.attempt("rate_case", "duty", case=self.case, score=score)

    @invariant()
    def counters_are_what_they_count(self) -> None:
        tasks = {t.node: t for t in self.case.tasks.all()}
        for n in NODES:
            open_needs = sum(tasks[need].state != "done" for need in n["needs"])
            assert tasks[n["key"]].waits == open_needs >= 0
            if tasks[n["key"]].state not in {"waiting", "kept", "cancelled"}:
                assert open_needs == 0, "a task is out although it must wait"

    @invariant()
    def one_holder_at_a_time(self) -> None:
        for key in KEYS:
            accepted = 0
            for what in CaseEvent.objects.filter(case=self.case, task__node=key).order_by("id").values_list("what", flat=True):
                if what in {"task.assigned", "task.declined", "task.passed_on", "task.done", "task.sent_back"}:
                    accepted = 0
                accepted += what == "task.accepted"
                assert accepted <= 1

    @invariant()
    def nobody_verified_or_closed_own_work(self) -> None:
        lines = list(CaseEvent.objects.filter(case=self.case).order_by("id").values_list("what", "task_id", "who"))
        did: dict[int | None, set[str]] = {}
        for what, task_id, who in lines:
            if what in WORK:
                did.setdefault(task_id, set()).add(who["party"])
            if what in {"task.verified", "task.failed"} and who["party"]:
                assert who["party"] not in did.get(task_id, set())
            if what == "case.closed":
                workers = {w["party"] for v, _, w in lines if v in WORK | {"task.verified", "task.failed"}}
                assert who["party"] not in workers - {""}

    @invariant()
    def closed_once_and_only_when_all_is_done(self) -> None:
        counted = Counter(CaseEvent.objects.filter(case=self.case).values_list("what", flat=True))
        assert counted["case.closed"] <= 1 and counted["case.rated"] <= 1
        if counted["case.closed"]:
            assert not self.case.tasks.exclude(state__in=["done", "cancelled"]).exists()


@pytest.mark.django_db
def test_whatever_anyone_tries_the_promises_hold() -> None:
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
