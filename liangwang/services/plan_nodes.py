"""The node of a case's plan that a task carries out."""

from liangwang.cases.declare import PlanNode
from liangwang.cases.plans import graph_of
from liangwang.cases.queries import Task


def node_of(task: Task) -> PlanNode:
    """What the plan says of this task: what it uses, what it gives."""
    return graph_of(task.case.plan_id).nodes[task.node]
