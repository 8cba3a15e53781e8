"""办不成?: a named helper for whoever is stuck, who is sent the page that the person comes from."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from liangwang.base import clock, notices
from liangwang.base.access import door
from liangwang.base.hats import Actor
from liangwang.base.models import Person, Post
from liangwang.base.transactions import write

from ..shared.preferences import same_site, way_back

HELPERS = ("committee", "counter")


def helpers(actor: Actor) -> list[Post]:
    """Who helps this person: the own neighbourhood's committee workers first, then the counters around."""
    home = (
        Person.objects.filter(subject=actor.for_subject_id).values_list("home__code", flat=True).first() or ""
    )
    posts = Post.objects.filter(role__in=HELPERS, ended_at=None, office__ended_at=None)
    found = list(posts.select_related("office__place", "party")[:200])
    return sorted(found, key=lambda post: (-_shared(home, post.office.place.code), post.role, post.pk))[:3]


def _shared(one: str, other: str) -> int:
    """How many leading digits two division codes share."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


@door("open", "public")
def page(request: HttpRequest) -> HttpResponse:
    """Who helps and how to reach them; `from` is the page on which the person got stuck."""
    came_from = same_site(request, request.GET.get("from"))
    context = {"helpers": helpers(request.actor), "came_from": came_from}  # type: ignore[attr-defined]
    return render(request, "resident/help.html", context)


@door(None, "home", post="update")
def ask(request: HttpRequest) -> HttpResponse:
    """Asks a helper to get in touch; the helper's office gets the page and the person's own words."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    chosen = next((post for post in helpers(actor) if post.ref == request.POST.get("helper")), None)
    if chosen is None:
        messages.error(request, _("请选一位帮办人员"))
        return HttpResponseRedirect(way_back(request))
    _send(
        actor,
        chosen,
        same_site(request, request.POST.get("from")),
        request.POST.get("words", ""),
        clock.now(),
    )
    messages.info(
        request,
        _("已经转给 %(name)s，会尽快联系您")
        % {"name": chosen.party.label.get("zh", chosen.party.login_name)},
    )
    return HttpResponseRedirect("/messages/")


def _send(actor: Actor, helper: Post, came_from: str, words: str, at: datetime) -> Any:
    name = Person.objects.filter(subject=actor.for_subject_id).values_list("name", flat=True).first() or ""
    said = words[:500] or _("没有留言")
    with write():
        return notices.notify(
            to=helper.office,
            template="assist.asked",
            title={"zh": f"{name}请求帮办", "en": f"{name} asks for help"},
            body={"zh": f"停在页面 {came_from}；留言：{said}", "en": f"Stuck at {came_from}; says: {said}"},
            at=at,
            key=f"assist/{actor.party_ref}/{helper.ref}/{at:%Y%m%d%H%M}",
            link=came_from,
        )
