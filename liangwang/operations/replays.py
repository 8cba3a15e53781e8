"""Replays as pages ask for them and look at them; `replay` does the work."""

from datetime import datetime
from typing import Any

from liangwang.base.errors import NotFound
from liangwang.base.labels import Label
from liangwang.base.packs import declarations

from .rule_models import Trial


def ask(given: dict[str, Any], by: int | None, at: datetime) -> Trial:
    """A replay that is not run yet. Inside a transaction."""
    return Trial.objects.create(kind="replay", given=given, asked_by_id=by, asked_at=at)


def lately() -> list[Trial]:
    """The newest replays."""
    rows = Trial.objects.filter(kind="replay").select_related("asked_by").defer("found")
    return list(rows.order_by("-asked_at")[:30])


def one(ref: str) -> Trial:
    """A replay by its ref; raises NotFound."""
    found = Trial.objects.filter(kind="replay", ref=ref).select_related("asked_by").first()
    if found is None:
        raise NotFound
    return found


def rule_label(key: str) -> Label:
    """What a rule is called; its key where it is gone."""
    found: Label | None = next((d.value.label for d in declarations("rules.yaml") if d.ref == key), None)
    return found or {"zh": key, "en": key}
