"""A plan as BPMN, run by SpiffWorkflow: an independent engine as oracle (same ready sets) and as peer (completions)."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.serializer.workflow import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from liangwang.services.bpmn import bpmn_of, step_of

logging.getLogger("spiff").setLevel(logging.WARNING)  # a line for each change of state would slow the peer


class Spiff:
    """One plan run by SpiffWorkflow; `saved` is its whole state as JSON, which it must store after each human act."""

    serializer = BpmnWorkflowSerializer()

    def __init__(self, spec: Any) -> None:
        self.workflow = BpmnWorkflow(spec)
        self.workflow.do_engine_steps()

    @staticmethod
    def spec_of(plan: Mapping[str, Any]) -> Any:
        parser = BpmnParser()
        parser.add_bpmn_io(io.BytesIO(bpmn_of(plan).encode()))
        return parser.get_spec("plan")

    def ready(self) -> set[str]:
        """Keys of the plan's nodes that wait for a person."""
        tasks = self.workflow.get_tasks(state=TaskState.READY, manual=True)
        return {step_of(task.task_spec.name) for task in tasks}

    def complete(self, key: str) -> None:
        for task in self.workflow.get_tasks(state=TaskState.READY, manual=True):
            if step_of(task.task_spec.name) == key:
                task.run()
                self.workflow.do_engine_steps()
                return
        raise KeyError(key)

    def saved(self) -> str:
        return str(self.serializer.serialize_json(self.workflow))

    @classmethod
    def loaded(cls, text: str) -> Spiff:
        """The workflow as a web process finds it in its database at the next human act."""
        one = cls.__new__(cls)
        one.workflow = cls.serializer.deserialize_json(text)
        return one


def random_plan(nodes: int, seed: int) -> dict[str, Any]:
    """A plan of so many steps, each waiting for up to three of the six before it."""
    dice = random.Random(seed)
    made = [
        {
            "key": f"n{i}",
            "label": {"zh": f"环节{i}", "en": f"step {i}"},
            "by": {"department": f"office{i % 3}"},
            "within": {"working_days": dice.randrange(4)},
            "needs": [
                f"n{j}"
                for j in sorted(dice.sample(range(max(0, i - 6), i), min(i, dice.choice([1, 1, 2, 3]))))
            ],
        }
        for i in range(nodes)
    ]
    return {"label": {"zh": "随机", "en": "random"}, "nodes": made}


def ready_sets_agree(plan: Mapping[str, Any], seed: int = 1) -> bool:
    """Whether our counters and SpiffWorkflow offer the same tasks after each act, taken in random order."""
    dice = random.Random(seed)
    needs = {node["key"]: node["needs"] for node in plan["nodes"]}
    waits = {key: len(wanted) for key, wanted in needs.items()}
    spiff, done = Spiff(Spiff.spec_of(plan)), set[str]()
    while len(done) < len(needs):
        ours = {key for key, left in waits.items() if left == 0} - done
        if ours != spiff.ready():
            return False
        key = dice.choice(sorted(ours))
        spiff.complete(key)
        done.add(key)
        for after in (k for k, wanted in needs.items() if key in wanted):
            waits[after] -= 1
    return bool(spiff.workflow.is_completed())
