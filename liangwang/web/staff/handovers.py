"""纸质交接: pack what lies at the counter, send it, sign for each sheet that arrives; a list to print for the bag."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.services import papers
from liangwang.services.models_counter import Handover

from .case_page import PAPER_KINDS
from .pages import actor_of, page

LISTED = 50
STATE_KINDS = {"packed": "watch", "sent": "info", "received": "ok"}


def handover_of(ref: str) -> Handover | None:
    return papers.handover_by_ref(ref)


@door("open", "handover")
def listed(request: HttpRequest) -> HttpResponse:
    """What lies here to be packed, by the office that decides; the bags from and to this office."""
    actor = actor_of(request)
    rows = papers.handovers_of(actor)
    after = papers.handover_by_ref(request.GET.get("after", ""))
    found = list((rows.filter(id__lt=after.pk) if after else rows)[: LISTED + 1])
    context = {
        "groups_to_pack": papers.to_pack(actor),
        "handovers": [
            {
                "it": one,
                "kind": STATE_KINDS[one.state],
                "word": _word(one),
                "out": one.from_office_id == actor.office_id,
            }
            for one in found[:LISTED]
        ],
        "next_url": f"?after={found[LISTED - 1].ref}" if len(found) > LISTED else "",
        "first_url": request.path if after else "",
    }
    return page(request, "staff/handovers.html", context)


def _word(one: Handover) -> str:
    return {"packed": _("待发出"), "sent": _("在途"), "received": _("已签收")}[one.state]


@door(None, "handover", post="create")
def pack(request: HttpRequest) -> HttpResponse:
    """装袋: what is ticked, all for one office, goes under a new number."""
    try:
        with write():
            made = papers.pack(actor=actor_of(request), papers=request.POST.getlist("paper"), at=clock.now())
    except Refusal as refusal:
        messages.error(request, refusal.message(get_language() or "zh"))
        return HttpResponseRedirect(reverse("handovers"))
    messages.success(request, _("已装袋，交接单 %(n)s") % {"n": made.number})
    return HttpResponseRedirect(reverse("handover", args=[made.ref]))


@door("read", "handover", of=handover_of)
def one(request: HttpRequest, handover: Handover) -> HttpResponse:
    """One bag: its sheets, who packed, sent and signed for it."""
    actor = actor_of(request)
    rows = [
        {
            "it": paper,
            "kind": PAPER_KINDS[paper.state],
            "word": papers.STATE_LABELS[paper.state],
            "href": reverse("staff-application", args=[paper.case.ref]),
        }
        for paper in handover.papers.select_related("case").order_by("id")
    ]
    context = {
        "handover": handover,
        "rows": rows,
        "kind": STATE_KINDS[handover.state],
        "word": _word(handover),
        "may_send": handover.state == "packed" and handover.from_office_id == actor.office_id,
        "may_receive": handover.state == "sent" and handover.to_office_id == actor.office_id,
        "outgoing": handover.from_office_id == actor.office_id,
    }
    return page(request, "staff/handover.html", context)


@door("read", "handover", of=handover_of)
def sheet(request: HttpRequest, handover: Handover) -> HttpResponse:
    """The list for the bag, on A4."""
    context = {"handover": handover, "papers": handover.papers.select_related("case").order_by("id")}
    return render(request, "staff/handover_sheet.html", context)


def _do(request: HttpRequest, handover: Handover, verb: Callable[[], object], said: str) -> HttpResponse:
    try:
        with write():
            verb()
        messages.success(request, said)
    except Refusal as refusal:
        messages.error(request, refusal.message(get_language() or "zh"))
    return HttpResponseRedirect(reverse("handover", args=[handover.ref]))


@door(None, "handover", post="update", of=handover_of)
def send(request: HttpRequest, handover: Handover) -> HttpResponse:
    if handover.from_office_id != actor_of(request).office_id:
        raise NotFound
    verb = lambda: papers.send(actor=actor_of(request), handover=handover, at=clock.now())  # noqa: E731
    return _do(request, handover, verb, _("已发出，收件单位已收到通知"))


@door(None, "handover", post="update", of=handover_of)
def receive(request: HttpRequest, handover: Handover) -> HttpResponse:
    """签收 sheet by sheet: what is not ticked is missing."""
    if handover.to_office_id != actor_of(request).office_id:
        raise NotFound
    verb = lambda: papers.receive(  # noqa: E731
        actor=actor_of(request),
        handover=handover,
        there=request.POST.getlist("paper"),
        note=request.POST.get("note", ""),
        at=clock.now(),
    )
    return _do(request, handover, verb, _("已签收"))


@door(None, "handover", post="update", of=handover_of)
def found(request: HttpRequest, handover: Handover) -> HttpResponse:
    """A sheet that was missing turned up at the counter that had packed it."""
    paper = handover.papers.select_related("case").filter(ref=request.POST.get("paper", "")).first()
    if paper is None or handover.from_office_id != actor_of(request).office_id:
        raise NotFound
    verb = lambda: papers.found(actor=actor_of(request), paper=paper, at=clock.now())  # noqa: E731
    return _do(request, handover, verb, _("找到了，下一袋再发"))
