"""Language and large type: two switches that a cookie keeps, for everyone, logged in or not."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from liangwang.base.access import door

from ..context import ELDER_COOKIE

YEAR_S = 365 * 24 * 3600


def same_site(request: HttpRequest, address: str | None, default: str = "/") -> str:
    """The address when it lies on this site, else `default`."""
    if not address:
        return default
    safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if safe else default


def way_back(request: HttpRequest, default: str = "/") -> str:
    """Where the form or address says to go on (`next`), on this site only."""
    return same_site(request, request.POST.get("next") or request.GET.get("next"), default)


@door(None, "public", post="open")
def language(request: HttpRequest) -> HttpResponseRedirect:
    """Chinese or English, from the next page on."""
    answer = HttpResponseRedirect(way_back(request))
    wanted = request.POST.get("language", "")
    if wanted in dict(settings.LANGUAGES):
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, wanted, max_age=YEAR_S, samesite="Lax")
    return answer


@door(None, "public", post="open")
def elder(request: HttpRequest) -> HttpResponseRedirect:
    """长辈版 on or off."""
    answer = HttpResponseRedirect(way_back(request))
    if request.POST.get("elder") == "1":
        answer.set_cookie(ELDER_COOKIE, "1", max_age=YEAR_S, samesite="Lax")
    else:
        answer.delete_cookie(ELDER_COOKIE)
    return answer
