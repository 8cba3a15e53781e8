"""The node of a case's plan that a task carries out, and what the item asks of whoever carries it out."""

from liangwang.base.labels import Label
from liangwang.cases.declare import PlanNode
from liangwang.cases.plans import graph_of
from liangwang.cases.queries import Task

from .models import Submission


def node_of(task: Task) -> PlanNode:
    """What the plan says of this task: what it uses, what it gives."""
    return graph_of(task.case.plan_id).nodes[task.node]


def reason_for(submission: Submission, node: str) -> Label | None:
    """What the office has to write when it grants this step; None where nothing is asked, and for a payment."""
    item, _, name = node.partition(".")
    for source in submission.version.body.get("items", ()):
        if source["key"].partition(":")[2] == item:
            steps = source["item"]["steps"]
            return next((step.get("reason") for step in steps if step["step"] == name), None)
    return None
