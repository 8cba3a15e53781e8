"""What an office needs on one screen to decide: facts with provenance, materials, lanes, what it must give."""

from typing import Any

from liangwang.base.access import visible
from liangwang.base.hats import Actor
from liangwang.cases import queries as cases
from liangwang.cases.plans import graph_of

from .. import catalogue
from ..merge import questions
from ..models import Submission
from ..plan_nodes import node_of, reason_for
from .facts import facts_of


def waiting_for_acceptance(actor: Actor) -> list[Submission]:
    """Applications that this hat may accept, the longest waiting first."""
    rows = visible(
        actor, "update", "application", cases.Case.objects.filter(kind="application", state="open")
    )
    found = Submission.objects.filter(case__in=rows.values("pk")).select_related(
        "case", "applicant", "version", "draft"
    )
    return list(found.order_by("submitted_at"))


def decision_facts(task: cases.Task, submission: Submission | None) -> dict[str, Any] | None:
    """The decision page of a task; None where the task is not part of an application.

    Returns {task, case, submission, item: Label, facts: [{id, label, role_label, value, source: Label | None, state,
    used: bool}] (personal numbers masked, those that this step uses first), materials: [{id, label, way, source,
    supply: {way, source}, ref}], gives: [{field, label, kind}] values that the office must enter, certificates:
    [Label] that will be issued, reason: Label | None to be written on granting, back_to: [{node, label, office}]
    finished steps it may send back to, scenario: [{question, answer}]}.
    """
    case = task.case
    if submission is None:
        return None
    bound = catalogue.read_body(submission.version.body)
    node = node_of(task)
    item_key = task.node.partition(".")[0]
    item = next((s.item for s in bound.items if s.key.partition(":")[2] == item_key), None)
    return {
        "task": task,
        "case": case,
        "submission": submission,
        "item": item.label if item else case.title,
        "facts": facts_of(submission, bound, item, set(node.uses)),
        "materials": [
            {**need, "supply": {"way": need["way"], "source": need["source"]}}
            for need in submission.evidence["needs"]
            if item is None or _asked_by(need, item_key)
        ],
        "gives": _gives(node.gives),
        "certificates": [d.label for key in node.gives if (d := _document(key))],
        "reason": reason_for(submission, task.node),
        "back_to": _back_to(task),
        "scenario": _scenario(submission, bound),
    }


def submitted_facts(submission: Submission) -> dict[str, Any]:
    """The whole of an application, for the office that accepts it: facts, materials, scenario, as decision_facts."""
    bound = catalogue.read_body(submission.version.body)
    return {
        "facts": facts_of(submission, bound, None, set()),
        "materials": [
            {**need, "supply": {"way": need["way"], "source": need["source"]}}
            for need in submission.evidence["needs"]
        ],
        "scenario": _scenario(submission, bound),
    }


def _asked_by(need: dict[str, Any], item_key: str) -> bool:
    return any(key.partition(":")[2] == item_key for key in need["asked_by"])


def _document(key: str) -> Any:
    return catalogue.words().documents.get(key.partition(".")[2])


def _gives(keys: list[str]) -> list[dict[str, Any]]:
    words = catalogue.words()
    found = []
    for key in keys:
        if _document(key) is None:
            tail = key.partition(".")[2]
            concept = next(
                (c for name, c in words.concepts.items() if name.replace(".", "_").endswith(tail)), None
            )
            label = concept.label if concept else {"zh": tail, "en": tail}
            found.append({"field": key, "label": label, "kind": concept.kind if concept else "text"})
    return found


def _back_to(task: cases.Task) -> list[dict[str, Any]]:
    """Finished steps that this one stands on, the nearest first."""
    before = graph_of(task.case.plan_id).ancestors(task.node)
    rows = {t.node: t for t in task.case.tasks.filter(node__in=before, state="done").select_related("office")}
    done = [rows[node] for node in reversed(before) if node in rows]
    return [{"node": t.node, "label": t.label, "office": t.office.name if t.office else None} for t in done]


def _scenario(submission: Submission, bound: Any) -> list[dict[str, Any]]:
    answers = submission.evidence.get("scenario", {})
    return [
        {
            "question": q.label,
            "answer": next((o.label for o in q.options if o.option == answers.get(q.question)), None),
        }
        for q in questions(bound)
        if q.question in answers
    ]
