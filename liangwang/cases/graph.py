"""The graph of a compiled plan: what follows what, and the hash of what an approval was based on. No Django here."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from .declare import PlanBody, PlanNode, ordered


class Graph:
    """A plan body with its successors, order and reach worked out once; never changed."""

    def __init__(self, body: PlanBody) -> None:
        self.body = body
        self.nodes: dict[str, PlanNode] = {node.key: node for node in body.nodes}
        self.order = ordered(body)
        self.successors: dict[str, list[str]] = {key: [] for key in self.nodes}
        for node in body.nodes:
            for need in dict.fromkeys(node.needs):
                self.successors[need].append(node.key)

    @cached_property
    def roots(self) -> list[str]:
        return [key for key in self.order if not self.nodes[key].needs]

    def waits(self, key: str) -> int:
        """How many nodes a node needs."""
        return len(set(self.nodes[key].needs))

    def descendants(self, key: str) -> list[str]:
        """Everything that comes after a node, in order."""
        return self._reach(key, self.successors)

    def ancestors(self, key: str) -> list[str]:
        """Everything that a node stands on, in order."""
        return self._reach(key, {k: list(node.needs) for k, node in self.nodes.items()})

    def _reach(self, key: str, edges: Mapping[str, Iterable[str]]) -> list[str]:
        seen: set[str] = set()
        front = list(edges[key])
        while front:
            at = front.pop()
            if at not in seen:
                seen.add(at)
                front += edges[at]
        return [k for k in self.order if k in seen]

    def critical_days(self) -> int:
        """Working days along the longest path of nodes that are limited in working days."""
        ends: dict[str, int] = {}
        for key in self.order:
            node = self.nodes[key]
            own = node.within.working_days if node.within and node.within.working_days else 0
            ends[key] = own + max((ends[need] for need in node.needs), default=0)
        return max(ends.values(), default=0)


def input_hash(node: PlanNode, facts: Mapping[str, Any], outputs: Mapping[str, Any]) -> str:
    """What an approval of this node is based on: its `uses`, an earlier node's output before a fact; "" for none."""
    if not node.uses:
        return ""
    used = {key: outputs[key] if key in outputs else facts.get(key) for key in sorted(set(node.uses))}
    text = json.dumps(used, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
