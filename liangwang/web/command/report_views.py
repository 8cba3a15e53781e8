"""A report's page for the duty officer: call the reporter, call back, review a bad word, part it from its incident."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.operations import contacts, merging, reporting, reports
from liangwang.operations.report_clock import clock_of

from . import incident
from .incident_views import actor_of

SCORES = [
    ("5", {"zh": "非常满意", "en": "very content"}, ""),
    ("4", {"zh": "满意", "en": "content"}, ""),
    ("3", {"zh": "一般", "en": "neither"}, ""),
    ("2", {"zh": "不满意", "en": "not content"}, ""),
    ("1", {"zh": "非常不满意", "en": "not content at all"}, ""),
]


def report_of(ref: str) -> Any:
    return reports.report_by_ref(ref)


def _page(request: HttpRequest, report: Any, *, status: int = 200, error: str = "") -> HttpResponse:
    at = clock.now()
    with write():  # who looked at name and phone stands in the audit log
        reporter = contacts.whom_to_call(actor=actor_of(request), at=at, report=report)
    case = report.case
    context = {
        "report": report,
        "case": case,
        "reporter": reporter,
        "sort": reporting.SORTS[report.sort][0],
        "channel": incident.CHANNELS.get(report.channel, {"zh": report.channel, "en": report.channel}),
        "clock": clock_of(report, at),
        "contacts": list(report.contacts.order_by("id")),
        "purposes": {
            "first": _("先行联系"), "call_back": _("回访"), "rating": _("诉求人自评"),
        },
        "closed": case.state in {"closed", "refused"},
        "others": len(reports.reports_of(case)) > 1,
        "scores": SCORES,
        "yes_no": [("yes", _("是"), ""), ("no", _("否"), "")],
        "now": at,
        "errors": {"main": error} if error else {},
        "typed": request.POST,
    }  # fmt: skip
    return render(request, "command/report.html", context, status=status)


@door("handle", "report", of=report_of)
def page(request: HttpRequest, report: Any) -> HttpResponse:
    """Name and phone of whoever reported, unsealed for calling; what was said to them so far."""
    return _page(request, report)


def _performed(request: HttpRequest, report: Any, do: Callable[[], object], said: str) -> HttpResponse:
    try:
        with write():
            do()
    except Refusal as refusal:
        return _page(request, report, status=refusal.status, error=refusal.message(get_language() or "zh"))
    messages.success(request, said)
    return HttpResponseRedirect(reverse("command-incident", args=[report.case.ref]))


def _flag(request: HttpRequest, name: str) -> bool | None:
    return {"yes": True, "no": False}.get(request.POST.get(name, ""))


@door(None, "report", post="handle", of=report_of)
def first_contact(request: HttpRequest, report: Any) -> HttpResponse:
    """先行联系: reached, or how it was tried."""
    do = lambda: contacts.first_contact(  # noqa: E731
        actor=actor_of(request), at=clock.now(), report=report, reached=bool(_flag(request, "reached")),
        note=request.POST.get("note", ""),
    )  # fmt: skip
    return _performed(request, report, do, _("联系情况已记下"))


@door(None, "report", post="handle", of=report_of)
def call_back(request: HttpRequest, report: Any) -> HttpResponse:
    """回访: really solved, how content."""
    score = request.POST.get("score", "")
    do = lambda: contacts.call_back(  # noqa: E731
        actor=actor_of(request), at=clock.now(), report=report, reached=bool(_flag(request, "reached")),
        solved=_flag(request, "solved"), score=int(score) if score in "12345" and score else None,
        note=request.POST.get("note", ""),
    )  # fmt: skip
    return _performed(request, report, do, _("回访已记下"))


@door(None, "report", post="handle", of=report_of)
def review(request: HttpRequest, report: Any, contact: str) -> HttpResponse:
    """复核 of a bad word: open again, or stand with the reason."""
    row = reports.contact_by_ref(contact)
    if row is None or row.report_id != report.pk:
        raise NotFound
    do = lambda: contacts.review(  # noqa: E731
        actor=actor_of(request), at=clock.now(), contact=row, reopen=request.POST.get("how") == "yes",
        note=request.POST.get("note", ""),
    )  # fmt: skip
    return _performed(request, report, do, _("复核意见已记下"))


@door(None, "report", post="handle", of=report_of)
def split(request: HttpRequest, report: Any) -> HttpResponse:
    """拆案: the report gets an incident of its own."""
    note = request.POST.get("note", "")
    do = lambda: merging.split(actor=actor_of(request), at=clock.now(), report=report, reason=note)  # noqa: E731
    return _performed(request, report, do, _("已拆成单独的案件，待核实"))


@door(None, "report", post="handle", of=report_of)
def make_complex(request: HttpRequest, report: Any) -> HttpResponse:
    """复杂诉求: asked for by one, approved by a duty officer of a level above."""
    note = request.POST.get("note", "")
    do = lambda: contacts.ask_complex(actor=actor_of(request), at=clock.now(), report=report, reason=note)  # noqa: E731
    return _performed(request, report, do, _("已申请，待上级批准"))


@door(None, "report", post="handle", of=report_of)
def approve_complex(request: HttpRequest, report: Any) -> HttpResponse:
    """The approval of a complex matter, by somebody else."""
    yes = request.POST.get("how") == "yes"

    def do() -> object:
        return contacts.approve_complex(actor=actor_of(request), at=clock.now(), report=report, approved=yes)

    return _performed(request, report, do, _("审批意见已记下"))


urlpatterns: list[URLPattern] = [
    path("reports/<slug:ref>/", page, name="command-report"),
    path("reports/<slug:ref>/contact", first_contact, name="report-contact"),
    path("reports/<slug:ref>/call-back", call_back, name="report-call-back"),
    path("reports/<slug:ref>/review/<slug:contact>", review, name="report-review"),
    path("reports/<slug:ref>/split", split, name="report-split"),
    path("reports/<slug:ref>/complex", make_complex, name="report-complex"),
    path("reports/<slug:ref>/complex/decide", approve_complex, name="report-complex-decide"),
]
