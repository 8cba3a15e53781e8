"""What the field pages show of a task: where it is, how pressing, what comes next."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.labels import pick
from liangwang.base.working_days import local_day
from liangwang.cases import actions, history, joined, queries
from liangwang.cases.plans import graph_of
from liangwang.cases.queries import Case, Task
from liangwang.operations import relay
from liangwang.operations.relay_models import Relay

from ..shared.told import told

Page = dict[str, Any]
IN_HAND = ("ready", "assigned", "accepted", "arrived")


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


def steps(task: Task) -> list[Page]:
    """The plan of the incident in its order: each step with who does it, where it stands, and what to do there."""
    graph = graph_of(task.case.plan_id)
    rows = {one.node: one for one in task.case.tasks.select_related("office", "crew_office")}
    found = []
    for key in graph.order:
        one = rows[key]
        holder = one.crew_office or one.office
        found.append(
            {
                "label": one.label,
                "who": holder.name if holder else queries.NOBODY,
                "mine": one.pk == task.pk,
                "done": one.state == "done",
                "state": queries.STATE_LABELS[one.state],
                "guide": graph.nodes[key].guide,
            }
        )
    return found


def relays(rows: Iterable[Relay]) -> list[Page]:
    """What other crews ask this one to take over: what, where, why, who asks."""
    return [
        {
            "ref": row.ref,
            "title": row.task.case.title,
            "task": row.task.label,
            "where": where(row.task.case),
            "from": row.crew_from.name,
            "why": relay.REASONS[row.reason],
            "note": row.note,
            "asked_at": row.asked_at,
            "due_at": row.task.due_at,
        }
        for row in rows
    ]


def became(task: Task) -> str:
    """What has become of a task, for whoever did something about it without a signal."""
    lang = get_language() or "zh"
    if not history.is_live(task.case):
        return _("这件事已经结束（%(state)s）") % {"state": pick(queries.STATE_LABELS[task.case.state], lang)}
    crew = pick(task.crew_office.name, lang) if task.crew_office else ""
    if task.state in {"done", "reported"}:
        return _("%(crew)s已经办好并反馈") % {"crew": crew or _("别的队伍")}
    return _("这项任务已交给%(crew)s") % {"crew": crew} if crew else _("这项任务已收回，等值班长另派")


def _hand_over(task: Task, actor: Actor, at: datetime) -> Page:
    """What the crew may ask for while it has the task: another crew, more time; what is demanded of it."""
    asked = relay.asked_about(task)
    return {
        "relay": asked,
        "relay_why": relay.REASONS[asked.reason] if asked else None,
        "relay_crews": [(crew.office.key, crew.office.name, "") for crew in relay.crews_to_ask(task, at)],
        "relay_reasons": [(key, label) for key, label in relay.REASONS.items()],
        "deferrals": [(key, label) for key, label in actions.DEFERRALS.items()],
        "defer_how": actions.DEFERRALS.get((task.defer_asked or {}).get("how", "")),
        "today": local_day(at).isoformat(),
        "demands": [
            row
            for row in joined.supervisions_of(task.case)
            if row.task_id == task.pk and row.office_id == actor.office_id and row.replied_at is None
        ],
    }


def page(task: Task, actor: Actor, at: datetime) -> Page:
    """Everything of the task page."""
    task = queries.task_by_ref(task.ref) or task
    thing = access.thing_of("incident_task", task)
    may_handle = access.may(actor, "handle", thing).allowed
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
        "may_handle": may_handle,
        "steps": steps(task),
        **(_hand_over(task, actor, at) if may_handle and task.state in IN_HAND else {}),
        "in_hand": IN_HAND,
        "at_work": task.state == "arrived" and may_handle,
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
