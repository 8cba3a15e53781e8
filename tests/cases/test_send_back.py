"""退回: one node is done again; approvals whose inputs came back the same stand without a hand."""

import pytest

from liangwang.base.hats import platform
from liangwang.cases import actions
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import ReasonNeeded, WrongTarget
from tests.cases.factories import AT, make_street, node, open_application

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RULE = platform("test")


def task(case: Case, key: str) -> Task:
    return Task.objects.get(case=case, node=key)


def do(case: Case, key: str, **result: object) -> None:
    actions.complete_task(actor=RULE, at=AT, task=task(case, key), result=dict(result))


def states(case: Case) -> dict[str, str]:
    return dict(case.tasks.values_list("node", "state"))


def to_the_last(**intake: object) -> Case:
    case = open_application(make_street().centre)
    do(case, "intake", **({"checked": "yes"} | intake))
    do(case, "police", page=7)
    do(case, "insurance", card=8)
    do(case, "health")
    return case


def back(case: Case, to: str, by: str = "issue") -> Task:
    return actions.send_back(actor=RULE, at=AT, task=task(case, by), to_node=to, reason="签名不清")


def test_only_what_depends_on_the_changed_output_is_asked_again() -> None:
    case = to_the_last()
    back(case, "intake")
    assert states(case) == {
        "intake": "ready", "police": "kept", "insurance": "kept", "health": "kept", "issue": "waiting",
    }  # fmt: skip
    do(case, "intake", checked="now with signature")
    # police used `checked`; insurance used the applicant's name, health nothing
    assert states(case) == {
        "intake": "done", "police": "ready", "insurance": "done", "health": "done", "issue": "waiting",
    }  # fmt: skip
    assert task(case, "police").attempt == 2 and task(case, "insurance").attempt == 1
    do(case, "police", page=9)
    do(case, "issue")
    case.refresh_from_db()
    assert case.state == "closed"
    assert case.events.filter(what="task.kept").count() == 2


def test_when_nothing_changed_every_approval_stands() -> None:
    case = to_the_last()
    back(case, "intake")
    do(case, "intake", checked="yes")
    assert set(states(case).values()) == {"done", "ready"} and states(case)["issue"] == "ready"


def test_branches_beside_it_are_not_touched() -> None:
    case = to_the_last()
    back(case, "police")
    assert states(case) == {
        "intake": "done", "police": "ready", "insurance": "done", "health": "done", "issue": "waiting",
    }  # fmt: skip
    do(case, "police", page=70)
    assert states(case)["issue"] == "ready"


def test_a_chain_of_kept_approvals_is_judged_link_by_link() -> None:
    nodes = [
        node("a", gives=["x"]),
        node("b", ["a"], uses=["x"], gives=["y"]),
        node("c", ["b"], uses=["y"], gives=["z"]),
        node("d", ["c"], uses=["z"]),
    ]
    case = open_application(make_street().centre, nodes)
    do(case, "a", x=1)
    do(case, "b", y=1)
    do(case, "c", z=1)
    back(case, "a", by="d")
    do(case, "a", x=2)
    assert states(case) == {"a": "done", "b": "ready", "c": "kept", "d": "waiting"}
    do(case, "b", y=1)  # decides again, and comes to the same: what stands on it need not be asked
    assert states(case) == {"a": "done", "b": "done", "c": "done", "d": "ready"}


def test_it_goes_only_to_a_finished_node_that_the_sender_stands_on_and_with_a_reason() -> None:
    case = open_application(make_street().centre)
    do(case, "intake", checked="yes")
    with pytest.raises(WrongTarget):
        back(case, "insurance", by="police")
    with pytest.raises(WrongTarget):
        back(case, "issue", by="police")
    with pytest.raises(ReasonNeeded):
        actions.send_back(actor=RULE, at=AT, task=task(case, "police"), to_node="intake", reason=" ")
    assert states(case)["intake"] == "done"


def test_twice_sent_back_works_and_counters_come_out_right() -> None:
    case = to_the_last()
    for n in range(2):
        back(case, "intake")
        do(case, "intake", checked=f"round {n}")
        do(case, "police", page=n)
    assert task(case, "issue").state == "ready" and task(case, "issue").waits == 0
    assert task(case, "police").attempt == 3
