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
from liangwang.base.hats import Actor
from liangwang.base.models import new_ref
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day, working_days
from liangwang.services import actions, confirming, queries
from liangwang.services.queries import Draft

from .catalogue import hat_hint
from .draft_steps import after, first_open, progress_of, steps_of, title_of
from .form_fields import given_words, say, settled_row, shown


def whole_of(draft: Draft, actor: Actor | None = None) -> dict[str, Any]:
    """The draft as it is now, on the version of its item that is in force; for `actor`, what she may see of it."""
    with_all = Draft.objects.select_related("version", "applicant", "place")
    draft.refresh_from_db(from_queryset=with_all)
    if queries.is_outdated(draft, clock.now()):
        with write():
            actions.follow_item(draft=draft, at=clock.now())
        draft.refresh_from_db(from_queryset=with_all)
    whole = queries.form_pages(draft, clock.now())
    return queries.seen_by(actor, whole) if actor is not None else whole


def page_of(
    request: HttpRequest, whole: dict[str, Any], name: str, step: str, **context: Any
) -> HttpResponse:
    """A step's page with what all of them show; a withdrawn item has only its overview."""
    if whole["withdrawn"] and name != "draft":
        return HttpResponseRedirect(f"/drafts/{whole['draft'].ref}/")
    steps = steps_of(whole)
    if whole["draft"].applicant_id == request.actor.for_subject_id:  # type: ignore[attr-defined]
        actions.note_progress(draft=whole["draft"], progress=progress_of(steps, whole["promised_days"]))
    ahead = after(steps, step) if step else first_open(steps)
    here = {"whole": whole, "steps": steps, "step": step, "root": f"/drafts/{whole['draft'].ref}/"}
    return render(request, f"resident/{name}.html", {**here, "next_url": ahead.url, **context})


def onward(draft: Draft, step: str) -> HttpResponseRedirect:
    """To the step that follows."""
    return HttpResponseRedirect(after(steps_of(whole_of(draft)), step).url)


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
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    hat = hat_hint(request, draft.key) if mine and not whole["withdrawn"] else None
    return page_of(request, whole, "draft", "", mine=mine, hat=hat)


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
        if not wrong and request.POST.get("back") == "check":
            return HttpResponseRedirect(f"/drafts/{draft.ref}/check/")
        if not wrong:
            return HttpResponseRedirect(_next_question(whole_of(draft), question))
        error = say(wrong[0].message)
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
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
    return page_of(request, whole, "draft_question", "situation", **context)


def _next_question(whole: dict[str, Any], question: str) -> str:
    """The next question that has no answer, else the next step."""
    keys = [entry["question"].question for entry in whole["questions"]]
    place = keys.index(question) if question in keys else -1
    turned = whole["questions"][place + 1 :] + whole["questions"][: max(place, 0)]
    left = [entry["question"].question for entry in turned if not entry["answer"]]
    return f"/drafts/{whole['draft'].ref}/ask/{left[0]}/" if left else after(steps_of(whole), "situation").url


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
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    rows = [
        {
            **one,
            "link": request.build_absolute_uri(f"/authorisations/{one['ref']}/") if one["ref"] else "",
            "typed": typed if typed.get("role") == one["role"] else {},
        }
        for one in whole["consents"]
    ]
    return page_of(request, whole, "draft_consents", "consents", consents=rows, errors=errors)


@door("read", "draft", of=queries.draft_by_ref, post="update")
def check(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Check answers, then submit once: the hidden key makes a second click the same submission."""
    at = clock.now()
    if request.method == "POST":
        key = request.POST.get("idempotency_key") or request.headers.get("Idempotency-Key") or new_ref()
        with write():
            submission = actions.submit(actor=request.actor, draft=draft, key=key, at=at)  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"/cases/{submission.case.ref}/receipt/")
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    context = {
        "parts": _parts(whole),
        "missing": missing_links(whole),
        "idempotency_key": new_ref(),
        "next_url": first_open(steps_of(whole)).url,
        "mine": draft.applicant_id == request.actor.for_subject_id,  # type: ignore[attr-defined]
        "unconfirmed": confirming.needs_confirmation(request.actor, draft, at)  # type: ignore[attr-defined]
        and not confirming.is_confirmed(request.actor, draft, at),  # type: ignore[attr-defined]
    }
    return page_of(request, whole, "draft_check", "check", **context)


def missing_links(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """What is still to be done, each with the place where it is done; fields lead to their own page and back."""
    root = f"/drafts/{whole['draft'].ref}/"
    pages = {one["ask"].id: page["key"] for page in whole["pages"] for one in page["fields"]}
    found = [
        {"label": entry["question"].label, "url": f"{root}ask/{entry['question'].question}/"}
        for entry in whole["questions"]
        if not entry["answer"]
    ]
    said = []
    for problem in whole["problems"]:
        key = pages.get(problem.field, "")
        page = f"{root}sign/" if key == "sign" else f"{root}page/{key}/?back=check#{problem.field}"
        found.append({"label": problem.message, "url": page})
        said.append(problem.message)
    asked = [entry["question"].label for entry in whole["questions"]]
    rest = [label for label in whole["missing"] if label not in said and label not in asked]
    consents = {say(one["label"]) for one in whole["consents"]}
    return found + [
        {"label": label, "url": f"{root}{'consents' if say(label) in consents else 'materials'}/"}
        for label in rest
    ]


def _parts(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Every answer, by page, as it will be submitted; each line leads to its field, and saving there leads back."""
    root = f"/drafts/{whole['draft'].ref}/"
    parts = []
    if whole["questions"]:
        rows = [
            {
                "label": e["question"].label,
                "value": _option(e),
                "change": f"{root}ask/{e['question'].question}/?back=check",
            }
            for e in whole["questions"]
        ]
        parts.append({"title": _("您的情形"), "rows": rows})
    for page in whole["pages"]:
        link = f"{root}sign/" if page["key"] == "sign" else f"{root}page/{page['key']}/?back=check"
        rows = [_answer(one, link) for one in page["fields"]]
        rows += [settled_row(one) for one in page["known"]]
        parts.append({"title": page["title"], "rows": rows})
    return parts


def _answer(one: Any, link: str) -> dict[str, Any]:
    """One line of the check page; a field of a row says which row, a disputed one what the register says."""
    ask = one["ask"]
    label = f"{say(ask.role_label)} · {say(ask.label)}" if ask.group else ask.label
    row = {
        "label": label,
        "value": shown(ask, one["value"]),
        "change": link if ask.kind == "signature" else f"{link}#{ask.id}",
        "note": _("选填，没有填") if not one["value"] and not ask.required else "",
    }
    if one["said"] and one["value"]:
        row["note"] = _("登记为 %(said)s（%(source)s），您填的不同，会一并交给经办人") % {
            "said": shown(ask, one["said"]),
            "source": given_words(one["why"]),
        }
    return row


def _option(entry: dict[str, Any]) -> Any:
    return next((o.label for o in entry["question"].options if o.option == entry["answer"]), "")


@door("open", "home")
def in_hand(request: HttpRequest) -> HttpResponse:
    """Every application that she has begun or is asked to join, with how far it is and the day promised."""
    at = clock.now()
    rows = []
    for one in queries.drafts_of(request.actor.for_subject_id):  # type: ignore[attr-defined]
        far, row = one["progress"], {**one, "as_guest": one["role"] != "applicant"}
        row["withdrawn"] = queries.is_withdrawn(one["key"], at)
        row["url"] = far["url"] if far and not row["as_guest"] else f"/drafts/{one['ref']}/"
        if far:  # none before the applicant has looked at it: begun at a counter or by an app
            row["next"] = far["title"] or title_of(far["step"])
            row["promised_on"] = working_days().due_on(local_day(at), far["promised_days"])
        rows.append(row)
    return render(request, "resident/drafts.html", {"rows": rows})


@door("read", "draft", of=queries.draft_by_ref)
def printed(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What was typed so far, on paper: for a withdrawn item too, and not yet handed in."""
    whole = queries.seen_by(request.actor, queries.form_pages(draft, clock.now()))  # type: ignore[attr-defined]
    context = {"whole": whole, "parts": _parts(whole), "at": clock.now()}
    return render(request, "resident/draft_print.html", context)
