"""Acting on many lines at once: a preview that says of each what would happen, then each in its own transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door, may, require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.transactions import write
from liangwang.cases import actions, inbox
from liangwang.cases.access import task_kind
from liangwang.cases.inbox import Line
from liangwang.services import actions as services
from liangwang.services import queries as queries_of_services

from .case_page import href_of
from .pages import actor_of, page

MOST = 200
OPEN = {"ready", "assigned", "accepted"}


def _accept(line: Line, actor: Actor, at: datetime) -> None:
    submission = queries_of_services.submission_of_case(line.case)
    if line.task or submission is None:
        raise NotFound
    services.accept(actor=actor, submission=submission, at=at)


def _take(line: Line, actor: Actor, at: datetime) -> None:
    if line.task is None:
        raise NotFound
    require(actor, "handle", thing_of(task_kind(line.case), line.task))
    actions.accept_task(actor=actor, at=at, task=line.task)


def _grant(line: Line, actor: Actor, at: datetime) -> None:
    if line.task is None:
        raise NotFound
    services.decide(actor=actor, at=at, task=line.task)


def _put_back(line: Line, actor: Actor, at: datetime) -> None:
    if line.task is None:
        raise NotFound
    require(actor, "handle", thing_of(task_kind(line.case), line.task))
    actions.put_back_task(actor=actor, at=at, task=line.task)


ACTS: dict[str, Callable[[Line, Actor, datetime], None]] = {
    "accept": _accept,
    "take": _take,
    "grant": _grant,
    "put_back": _put_back,
}
UNDO = {
    "take": "put_back"
}  # of the others a letter has gone out: what the law told somebody is not taken back


def _words(act: str) -> str:
    return {
        "accept": _("受理"),
        "take": _("领办"),
        "grant": _("办结本环节"),
        "put_back": _("放回待办"),
    }[act]


def _final(act: str) -> str:
    """Why an act cannot be undone, and what is done instead; "" for one that can be, or that undoes another."""
    return {
        "accept": _("受理通知书已发出，不能撤回；受理错了，由审批人作出不予办理的决定并说明理由。"),
        "grant": _("办结的环节不能撤回；发现有误，由后一环节退回，或依法撤销。"),
    }.get(act, "")


def _expected(act: str, line: Line, actor: Actor, at: datetime) -> tuple[str, str]:
    """(status, words) of what the act would come to for this line; decided for good only when it is done."""
    case, task = line.case, line.task
    if act == "accept":
        return _accepting(line, actor)
    if task is None:
        return "idle", _("还没受理，先受理")
    if task.state not in OPEN:
        return "idle", _("已经不在待办里")
    if act == "put_back":
        own = task.assignee_id is not None and task.assignee_id == actor.post_id
        return ("ok", _("可以放回")) if own else ("bad", _("不是您领的"))
    if act == "take":
        return ("ok", _("可以领办")) if task.state != "accepted" else ("idle", _("已有人领办"))
    if not may(actor, "decide", thing_of(task_kind(case), task)).allowed:
        return "bad", _("您的岗位不能决定这一环节")
    facts = None
    if task_kind(case) == "application_task":
        facts = queries_of_services.decision_facts(task, queries_of_services.submission_of_case(case))
    if facts and (facts["gives"] or facts["reason"]):
        wanted = [give["label"] for give in facts["gives"]] + [facts["reason"]] * bool(facts["reason"])
        asked = "、".join(label["zh"] for label in wanted)
        return "watch", _("要先填：%(what)s，请打开办理") % {"what": asked}
    return "ok", _("可以办结")


def _accepting(line: Line, actor: Actor) -> tuple[str, str]:
    if line.task or line.case.state != "open":
        return "idle", _("已经受理过")
    if not may(actor, "handle", thing_of("application", line.case)).allowed:
        return "bad", _("您的岗位不能受理这一件")
    return "ok", _("可以受理，明天起算时限")


def chosen(request: HttpRequest) -> list[Line]:
    found = (inbox.line_by_mark(mark) for mark in request.POST.getlist("selected")[:MOST])
    return [line for line in found if line is not None and may_see(line, actor_of(request))]


def may_see(line: Line, actor: Actor) -> bool:
    """Whether the hat may read what a mark names: a mark is no permission."""
    case = line.case
    thing = thing_of(task_kind(case), line.task) if line.task else thing_of(case.kind, case)
    return may(actor, "read", thing).allowed


def listed(line: Line, status: tuple[str, str]) -> dict[str, Any]:
    return {
        "mark": line.mark,
        "href": href_of(line.case),
        "title": line.case.title,
        "number": line.case.number,
        "asks": line.task.label if line.task else _("待受理"),
        "status": status,
    }


def back_to(request: HttpRequest) -> str:
    """The inbox with the filter that it had; nothing else that a form might hold."""
    kept = dict(parse_qsl(request.POST.get("back", "")))
    return f"{reverse('staff')}?{urlencode(kept)}" if kept else reverse("staff")


def _act(request: HttpRequest) -> str:
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise NotFound
    return act


@door(None, "home", post="update")
def preview(request: HttpRequest) -> HttpResponse:
    """What would happen to each chosen line."""
    act, actor, at = _act(request), actor_of(request), clock.now()
    rows = [listed(line, _expected(act, line, actor, at)) for line in chosen(request)]
    context = {
        "act": act,
        "word": _words(act),
        "rows": rows,
        "able": sum(row["status"][0] == "ok" for row in rows),
        "back": back_to(request),
        "back_query": request.POST.get("back", ""),
        "done": False,
    }
    return page(request, "staff/bulk.html", context)


@door(None, "home", post="update")
def do(request: HttpRequest) -> HttpResponse:
    """Does the act to each line in a transaction of its own; one refusal stops no other."""
    act, actor, at, lang = _act(request), actor_of(request), clock.now(), get_language() or "zh"
    rows = []
    for line in chosen(request):
        try:
            with write():
                ACTS[act](line, actor, at)
            rows.append(listed(line, ("ok", _("已%(act)s") % {"act": _words(act)})))
        except Refusal as refusal:
            rows.append(listed(line, ("bad", refusal.message(lang))))
    context = {
        "act": act,
        "word": _words(act),
        "rows": rows,
        "able": sum(row["status"][0] == "ok" for row in rows),
        "back": back_to(request),
        "back_query": request.POST.get("back", ""),
        "undo": (UNDO[act], _words(UNDO[act])) if act in UNDO else None,
        "final": _final(act),
        "done": True,
    }
    return page(request, "staff/bulk.html", context)
