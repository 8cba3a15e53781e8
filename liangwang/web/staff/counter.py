"""综窗: scan who stands there, choose what she wants, fill in for her, tick papers, let her confirm, print; the next one."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import new_ref
from liangwang.base.transactions import write
from liangwang.cases import queries as case_queries
from liangwang.services import actions, counter, help, papers, queries
from liangwang.services.models_counter import Visit
from liangwang.services.queries import Draft

from ..resident.form_fields import answered, fields_of, say, settled_rows
from .case_page import href_of
from .pages import actor_of, page

FOUND = 9  # items of a search that a digit key chooses


def visit_of(ref: str) -> Visit | None:
    return counter.visit_by_ref(ref)


def _lang() -> str:
    return get_language() or "zh"


@door("open", "visit", post="create")
def desk(request: HttpRequest) -> HttpResponse:
    """An empty counter: one field for a code, an identity number or a case number; POST opens the visit."""
    actor, at, error = actor_of(request), clock.now(), ""
    if request.method == "POST":
        scanned = request.POST.get("scanned", "")
        case = counter.case_from(scanned)
        if case is not None:
            return HttpResponseRedirect(href_of(case))
        try:
            with write():
                visit = counter.open_visit(actor=actor, text=scanned, at=at)
            return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))
        except Refusal as refusal:
            error = refusal.message(_lang())
    now_served = counter.visit_of(actor)
    context = {"errors": {"scanned": error} if error else {}, "error": error, "serving": now_served}
    return page(request, "staff/counter.html", context, status=422 if error else 200)


@door(None, "visit", post="update", of=visit_of)
def next_person(request: HttpRequest, visit: Visit) -> HttpResponse:
    """She leaves; the counter is empty for the next."""
    with write():
        counter.end_visit(actor=actor_of(request), visit=visit, at=clock.now())
    return HttpResponseRedirect(reverse("counter"))


@door("read", "visit", of=visit_of)
def visit(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Her data and certificates, what she has open, and finding what she wants by words."""
    actor, at = actor_of(request), clock.now()
    words = request.GET.get("q", "").strip()
    context = {
        "visit": visit,
        "person": counter.person_shown(actor, visit, at),
        "words": words,
        "found": queries.search(words, FOUND) if words else [],
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
        hat = counter.assisted(actor_of(request), visit, at)
        case = help.ask(actor=hat, came_from=page_of, words="", helper=visit.post.ref, at=at)
    messages.success(request, _("已记下，编号 %(n)s，两个工作日内答复本人") % {"n": case.number})
    return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))


# --- the form ------------------------------------------------------------------------------------------


@door("read", "visit", post="update", of=visit_of)
def form(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The whole application on one page; every POST saves all that was typed, then does what was asked for."""
    draft = _draft(visit)
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = _save(request, visit, draft)
        act = request.POST.get("act", "save")
        try:
            said = None if errors and act == "submit" else _do(request, visit, act)
            if said is not None:
                return said
        except Refusal as refusal:
            errors = {**errors, "main": refusal.message(_lang())}
        if not errors:
            return HttpResponseRedirect(f"{request.path}#{request.POST.get('at', 'materials')}")
    return _form_page(request, visit, errors)


def _draft(visit: Visit) -> Draft:
    found = queries.draft_by_ref(visit.draft.ref) if visit.draft else None
    if found is None or found.state != Draft.State.OPEN:
        raise NotFound
    return found


def _save(request: HttpRequest, visit: Visit, draft: Draft) -> dict[str, str]:
    """Keeps the situation, every page and the ticked papers; returns what is wrong, by field."""
    at, wrong = clock.now(), []
    hat = counter.assisted(actor_of(request), visit, at)
    whole = queries.form_pages(draft, at)
    asked = {
        e["question"].question: v
        for e in whole["questions"]
        if (v := request.POST.get(e["question"].question))
    }
    with write():
        if asked:
            actions.answer_questions(actor=hat, draft=draft, answers=asked, at=at)
        draft.refresh_from_db()
        for one in queries.form_pages(draft, at)["pages"]:
            typed = {
                field: value
                for field, value in answered(one, request.POST).items()
                if field in request.POST or value
            }
            if typed:
                wrong += actions.answer_page(actor=hat, draft=draft, page=one["key"], answers=typed, at=at)
        counter.take_papers(actor=actor_of(request), visit=visit, ticked=request.POST.getlist("paper"), at=at)
        _commitments(request, draft, hat, at)
    return {problem.field: say(problem.message) for problem in wrong if request.POST.get(problem.field)}


def _commitments(request: HttpRequest, draft: Draft, hat: Any, at: Any) -> None:
    """告知承诺 by ticking: what is ticked is promised, what is not is asked for again."""
    draft.refresh_from_db()
    wanted = set(request.POST.getlist("commit"))
    for one in queries.form_pages(draft, at)["materials"]:
        need = one["need"]
        if need.commitment and one["committed"] != (need.id in wanted):
            actions.commit_material(actor=hat, draft=draft, need=need.id, given=need.id in wanted, at=at)


def _do(request: HttpRequest, visit: Visit, act: str) -> HttpResponse | None:
    """What was asked for besides saving; None: only show the page again."""
    actor, at = actor_of(request), clock.now()
    if act == "number":
        with write():
            counter.send_number(actor=actor, visit=visit, at=at)
        messages.info(request, _("确认码已发到本人的消息里，十分钟内有效"))
    elif act == "confirm":
        _confirm(request, visit)
    elif act == "invite":
        typed = {name: request.POST.get(f"invite.{name}", "") for name in ("role", "name", "identity_number")}
        with write():
            actions.invite(actor=counter.assisted(actor, visit, at), draft=_draft(visit), **typed, at=at)
        messages.info(request, _("已发出邀请"))
    elif act == "submit":
        return _submit(request, visit)
    return None


def _confirm(request: HttpRequest, visit: Visit) -> None:
    actor, at = actor_of(request), clock.now()
    said = request.POST.get("said", "").strip()
    way = "code" if len(said) > 6 else "number" if said else "paper"
    if way == "number":
        with write():  # a wrong try is counted, so this is a transaction of its own
            right = counter.check_number(actor=actor, visit=visit, said=said, at=at)
        if not right:
            raise counter.WrongNumber(left=max(0, counter.TRIES - visit.code_tries))
    with write():
        counter.confirm(actor=actor, visit=visit, way=way, said=said, at=at)
    messages.success(request, _("本人已确认，可以收件"))


def _submit(request: HttpRequest, visit: Visit) -> HttpResponse:
    key, later = request.POST.get("idempotency_key") or new_ref(), request.POST.get("later", "supplement")
    with write():
        made = counter.take_in(actor=actor_of(request), visit=visit, key=key, later=later, at=clock.now())
    return HttpResponseRedirect(reverse("counter-done", args=[visit.ref, made.case.ref]))


def _form_page(request: HttpRequest, visit: Visit, errors: dict[str, str]) -> HttpResponse:
    at = clock.now()
    draft = _draft(visit)
    visit.draft = draft
    whole = queries.form_pages(draft, at)
    lacking = counter.lacking_of(draft, at)
    lacks = {need.id for need in lacking}
    other = [label for label in whole["missing"] if not any(n.label["zh"] in label["zh"] for n in lacking)]
    context = {
        "visit": visit,
        "person": counter.name_of(visit),
        "whole": whole,
        "bring": counter.still_to_bring(draft, at),
        "questions": [_question(entry) for entry in whole["questions"]],
        "parts": [_part(one, request, errors) for one in whole["pages"]],
        "materials": [{**one, "lacking": one["need"].id in lacks} for one in whole["materials"]],
        "lacking": lacking,
        "may_later": bool(lacking) and all(counter.may_come_later(need) for need in lacking),
        "other": other,
        "confirmed": visit.confirmed if counter.is_confirmed(visit) else {},
        "way": counter.WAYS.get(visit.confirmed.get("way", "")),
        "number_out": bool(visit.code_hash),
        "idempotency_key": new_ref(),
        "errors": errors,
    }
    return page(request, "staff/visit_form.html", context, status=422 if errors else 200)


def _question(entry: dict[str, Any]) -> dict[str, Any]:
    suggested = entry["suggested"] or {}
    return {
        "name": entry["question"].question,
        "label": entry["question"].label,
        "options": [(o.option, o.label, o.hint) for o in entry["question"].options],
        "chosen": entry["answer"] or suggested.get("option", ""),
        "answered": bool(entry["answer"]),
        "given": say(suggested["source"]) if suggested else "",
    }


def _part(one: Any, request: HttpRequest, errors: dict[str, str]) -> dict[str, Any]:
    typed = {field: value for field, value in request.POST.items() if isinstance(value, str)}
    return {
        "title": one["title"],
        "asks": fields_of(one, {f: typed[f] for f in typed if f in errors}, errors),
        "settled": settled_rows(one),
    }


@door("read", "visit", of=visit_of)
def sheet(request: HttpRequest, visit: Visit) -> HttpResponse:
    """申请确认单: everything that was filled in for her, on A4, for her signature."""
    at, draft = clock.now(), _draft(visit)
    counter.assisted(actor_of(request), visit, at)  # only the post that serves her, while she is here
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
    intake = counter.intake_of(found) if found else None
    submission = queries.submission_of_case(found) if found else None
    if found is None or submission is None or intake is None or intake.visit_id != visit.pk:
        raise NotFound
    shown = queries.track(submission, clock.now())
    context = {
        "visit": visit,
        "person": counter.name_of(visit),
        "case": found,
        "intake": intake,
        "letters": shown["letters"],
        "supplement": shown["supplement"],
        "papers": papers.papers_of(found),
        "address": request.build_absolute_uri(f"/cases/{found.ref}/"),
    }
    return page(request, "staff/visit_done.html", context)
