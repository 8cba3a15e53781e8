"""Login: by password, and in a demo on this machine by one click on a hat; putting on another hat; logging out."""

from importlib import import_module
from typing import Any

from allauth.account.forms import LoginForm
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as begin_session
from django.contrib.auth import logout as end_session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.hats import wear
from liangwang.base.models import Party

from .hats import home_of
from .preferences import way_back

LOOPBACK = {"127.0.0.1", "::1"}


def demo_hats(request: HttpRequest) -> list[Any]:
    """The hats to try, only in a demo and only for a browser on this machine."""
    if not settings.DEMO or request.META.get("REMOTE_ADDR") not in LOOPBACK:
        return []
    return list(import_module("liangwang.demo").demo_hats())


@door("open", "public", post="open")
def page(request: HttpRequest) -> HttpResponseBase:
    """The login page; allauth checks the password, its limits and the second factor."""
    form = LoginForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        answer: HttpResponseBase = form.login(request, redirect_url=way_back(request))
        return answer
    errors = {}
    if request.method == "POST":
        errors["login"] = _("登录名或密码不对，或者试得太多了，请过一会儿再试")
    context = {"errors": errors, "typed": request.POST.get("login", ""), "next": way_back(request, "")}
    return render(request, "shared/login.html", {**context, "groups": demo_hats(request)}, status=200)


@door(None, "public", post="open")
def demo(request: HttpRequest) -> HttpResponse:
    """One click puts on a demo hat."""
    hats = {(hat.login_name, hat.key): hat for group in demo_hats(request) for hat in group.hats}
    chosen = hats.get((request.POST.get("login_name", ""), request.POST.get("hat", "")))
    if chosen is None:
        raise NotFound
    party = Party.objects.get(login_name=chosen.login_name)
    begin_session(request, party, backend=settings.AUTHENTICATION_BACKENDS[0])
    return _worn(request, party, chosen.key, chosen.start)


@door(None, "public", post="open")
def leave(request: HttpRequest) -> HttpResponseRedirect:
    end_session(request)
    return HttpResponseRedirect("/")


@door(None, "public", post="open")
def put_on(request: HttpRequest) -> HttpResponse:
    """Another hat of the same person; the page that belongs to it opens."""
    user: Any = request.user
    if not user.is_authenticated:
        return HttpResponseRedirect(settings.LOGIN_URL)
    return _worn(request, user, request.POST.get("hat", ""))


def _worn(request: HttpRequest, party: Party, key: str, start: str = "") -> HttpResponse:
    actor = wear(party, key, clock.now())
    request.session["hat"] = key
    label = actor.label["en" if request.LANGUAGE_CODE == "en" else "zh"]  # type: ignore[attr-defined]
    messages.info(request, _("现在的身份：%(label)s") % {"label": label})
    home = start or home_of(actor)
    return HttpResponseRedirect(way_back(request, home) if home == "/" else home)
