"""综窗, the form: the whole application on one page, with the phone's own controls, saved as it is filled in; her signature."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import new_ref
from liangwang.base.transactions import write
from liangwang.services import (
    actions,
    confirming,
    counter,
    counter_intake,
    counter_visits,
    queries,
)
from liangwang.services.models_counter import Visit
from liangwang.services.queries import Draft

from ..resident.draft_form import act_on, saved_answer, sign_rows
from ..resident.form_fields import answered, bases_of, fields_of, say, sections_of, settled_rows
from .counter_visit import draft_of, visit_of
from .pages import actor_of, page

FIELD_ACTS = ("more", "add", "remove", "dispute", "agree")  # buttons inside the form
SIGN = "sign"  # the page of signatures: signed on a page of its own, when all is filled in


@door("read", "visit", post="update", of=visit_of)
def form(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The whole application on one page; every POST saves all that was typed, then does what was asked for."""
    draft = draft_of(visit)
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = _save(request, visit, draft)
        act = request.POST.get("act", "save")
        try:
            said = None if errors and act == "submit" else _do(request, visit, act)
            if said is not None:
                return said
        except Refusal as refusal:
            errors = {**errors, "main": refusal.message(get_language() or "zh")}
        if not errors:
            return HttpResponseRedirect(f"{request.path}#{request.POST.get('at', 'materials')}")
    return _form_page(request, visit, errors)


def _save(request: HttpRequest, visit: Visit, draft: Draft) -> dict[str, str]:
    """Keeps the situation, every page and the ticked papers; returns what is wrong, by field."""
    at, wrong = clock.now(), []
    hat = counter_visits.assisted(actor_of(request), visit, at)
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
                bases = bases_of(one, request.POST)
                wrong += actions.answer_page(
                    actor=hat, draft=draft, page=one["key"], answers=typed, bases=bases, at=at
                )
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
    for name in FIELD_ACTS:
        if name in request.POST:
            common = {"actor": counter_visits.assisted(actor, visit, at), "draft": draft_of(visit), "at": at}
            with write():
                anchor = act_on(name, request.POST[name], common)
            return HttpResponseRedirect(f"{request.path}#{anchor}")
    if act == "number":
        _ask_her(request, visit)
    elif act == "confirm":
        _confirm(request, visit)
    elif act == "invite":
        typed = {name: request.POST.get(f"invite.{name}", "") for name in ("role", "name", "identity_number")}
        with write():
            actions.invite(
                actor=counter_visits.assisted(actor, visit, at), draft=draft_of(visit), **typed, at=at
            )
        messages.info(request, _("已发出邀请"))
    elif act == "submit":
        return _submit(request, visit)
    return None


def _ask_her(request: HttpRequest, visit: Visit) -> None:
    """Her own phone is asked in any case; the text message may fail for a reason that the page then says."""
    actor, at = actor_of(request), clock.now()
    with write():
        counter.ask_her(actor=actor, visit=visit, at=at)
    with write():
        code = counter.text_her(actor=actor, visit=visit, at=at)
    if code:
        said = _("演示：没有短信网关，确认码显示在这里：%(code)s（十分钟内有效）")
        messages.info(request, said % {"code": f"{code[:3]} {code[3:]}"})
    else:
        messages.info(request, _("已请本人确认：手机上可以直接同意，短信确认码十分钟内有效"))


def _confirm(request: HttpRequest, visit: Visit) -> None:
    actor, at = actor_of(request), clock.now()
    said = request.POST.get("said", "").strip()
    way = "code" if len(said) > 6 else "number" if said else "paper"
    if way == "number":
        with write():  # a wrong try is counted, so the refusal comes after the transaction
            left = counter.try_number(actor=actor, visit=visit, said=said, at=at)
        if left is not None:
            raise counter.WrongNumber(left=left)
    else:
        with write():
            counter.confirm(actor=actor, visit=visit, way=way, said=said, at=at)
    messages.success(request, _("本人已确认，可以收件"))


def _submit(request: HttpRequest, visit: Visit) -> HttpResponse:
    key, later = request.POST.get("idempotency_key") or new_ref(), request.POST.get("later", "supplement")
    with write():
        made = counter_intake.take_in(
            actor=actor_of(request), visit=visit, key=key, later=later, at=clock.now()
        )
    return HttpResponseRedirect(reverse("counter-done", args=[visit.ref, made.case.ref]))


def _form_page(request: HttpRequest, visit: Visit, errors: dict[str, str]) -> HttpResponse:
    at = clock.now()
    draft = draft_of(visit)
    visit.draft = draft
    whole = queries.form_pages(draft, at)
    lacking = counter_intake.lacking_of(draft, at)
    lacks = {need.id for need in lacking}
    said, asked = counter.her_word(visit, at), confirming.open_question(draft)
    other = [label for label in whole["missing"] if not any(n.label["zh"] in label["zh"] for n in lacking)]
    context = {
        "visit": visit,
        "person": counter_visits.name_of(visit),
        "whole": whole,
        "bring": counter_intake.still_to_bring(draft, at),
        "questions": [_question(entry) for entry in whole["questions"]],
        "parts": [_part(one, request, errors) for one in whole["pages"] if one["key"] != SIGN],
        "signatures": [row for one in whole["pages"] if one["key"] == SIGN for row in sign_rows(one)],
        "materials": [{**one, "lacking": one["need"].id in lacks} for one in whole["materials"]],
        "lacking": lacking,
        "may_later": bool(lacking) and all(counter_intake.may_come_later(need) for need in lacking),
        "other": other,
        "confirmed": said,
        "way": counter.WAYS.get(said.get("way", "")),
        "asked": asked,
        "text": confirming.text_of(asked) if asked else None,
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
    """One page of the form with the controls that the phone has: groups with rows, pickers of an address, a date's boxes."""
    typed = {field: value for field, value in request.POST.items() if isinstance(value, str)}
    asks = fields_of(one, {f: typed[f] for f in typed if f in errors}, errors)
    return {
        "key": one["key"],
        "title": one["title"],
        "asks": asks,
        "sections": sections_of(one, asks),
        "settled": settled_rows(one),
    }


@door(None, "visit", post="update", of=visit_of)
def save(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Saves one answer as it is given, like the phone's form does."""
    hat = counter_visits.assisted(actor_of(request), visit, clock.now())
    return saved_answer(request, draft_of(visit), hat)


@door("read", "visit", of=visit_of, post="update")
def sign(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The person present signs on the counter's pad, or types her name and confirms."""
    at, draft, error = clock.now(), draft_of(visit), ""
    hat = counter_visits.assisted(actor_of(request), visit, at)
    if request.method == "POST":
        got = request.POST
        try:
            with write():
                actions.sign(
                    actor=hat,
                    draft=draft,
                    field=got.get("field", ""),
                    name=got.get("name", ""),
                    confirmed=got.get("confirm") == "yes",
                    drawn=got.get("drawn", ""),
                    at=at,
                )
            return HttpResponseRedirect(f"{reverse('counter-form', args=[visit.ref])}#confirm")
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
    draft.refresh_from_db()
    pages = queries.form_pages(draft, clock.now())["pages"]
    signing = next((one for one in pages if one["key"] == SIGN), None)
    if signing is None:
        raise NotFound
    context = {
        "visit": visit,
        "person": counter_visits.name_of(visit),
        "rows": sign_rows(signing),
        "errors": {"name": error} if error else {},
        "typed": request.POST.get("name", ""),
        "next_url": reverse("counter-form", args=[visit.ref]),
    }
    return page(request, "staff/visit_sign.html", context, status=422 if error else 200)
