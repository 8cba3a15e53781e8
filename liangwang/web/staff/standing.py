"""证照: those that this office issued, found by number, suspended or resumed, and the cases of ending one."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access, clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.cases.queries import Case
from liangwang.services import actions, queries
from liangwang.services.grounds import CANCEL, REVOKE, reasons_of
from liangwang.services.queries import Certificate
from liangwang.services.refusals import WhyNeeded

from .case_page import href_of
from .pages import actor_of, page

LISTED = 50
KINDS = {"valid": "ok", "suspended": "watch", "expired": "idle", "replaced": "idle", "revoked": "bad"}


def _state(one: Certificate) -> dict[str, Any]:
    return queries.verify_certificate(one.ref, clock.now())


@door("read", "certificate")
def listed(request: HttpRequest) -> HttpResponse:
    """Certificates of this office, the newest first; by number."""
    actor = actor_of(request)
    rows = access.visible(
        actor, "read", "certificate", Certificate.objects.select_related("office", "subject")
    )
    rows = rows.filter(office_id=actor.office_id or 0).order_by("-id")
    number = request.GET.get("q", "").strip()
    if number:
        rows = rows.filter(number=number)
    last = queries.certificate_by_ref(request.GET.get("after", ""))
    found = list((rows.filter(id__lt=last.pk) if last else rows)[: LISTED + 1])
    context = {
        "columns": [
            (_("证照"), "text"),
            (_("编号"), "text"),
            (_("持证人"), "text"),
            (_("签发"), "date"),
            (_("状态"), "status"),
        ],
        "rows": [_row(one) for one in found[:LISTED]],
        "number": number,
        "next_url": f"?after={found[LISTED - 1].ref}" if len(found) > LISTED else "",
        "first_url": request.path if last else "",
    }
    return page(request, "staff/certificates.html", context)


def _row(one: Certificate) -> dict[str, Any]:
    shown = _state(one)
    holder = (shown["certificate"] or {}).get("holder", "")
    word = shown["message"]["en" if (get_language() or "zh").startswith("en") else "zh"]
    cells = [one.body["label"], one.number, holder, one.issued_at, (KINDS[shown["state"]], word)]
    return {"ref": one.ref, "href": reverse("staff-certificate", args=[one.ref]), "cells": cells}


@door("read", "certificate", of=queries.certificate_by_ref)
def one(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """One certificate with what its office may do to it."""
    return _shown(request, certificate, {}, 200)


def _shown(
    request: HttpRequest, certificate: Certificate, errors: dict[str, str], status: int
) -> HttpResponse:
    actor, verdict = actor_of(request), _state(certificate)
    thing = access.thing_of("certificate", certificate)
    context = {
        "certificate": certificate,
        "verdict": verdict,
        "kind": KINDS[verdict["state"]],
        "may_suspend": access.may(actor, "update", thing).allowed,
        "may_revoke": access.may(actor, "close", thing).allowed,
        "cancel": list(CANCEL.items()),
        "revoke": list(REVOKE.items()),
        "about": queries.cases_about(certificate),
        "errors": errors,
        "typed": request.POST,
        "act": request.resolver_match.url_name if request.resolver_match else "",
    }
    return page(request, "staff/certificate.html", context, status=status)


def _do(
    request: HttpRequest, certificate: Certificate, verb: Callable[..., object], said: str
) -> HttpResponse:
    words = request.POST.get("because", "").strip()
    because: Label = {"zh": words, "en": words}
    try:
        with write():
            verb(actor=actor_of(request), certificate=certificate, because=because, at=clock.now())
    except Refusal as refusal:
        certificate.refresh_from_db()
        return _shown(
            request, certificate, {"because": refusal.message(get_language() or "zh")}, refusal.status
        )
    messages.success(request, said)
    return HttpResponseRedirect(reverse("staff-certificate", args=[certificate.ref]))


@door(None, "certificate", post="update", of=queries.certificate_by_ref)
def suspend(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    return _do(request, certificate, actions.suspend_certificate, _("已暂停，本人已收到通知"))


@door(None, "certificate", post="update", of=queries.certificate_by_ref)
def resume(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    return _do(request, certificate, actions.resume_certificate, _("已恢复使用"))


@door(None, "certificate", post="close", of=queries.certificate_by_ref)
def revoke(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """提出撤销: the holder is told and heard, and somebody else decides; until then the certificate stands."""
    reasons = reasons_of(request.POST.get("ground", ""), request.POST.get("because", ""), REVOKE)
    verb = lambda: actions.open_revocation(  # noqa: E731
        actor=actor_of(request), certificate=certificate, reasons=reasons, at=clock.now()
    )
    return _open(request, certificate, verb, _("已提出撤销，本人已收到通知，可以陈述申辩"))


@door(None, "certificate", post="close", of=queries.certificate_by_ref)
def cancel(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """依职权注销, on a ground of the law, decided as a case of its own."""
    reasons = reasons_of(request.POST.get("ground", ""), request.POST.get("because", ""), CANCEL)

    def verb() -> Case:
        if not reasons:
            raise WhyNeeded
        return actions.ask_cancellation(
            actor=actor_of(request), certificate=certificate, reason="；".join(reasons), at=clock.now()
        )

    return _open(request, certificate, verb, _("已提出注销，等待决定"))


def _open(
    request: HttpRequest, certificate: Certificate, verb: Callable[[], Case], said: str
) -> HttpResponse:
    """Opens a case about the certificate and goes to it."""
    try:
        with write():
            case = verb()
    except Refusal as refusal:
        certificate.refresh_from_db()
        errors = {"because": refusal.message(get_language() or "zh")}
        return _shown(request, certificate, errors, refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(href_of(case))
