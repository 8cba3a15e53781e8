"""Acting for somebody: the helper asks and types the code; the person reads what was filled in and confirms."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.services import confirming, queries, text_messages
from liangwang.services.queries import Draft

from .drafts import page_of, whole_of
from .together import section_of


@door("read", "draft", of=queries.draft_by_ref, post="update")
def ask(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The helper's side: asks the person, and enters the code that she reads out."""
    actor, at, error, shown = request.actor, clock.now(), "", ""  # type: ignore[attr-defined]
    if not confirming.needs_confirmation(actor, draft, at):
        return HttpResponseRedirect(f"/drafts/{draft.ref}/check/")
    question = confirming.open_question(draft)
    if request.method == "POST":
        try:
            with write():
                error, shown = _asked(request, draft, question)
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
        if not error and not shown:
            return HttpResponseRedirect(request.path)
    question = confirming.open_question(draft)
    if question is not None and question.confirmed_at:
        return HttpResponseRedirect(f"/drafts/{draft.ref}/check/")
    context = {
        "question": question,
        "error": error,
        "shown": f"{shown[:3]} {shown[3:]}" if shown else "",
        "who": queries.name_of(draft.applicant_id),
        "mode": text_messages.mode(),
        "text": confirming.text_of(question) if question else None,
    }
    return page_of(request, whole_of(draft, actor), "draft_confirm", "check", **context)


def _asked(request: HttpRequest, draft: Draft, question: Any) -> tuple[str, str]:
    """Asks, sends a code by text or tries one; returns what to say about a wrong code (a refusal would undo the count
    of tries), and in a demonstration the code itself."""
    actor, at, act = request.actor, clock.now(), request.POST.get("act")  # type: ignore[attr-defined]
    if question is not None and act == "text":
        return "", confirming.send_code(actor=actor, confirmation=question, at=at)
    if question is None or act != "code":
        confirming.ask_confirmation(actor=actor, draft=draft, at=at)
        return "", ""
    left = confirming.try_code(actor=actor, confirmation=question, typed=request.POST.get("code", ""), at=at)
    if left is None:
        messages.info(request, _("本人已确认，可以提交了"))
        return "", ""
    if left:
        return _("确认码不对或已过期，请本人再看一下手机（还可以试 %(n)s 次）") % {"n": left}, ""
    return _("试的次数太多了，请重新请本人确认"), ""


def draft_of(ref: str) -> Draft | None:
    """The draft that a question is about; whoever may read the one may open the other's address."""
    found = confirming.confirmation_by_ref(ref)
    return found.draft if found else None


@door("read", "draft", of=draft_of, post="update")
def answer(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The person's side, on her own phone: everything that was filled in, yes or no, or a code to read out."""
    ref = request.resolver_match.kwargs["ref"] if request.resolver_match else ""
    found, at, code, error = confirming.confirmation_by_ref(ref), clock.now(), "", ""
    actor = request.actor  # type: ignore[attr-defined]
    if found is None or actor.hat != "self" or actor.for_subject_id != found.subject_id:
        raise NotFound
    if request.method == "POST":
        act = request.POST.get("act", "")
        try:
            with write():
                if act == "code":
                    code = confirming.fresh_code(actor=actor, confirmation=found, at=at)
                else:
                    confirming.decide(actor=actor, confirmation=found, yes=act == "yes", at=at)
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
        if not code and not error:
            return HttpResponseRedirect(request.path)
        found.refresh_from_db()
    whole = whole_of(draft, actor)
    context = {
        "found": found,
        "code": f"{code[:3]} {code[3:]}" if code else "",
        "until": found.code_until,
        "error": error,
        "changed": found.digest != confirming.digest(draft),
        "open": draft.state == Draft.State.OPEN and not found.confirmed_at and not found.refused_at,
        "sections": [section_of(page) for page in whole["pages"]],
        "materials": [one for one in whole["materials"] if one["pages"]],
        "root": f"/drafts/{draft.ref}/",
    }
    shown = render(request, "resident/confirm.html", context)
    shown["Cache-Control"] = "no-store"
    return shown
