"""Keeps compiled plans by the hash of their body, and their graphs in memory (a plan never changes)."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from .declare import PlanBody, canonical_plan
from .graph import Graph
from .models import Plan


def store_plan(body: dict[str, Any], *, at: datetime) -> Plan:
    """The plan with this body: the one that is there, or a new one; raises PlanFault when it cannot run."""
    typed, _, digest = canonical_plan(body)
    plan, _ = Plan.objects.get_or_create(
        hash=digest,
        defaults={
            "kind": typed.kind,
            "key": typed.key,
            "body": msgspec.to_builtins(typed),
            "created_at": at,
        },
    )
    return plan


@lru_cache(maxsize=4096)
def graph_of(digest: str) -> Graph:
    """The graph of the plan with this hash (a case's `plan_id`); kept by content, so that it is never stale."""
    body = Plan.objects.values_list("body", flat=True).get(hash=digest)
    return Graph(msgspec.convert(body, PlanBody))
