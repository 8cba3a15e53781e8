"""证照: those that this office issued, found by number, and suspending, resuming or revoking one with the reason."""

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
from liangwang.services import actions, queries
from liangwang.services.queries import Certificate

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
        "errors": errors,
        "typed": request.POST,
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
    return _do(request, certificate, actions.revoke_by_office, _("已撤销，本人已收到通知"))
