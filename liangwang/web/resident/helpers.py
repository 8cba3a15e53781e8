"""请家人代办: whom a person lets act for her, for how long, and taking it back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.models import Mandate
from liangwang.base.transactions import write
from liangwang.services import actions


@door("read", "home", post="update")
def page(request: HttpRequest) -> HttpResponse:
    """The mandates in force; POST gives one or takes one back."""
    actor, at = request.actor, clock.now()  # type: ignore[attr-defined]
    error = ""
    typed = {name: request.POST.get(name, "") for name in ("name", "identity_number", "days")}
    if request.method == "POST":
        try:
            with write():
                _act(request, typed)
            return HttpResponseRedirect(request.path)
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
    rows = Mandate.objects.filter(giver_id=actor.for_subject_id, revoked_at=None, ends_at__gt=at)
    context: dict[str, Any] = {
        "mandates": rows.select_related("taker").order_by("-starts_at"),
        "errors": {"name": error} if error else {},
        "error": error,
        "typed": typed,
        "days": [("7", _("一周")), ("30", _("一个月")), ("180", _("半年"))],
        "own": actor.hat == "self",
    }
    return render(request, "resident/helpers.html", context)


def _act(request: HttpRequest, typed: dict[str, str]) -> None:
    actor, at = request.actor, clock.now()  # type: ignore[attr-defined]
    if request.POST.get("act") == "revoke":
        actions.revoke_mandate(actor=actor, ref=request.POST.get("mandate", ""), at=at)
        messages.info(request, _("已收回委托"))
        return
    days = int(typed["days"]) if typed["days"].isdigit() else 30
    actions.give_mandate(
        actor=actor, name=typed["name"], identity_number=typed["identity_number"], days=days, at=at
    )
    messages.info(request, _("已委托，对方会收到消息"))
