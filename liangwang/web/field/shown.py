"""What the field pages show of a task: where it is, how pressing, what comes next."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.cases import actions, history, queries
from liangwang.cases.queries import Case, Task

from ..shared.told import told

Page = dict[str, Any]


def limit_s(task: Task) -> float | None:
    """The task's whole time in seconds, from when it became ready to when it is due."""
    if task.due_at is None or task.ready_at is None:
        return None
    return (task.due_at - task.ready_at).total_seconds()


def cards(tasks: Iterable[Task], at: datetime) -> list[Page]:
    """One card a task: title, place, running clock, the next step in words."""
    return [
        {
            "ref": task.ref,
            "title": task.case.title,
            "number": task.case.number,
            "task": task.label,
            "where": where(task.case),
            "since": task.ready_at or task.case.opened_at,
            "limit_s": limit_s(task),
            "stopped": task.done_at is not None,
            "late": bool(task.due_at and not task.done_at and task.due_at < at),
            "state": queries.STATE_LABELS[task.state],
            "eta_min": task.because.get("minutes"),
            "attempt": task.attempt,
        }
        for task in tasks
    ]


def where(case: Case) -> dict[str, str]:
    """The address as people here say it, else the name of the place."""
    said = case.facts.get("address")
    if said:
        return {"zh": str(said), "en": str(said)}
    return case.place.name if case.place else {"zh": "位置待定", "en": "place not known"}


def photos_of(task: Task, attempt: int) -> dict[str, Page]:
    """The newest photo of each kind in one attempt: url, at, place, by."""
    kept: dict[str, Page] = {}
    for row in task.proofs.filter(attempt=attempt).select_related("office").order_by("at"):
        spot = f"{row.lat:.5f}, {row.lon:.5f}" if row.lon is not None and row.lat is not None else ""
        kept[row.kind] = {
            "url": reverse("proof", args=[task.ref, row.ref]),
            "at": row.at,
            "place": spot,
            "by": row.office.name if row.office else None,
        }
    return kept


def page(task: Task, actor: Actor, at: datetime) -> Page:
    """Everything of the task page."""
    task = queries.task_by_ref(task.ref) or task
    thing = access.thing_of("incident_task", task)
    photos = photos_of(task, task.attempt)
    wanted = history.proofs_wanted(task)
    return {
        "task": task,
        "case": task.case,
        "card": cards([task], at)[0],
        "now": at,
        "photos": photos,
        "wanted": [
            {
                "kind": kind,
                "label": actions.PROOF_LABELS.get(kind, {"zh": kind, "en": kind}),
                "kept": photos.get(kind),
            }
            for kind in wanted
        ],
        "ready_to_report": all(kind in photos for kind in wanted),
        "may_handle": access.may(actor, "handle", thing).allowed,
        "in_hand": ("ready", "assigned", "accepted", "arrived"),
        "at_work": task.state == "arrived" and access.may(actor, "handle", thing).allowed,
        "may_verify": access.may(actor, "verify", thing).allowed and task.state == "reported",
        "failed": history.last_failed_check(task),
        "reasons": [(key, label) for key, label in actions.DECLINE_REASONS.items()],
        "timeline": told(queries.timeline(task.case)),
        "ground": task.case.place.code[:9] if task.case.place else "",
        "lon": task.case.lon,
        "lat": task.case.lat,
        "typed": {},
        "errors": {},
    }
