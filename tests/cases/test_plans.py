"""plans.yaml: what it may say, and what is wrong with a plan, by name of node, in both languages."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangwang.base.packs import declarations
from liangwang.cases.declare import By, PlanBody, PlanDeclaration, PlanFault, compile_plan, faults_of, ordered
from liangwang.cases.graph import Graph, input_hash
from tests.cases.factories import node, plan_body

LABEL = {"zh": "试", "en": "test"}


def declared(*tasks: dict[str, object]) -> PlanDeclaration:
    return msgspec.convert({"plan": "p", "label": LABEL, "tasks": list(tasks)}, PlanDeclaration)


def task(key: str, **fields: object) -> dict[str, object]:
    return {"task": key, "label": LABEL, "by": {"anyone": True}, **fields}


def test_a_declared_plan_becomes_the_body_of_the_engine() -> None:
    body = compile_plan(
        declared(task("guard", within={"minutes": 15}), task("close", needs=["guard"])), "manholes"
    )
    assert body["key"] == "manholes:p" and body["kind"] == "incident"
    assert body["nodes"][0]["within"] == {"minutes": 15} and body["nodes"][1]["needs"] == ["guard"]
    assert msgspec.convert(body, PlanBody).nodes[0].by.anyone


@pytest.mark.parametrize(
    ("tasks", "to_blame"),
    [
        ([task("a", needs=["b"]), task("b", needs=["a"])], {"a", "b"}),
        ([task("a", needs=["nowhere"])], {"a"}),
        ([task("a"), task("a")], {"a"}),
        ([task("a", needs=["a"])], {"a"}),
    ],
)
def test_what_cannot_run_is_named(tasks: list[dict[str, object]], to_blame: set[str]) -> None:
    with pytest.raises(PlanFault) as fault:
        compile_plan(declared(*tasks), "p")
    assert set(fault.value.nodes) == to_blame
    assert fault.value.message["zh"] and fault.value.message["en"]


def test_a_skill_or_department_that_the_city_lacks_is_a_fault() -> None:
    plan = declared(
        task("fly", by={"crew": {"skill": "flying"}}),
        task("ask", by={"department": "magic", "level": "street"}),
    )
    found = [
        fault.message["en"] for fault in faults_of(plan, skills={"cover_repair"}, departments={"health"})
    ]
    assert found == ["no crew has the skill 'flying'", "no department 'magic'"]


@pytest.mark.parametrize("by", [{}, {"anyone": True, "role": "crew"}, {"level": "city"}])
def test_by_names_exactly_one(by: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(by, By)


def test_every_plan_of_the_packs_compiles() -> None:
    found = declarations("plans.yaml")
    assert found
    for one in found:
        Graph(msgspec.convert(compile_plan(one.value, one.pack), PlanBody))


graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        *[st.sets(st.integers(0, i - 1), max_size=3) if i else st.just(set()) for i in range(n)]
    )
)


@given(graphs)
def test_order_reach_and_counters_of_any_graph(needs: tuple[set[int], ...]) -> None:
    body = msgspec.convert(
        plan_body([node(f"n{i}", [f"n{j}" for j in sorted(need)]) for i, need in enumerate(needs)]), PlanBody
    )
    graph, place = Graph(body), {key: i for i, key in enumerate(ordered(body))}
    for i, need in enumerate(needs):
        assert all(place[f"n{j}"] < place[f"n{i}"] for j in need)
        assert graph.waits(f"n{i}") == len(need)
    for key in graph.nodes:
        assert key not in graph.descendants(key)
        assert all(key in graph.ancestors(after) for after in graph.descendants(key))


def test_an_input_hash_changes_with_what_is_used_and_nothing_else() -> None:
    one = Graph(msgspec.convert(plan_body([node("n", uses=["a", "b"])]), PlanBody)).nodes["n"]
    same = input_hash(one, {"a": 1, "b": 2, "c": 3}, {})
    assert same == input_hash(one, {"b": 2, "a": 1, "c": 4}, {})
    assert same != input_hash(one, {"a": 1, "b": 2}, {"b": 3}), "an earlier node's output comes before a fact"
