"""办不成?: a named helper for whoever is stuck, a case with a clock that the helper must answer, and the answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.models import Person
from liangwang.base.transactions import write
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import help

from ..shared.preferences import same_site, way_back


def _home_code(actor: Actor) -> str:
    return (
        Person.objects.filter(subject=actor.for_subject_id).values_list("home__code", flat=True).first() or ""
    )


@door("open", "public")
def page(request: HttpRequest) -> HttpResponse:
    """Who helps and how to reach them; `from` is the page on which the person got stuck."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    came_from = same_site(request, request.GET.get("from"))
    return render(
        request, "resident/help.html", {"helpers": help.helpers(_home_code(actor)), "came_from": came_from}
    )


@door(None, "home", post="update")
def ask(request: HttpRequest) -> HttpResponse:
    """Opens the helper's case with the page, the answers so far and the person's own words."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        with write():
            case = help.ask(
                actor=actor,
                came_from=same_site(request, request.POST.get("from")),
                words=request.POST.get("words", ""),
                helper=request.POST.get("helper", ""),
                at=clock.now(),
            )
    except Refusal as refusal:
        messages.error(request, refusal.message(get_language() or "zh"))
        return HttpResponseRedirect(way_back(request))
    messages.info(request, _("已经转给帮办人员，两个工作日内答复您"))
    return HttpResponseRedirect(f"/help/{case.ref}/")


@door("read", "application", of=case_by_ref)
def followed(request: HttpRequest, case: Case) -> HttpResponse:
    """Where the person's own request for help stands, and the answer."""
    if not help.is_help(case):
        raise NotFound
    return render(request, "resident/help_case.html", {"case": case, **help.followed(case)})
