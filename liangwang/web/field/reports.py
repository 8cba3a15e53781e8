"""上报: a committee worker or crew reports what they see: what, where, a photo; the duty officer confirms."""

import secrets
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files, packs
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.labels import Label, pick
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.operations import incidents

MAX_TEXT = 500


def choices() -> list[tuple[str, Label]]:
    """What can be reported: each rule of a routine pack that leads to a plan, by its own label."""
    routine = {pack.key for pack in packs.packs() if pack.meta.mode == "routine"}
    rows = packs.declarations("rules.yaml")
    return [
        (row.ref, row.value.label) for row in rows if row.pack in routine and getattr(row.value, "plan", None)
    ]


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
    """The picked or located point, else the middle of the chosen neighbourhood."""
    try:
        return float(request.POST["at_lon"]), float(request.POST["at_lat"])
    except (KeyError, ValueError):
        place = Place.objects.filter(code=request.POST.get("place", "")).exclude(lon=None).first()
    return (place.lon, place.lat) if place and place.lon is not None and place.lat is not None else None


def _errors(request: HttpRequest) -> dict[str, str]:
    errors = {}
    if request.POST.get("what") not in {key for key, _label in choices()}:
        errors["what"] = _("请选择看到了什么")
    if _point(request) is None:
        errors["place"] = _("请在地图上点一下位置，或选择所在居委")
    if len(request.POST.get("text", "")) > MAX_TEXT:
        errors["text"] = _("说明请不超过 %(n)s 字") % {"n": MAX_TEXT}
    return errors


@door("create", "incident", post="create")
def new(request: HttpRequest) -> HttpResponse:
    """The form, and its submission; the same form sent twice reports once."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    errors = _errors(request) if request.method == "POST" else {}
    if request.method == "POST" and not errors:
        try:
            number = _report(request, actor)
        except Refusal as refusal:
            errors["photo"] = refusal.message(get_language() or "zh")
        else:
            messages.success(request, _("已上报，编号 %(number)s。值班长核实后派单。") % {"number": number})
            return HttpResponseRedirect(reverse("field"))
    if errors and request.FILES and "photo" not in errors:
        errors["photo"] = _("其他内容都留着，请重新选择照片")
    context: dict[str, Any] = {
        "ground": actor.place_code[:9],
        "middle": middle_of(actor),
        "choices": [(key, label, "") for key, label in choices()],
        "places": [("", _("请选择"), ""), *((p.code, p.name, "") for p in neighbourhoods(actor))],
        "errors": errors,
        "typed": request.POST,
        "form_key": request.POST.get("idempotency_key") or secrets.token_hex(16),
    }
    return render(request, "field/report.html", context, status=422 if errors else 200)


def _report(request: HttpRequest, actor: Actor) -> str:
    """Opens the incident, once for a form; returns its number."""
    at: datetime = clock.now()
    upload: Any = request.FILES.get("photo")
    what, text = request.POST["what"], request.POST.get("text", "").strip()
    label = dict(choices())[what]
    point = _point(request)
    assert point is not None

    def do() -> dict[str, Any]:
        facts: dict[str, Any] = {"address": request.POST.get("address", "").strip()}
        if upload is not None:
            name = upload.name or "photo"
            stored = files.store(upload, name, at=at, allowed=files.IMAGES, by=actor.party_id)
            facts["photo"] = stored.ref
        rule = packs.declared("rules.yaml", what)
        case = incidents.report_incident(
            actor=actor, at=at, plan=_plan(rule), title=label, point=point, text=text, facts=facts
        )
        return {"number": case.number}

    key = request.POST.get("idempotency_key") or secrets.token_hex(16)
    with write():
        asked = hash_request(what, text, pick(label, "zh"), str(point))
        return str(once(f"report:{actor.party_ref}", key, asked, do)["number"])


def _plan(rule: packs.Declared) -> str:
    plan = str(rule.value.plan)
    return plan if ":" in plan else f"{rule.pack}:{plan}"
