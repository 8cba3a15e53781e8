"""A compiled plan as a BPMN 2.0 process with its diagram: one lane for each office, x is the earliest day of a step."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from liangwang.base.labels import Label, pick

from .bpmn_layout import Layout, Shape, lay_out

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
NAMES: dict[str, Label] = {
    "start": {"zh": "受理", "en": "Accepted"},
    "end": {"zh": "办结", "en": "Done"},
    "days": {"zh": "{n} 个工作日", "en": "{n} working days"},
}


class Element(NamedTuple):
    """One flow node: a user task for a step, a parallel gateway where edges join or part, an event at either end."""

    id: str
    kind: str
    name: str
    step: str  # the step that it belongs to; "" for what belongs to the whole


class Flow(NamedTuple):
    id: str
    source: str
    target: str


class Process(NamedTuple):
    """A plan as a graph of BPMN elements, before it is drawn; `lanes` gives each office its steps."""

    elements: dict[str, Element]
    flows: list[Flow]
    lanes: dict[str, list[str]]


def bpmn_of(plan: Mapping[str, Any], lang: str = "zh", offices: Mapping[str, Label] | None = None) -> str:
    """The XML of a compiled plan (`Compiled.plan`), a process with one lane for each office and its diagram.

    `offices` names the departments; their keys stand where it does not. Every step is a user task with the id
    `task_<step>`, so an engine that reads it offers the same ready sets as ours.
    """
    process = process_of(plan, lang)
    names = {key: pick((offices or {}).get(key), lang) or key for key in process.lanes}
    layout = lay_out(plan["nodes"], process.lanes, process.elements, process.flows)
    name = quoteattr(pick(plan["label"], lang))
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="{MODEL}" xmlns:bpmndi="{DIAGRAM}"'
        f' xmlns:dc="{DC}" xmlns:di="{DI}" id="definitions" targetNamespace="https://liangwang.example/bpmn"'
        ' exporter="liangwang">\n'
    )
    body = (
        f'<collaboration id="collaboration"><participant id="participant" name={name} processRef="plan"/>'
        f'</collaboration>\n<process id="plan" name={name} isExecutable="true">\n{_lanes(process, names)}\n'
        f"{_elements(process, plan, lang)}\n</process>\n"
    )
    return f"{head}{body}{_diagram(process, layout)}\n</definitions>\n"


def process_of(plan: Mapping[str, Any], lang: str = "zh") -> Process:
    """The elements and flows of a plan: gateways only where more than one edge meets."""
    needs = {node["key"]: list(node["needs"]) for node in plan["nodes"]}
    after: dict[str, list[str]] = {key: [] for key in needs}
    for key, wanted in needs.items():
        for one in wanted:
            after[one].append(key)
    first, last = [k for k in needs if not needs[k]], [k for k in needs if not after[k]]
    labels = {node["key"]: pick(node["label"], lang) for node in plan["nodes"]}
    elements = dict(_elements_of(needs, after, labels, lang))
    if len(first) > 1:
        elements["fork_start"] = Element("fork_start", "parallelGateway", "", "")
    if len(last) > 1:
        elements["join_end"] = Element("join_end", "parallelGateway", "", "")

    def way_in(key: str) -> str:
        return _id("join", key) if len(needs[key]) > 1 else _id("task", key)

    def way_out(key: str) -> str:
        return _id("fork", key) if len(after[key]) > 1 else _id("task", key)

    pairs = [(_id("join", key), _id("task", key)) for key in needs if len(needs[key]) > 1]
    pairs += [(_id("task", key), _id("fork", key)) for key in needs if len(after[key]) > 1]
    begin, finish = ("fork_start" if len(first) > 1 else "start"), ("join_end" if len(last) > 1 else "end")
    pairs += [("start", begin)] if begin != "start" else []
    pairs += [(finish, "end")] if finish != "end" else []
    pairs += [(begin, way_in(key)) for key in first]
    pairs += [(way_out(key), way_in(other)) for key in needs for other in after[key]]
    pairs += [(way_out(key), finish) for key in last]
    if not needs:
        pairs = [("start", "end")]
    flows = [Flow(f"flow_{number}", source, target) for number, (source, target) in enumerate(pairs)]
    return Process(elements, flows, _by_office(plan["nodes"]))


def step_of(element: str) -> str:
    """The step whose user task has this id, as an engine gives it back.

    >>> step_of("task_birth_registration.examine")
    'birth_registration.examine'
    """
    return element.removeprefix("task_")


def _id(kind: str, key: str) -> str:
    return f"{kind}_{key}"


def _elements_of(
    needs: Mapping[str, list[str]], after: Mapping[str, list[str]], labels: Mapping[str, str], lang: str
) -> Iterable[tuple[str, Element]]:
    yield "start", Element("start", "startEvent", pick(NAMES["start"], lang), "")
    for key in needs:
        if len(needs[key]) > 1:
            yield _id("join", key), Element(_id("join", key), "parallelGateway", "", key)
        yield _id("task", key), Element(_id("task", key), "userTask", labels[key], key)
        if len(after[key]) > 1:
            yield _id("fork", key), Element(_id("fork", key), "parallelGateway", "", key)
    yield "end", Element("end", "endEvent", pick(NAMES["end"], lang), "")


def _by_office(nodes: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The steps of each office, in the order in which offices first act; a role where a plan names no office."""
    lanes: dict[str, list[str]] = {}
    for node in nodes:
        by = node.get("by") or {}
        lanes.setdefault(by.get("department") or by.get("role") or "office", []).append(node["key"])
    return lanes


def _lanes(process: Process, names: Mapping[str, str]) -> str:
    """Each element stands in one lane: gateways beside their step, the events and the outer gateways in the first."""
    owner = {key: office for office, keys in process.lanes.items() for key in keys}
    first = next(iter(process.lanes), "")
    held: dict[str, list[str]] = {office: [] for office in process.lanes}
    for one in process.elements.values():
        held.setdefault(owner.get(one.step, first), []).append(one.id)
    lanes = "".join(
        f"<lane id={quoteattr(_lane_id(number))} name={quoteattr(names.get(office, office))}>"
        + "".join(f"<flowNodeRef>{escape(one)}</flowNodeRef>" for one in ids)
        + "</lane>"
        for number, (office, ids) in enumerate(held.items())
    )
    return f'<laneSet id="lanes">{lanes}</laneSet>'


def _lane_id(number: int) -> str:
    return f"lane_{number}"


def _elements(process: Process, plan: Mapping[str, Any], lang: str) -> str:
    into: dict[str, list[str]] = {key: [] for key in process.elements}
    out: dict[str, list[str]] = {key: [] for key in process.elements}
    for flow in process.flows:
        out[flow.source].append(flow.id)
        into[flow.target].append(flow.id)
    days = {node["key"]: (node.get("within") or {}).get("working_days") for node in plan["nodes"]}
    parts = []
    for one in process.elements.values():
        takes = days.get(one.step) if one.kind == "userTask" else None
        said = pick(NAMES["days"], lang).format(n=takes) if takes else ""
        inner = f"<documentation>{escape(said)}</documentation>" if said else ""
        inner += "".join(f"<incoming>{n}</incoming>" for n in into[one.id])
        inner += "".join(f"<outgoing>{n}</outgoing>" for n in out[one.id])
        name = f" name={quoteattr(one.name)}" if one.name else ""
        parts.append(f"<{one.kind} id={quoteattr(one.id)}{name}>{inner}</{one.kind}>")
    parts += [
        f'<sequenceFlow id="{flow.id}" sourceRef={quoteattr(flow.source)} targetRef={quoteattr(flow.target)}/>'
        for flow in process.flows
    ]
    return "\n".join(parts)


def _diagram(process: Process, layout: Layout) -> str:
    shapes = [_shape("participant", layout.pool, horizontal=True)]
    shapes += [_shape(_lane_id(n), lane, horizontal=True) for n, lane in enumerate(layout.lanes)]
    shapes += [
        _shape(key, layout.shapes[key], named=bool(one.name) and one.kind.endswith("Event"))
        for key, one in process.elements.items()
    ]
    edges = [
        f'<bpmndi:BPMNEdge id="{flow.id}_di" bpmnElement="{flow.id}">'
        + "".join(f'<di:waypoint x="{x}" y="{y}"/>' for x, y in layout.ways[flow.id])
        + "</bpmndi:BPMNEdge>"
        for flow in process.flows
    ]
    inside = "\n".join([*shapes, *edges])
    return (
        '<bpmndi:BPMNDiagram id="diagram"><bpmndi:BPMNPlane id="plane" bpmnElement="collaboration">\n'
        f"{inside}\n</bpmndi:BPMNPlane></bpmndi:BPMNDiagram>"
    )


def _shape(id: str, at: Shape, *, horizontal: bool = False, named: bool = False) -> str:
    flag = ' isHorizontal="true"' if horizontal else ""
    # The name of an event stands under it; that of a task inside, where every modeller puts it.
    label = (
        f'<bpmndi:BPMNLabel><dc:Bounds x="{at.x - 22}" y="{at.y + at.height + 4}" width="80" height="14"/>'
        "</bpmndi:BPMNLabel>"
        if named
        else ""
    )
    return (
        f"<bpmndi:BPMNShape id={quoteattr(f'{id}_di')} bpmnElement={quoteattr(id)}{flag}>"
        f'<dc:Bounds x="{at.x}" y="{at.y}" width="{at.width}" height="{at.height}"/>{label}</bpmndi:BPMNShape>'
    )
