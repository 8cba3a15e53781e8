"""综窗: scan who stands there, choose what she wants, fill in for her, tick papers, let her confirm, print; the next one."""

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
from liangwang.cases import queries as case_queries
from liangwang.services import (
    counter,
    counter_intake,
    counter_visits,
    help,
    papers,
    queries,
)
from liangwang.services.models_counter import Visit

from .case_page import href_of
from .counter_visit import draft_of, visit_of
from .pages import actor_of, page

FOUND = 9  # items of a search that a digit key chooses


def _lang() -> str:
    return get_language() or "zh"


@door("open", "visit", post="create")
def desk(request: HttpRequest) -> HttpResponse:
    """An empty counter: one field for a code, an identity number or a case number; POST opens the visit."""
    actor, at, error = actor_of(request), clock.now(), ""
    if request.method == "POST":
        scanned = request.POST.get("scanned", "")
        case = counter_intake.case_from(scanned)
        if case is not None:
            return HttpResponseRedirect(href_of(case))
        try:
            with write():
                visit = counter_visits.open_visit(actor=actor, text=scanned, at=at)
            return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))
        except Refusal as refusal:
            error = refusal.message(_lang())
    now_served = counter_visits.visit_of(actor)
    context = {"errors": {"scanned": error} if error else {}, "error": error, "serving": now_served}
    return page(request, "staff/counter.html", context, status=422 if error else 200)


@door(None, "visit", post="update", of=visit_of)
def next_person(request: HttpRequest, visit: Visit) -> HttpResponse:
    """She leaves; the counter is empty for the next."""
    with write():
        counter_visits.end_visit(actor=actor_of(request), visit=visit, at=clock.now())
    return HttpResponseRedirect(reverse("counter"))


@door("read", "visit", of=visit_of)
def visit(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Her data and certificates, what she has open, and finding what she wants by words."""
    actor, at = actor_of(request), clock.now()
    words = request.GET.get("q", "").strip()
    context = {
        "visit": visit,
        "person": counter_visits.person_shown(actor, visit, at),
        "words": words,
        "found": queries.search(words, FOUND) if words else [],
        "waiting": queries.letters_waiting(visit.subject_id),
    }
    return page(request, "staff/visit.html", context)


@door(None, "visit", post="update", of=visit_of)
def choose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Begins, or goes on with, her draft of the chosen item."""
    try:
        with write():
            counter.begin(
                actor=actor_of(request), visit=visit, key=request.POST.get("item", ""), at=clock.now()
            )
    except Refusal as refusal:
        messages.error(request, refusal.message(_lang()))
        return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))
    return HttpResponseRedirect(reverse("counter-form", args=[visit.ref]))


@door(None, "visit", post="update", of=visit_of)
def stuck(request: HttpRequest, visit: Visit) -> HttpResponse:
    """办不成?: it cannot be done now, so it becomes a case with a clock that this counter must answer."""
    at = clock.now()
    page_of = f"/drafts/{visit.draft.ref}/" if visit.draft else "/services/"
    with write():
        hat = counter_visits.assisted(actor_of(request), visit, at)
        case = help.ask(actor=hat, came_from=page_of, words="", helper=visit.post.ref, at=at)
    messages.success(request, _("已记下，编号 %(n)s，两个工作日内答复本人") % {"n": case.number})
    return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))


@door("read", "visit", of=visit_of)
def sheet(request: HttpRequest, visit: Visit) -> HttpResponse:
    """申请确认单: everything that was filled in for her, on A4, for her signature."""
    at, draft = clock.now(), draft_of(visit)
    counter_visits.assisted(actor_of(request), visit, at)  # only the post that serves her, while she is here
    shown = queries.check_answers(draft, at)
    names = {one["need"].id: one["need"].label for one in shown["materials"]}
    context = {
        "visit": visit,
        "label": shown["label"],
        "sections": shown["sections"],
        "papers": [names[need] for need in draft.papers if need in names],
        "now": at,
    }
    return render(request, "staff/visit_sheet.html", context)


@door("read", "visit", of=visit_of)
def done(request: HttpRequest, visit: Visit, case: str) -> HttpResponse:
    """Taken in: the number, the receipt to print, where it goes, what is still to come; N for the next person."""
    found = case_queries.case_by_ref(case)
    intake = counter_intake.intake_of(found) if found else None
    submission = queries.submission_of_case(found) if found else None
    if found is None or submission is None or intake is None or intake.visit_id != visit.pk:
        raise NotFound
    shown = queries.track(submission, clock.now())
    context = {
        "visit": visit,
        "person": counter_visits.name_of(visit),
        "case": found,
        "intake": intake,
        "letters": shown["letters"],
        "supplement": shown["supplement"],
        "papers": papers.papers_of(found),
        "address": request.build_absolute_uri(f"/cases/{found.ref}/"),
    }
    return page(request, "staff/visit_done.html", context)
