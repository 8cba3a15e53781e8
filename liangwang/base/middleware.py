"""What every request passes: the hat it wears, and refusals told as a page or as JSON."""

from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, override

from .errors import LoginNeeded, Refusal
from .hats import ANONYMOUS, HatGone, actor_of

Next = Callable[[HttpRequest], HttpResponseBase]


class HatMiddleware:
    """Sets `request.actor`, resolved when first asked for and never kept between requests."""

    def __init__(self, following: Next) -> None:
        self.following = following

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.actor = SimpleLazyObject(lambda: self._actor(request))  # type: ignore[attr-defined]
        return self.following(request)

    @staticmethod
    def _actor(request: HttpRequest) -> object:
        try:
            return actor_of(request)
        except HatGone:
            request.session.pop("hat", None)
            return ANONYMOUS


class LanguageMiddleware:
    """Chinese first, another language by the switch: the cookie decides, not what the browser happens to prefer."""

    def __init__(self, following: Next) -> None:
        self.following = following

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        code = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with override(code):
            request.LANGUAGE_CODE = code  # type: ignore[attr-defined]
            answer = self.following(request)
        answer.headers.setdefault("Content-Language", code)
        return answer


class RefusalMiddleware:
    """Turns a Refusal into its status: JSON under /api/ and for machines, else a page that says what to do."""

    def __init__(self, following: Next) -> None:
        self.following = following

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.following(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refusal):
            return None
        if wants_json(request):
            return JsonResponse(error.as_json(), status=error.status)
        if isinstance(error, LoginNeeded):
            return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={quote(request.get_full_path())}")
        message = error.message(get_language() or "zh")
        return render(request, "refusal.html", {"refusal": error, "message": message}, status=error.status)


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/gate/check", "/events")) or "Authorization" in request.headers
