"""What every template knows of its request: who acts, which hats there are, large type, demo."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from liangwang.base.hats import ANONYMOUS

from .shared.hats import hat_choices

ELDER_COOKIE = "elder"


def page(request: HttpRequest) -> dict[str, Any]:
    """`actor`, `hats` (looked up only when drawn), `elder` (长辈版), `demo`."""
    return {
        "actor": getattr(request, "actor", ANONYMOUS),
        "hats": SimpleLazyObject(lambda: hat_choices(request)),
        "elder": request.COOKIES.get(ELDER_COOKIE) == "1",
        "demo": settings.DEMO,
    }
