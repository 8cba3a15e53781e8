"""The other parent's page: what is asked, the words of the authorisation, and the answer."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.transactions import write
from liangwang.services import actions, queries
from liangwang.services.queries import Draft


def draft_of(ref: str) -> Draft | None:
    """The draft for which this authorisation is asked: whoever may see it may see the request."""
    found = queries.authorisation_by_ref(ref)
    return queries.draft_by_ref_of(found) if found else None


@door("read", "draft", of=draft_of, post="update")
def page(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Reads and decides; only the person herself can."""
    ref = request.resolver_match.kwargs["ref"] if request.resolver_match else ""
    found: Any = queries.authorisation_by_ref(ref)
    if request.method == "POST":
        give = request.POST.get("give") == "1"
        with write():
            actions.authorise(actor=request.actor, authorisation=found, give=give, at=clock.now())  # type: ignore[attr-defined]
        return HttpResponseRedirect(request.path)
    context = {
        "shown": queries.authorisation_page(found, clock.now()),
        "one": found,
        "open": draft.state == Draft.State.OPEN,
        "own": found.subject_id == request.actor.for_subject_id,  # type: ignore[attr-defined]
    }
    return render(request, "resident/authorise.html", context)
