"""随申码: identity and certificates always; a health status with reason and end only while an order is in force."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.services import codes, queries_codes

LOOK = {"green": ("ok", "circle-check"), "yellow": ("watch", "triangle-alert"), "red": ("bad", "octagon-x")}


@door("read", "code")
def page(request: HttpRequest) -> HttpResponse:
    """A fresh code; it renews itself before it expires."""
    at = clock.now()
    code = queries_codes.code_of(request.actor, at)  # type: ignore[attr-defined]
    level, drawing = LOOK.get(code["status"] or "", ("idle", "circle-dashed"))
    words = {"green": _("绿码"), "yellow": _("黄码"), "red": _("红码")}
    left = int((code["expires_at"] - at).total_seconds())
    context = {
        "code": code,
        "level": level,
        "icon": drawing,
        "word": words.get(code["status"], ""),
        "left": left,
    }
    return render(request, "resident/code.html", context)


@door("read", "code")
def why(request: HttpRequest) -> HttpResponse:
    """The whole chain behind the person's own status."""
    chain = queries_codes.status_chain(request.actor, clock.now())  # type: ignore[attr-defined]
    return render(request, "resident/code_why.html", {"chain": chain})


@door("read", "code", post="update")
def appeal(request: HttpRequest) -> HttpResponse:
    """Says what is wrong with a status; a person checks it."""
    error = ""
    if request.method == "POST":
        try:
            with write():
                codes.appeal(actor=request.actor, text=request.POST.get("text", ""), at=clock.now())  # type: ignore[attr-defined]
            messages.info(request, _("申诉已收到，由人工复核，结果会发消息给您"))
            return HttpResponseRedirect("/code/")
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
    return render(request, "resident/appeal.html", {"error": error, "text": request.POST.get("text", "")})
