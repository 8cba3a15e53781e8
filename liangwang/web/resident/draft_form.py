"""The form of a draft: a page per person, each answer saved as it is given, rows, objections, and the signature."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.transactions import write
from liangwang.services import actions, queries
from liangwang.services.queries import Draft

from ..templatetags.ui import moment
from .drafts import onward, page_of, whole_of
from .form_fields import (
    answered,
    bases_of,
    field_of,
    fields_of,
    say,
    sections_of,
    settled_rows,
    shown,
    typed_of,
)
from .together import theirs

ACTS = ("more", "add", "remove", "dispute", "agree", "take")


@door("read", "draft", of=queries.draft_by_ref, post="update")
def page(request: HttpRequest, draft: Draft, page: str) -> HttpResponse:
    """The fields about one person: prefilled with their source, asked only where nothing proves them.

    Every button of the page saves what was typed first, and then does its own: one more row, an objection, the next
    picker of an address.
    """
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    found = _found(whole, page)
    if found["sight"] != "edit":
        return theirs(request, whole, found)
    if request.method != "POST":
        return _shown(request, whole, found, {}, {})
    act, target = next(((name, request.POST[name]) for name in ACTS if name in request.POST), ("", ""))
    typed = answered(found, request.POST)
    if act == "take":
        typed.pop(target, None)
    common: dict[str, Any] = {"actor": request.actor, "draft": draft, "at": clock.now()}  # type: ignore[attr-defined]
    try:
        with write():
            wrong = actions.answer_page(
                page=page, answers=typed, bases=bases_of(found, request.POST), **common
            )
            anchor = act_on(act, target, common)
    except Refusal as refusal:
        return _shown(request, whole, found, {"page": refusal.message(_lang())}, {})
    two = {problem.field: problem.other for problem in wrong if problem.other}
    if act and not two:
        return HttpResponseRedirect(f"{request.path}?at={anchor}#{anchor}")
    if not wrong and request.POST.get("back") == "check":
        return HttpResponseRedirect(f"/drafts/{draft.ref}/check/")
    if not wrong:
        return onward(draft, f"page:{page}")
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    called = [problem.field for problem in wrong if problem.field not in typed]
    errors = {p.field: say(p.message) for p in wrong if p.field in typed}
    return _shown(request, whole, _found(whole, page), errors, two, called=called)


def act_on(act: str, target: str, common: dict[str, Any]) -> str:
    """Does what a button of the page means beside saving; returns the id of what the person looks at next."""
    if act == "add":
        return f"{target}-{actions.add_row(group=target, **common)}"
    if act == "remove":
        group, _dash, number = target.rpartition("-")
        if number.isdigit():
            actions.remove_row(group=group, number=int(number), **common)
        return group
    if act == "dispute":
        actions.dispute(field=target, **common)
    elif act == "agree":
        actions.agree(field=target, **common)
    return target


def _found(whole: dict[str, Any], key: str) -> Any:
    found = next((one for one in whole["pages"] if one["key"] == key), None)
    if found is None:
        raise NotFound
    return found


def _lang() -> str:
    return get_language() or "zh"


def _shown(
    request: HttpRequest,
    whole: dict[str, Any],
    found: Any,
    errors: dict[str, str],
    others: dict[str, Any],
    called: list[str] | None = None,
) -> HttpResponse:
    """The page; `called` are questions that the answers just given have called up."""
    context = _context(request, whole, found, errors, others)
    context["called"] = [f for f in context["asks"] if f["id"] in (called or ())]
    return page_of(request, whole, "draft_page", f"page:{found['key']}", **context)


def _context(
    request: HttpRequest, whole: dict[str, Any], found: Any, errors: dict[str, str], others: dict[str, Any]
) -> dict[str, Any]:
    mine = {field: other.mine for field, other in others.items()}
    quiet = request.GET.get("at", "")  # where she is at work: no remark before she has finished
    asks = fields_of(found, mine, {**({quiet: ""} if quiet else {}), **errors}, others)
    return {
        "page": found,
        "asks": asks,
        "sections": sections_of(found, asks),
        "settled": settled_rows(found),
        "errors": errors,
    }


@door(None, "draft", of=queries.draft_by_ref, post="update")
def save(request: HttpRequest, draft: Draft) -> JsonResponse:
    """Saves one answer; the script of the page calls it at each change."""
    return saved_answer(request, draft, request.actor)  # type: ignore[attr-defined]


def saved_answer(request: HttpRequest, draft: Draft, actor: Actor) -> JsonResponse:
    """Saves one answer as `actor`, at home or at a counter for the person present.

    Answers {saved: "10:32", field, version, problem, html: the field anew where it has to change, fields: all fields
    where the answer called some up or made some go}.
    """
    at = clock.now()
    field, key = request.POST.get("field", ""), request.POST.get("page", "")
    whole = whole_of(draft, actor)
    one = _one(_found(whole, key), field)
    typed = typed_of(one["ask"], request.POST)
    if typed is None:
        raise NotFound
    base = request.POST.get(f"{field}~v", "")
    with write():
        saved = actions.save_answer(
            actor=actor,
            draft=draft,
            field=field,
            typed=typed,
            base=int(base) if base.isdigit() else 0,
            at=at,
        )
    after = _found(whole_of(draft, actor), key)
    other = saved.problem.other if saved.problem else None
    answer: dict[str, Any] = {
        "saved": moment(saved.at, "time"),
        "field": field,
        "version": saved.version,
        "problem": say(saved.problem.message) if saved.problem else "",
    }
    ids = [f["ask"].id for f in after["fields"]]
    if ids != request.POST.get("shown", "").split():
        context = _context(request, whole, after, {}, {field: other} if other else {})
        answer["fields"] = render_to_string("resident/draft_fields.html", context, request)
    elif other or one["ask"].kind == "address" or request.POST.get("wrong"):
        others = {field: other} if other else {}
        mine = {field: other.mine} if other else {}
        problem = say(saved.problem.message) if saved.problem and typed else ""
        quiet = one["ask"].kind == "address" and other is None
        shape = field_of(_one(after, field), mine, {field: "" if quiet else problem}, others)
        answer["html"] = render_to_string("resident/draft_field.html", {"a": shape}, request)
    return JsonResponse(answer)


def _one(found: Any, field: str) -> Any:
    one = next((one for one in found["fields"] if one["ask"].id == field), None)
    if one is None:
        raise NotFound
    return one


@door("read", "draft", of=queries.draft_by_ref, post="update")
def sign(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Signing what was filled in: drawn with a finger, or the own name typed and confirmed."""
    error = ""
    if request.method == "POST":
        try:
            with write():
                actions.sign(
                    actor=request.actor,  # type: ignore[attr-defined]
                    draft=draft,
                    field=request.POST.get("field", ""),
                    name=request.POST.get("name", ""),
                    confirmed=request.POST.get("confirm") == "yes",
                    drawn=request.POST.get("drawn", ""),
                    at=clock.now(),
                )
            return onward(draft, "page:sign")
        except Refusal as refusal:
            error = refusal.message(_lang())
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    rows = sign_rows(_found(whole, "sign"))
    errors = {"name": error} if error else {}
    context = {"rows": rows, "errors": errors, "typed": request.POST.get("name", "")}
    return page_of(request, whole, "draft_sign", "page:sign", **context)


def sign_rows(page: Any) -> list[dict[str, Any]]:
    """The signatures of a page as sign_rows.html shows them."""
    return [
        {
            "id": one["ask"].id,
            "label": say(one["ask"].label),
            "hint": say(one["ask"].hint),
            "signed": shown(one["ask"], one["value"]),
            "drawn": queries.read_signature(one["value"]).get("how") == "drawn",
            "problem": say(one["problem"]),
        }
        for one in page["fields"]
    ]
