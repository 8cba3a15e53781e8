"""待办: the tasks that wait for this hat, the most pressing first; what is late; notices to the office."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock, notices
from liangwang.base.access import door, may_ever, visible
from liangwang.base.labels import pick
from liangwang.base.models import Notice
from liangwang.base.transactions import write
from liangwang.cases import history, queries
from liangwang.cases.inbox import OFFICE_ROLES
from liangwang.cases.queries import Case, Task

from ..field.shown import limit_s
from ..templatetags.ui import moment
from . import desk
from .case_page import href_of, state_of
from .decision import lang_now
from .pages import actor_of, page

PAGE_SIZE = 50
NEARLY = 0.25  # of the limit left


def due_status(task: Task, at: datetime) -> tuple[str, str]:
    """(status, word) of a task's limit: late, nearly used up, in time; none where there is no limit."""
    if task.due_at is None:
        return "idle", _("无时限")
    if task.due_at < at:
        return "bad", _("已超时")
    whole = limit_s(task)
    left = (task.due_at - at).total_seconds()
    return ("watch", _("将到期")) if whole and left < NEARLY * whole else ("ok", _("时限内"))


def _row(task: Task, at: datetime) -> dict[str, Any]:
    case = task.case
    return {
        "ref": task.ref,
        "href": f"{href_of(case)}?task={task.ref}",
        "cells": [
            task.label,
            case.title,
            case.number,
            case.place.name if case.place else "",
            moment(task.due_at),
            due_status(task, at),
        ],
    }


def _opened(case: Case, at: datetime) -> dict[str, Any]:
    """A case that nobody has accepted yet: an application to accept, a report to confirm."""
    asks = {"application": _("受理"), "incident": _("核实")}[case.kind]
    place = case.place.name if case.place else ""
    cells = [asks, case.title, case.number, place, moment(case.accept_by), accept_status(case, at)]
    return {"ref": case.ref, "href": href_of(case), "cells": cells}


def accept_status(case: Case, at: datetime) -> tuple[str, str]:
    """(status, word) of the time to accept."""
    if case.accept_by is None:
        return "idle", _("无时限")
    return ("bad", _("已超时")) if case.accept_by < at else ("ok", _("时限内"))


def _columns() -> list[tuple[str, str]]:
    return [
        (_("环节"), "text"),
        (_("事由"), "text"),
        (_("编号"), "text"),
        (_("地点"), "text"),
        (_("到期"), "text"),
        (_("时限"), "status"),
    ]


def _listed(request: HttpRequest, *, late: bool) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    rows = queries.inbox(actor)
    everything = request.GET.get("all") == "1" or late
    if actor.role == "duty_officer" and not everything:
        rows = history.in_person(rows, actor)
    if late:
        rows = rows.filter(due_at__lt=at)
    total = rows.count()
    following = history.tasks_after(rows, request.GET.get("after", ""))
    first = [] if late or following is not None else history.to_accept(actor)
    listed = list((rows if following is None else following)[: PAGE_SIZE + 1])
    whole = "&all=1" if everything and not late else ""
    more = f"?after={listed[PAGE_SIZE - 1].ref}{whole}" if len(listed) > PAGE_SIZE else ""
    context = {
        "columns": _columns(),
        "rows": [*(_opened(case, at) for case in first), *(_row(task, at) for task in listed[:PAGE_SIZE])],
        "late": late,
        "tabs": actor.role == "duty_officer" and not late,
        "everything": everything,
        "total": total + len(first),
        "shown": min(len(listed), PAGE_SIZE) + len(first),
        "next_url": more,
        "first_url": request.path if following is not None else "",
        "now": at,
    }
    return page(request, "staff/inbox.html", context)


@door("open", "home")
def start(request: HttpRequest) -> HttpResponse:
    """The first page of a post: its inbox, or for those without tasks the first thing that they may open."""
    if actor_of(request).role in OFFICE_ROLES:
        return desk.show(request)
    return _listed(request, late=False) if queries.has_tasks(actor_of(request)) else _elsewhere(request)


def _elsewhere(request: HttpRequest) -> HttpResponse:
    """The first page that a hat without tasks may open."""
    actor = actor_of(request)
    for verb, kind, name in (
        ("configure", "item", "reform"),
        ("open", "audit", "audit"),
        ("open", "policy", "policy"),
        ("configure", "pack", "effects"),
    ):
        if may_ever(actor, verb, kind):
            return HttpResponseRedirect(reverse(name))
    return HttpResponseRedirect("/")


@door("open", "home")
def late(request: HttpRequest) -> HttpResponse:
    """What is late among the tasks of this post."""
    if actor_of(request).role in OFFICE_ROLES:
        return HttpResponseRedirect(f"{reverse('staff')}?when=late")
    return _listed(request, late=True) if queries.has_tasks(actor_of(request)) else _elsewhere(request)


@door("read", "application")
def applications(request: HttpRequest) -> HttpResponse:
    """Every application that the hat may see, the newest first."""
    return _cases(request, "application", _("办件"))


@door("read", "incident")
def incidents(request: HttpRequest) -> HttpResponse:
    """Every incident that the hat may see, the newest first."""
    return _cases(request, "incident", _("案件"))


def _case_row(case: Case) -> dict[str, Any]:
    kind, word = state_of(case)
    cells = [
        case.title,
        case.number,
        case.place.name if case.place else "",
        moment(case.opened_at),
        case.promised_at or case.due_at,
        (kind, pick(word, lang_now())),
    ]
    return {"ref": case.ref, "href": href_of(case), "cells": cells}


STATES: dict[str, Callable[[QuerySet[Case], datetime], QuerySet[Case]]] = {
    "": lambda rows, at: rows,
    "open": lambda rows, at: history.live(rows),
    "late": history.late,
}


def _cases(request: HttpRequest, kind: str, heading: str) -> HttpResponse:
    """A list of cases by state and words, fifty a page."""
    at, words = clock.now(), request.GET.get("q", "").strip()
    state = request.GET.get("state", "")
    rows = STATES.get(state, STATES[""])(history.cases_seen(actor_of(request), kind), at)
    rows = history.worded(rows, words)
    total = rows.count()
    last = queries.case_by_ref(request.GET.get("after", ""))
    listed = list((rows.filter(id__lt=last.pk) if last else rows)[: PAGE_SIZE + 1])
    kept = urlencode({key: value for key, value in (("state", state), ("q", words)) if value})
    context = {
        "heading": heading,
        "columns": _case_columns(kind),
        "rows": [_case_row(case) for case in listed[:PAGE_SIZE]],
        "state": state,
        "words": words,
        "total": total,
        "shown": min(len(listed), PAGE_SIZE),
        "next_url": f"?after={listed[PAGE_SIZE - 1].ref}&{kept}" if len(listed) > PAGE_SIZE else "",
        "first_url": f"?{kept}" if last else "",
        "now": at,
    }
    return page(request, "staff/cases.html", context)


def _case_columns(kind: str) -> list[tuple[str, str]]:
    due = _("承诺办结") if kind == "application" else _("到期")
    received = _("收件") if kind == "application" else _("发现")
    return [
        (_("事由"), "text"),
        (_("编号"), "text"),
        (_("地点"), "text"),
        (received, "text"),
        (due, "date"),
        (_("状态"), "status"),
    ]


def notice_of(ref: str) -> Notice | None:
    return Notice.objects.filter(ref=ref).first()


@door("read", "notice")
def office_notices(request: HttpRequest) -> HttpResponse:
    """Notices to the office of this post, newest first, with their receipts."""
    rows = visible(actor_of(request), "read", "notice", Notice.objects.exclude(office=None)).order_by("-at")
    return page(request, "staff/notices.html", {"notices": rows[:PAGE_SIZE]})


@door(None, "notice", post="update", of=notice_of)
def confirm_notice(request: HttpRequest, notice: Notice) -> HttpResponse:
    """The office's receipt."""
    with write():
        notices.read(notice, clock.now())
        notices.confirm(notice, clock.now())
    return HttpResponseRedirect(reverse("staff-notices"))
