"""上报: a committee worker or crew reports what they see: what, where, a photo; the duty officer confirms."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.operations import actions, kinds

MAX_TEXT = 500
CHANNEL = "field"


def neighbourhoods(actor: Actor) -> list[Place]:
    """Where it may be when the phone does not tell: the neighbourhoods of the actor's own place."""
    rows = Place.objects.filter(code__startswith=actor.place_code[:9], level="neighbourhood", ended_at=None)
    return list(rows.exclude(lon=None).order_by("code")[:80])


def middle_of(actor: Actor) -> tuple[float, float]:
    """Where the map opens: the middle of the actor's street, or of the city."""
    place = (
        Place.objects.filter(code__in=(actor.place_code[:9], actor.place_code[:6])).exclude(lon=None).last()
    )
    place = place or Place.objects.filter(level="city").exclude(lon=None).first()
    return (place.lon or 0.0, place.lat or 0.0) if place else (0.0, 0.0)


def _point(request: HttpRequest) -> tuple[float, float] | None:
    """The point that was picked on the map or that the phone knows."""
    try:
        return float(request.POST["at_lon"]), float(request.POST["at_lat"])
    except (KeyError, ValueError):
        return None


def _place(request: HttpRequest) -> Place | None:
    """The neighbourhood that was chosen where nobody could point; its middle stands for the place."""
    rows = Place.objects.select_related("parent").filter(code=request.POST.get("place", ""), ended_at=None)
    return rows.exclude(lon=None).first()


def _kind(name: str) -> kinds.Known | None:
    return next((one for one in kinds.kinds() if one.ref == name and one.value.by_people), None)


def _errors(request: HttpRequest, kind: kinds.Known | None) -> dict[str, str]:
    errors = {}
    if kind is None:
        errors["what"] = _("请选择看到了什么")
    if _point(request) is None and _place(request) is None:
        errors["place"] = _("请在地图上点一下位置，或选择所在居委")
    if len(request.POST.get("text", "")) > MAX_TEXT:
        errors["text"] = _("说明请不超过 %(n)s 字") % {"n": MAX_TEXT}
    return errors


@door("create", "incident", post="create")
def new(request: HttpRequest) -> HttpResponse:
    """First what it is, then where, with a photo and words; the same form sent twice reports once."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    kind = _kind(request.POST.get("what") or request.GET.get("what", ""))
    if kind is None and request.method != "POST":
        return render(request, "field/report_kinds.html", {"groups": kinds.groups()})
    errors = _errors(request, kind) if request.method == "POST" else {}
    if request.method == "POST" and kind is not None and not errors:
        try:
            number = _report(request, actor, kind.ref)
        except Refusal as refusal:
            errors["place" if refusal.code == "outside_city" else "photo"] = refusal.message(
                get_language() or "zh"
            )
        else:
            messages.success(request, _("已上报，编号 %(number)s。值班长核实后派单。") % {"number": number})
            return HttpResponseRedirect(reverse("field"))
    if errors and request.FILES and "photo" not in errors:
        errors["photo"] = _("其他内容都留着，请重新选择照片")
    context: dict[str, Any] = {
        "ground": actor.place_code[:9],
        "middle": middle_of(actor),
        "kind": kind,
        "choices": [
            ("", _("请选择"), ""),
            *((one.ref, one.value.label, "") for one in kinds.kinds() if one.value.by_people),
        ],
        "places": [("", _("请选择"), ""), *((p.code, p.name, "") for p in neighbourhoods(actor))],
        "errors": errors,
        "typed": request.POST,
        "form_key": request.POST.get("idempotency_key") or secrets.token_hex(16),
    }
    return render(request, "field/report.html", context, status=422 if errors else 200)


def _report(request: HttpRequest, actor: Actor, kind: str) -> str:
    """Takes the report, once for a form; returns the number of the incident that it opened or joined."""
    at, text = clock.now(), request.POST.get("text", "").strip()
    point, place = _point(request), _place(request)
    upload: Any = request.FILES.get("photo")
    brought = files.judge(upload, upload.name or "photo", allowed=files.IMAGES) if upload else None

    def do() -> dict[str, Any]:
        row = actions.report(
            actor=actor, at=at, kind=kind, text=text, point=point, place=place, channel=CHANNEL,
            address=request.POST.get("address", ""),
            photos=[files.keep(brought, at=at, by=actor.party_id)] if brought else [],
        )  # fmt: skip
        return {"number": row.case.number}

    key = request.POST.get("idempotency_key") or secrets.token_hex(16)
    asked = hash_request(kind, text, str(point), place.code if place else "")
    with write():
        return str(once(f"report:{actor.party_ref}", key, asked, do)["number"])
