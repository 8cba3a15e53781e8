"""卡包: the certificates of a person and her children: how each stands, showing one, its file, and who looked at it."""

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door, relation, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.labels import Label, pick
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.services import certificate_file, certificate_items, looks, queries
from liangwang.services.queries import Certificate

from .seen import lines_of

HOLDING = ("self", "company", "guardian")
LEVELS = {"valid": "ok", "suspended": "watch", "expired": "idle", "replaced": "idle", "revoked": "bad"}
SOON_DAYS = 30


class NotInForce(Refusal):
    """A file or a code of a certificate that nobody may count on is not handed out."""

    status, code = 409, "not_in_force"
    template: ClassVar[Label] = {
        "zh": "{message}，不能出示，也不再提供下载",
        "en": "{message_en}: it can neither be shown nor downloaded",
    }


def state_word(state: str) -> str:
    return {
        "valid": _("有效"),
        "suspended": _("已暂停"),
        "expired": _("已过期"),
        "replaced": _("已换发"),
        "revoked": _("已撤销"),
    }[state]


def card_of(one: Certificate, at: datetime) -> dict[str, Any]:
    """A certificate as a card: how it stands in word and level, and the days left where they are few."""
    today = local_day(at)
    state = queries.state_of(one, today)
    left = (one.valid_until - today).days if one.valid_until and state == "valid" else None
    return {
        "certificate": one,
        "state": state,
        "level": LEVELS[state],
        "word": state_word(state),
        "days_left": left if left is not None and left <= SOON_DAYS else None,
    }


@door("read", "certificate")
def wallet(request: HttpRequest) -> HttpResponse:
    """The person's certificates and those of her children: those in force first, the others below."""
    at, subject = clock.now(), request.actor.for_subject_id  # type: ignore[attr-defined]
    cards = [card_of(one, at) for one in (queries.certificates_of(subject) if subject else [])]
    context = {
        "valid": [card for card in cards if card["state"] == "valid"],
        "others": [card for card in cards if card["state"] != "valid"],
        "me": subject,
    }
    return render(request, "resident/certificates.html", context)


@door("read", "certificate", of=queries.certificate_by_ref)
def certificate(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """One certificate: what it states, how it stands and why, its file, and who looked at it."""
    at = clock.now()
    context = {
        **card_of(certificate, at),
        "verdict": queries.verify_certificate(certificate.ref, at),
        "because": certificate.revoked_because or certificate.suspended_because,
        "rows": certificate_file.stated(certificate),
        "qr_svg": queries.certificate_qr(certificate),
        "looks": lines_of(looks.looks_at(certificate), request.actor.party_ref),  # type: ignore[attr-defined]
        "holds": _holds(request, certificate),
        **(_asking(certificate) if _holds(request, certificate) else {}),
    }
    return render(request, "resident/certificate.html", context)


ICONS = {
    "heard": "message-square-text",
    "renewal": "calendar-plus",
    "change": "file-pen",
    "reissue": "copy-plus",
    "cancellation": "archive-x",
}


def _asking(certificate: Certificate) -> dict[str, Any]:
    """What its holder may ask about it, each a form of its own, and why it is to be revoked where it is."""
    words = {
        "heard": (_("陈述、申辩"), _("作出决定前，说明情况、交证据")),
        "renewal": (_("延续"), _("到期前办，期限再续一段")),
        "change": (_("变更"), _("上面写的内容变了")),
        "reissue": (_("补发"), _("丢了、坏了，或怀疑被人冒用")),
        "cancellation": (_("注销"), _("不再需要了")),
    }
    return {
        "asks": [
            {
                "title": words[kind][0],
                "hint": words[kind][1],
                "icon": ICONS[kind],
                "case": case,
                "url": f"/services/services/{kind}.{certificate.ref}/start/",
            }
            for kind, case in certificate_items.offered(certificate).items()
        ],
        "revoking": certificate_items.revocation_of(certificate),
    }


def _holds(request: HttpRequest, certificate: Certificate) -> bool:
    actor = request.actor  # type: ignore[attr-defined]
    return relation(actor, thing_of("certificate", certificate)) in HOLDING


def _require_in_force(certificate: Certificate, at: datetime) -> None:
    verdict = queries.verify_certificate(certificate.ref, at)
    if not verdict["ok"]:
        raise NotInForce(message=pick(verdict["message"], "zh"), message_en=pick(verdict["message"], "en"))


@door("read", "certificate", of=queries.certificate_by_ref)
def show(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """亮证: a code that lives for minutes, by its holder alone; one that is not in force says so instead."""
    at = clock.now()
    if not _holds(request, certificate):
        raise NotFound
    try:
        _require_in_force(certificate, at)
    except NotInForce:
        return HttpResponseRedirect(f"/certificates/{certificate.ref}/")
    text, qr, until = queries.shown_qr(certificate, at)
    context = {
        "certificate": certificate,
        "qr_svg": qr,
        "text": text,
        "until": until,
        "left": int((until - at).total_seconds()),
    }
    shown = render(request, "resident/certificate_show.html", context)
    shown["Cache-Control"] = "no-store"
    return shown


@door("read", "certificate", of=queries.certificate_by_ref)
def pdf(request: HttpRequest, certificate: Certificate) -> HttpResponse:
    """The signed file; drawn at the first request and the same ever after. Raises NotInForce."""
    at = clock.now()
    _require_in_force(certificate, at)
    raw = certificate_file.kept(certificate)
    if raw is None:
        made = certificate_file.make(certificate, at)
        with write():
            certificate_file.keep(certificate, made, at)
        raw = certificate_file.kept(certificate) or made
    answer = HttpResponse(raw, content_type="application/pdf")
    name = f"{pick(certificate.body['label'], get_language() or 'zh')} {certificate.number}.pdf"
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
