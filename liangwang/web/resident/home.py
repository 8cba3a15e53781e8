"""The home page: what concerns me, what I must do, by when; and 我的."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.models import Company, Person
from liangwang.base.working_days import local_day, working_days
from liangwang.services import queries

from ..shared.told import STATES
from .catalogue import cards

KINDS = {
    "authorise": ("watch", "user-check"),
    "draft": ("brand", "square-pen"),
    "supplement": ("warn", "clipboard-list"),
    "rate": ("info", "star"),
}


def ask_words(kind: str) -> tuple[str, str]:
    """What is asked of the person, and the verb on its button."""
    return {
        "authorise": (_("请您确认授权"), _("去确认")),
        "draft": (_("填到一半，都还在"), _("接着填")),
        "supplement": (_("请补正材料"), _("去补正")),
        "rate": (_("办好了，说说怎么样"), _("评一评")),
    }[kind]


@door("open", "public")
def page(request: HttpRequest) -> HttpResponse:
    """What concerns the person; for a visitor, what the city does and the way in."""
    at = clock.now()
    actor = request.actor  # type: ignore[attr-defined]
    found = queries.home(actor, at)
    for one in [*found["running"], *found["finished"]]:
        one["state_word"] = STATES[one["state"]]
    often = cards(queries.popular(at, None))
    context = {
        "name": name_of(actor.for_subject_id),
        "greeting": greeting(at),
        "asks": [_ask(one) for one in found["asks"]],
        "running": [_running(one, at) for one in found["running"]],
        "finished": found["finished"][:3],
        "unread": [one for one in found["notices"] if one.read_at is None][:4],
        "certificates": len(found["certificates"]),
        "bundles": [one for one in often if one["bundle"]][:6],
        "items": [one for one in often if not one["bundle"]][:4],
        "resident": actor.hat in {"self", "guardian", "proxy", "assisted"},
    }
    return render(request, "resident/home.html", context)


@door("open", "home")
def me(request: HttpRequest) -> HttpResponse:
    """我的: applications, drafts, certificates, and who looked."""
    found = queries.home(request.actor, clock.now())  # type: ignore[attr-defined]
    for one in [*found["running"], *found["finished"]]:
        one["state_word"] = STATES[one["state"]]
    name = name_of(request.actor.for_subject_id)  # type: ignore[attr-defined]
    return render(request, "resident/me.html", {**found, "name": name})


def name_of(subject_id: int | None) -> str:
    person = Person.objects.filter(pk=subject_id).values_list("name", flat=True).first()
    return person or Company.objects.filter(pk=subject_id).values_list("name", flat=True).first() or ""


def greeting(at: Any) -> str:
    """By the hour in the city: 早上好, 下午好, 晚上好."""
    hour = (at.hour + 8) % 24
    return _("早上好") if 5 <= hour < 12 else _("下午好") if 12 <= hour < 18 else _("晚上好")


def _ask(one: dict[str, Any]) -> dict[str, Any]:
    level, drawing = KINDS[one["kind"]]
    words, verb = ask_words(one["kind"])
    return {**one, "level": level, "icon": drawing, "words": words, "verb": verb}


def _running(one: dict[str, Any], at: Any) -> dict[str, Any]:
    """An application on its way, with the working days left to the promise."""
    promised = one["promised_at"]
    days = working_days().between(local_day(at), local_day(promised)) if promised and promised > at else None
    return {**one, "days_left": days, "late": bool(promised and promised <= at)}
