"""待办 of an office: clocks beside every line, filters in the address, a search whose words stay out of it, saved filters."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.labels import Label
from liangwang.base.working_days import local_day, working_days
from liangwang.cases import inbox
from liangwang.cases.inbox import Asked, Line, Short
from liangwang.services import desk_filters, routing

from ..shared.clock_face import level_of
from .case_page import href_of
from .pages import actor_of, page

FOUND = "inbox_words"  # of the session: a name is personal, so it is never part of an address
KEPT = ("what", "when", "mine", "item", "place", "sort")
ALL: Label = {"zh": "全部", "en": "all"}


def asked_of(request: HttpRequest) -> Asked:
    """What the address asks; the words of a search come from the session."""
    got = request.GET
    return Asked(
        what=got.get("what", ""),
        when=got.get("when", ""),
        mine=got.get("mine") == "1",
        item=got.get("item", ""),
        place=got.get("place", ""),
        sort=got.get("sort", "due"),
        words=request.session.get(FOUND, "") if got.get("found") == "1" else "",
        after=got.get("after", ""),
    )


def show(request: HttpRequest, heading: str = "") -> HttpResponse:
    """The inbox page: about a dozen statements, however much waits."""
    actor, at, asked = actor_of(request), clock.now(), asked_of(request)
    lines, more = inbox.lines(actor, asked, at)
    short = inbox.clocks((line.case for line in lines), at)
    counts = inbox.counts(actor, at)
    kept = {name: value for name in (*KEPT, "found") if (value := request.GET.get(name))}
    whole = f"{urlencode(kept)}&" if kept else ""
    context = {
        "heading": heading or _("待办"),
        "rows": [row(line, short[line.case.pk], at) for line in lines],
        "asked": asked,
        "tabs": _tabs(counts, kept),
        "counts": counts,
        "items": items_of(actor.department),
        "places": _places(actor.place_code),
        "filters": desk_filters.filters_of(actor),
        "kept": kept,
        "query": urlencode(kept),
        "next_url": f"?{whole}after={lines[-1].mark}" if more and lines else "",
        "first_url": f"?{urlencode(kept)}" if asked.after else "",
        "now": at,
    }
    return page(request, "staff/desk.html", context)


def row(line: Line, short: Short, at: datetime) -> dict[str, Any]:
    """One line as the table shows it: what to do, for whom, its clocks, how long is left, who has it."""
    case, task = line.case, line.task
    person = getattr(case.subject, "person", None)
    used = short.used / limit if (limit := short.promised or short.statutory) else None
    return {
        "mark": line.mark,
        "href": f"{href_of(case)}?task={task.ref}" if task else href_of(case),
        "asks": task.label if task else _asks(case.state),
        "title": case.title,
        "number": case.number,
        "who": person.name if person else "",
        "place": case.place.name if case.place else "",
        "opened_at": case.opened_at,
        "clock": short,
        "share": min(100, round(100 * used)) if used is not None else None,
        "level": level_of(used),
        "due_at": line.due,
        "left": left_of(line.due, at),
        "holder": task.assignee.party.label if task and task.assignee else None,
    }


def _asks(state: str) -> str:
    return _("待受理") if state == "open" else _("等申请人补正")


def left_of(due: datetime | None, at: datetime) -> tuple[str, str]:
    """(status, words) of a due time: working days left or over, so that the word says it and not the colour alone."""
    if due is None:
        return "idle", _("无时限")
    today, last = local_day(at), local_day(due)
    if due < at:
        return "bad", _("超 %(n)s 个工作日") % {"n": max(1, working_days().between(last, today))}
    days = working_days().between(today, last)
    if not days:
        return "warn", _("今天到期")
    kind = "watch" if due - at <= inbox.SOON or days <= 1 else "ok"
    return kind, _("还剩 %(n)s 个工作日") % {"n": days}


def _tabs(counts: inbox.Counts, kept: dict[str, str]) -> list[dict[str, Any]]:
    """The quick filters with how much is in each; an item, street or order that was chosen stays."""
    rest = {name: value for name, value in kept.items() if name in {"item", "place", "sort"}}
    made: list[tuple[str, dict[str, str], int | None]] = [
        (_("全部待办"), {}, counts.all),
        (_("待受理"), {"what": "accept"}, counts.accept),
        (_("已超时"), {"when": "late"}, counts.late),
        (_("两天内到期"), {"when": "soon"}, counts.soon),
        (_("我领的"), {"mine": "1"}, None),
        (_("等补正"), {"what": "supplement"}, None),
        (_("请我会签"), {"what": "sign"}, None),
    ]
    chosen = {name: value for name, value in kept.items() if name in {"what", "when", "mine"}}
    return [
        {"word": word, "href": f"?{urlencode({**rest, **own})}", "here": own == chosen, "count": said(n)}
        for word, own, n in made
    ]


def said(n: int | None) -> str:
    """A count as far as it was counted."""
    return "" if n is None else f"{inbox.MOST_COUNTED}+" if n >= inbox.MOST_COUNTED else str(n)


def items_of(department: str) -> list[tuple[str, Label]]:
    """Items and bundles in which the department has a part, by name: read from the declarations, not from the cases."""
    return routing.items_of_department(department)


def _places(code: str) -> list[tuple[str, Label]]:
    """Streets and towns of the office's territory; none for an office of one street."""
    return [("", ALL), *routing.streets_of(code)] if len(code) < 9 else []


# --- search and saved filters --------------------------------------------------------------------------


@door(None, "home", post="update")
def find(request: HttpRequest) -> HttpResponse:
    """Finds by number or name; the words stay in the session, so that no address and no log holds a name."""
    words = request.POST.get("words", "").strip()[:40]
    request.session[FOUND] = words
    return HttpResponseRedirect(f"{reverse('staff')}?found=1" if words else reverse("staff"))


@door(None, "home", post="update")
def keep_filter(request: HttpRequest) -> HttpResponse:
    """Keeps the present filter under a name, or takes a kept one away."""
    actor, query = actor_of(request), request.POST.get("query", "")
    if ended := request.POST.get("end"):
        desk_filters.drop_filter(actor, ended)
        messages.success(request, _("已删除这个筛选"))
        return HttpResponseRedirect(reverse("staff"))
    name = request.POST.get("name", "").strip()
    if not name:
        messages.error(request, _("请给这个筛选起个名字"))
    else:
        desk_filters.keep_filter(actor, name=name, query=query, at=clock.now())
        messages.success(request, _("已保存筛选“%(name)s”") % {"name": name})
    return HttpResponseRedirect(f"{reverse('staff')}?{query}" if query else reverse("staff"))
