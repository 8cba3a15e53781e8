"""走访: the committee worker's page: what data have answered, whom to check, whom to visit, what is done, what it saved."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.subjects import masked, unseal_field
from liangwang.base.transactions import write
from liangwang.cases import calls
from liangwang.cases.call_models import Call
from liangwang.services.queries.saved import saved_in

from . import shown

LATELY = timedelta(days=30)
MOST = 50


def call_of(ref: str) -> Call | None:
    return calls.call_by_ref(ref)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _row(call: Call) -> dict[str, Any]:
    """A line of a list: a person by a masked name, an incident by its title and place."""
    person = getattr(call.subject, "person", None) if call.subject else None
    return {
        "it": call,
        "whom": masked(person.name) if person else call.case.title,
        "where": None if person else shown.where(call.case),
        "found": calls.OUTCOMES[call.way].get(call.outcome),
    }


@door("open", "call")
def mine(request: HttpRequest) -> HttpResponse:
    """What waits for this committee, what data answered for it, what it has done, and what that saved."""
    actor, at = _actor(request), clock.now()
    since, office = at - LATELY, actor.office_id
    page = {
        "now": at,
        "days": LATELY.days,
        "to_check": [_row(one) for one in calls.calls_asked(office, "check")[:MOST]],
        "to_visit": [_row(one) for one in calls.calls_asked(office, "visit")[:MOST]],
        "passed": [_row(one) for one in calls.calls_ended(office, ["passed"], since)[:MOST]],
        "done": [_row(one) for one in calls.calls_ended(office, ["done"], since)[:MOST]],
        "counted": calls.counted(office, since),
        "saved": saved_in(actor.place_code, since),
    }
    return render(request, "field/calls.html", page)


@door("read", "call", of=call_of)
def one(request: HttpRequest, call: Call) -> HttpResponse:
    """One call: whom, where, why, how to go about it; a look at a person is written down."""
    return _page(request, call, {})


def _page(request: HttpRequest, call: Call, errors: dict[str, str], status: int = 200) -> HttpResponse:
    actor, at = _actor(request), clock.now()
    with write():
        person = calls.look_at(actor=actor, at=at, call=call)
    page = {
        **_row(call),
        "case": call.case,
        "person": person,
        "address": unseal_field(person, "address") if person else None,
        "phone": unseal_field(person, "phone") if person else None,
        "where": shown.where(call.case),
        "outcomes": [(key, label, "") for key, label in calls.OUTCOMES[call.way].items()],
        "now": at,
        "errors": errors,
        "typed": request.POST,
    }
    return render(request, "field/call.html", page, status=status)


@door(None, "call", post="update", of=call_of)
def answer(request: HttpRequest, call: Call) -> HttpResponse:
    """Takes the committee's word; a refusal comes back on the page with what was typed."""
    outcome = request.POST.get("outcome", "")
    try:
        with write():
            calls.answer_call(
                actor=_actor(request),
                at=clock.now(),
                call=call,
                outcome=outcome,
                note=request.POST.get("note", ""),
            )
    except Refusal as refusal:
        said = {"outcome": refusal.message(get_language() or "zh")}
        return _page(request, calls.call_by_ref(call.ref) or call, said, refusal.status)
    messages.success(request, _("已记下，改天再去") if outcome == "away" else _("已回复，办理的部门看得到"))
    return HttpResponseRedirect(reverse("field-calls"))
