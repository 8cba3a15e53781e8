"""Messages: the notices to the person, newest first; opening one is its receipt."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from liangwang.base import clock, notices
from liangwang.base.access import door, visible
from liangwang.base.hats import Actor
from liangwang.base.models import Notice
from liangwang.base.transactions import write

PAGE = 30


def notice_by_ref(ref: str) -> Notice | None:
    """The notice that a link names."""
    return Notice.objects.filter(ref=ref).first()


def own_notices(actor: Actor) -> Any:
    """The notices to the one for whom the actor acts, newest first."""
    rows = Notice.objects.filter(subject=actor.for_subject_id)
    return visible(actor, "read", "notice", rows).order_by("-at", "-id")


@door("read", "notice")
def page(request: HttpRequest) -> HttpResponse:
    rows = own_notices(request.actor)  # type: ignore[attr-defined]
    after = request.GET.get("after", "")
    if after:
        rows = rows.filter(at__lt=datetime.fromisoformat(after))
    shown = list(rows[: PAGE + 1])
    more = shown[PAGE - 1].at.isoformat() if len(shown) > PAGE else ""
    return render(request, "resident/messages.html", {"notices": shown[:PAGE], "more": more, "after": after})


@door("read", "notice", of=notice_by_ref, post="update")
def one(request: HttpRequest, notice: Notice) -> HttpResponse:
    """One message; GET notes that it was opened, POST is the confirmed receipt (回执)."""
    with write():
        notices.read(notice, clock.now())
        if request.method == "POST":
            notices.confirm(notice, clock.now())
    if request.method == "POST":
        return HttpResponseRedirect(request.path)
    notice.refresh_from_db()
    return render(request, "resident/message.html", {"notice": notice})
