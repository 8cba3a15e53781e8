"""待办: the tasks that wait for this hat, the most pressing first; what is late; notices to the office."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock, notices
from liangwang.base.access import door, may_ever, visible
from liangwang.base.hats import Actor
from liangwang.base.models import Notice
from liangwang.base.transactions import write
from liangwang.cases import queries
from liangwang.cases.models import Case, Task

from ..field.shown import limit_s
from ..templatetags.ui import moment
from .case_page import href_of
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
        "href": f"{href_of(case)}#{task.ref}",
        "cells": [
            task.label,
            case.title,
            case.number,
            case.place.name if case.place else "",
            moment(task.due_at),
            due_status(task, at),
        ],
    }


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
        rows = rows.filter(_for_officer(actor))
    if late:
        rows = rows.filter(due_at__lt=at)
    total = rows.count()
    rows, after = _after(rows, request.GET.get("after", ""))
    listed = list(rows[: PAGE_SIZE + 1])
    more = f"?after={listed[PAGE_SIZE - 1].ref}" if len(listed) > PAGE_SIZE else ""
    context = {
        "columns": _columns(),
        "rows": [_row(task, at) for task in listed[:PAGE_SIZE]],
        "late": late,
        "tabs": actor.role == "duty_officer" and not late,
        "everything": everything,
        "total": total,
        "shown": min(len(listed), PAGE_SIZE),
        "next_url": more,
        "first_url": request.path if after else "",
        "now": at,
    }
    return page(request, "staff/inbox.html", context)


def _for_officer(actor: Actor) -> Q:
    """What a duty officer acts on in person: own tasks, what nobody was sent to, what waits to be checked."""
    own = Q(role="duty_officer", office_id=actor.office_id)
    return own | Q(state="ready", crew_office=None, role="") | Q(state="reported", verify="other")


def _after(rows: Any, ref: str) -> tuple[Any, bool]:
    """The rows that follow the task `ref` in the order of the list (due time, then id): a keyset page."""
    last = Task.objects.filter(ref=ref).first() if ref else None
    if last is None:
        return rows, False
    if last.due_at is None:
        return rows.filter(due_at=None, id__gt=last.pk), True
    beyond = Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, id__gt=last.pk) | Q(due_at=None)
    return rows.filter(beyond), True


@door("open", "home")
def start(request: HttpRequest) -> HttpResponse:
    """The first page of a post: its inbox, or for those without tasks the first thing that they may open."""
    actor = actor_of(request)
    if may_ever(actor, "read", "task"):
        return _listed(request, late=False)
    for verb, kind, name in (
        ("configure", "item", "reform"),
        ("open", "audit", "audit"),
        ("open", "policy", "policy"),
        ("configure", "pack", "effects"),
    ):
        if may_ever(actor, verb, kind):
            return HttpResponseRedirect(reverse(name))
    return HttpResponseRedirect("/")


@door("read", "task")
def late(request: HttpRequest) -> HttpResponse:
    return _listed(request, late=True)


@door("read", "application")
def applications(request: HttpRequest) -> HttpResponse:
    """Every application that the hat may see, the newest first."""
    return _cases(request, "application", _("办件"))


@door("read", "incident")
def incidents(request: HttpRequest) -> HttpResponse:
    """Every incident that the hat may see, the newest first."""
    return _cases(request, "incident", _("案件"))


CASE_STATUS = {"open": "info", "supplement": "watch", "accepted": "brand", "closed": "ok", "refused": "bad"}


def _case_row(case: Case) -> dict[str, Any]:
    word = queries.STATE_LABELS["accepted" if case.state == "accepted" else case.state]
    said = {"zh": "办理中", "en": "in progress"} if case.state == "accepted" else word
    stage = queries.STAGE_LABELS[case.stage] if case.kind == "incident" else said
    return {
        "ref": case.ref,
        "href": href_of(case),
        "cells": [
            case.title,
            case.number,
            case.place.name if case.place else "",
            case.opened_at,
            case.promised_at or case.due_at,
            (CASE_STATUS.get(case.state, "idle"), stage),
        ],
    }


def _cases(request: HttpRequest, kind: str, heading: str) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    rows = visible(actor, "read", kind, Case.objects.filter(kind=kind).select_related("place")).order_by(
        "-id"
    )
    state = request.GET.get("state", "")
    if state == "open":
        rows = rows.exclude(state__in=("closed", "refused", "withdrawn"))
    total = rows.count()
    last = Case.objects.filter(ref=request.GET.get("after", "")).first()
    listed = list((rows.filter(id__lt=last.pk) if last else rows)[: PAGE_SIZE + 1])
    query = f"&state={state}" if state else ""
    context = {
        "heading": heading,
        "columns": [
            (_("事由"), "text"),
            (_("编号"), "text"),
            (_("地点"), "text"),
            (_("收件"), "date"),
            (_("到期"), "date"),
            (_("状态"), "status"),
        ],
        "rows": [_case_row(case) for case in listed[:PAGE_SIZE]],
        "state": state,
        "total": total,
        "shown": min(len(listed), PAGE_SIZE),
        "next_url": f"?after={listed[PAGE_SIZE - 1].ref}{query}" if len(listed) > PAGE_SIZE else "",
        "first_url": request.path if last else "",
        "now": at,
    }
    return page(request, "staff/cases.html", context)


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
