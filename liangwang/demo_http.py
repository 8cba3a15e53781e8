"""How the demo day reaches the web process: over HTTP on this machine, like any device or browser."""

import json
import urllib.request
from typing import Any

from django.conf import settings

ORIGIN = f"{'https' if settings.TLS_CERT else 'http'}://{settings.HOST}:{settings.PORT}"


def called(path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
    """The JSON answer of the web process; a POST where there is a body."""
    request = urllib.request.Request(f"{ORIGIN}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer
