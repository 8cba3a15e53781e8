"""A plan as BPMN, run by SpiffWorkflow: an independent engine as oracle (same ready sets) and as peer (completions)."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.serializer.workflow import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

NAMESPACE = "http://www.omg.org/spec/BPMN/20100524/MODEL"
Needs = Mapping[str, Sequence[str]]
logging.getLogger("spiff").setLevel(logging.WARNING)  # a line for each change of state would slow the peer


class _Flows:
    """Nodes and sequence flows while a process is put together."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.flows: list[tuple[str, str]] = []

    def node(self, key: str, kind: str) -> str:
        self.nodes[key] = kind
        return key

    def xml(self) -> str:
        into: dict[str, list[int]] = {key: [] for key in self.nodes}
        out: dict[str, list[int]] = {key: [] for key in self.nodes}
        for number, (a, b) in enumerate(self.flows):
            out[a].append(number)
            into[b].append(number)
        parts = []
        for key, kind in self.nodes.items():
            inner = "".join(f"<incoming>f{n}</incoming>" for n in into[key])
            inner += "".join(f"<outgoing>f{n}</outgoing>" for n in out[key])
            parts.append(f"<{kind} id={quoteattr(key)}>{inner}</{kind}>")
        parts += [
            f'<sequenceFlow id="f{n}" sourceRef={quoteattr(a)} targetRef={quoteattr(b)}/>'
            for n, (a, b) in enumerate(self.flows)
        ]
        body = "".join(parts)
        return (
            f'<definitions xmlns="{NAMESPACE}" id="definitions" targetNamespace="liangwang">'
            f'<process id="plan" isExecutable="true">{body}</process></definitions>'
        )


def bpmn_of(needs: Needs) -> str:
    """A plan's graph as a BPMN 2.0 process: a user task per node, parallel gateways where edges join or part."""
    after: dict[str, list[str]] = {key: [k for k in needs if key in needs[k]] for key in needs}
    made = _Flows()
    made.node("start", "startEvent")
    made.node("end", "endEvent")
    for key in needs:
        made.node(f"task_{key}", "userTask")
        if len(needs[key]) > 1:
            made.flows.append((made.node(f"join_{key}", "parallelGateway"), f"task_{key}"))
        if len(after[key]) > 1:
            made.flows.append((f"task_{key}", made.node(f"fork_{key}", "parallelGateway")))

    def way_in(key: str) -> str:
        return f"join_{key}" if len(needs[key]) > 1 else f"task_{key}"

    def way_out(key: str) -> str:
        return f"fork_{key}" if len(after[key]) > 1 else f"task_{key}"

    first, last = [k for k in needs if not needs[k]], [k for k in needs if not after[k]]
    begin, finish = "start", "end"
    if len(first) > 1:
        begin = made.node("fork_start", "parallelGateway")
        made.flows.append(("start", begin))
    if len(last) > 1:
        finish = made.node("join_end", "parallelGateway")
        made.flows.append((finish, "end"))
    made.flows += [(begin, way_in(key)) for key in first]
    made.flows += [(way_out(key), way_in(k)) for key in needs for k in after[key]]
    made.flows += [(way_out(key), finish) for key in last]
    return made.xml()


class Spiff:
    """One plan run by SpiffWorkflow; `saved` is its whole state as JSON, which it must store after each human act."""

    serializer = BpmnWorkflowSerializer()

    def __init__(self, spec: Any) -> None:
        self.workflow = BpmnWorkflow(spec)
        self.workflow.do_engine_steps()

    @staticmethod
    def spec_of(needs: Needs) -> Any:
        parser = BpmnParser()
        parser.add_bpmn_io(io.BytesIO(bpmn_of(needs).encode()))
        return parser.get_spec("plan")

    def ready(self) -> set[str]:
        """Keys of the plan's nodes that wait for a person."""
        tasks = self.workflow.get_tasks(state=TaskState.READY, manual=True)
        return {task.task_spec.name.removeprefix("task_") for task in tasks}

    def complete(self, key: str) -> None:
        for task in self.workflow.get_tasks(state=TaskState.READY, manual=True):
            if task.task_spec.name == f"task_{key}":
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


def ready_sets_agree(nodes: int = 10, seed: int = 1) -> bool:
    """Whether our counters and SpiffWorkflow offer the same tasks after each act, on a random plan in random order."""
    dice = random.Random(seed)
    needs = {
        f"n{i}": [
            f"n{j}" for j in sorted(dice.sample(range(max(0, i - 6), i), min(i, dice.choice([1, 1, 2, 3]))))
        ]
        for i in range(nodes)
    }
    waits = {key: len(wanted) for key, wanted in needs.items()}
    spiff, done = Spiff(Spiff.spec_of(needs)), set[str]()
    while len(done) < nodes:
        ours = {key for key, left in waits.items() if left == 0} - done
        if ours != spiff.ready():
            return False
        key = dice.choice(sorted(ours))
        spiff.complete(key)
        done.add(key)
        for after in (k for k, wanted in needs.items() if key in wanted):
            waits[after] -= 1
    return True
