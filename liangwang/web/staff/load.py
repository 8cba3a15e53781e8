"""Load and lateness of offices as bars, opening to the late cases behind each."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from liangwang.base import clock
from liangwang.base.access import door, may, may_ever, thing_of
from liangwang.cases import load
from liangwang.cases.access import task_kind
from liangwang.services import papers

from .case_page import href_of
from .desk import left_of
from .pages import actor_of, page

DRILLED = 50


@door("read", "home")
def offices(request: HttpRequest) -> HttpResponse:
    """Every office of the territory that has something before it; `?office=` opens one to its late cases."""
    actor, at = actor_of(request), clock.now()
    rows = load.loads(actor, at)
    most = max([row.open + row.to_accept for row in rows] or [1]) or 1
    chosen = papers.office_named(request.GET.get("office", "")) if request.GET.get("office") else None
    named = next((row for row in rows if chosen is not None and row.office.pk == chosen.pk), None)
    context = {
        "rows": [_bar(row, most) for row in rows],
        "late": sum(row.late for row in rows),
        "open": sum(row.open for row in rows),
        "chosen": named,
        "cases": _cases(named, actor, at) if named else [],
        "opens_cases": may_ever(actor, "read", "application_task"),
    }
    return page(request, "staff/load.html", context)


def _bar(row: load.Load, most: int) -> dict[str, Any]:
    """The widths of a bar's parts in percent of the longest: late, soon, in time, to accept."""
    parts, x = [], 0.0
    for kind, n in (("bad", row.late), ("watch", row.soon), ("ok", row.in_time), ("idle", row.to_accept)):
        width = 100 * n / most
        parts.append({"kind": kind, "n": n, "x": x, "width": width})
        x += width
    return {
        "it": row,
        "parts": [part for part in parts if part["n"]],
        "href": f"{reverse('load')}?office={row.office.key}",
    }


def _cases(row: load.Load, actor: Any, at: Any) -> list[dict[str, Any]]:
    """The late cases of an office that this hat may read, the longest late first; the others are only counted."""
    tasks = load.late_tasks(row.office, at)[:DRILLED]
    return [
        {
            "href": f"{href_of(task.case)}?task={task.ref}",
            "label": task.label,
            "title": task.case.title,
            "number": task.case.number,
            "due_at": task.due_at,
            "left": left_of(task.due_at, at),
            "climbed": task.climbed,
            "holder": task.assignee.party.label if task.assignee else None,
        }
        for task in tasks
        if may(actor, "read", thing_of(task_kind(task.case), task)).allowed
    ]
