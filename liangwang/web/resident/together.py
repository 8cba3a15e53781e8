"""Filling in together: who does what, one's own part, links, and to whom a draft is shown."""

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
from liangwang.services import actions, queries
from liangwang.services.queries import Draft

from .drafts import page_of, whole_of
from .form_fields import settled_row, shown

LEVELS = {
    "none": ("idle", "circle-dashed"),
    "invited": ("watch", "triangle-alert"),
    "writing": ("info", "square-pen"),
    "changed": ("warn", "diamond"),
    "confirmed": ("ok", "circle-check"),
}


def state_words(state: str, *, own: bool = False) -> str:
    """How far a part is, in words; to herself she is not "the other"."""
    if own and state in ("invited", "writing"):
        return _("等您加入") if state == "invited" else _("等您填好并确认")
    return {
        "none": _("还没有邀请"),
        "invited": _("等对方加入"),
        "writing": _("对方在填"),
        "changed": _("改过了，等再确认"),
        "confirmed": _("已确认"),
    }[state]


@door("read", "draft", of=queries.draft_by_ref, post="update")
def people(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Who fills in what and how far it is; the applicant invites, shows the draft to others, and takes both back."""
    context: dict[str, Any] = {"errors": {}, "typed": {}, "link": "", "link_for": ""}
    if request.method == "POST":
        typed: dict[str, Any] = {n: request.POST.get(n, "") for n in ("name", "identity_number")}
        role = request.POST.get("role", "")
        try:
            token = _act(request, draft, role, typed)
        except Refusal as refusal:
            said = refusal.message(get_language() or "zh")
            context |= {
                "errors": {f"name-{role or 'reader'}": said},
                "typed": typed,
                "at_role": role or "reader",
            }
        else:
            if not token:
                return HttpResponseRedirect(request.path)
            context |= {"link": request.build_absolute_uri(f"/join/{token}/"), "link_for": role or "reader"}
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    rows = [
        {**one, "words": state_words(one["state"], own=one["mine"]), "level": LEVELS[one["state"]][0]}
        for one in whole["parts"]
    ]
    context |= {
        "rows": rows,
        "readers": queries.reader_rows(draft),
        "read_links": queries.open_read_links(draft, clock.now()),
        "mine": draft.applicant_id == request.actor.for_subject_id,  # type: ignore[attr-defined]
    }
    answer = page_of(request, whole, "draft_people", "people", **context)
    answer["Cache-Control"] = "no-store"  # a link is shown once
    return answer


def _act(request: HttpRequest, draft: Draft, role: str, typed: dict[str, Any]) -> str:
    """One act of the applicant; returns the token of a new link, or nothing."""
    common: dict[str, Any] = {"actor": request.actor, "draft": draft, "at": clock.now()}  # type: ignore[attr-defined]
    act = request.POST.get("act", "")
    with write():
        if act == "link":
            return actions.invite_link(role=role or None, **common)
        if act == "invite":
            actions.invite_part(role=role, **typed, **common)
        elif act == "withdraw":
            actions.withdraw_part(role=role, **common)
        elif act == "show":
            actions.show_to(**typed, **common)
        elif act == "stop":
            actions.stop_showing(reader=request.POST.get("reader", ""), **common)
    said = {
        "invite": _("已发出邀请"),
        "withdraw": _("已收回"),
        "show": _("对方现在能看了"),
        "stop": _("已停止"),
    }
    if act in said:
        messages.info(request, said[act])
    return ""


@door("read", "draft", of=queries.draft_by_ref, post="update")
def part(request: HttpRequest, draft: Draft, role: str) -> HttpResponse:
    """One's own part: taking it over, what there is to fill in, and confirming it."""
    error = ""
    if request.method == "POST":
        common: dict[str, Any] = {"actor": request.actor, "draft": draft, "role": role, "at": clock.now()}  # type: ignore[attr-defined]
        try:
            with write():
                if request.POST.get("act") == "confirm":
                    actions.confirm_part(**common)
                else:
                    actions.accept_part(**common)
            return HttpResponseRedirect(request.path)
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    found = queries.part_page(request.actor, draft, role, whole, clock.now())  # type: ignore[attr-defined]
    if found is None:
        raise NotFound
    first = found["own"][0]["key"] if found["own"] else ""
    context = {
        **found,
        "words": state_words(found["row"]["state"], own=True),
        "level": LEVELS[found["row"]["state"]][0],
        "sections": [section_of(page) for page in found["pages"]],
        "error": error,
        "first_url": f"/drafts/{draft.ref}/page/{first}/" if first else "",
        "applicant": queries.name_of(draft.applicant_id),
    }
    return page_of(request, whole, "draft_part", "people", **context)


def section_of(page: Any) -> dict[str, Any]:
    """One page of the form as a list to read: {title, rows, own, key}."""
    rows = [{"label": one["ask"].label, "value": shown(one["ask"], one["value"])} for one in page["fields"]]
    rows += [settled_row(one) for one in page["known"]]
    return {"title": page["title"], "rows": rows, "own": page["sight"] == "edit", "key": page["key"]}


def theirs(request: HttpRequest, whole: dict[str, Any], page: Any) -> HttpResponse:
    """A page of the form that is somebody else's: read where she may, else only who fills it in."""
    owner = next((one for one in whole["parts"] if one["role"] == page["key"]), None)
    context = {
        "page": page,
        "section": section_of(page) if page["sight"] == "see" else None,
        "owner": owner,
        "words": state_words(owner["state"]) if owner else "",
        "level": LEVELS[owner["state"]][0] if owner else "",
    }
    return page_of(request, whole, "draft_theirs", f"page:{page['key']}", **context)


@door("open", "home", post="update")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """A link: what it offers, and taking it up under one's own login."""
    at = clock.now()
    if request.method == "POST":
        with write():
            draft = actions.join(actor=request.actor, token=token, at=at)  # type: ignore[attr-defined]
        mine = next((one for one in queries.part_rows(draft, request.actor) if one["mine"]), None)  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"/drafts/{draft.ref}/" + (f"part/{mine['role']}/" if mine else ""))
    link = actions.link_of(token, at)
    own = link.draft.applicant_id == request.actor.for_subject_id  # type: ignore[attr-defined]
    return render(request, "resident/join.html", {**queries.link_page(link), "own": own})
