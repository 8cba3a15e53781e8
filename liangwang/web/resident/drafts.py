"""Applying: the situation, one page per person, authorisations, materials, check, submit. Everything typed is kept."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import new_ref
from liangwang.base.transactions import write
from liangwang.services import actions, queries
from liangwang.services.queries import Draft

from .draft_steps import after, first_open, steps_of
from .form_fields import answered, fields_of, say, settled_row, settled_rows, shown


def _whole(draft: Draft) -> dict[str, Any]:
    draft.refresh_from_db()
    return queries.form_pages(draft, clock.now())


def _page(request: HttpRequest, whole: dict[str, Any], name: str, step: str, **context: Any) -> HttpResponse:
    steps = steps_of(whole)
    onward = after(steps, step) if step else first_open(steps)
    here = {"whole": whole, "steps": steps, "step": step, "root": f"/drafts/{whole['draft'].ref}/"}
    return render(request, f"resident/{name}.html", {**here, "next_url": onward.url, **context})


def _on(draft: Draft, step: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(after(steps_of(_whole(draft)), step).url)


@door(None, "draft", post="create")
def start(request: HttpRequest, pack: str, key: str) -> HttpResponseRedirect:
    """Begins, or goes on with, the person's draft of this item."""
    with write():
        draft = actions.start_draft(actor=request.actor, key=f"{pack}:{key}", at=clock.now())  # type: ignore[attr-defined]
    return HttpResponseRedirect(f"/drafts/{draft.ref}/")


@door("read", "draft", of=queries.draft_by_ref, post="update")
def overview(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The task list of the draft; POST gives it up."""
    if request.method == "POST":
        with write():
            actions.abandon_draft(actor=request.actor, draft=draft, at=clock.now())  # type: ignore[attr-defined]
        messages.info(request, _("已放弃这份申请"))
        return HttpResponseRedirect("/me/")
    if draft.state == Draft.State.SUBMITTED:
        return HttpResponseRedirect(f"/cases/{draft.submission.case.ref}/")
    mine = draft.applicant_id == request.actor.for_subject_id  # type: ignore[attr-defined]
    return _page(request, _whole(draft), "draft", "", mine=mine)


@door("read", "draft", of=queries.draft_by_ref, post="update")
def ask(request: HttpRequest, draft: Draft, question: str) -> HttpResponse:
    """One question about the person's situation."""
    error = ""
    if request.method == "POST":
        answers = {question: request.POST.get(question, "")}
        with write():
            wrong = actions.answer_questions(
                actor=request.actor,  # type: ignore[attr-defined]
                draft=draft,
                answers=answers,
                at=clock.now(),
            )
        if not wrong:
            return HttpResponseRedirect(_next_question(_whole(draft), question))
        error = say(wrong[0].message)
    whole = _whole(draft)
    entry = next((e for e in whole["questions"] if e["question"].question == question), None)
    if entry is None:
        raise NotFound
    suggested = entry["suggested"] or {}
    context = {
        "question": entry["question"],
        "options": [(o.option, o.label, o.hint) for o in entry["question"].options],
        "chosen": entry["answer"] or suggested.get("option", ""),
        "given": _("来自%(source)s，请核对") % {"source": say(suggested["source"])} if suggested else "",
        "errors": {question: error} if error else {},
        "error": error,
    }
    return _page(request, whole, "draft_question", "situation", **context)


def _next_question(whole: dict[str, Any], question: str) -> str:
    """The next question that has no answer, else the next step."""
    keys = [entry["question"].question for entry in whole["questions"]]
    place = keys.index(question) if question in keys else -1
    turned = whole["questions"][place + 1 :] + whole["questions"][: max(place, 0)]
    left = [entry["question"].question for entry in turned if not entry["answer"]]
    return f"/drafts/{whole['draft'].ref}/ask/{left[0]}/" if left else after(steps_of(whole), "situation").url


@door("read", "draft", of=queries.draft_by_ref, post="update")
def form(request: HttpRequest, draft: Draft, page: str) -> HttpResponse:
    """The fields about one person: prefilled with their source, asked only where nothing proves them."""
    whole = _whole(draft)
    found = next((p for p in whole["pages"] if p["key"] == page), None)
    if found is None:
        raise NotFound
    errors: dict[str, str] = {}
    typed: dict[str, str] = {}
    if request.method == "POST":
        typed = answered(found, request.POST)
        with write():
            wrong = actions.answer_page(
                actor=request.actor,  # type: ignore[attr-defined]
                draft=draft,
                page=page,
                answers=typed,
                at=clock.now(),
            )
        if not wrong:
            return _on(draft, f"page:{page}")
        errors = {problem.field: say(problem.message) for problem in wrong}
        whole = _whole(draft)
        found = next(p for p in whole["pages"] if p["key"] == page)
    asks = fields_of(found, typed, errors)
    context = {"page": found, "asks": asks, "settled": settled_rows(found), "errors": errors}
    return _page(request, whole, "draft_page", f"page:{page}", **context)


@door("read", "draft", of=queries.draft_by_ref, post="update")
def consents(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Who must agree: one's own on submitting, the other parent by invitation."""
    errors: dict[str, str] = {}
    typed: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in ("role", "name", "identity_number")}
        try:
            with write():
                actions.invite(actor=request.actor, draft=draft, **typed, at=clock.now())  # type: ignore[attr-defined]
            messages.info(request, _("已发出邀请"))
            return HttpResponseRedirect(request.path)
        except Refusal as refusal:
            errors = {"name": refusal.message(get_language() or "zh")}
    whole = _whole(draft)
    rows = [
        {
            **one,
            "link": request.build_absolute_uri(f"/authorisations/{one['ref']}/") if one["ref"] else "",
            "typed": typed if typed.get("role") == one["role"] else {},
        }
        for one in whole["consents"]
    ]
    return _page(request, whole, "draft_consents", "consents", consents=rows, errors=errors)


@door("read", "draft", of=queries.draft_by_ref, post="update")
def check(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Check answers, then submit once: the hidden key makes a second click the same submission."""
    at = clock.now()
    if request.method == "POST":
        key = request.POST.get("idempotency_key") or request.headers.get("Idempotency-Key") or new_ref()
        with write():
            submission = actions.submit(actor=request.actor, draft=draft, key=key, at=at)  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"/cases/{submission.case.ref}/receipt/")
    whole = _whole(draft)
    context = {
        "parts": _parts(whole),
        "missing": whole["missing"],
        "idempotency_key": new_ref(),
        "next_url": first_open(steps_of(whole)).url,
        "mine": draft.applicant_id == request.actor.for_subject_id,  # type: ignore[attr-defined]
    }
    return _page(request, whole, "draft_check", "check", **context)


def _parts(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Every answer, by page, as it will be submitted."""
    root = f"/drafts/{whole['draft'].ref}/"
    parts = []
    if whole["questions"]:
        first = whole["questions"][0]["question"].question
        rows = [{"label": e["question"].label, "value": _option(e)} for e in whole["questions"]]
        parts.append({"title": _("您的情形"), "url": f"{root}ask/{first}/", "rows": rows})
    for page in whole["pages"]:
        rows = [
            {"label": one["ask"].label, "value": shown(one["ask"], one["value"])} for one in page["fields"]
        ]
        rows += [settled_row(one) for one in page["known"]]
        parts.append({"title": page["title"], "url": f"{root}page/{page['key']}/", "rows": rows})
    return parts


def _option(entry: dict[str, Any]) -> Any:
    return next((o.label for o in entry["question"].options if o.option == entry["answer"]), "")
