"""An incident in brief beside the list: what it is, its clocks, and the acts that this hat may do now, as on its own page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base import clock
from liangwang.base.hats import Actor
from liangwang.cases.queries import Case
from liangwang.operations import boards

from . import incident, incident_list

LINES = 6
TEMPLATE = "command/brief.html"
HEADER = "X-Part"


def wanted(request: HttpRequest) -> bool:
    """Whether an act was done from the duty page, which wants the brief back and not the whole page."""
    return request.headers.get(HEADER) == "brief"


def filled(page: dict[str, Any]) -> dict[str, Any]:
    """The incident's page as the brief has it: its minutes running, fewer lines of its timeline."""
    case, at = page["case"], page["now"]
    return {
        **page,
        "minutes": incident_list.minutes(boards.incident_row(case, at), at),
        "timeline": page["timeline"][:LINES],
    }


def answer(request: HttpRequest, case: Case, actor: Actor, said: str = "") -> HttpResponse:
    """The brief as it is now; `said` is what an act has just done."""
    page = incident.page(case, actor, clock.now())
    return shown(request, {**page, "said": said})


def shown(request: HttpRequest, page: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of an incident as the brief; the header tells a script that this is it, and no page of refusal."""
    found = render(request, TEMPLATE, filled(page), status=status)
    found[HEADER] = "brief"
    return found
