"""综窗 after the grant: results are handed over to the person present; her certificate is changed, renewed, cancelled."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door, require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.cases.queries import Case
from liangwang.services import actions, counter_visits, queries
from liangwang.services.models_counter import Visit
from liangwang.services.queries import Certificate

from ..resident.form_fields import say
from .counter_visit import visit_of
from .delivering import forms, sending
from .pages import actor_of, page

FIELD = "value."


@door("read", "visit", of=visit_of, post="update")
def letter(request: HttpRequest, visit: Visit, letter: str) -> HttpResponse:
    """A result is given to the person present, who signs for it on the pad or on paper."""
    hat = counter_visits.assisted(actor_of(request), visit, clock.now())
    found = queries.letter_by_ref(letter)
    if found is None:
        raise NotFound
    require(hat, "read", thing_of("application", found.case))
    error = ""
    if request.method == "POST":
        if request.POST.get("way") != "counter":
            raise NotFound
        try:
            with write():
                sending(request, found, hat)()
            messages.success(request, _("已当面交给签收人，送达回证可以打印"))
            return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))
        except Refusal as refusal:
            error, found = refusal.message(get_language() or "zh"), queries.letter_by_ref(letter)
            assert found is not None
    context = {
        **queries.letter_row(found),
        **forms(request, found),
        "visit": visit,
        "here": True,
        "errors": {"main": error} if error else {},
    }
    return page(request, "staff/visit_letter.html", context, status=422 if error else 200)


@door("read", "visit", of=visit_of, post="update")
def certificate(request: HttpRequest, visit: Visit, certificate: str) -> HttpResponse:
    """变更 延续 注销 at her wish: opened in her name, decided by the office that issued."""
    hat = counter_visits.assisted(actor_of(request), visit, clock.now())
    found = queries.certificate_by_ref(certificate)
    if found is None:
        raise NotFound
    require(hat, "read", thing_of("certificate", found))
    error = ""
    if request.method == "POST":
        try:
            with write():
                case = _asked(request, found, hat)()
            said = _("已收件，编号 %(n)s，由%(office)s决定")
            messages.success(request, said % {"n": case.number, "office": say(found.office.name)})
            return HttpResponseRedirect(reverse("counter-visit", args=[visit.ref]))
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
    context = {
        "visit": visit,
        "person": counter_visits.name_of(visit),
        "certificate": found,
        "values": [
            {**one, "name": f"{FIELD}{one['field']}", "typed": request.POST.get(f"{FIELD}{one['field']}", "")}
            for one in queries.certificate_values(found)
        ],
        "about": queries.cases_about(found),
        "errors": {"main": error} if error else {},
        "typed": request.POST,
        "act": request.POST.get("act", ""),
    }
    return page(request, "staff/visit_certificate.html", context, status=422 if error else 200)


def _asked(request: HttpRequest, certificate: Certificate, hat: Any) -> Callable[[], Case]:
    """What she asks for."""
    reason, act = request.POST.get("reason", ""), request.POST.get("act", "")
    common: dict[str, Any] = {"actor": hat, "certificate": certificate, "reason": reason, "at": clock.now()}
    if act == "change":
        shown = {one["field"] for one in queries.certificate_values(certificate)}
        values = {
            name.removeprefix(FIELD): str(value)[:200]
            for name, value in request.POST.items()
            if name.removeprefix(FIELD) in shown
        }
        return lambda: actions.ask_change(values=values, **common)
    if act == "renewal":
        return lambda: actions.ask_renewal(**common)
    if act != "cancellation":
        raise NotFound
    return lambda: actions.ask_cancellation(**common)
