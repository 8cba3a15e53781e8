"""The BPMN of a plan: read without a warning by bpmn-moddle, replayed by SpiffWorkflow with our ready sets, drawn apart."""

import json
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.services import catalogue, queries
from liangwang.services.bpmn import DC, DI, DIAGRAM, MODEL, bpmn_of
from liangwang.services.bpmn_layout import columns
from liangwang.services.declare import Bundle
from tests.tries import tries

ROOT = Path(__file__).resolve().parents[2]
MODDLE = ROOT / "node_modules" / "bpmn-moddle" / "dist" / "index.js"
READ = """
import { BpmnModdle } from %s;
let text = ""; for await (const piece of process.stdin) text += piece;
const found = [];
for (const xml of JSON.parse(text)) {
  const { rootElement, warnings, elementsById } = await new BpmnModdle().fromXML(xml);
  const plane = rootElement.diagrams[0].plane.planeElement;
  found.push({ warnings: warnings.map((w) => w.message), ids: Object.keys(elementsById).length,
    drawn: plane.every((one) => one.bpmnElement && (one.bounds || one.waypoint.length > 1)) });
}
console.log(JSON.stringify(found));
"""
BUNDLES = [bound.key for bound in catalogue.every_bound() if isinstance(bound.head, Bundle)]


def plan_of(needs: list[list[int]], days: list[int]) -> dict[str, Any]:
    """A plan of steps n0, n1, … in three offices, with these edges and days."""
    nodes = [
        {
            "key": f"n{i}",
            "label": {"zh": f"环节<{i}>&", "en": f"step {i}"},
            "by": {"department": f"office{i % 3}"},
            "within": {"working_days": days[i]} if days[i] else None,
            "needs": [f"n{j}" for j in wanted],
        }
        for i, wanted in enumerate(needs)
    ]
    return {"label": {"zh": "计划", "en": "plan"}, "nodes": nodes}


@st.composite
def plans(draw: st.DrawFn, most: int = 14) -> dict[str, Any]:
    """Steps that need only earlier ones."""
    size = draw(st.integers(1, most))
    needs = [sorted(draw(st.sets(st.sampled_from(range(i)), max_size=3))) if i else [] for i in range(size)]
    return plan_of(needs, [draw(st.integers(0, 5)) for _ in range(size)])


@pytest.mark.skipif(not (MODDLE.is_file() and shutil.which("node")), reason="needs node and npm ci")
def test_bpmn_moddle_reads_every_bundle_without_a_warning() -> None:
    texts = [bpmn_of(queries.reform_study(key).compiled.plan, "zh") for key in BUNDLES]
    done = subprocess.run(
        ["node", "--input-type=module", "-e", READ % json.dumps(MODDLE.as_uri())],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for key, found in zip(BUNDLES, json.loads(done.stdout), strict=True):
        assert found["warnings"] == [], key
        assert found["drawn"] and found["ids"] > 10, key


@pytest.mark.parametrize("key", BUNDLES)
def test_spiffworkflow_offers_the_same_steps_as_our_engine(key: str) -> None:
    pytest.importorskip("SpiffWorkflow", reason="SpiffWorkflow comes with requirements/bench.txt")
    from benchmarks.bpmn import ready_sets_agree

    assert ready_sets_agree(queries.reform_study(key).compiled.plan, seed=len(key))


@pytest.mark.django_db
def test_spiffworkflow_and_the_case_engine_run_one_birth_step_by_step() -> None:
    """The engine itself, not only its counters: after each decision both have the same steps waiting for a person."""
    pytest.importorskip("SpiffWorkflow", reason="SpiffWorkflow comes with requirements/bench.txt")
    from benchmarks.bpmn import Spiff
    from liangwang.services import actions
    from tests.services.factories import AT, make_town
    from tests.walks.test_birth import do_one, ready, submitted

    town = make_town()
    submission = submitted(town)
    case = submission.case
    actions.accept(actor=town.approvers["health"], submission=submission, at=AT)
    spiff = Spiff(Spiff.spec_of(case.plan.body))
    steps = 0
    while waiting := ready(case):
        assert set(waiting) == spiff.ready()
        node = sorted(waiting)[steps % len(waiting)]
        do_one(town, node, waiting[node], AT)
        spiff.complete(node)
        steps += 1
    assert steps == len(case.plan.body["nodes"]) and spiff.workflow.is_completed()


@given(plans(most=9), st.integers(0, 9))
@settings(max_examples=tries(15), deadline=None)
def test_spiffworkflow_agrees_on_any_plan(plan: dict[str, Any], seed: int) -> None:
    pytest.importorskip("SpiffWorkflow", reason="SpiffWorkflow comes with requirements/bench.txt")
    from benchmarks.bpmn import ready_sets_agree

    assert ready_sets_agree(plan, seed)


@given(plans())
@settings(max_examples=tries(50), deadline=None)
def test_everything_is_drawn_once_and_nothing_over_another(plan: dict[str, Any]) -> None:
    root = ElementTree.fromstring(bpmn_of(plan))
    process = root.find(f"{{{MODEL}}}process")
    assert process is not None
    elements = {one.get("id"): one for one in process if one.tag != f"{{{MODEL}}}laneSet"}
    drawn = {one.get("bpmnElement"): one for one in root.iter(f"{{{DIAGRAM}}}BPMNShape")}
    ways = {one.get("bpmnElement"): one for one in root.iter(f"{{{DIAGRAM}}}BPMNEdge")}
    flows = {key for key, one in elements.items() if one.tag == f"{{{MODEL}}}sequenceFlow"}
    assert set(ways) == flows
    assert set(drawn) >= set(elements) - flows
    boxes = {key: _box(shape) for key, shape in drawn.items() if key in elements}
    assert not [(a, b) for a, b in combinations(boxes, 2) if _overlap(boxes[a], boxes[b])]
    for key in flows:
        points = [(float(p.get("x", 0)), float(p.get("y", 0))) for p in ways[key].iter(f"{{{DI}}}waypoint")]
        source, target = boxes[elements[key].get("sourceRef")], boxes[elements[key].get("targetRef")]
        assert points[0] == (source[0] + source[2], source[1] + source[3] / 2)
        assert points[-1] == (target[0], target[1] + target[3] / 2)


@given(plans())
@settings(max_examples=tries(50), deadline=None)
def test_a_step_stands_right_of_all_that_it_waits_for(plan: dict[str, Any]) -> None:
    column = columns(plan["nodes"])
    for node in plan["nodes"]:
        assert all(column[need] < column[node["key"]] for need in node["needs"])


def _box(shape: ElementTree.Element) -> tuple[float, float, float, float]:
    bounds = shape.find(f"{{{DC}}}Bounds")
    assert bounds is not None
    x, y, width, height = (float(bounds.get(name, 0)) for name in ("x", "y", "width", "height"))
    return x, y, width, height


def _overlap(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return (
        one[0] < two[0] + two[2]
        and two[0] < one[0] + one[2]
        and one[1] < two[1] + two[3]
        and two[1] < one[1] + one[3]
    )
