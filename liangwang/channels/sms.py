"""Text messages over a gateway by HTTP: one request a message, the shape of it declared (sms.yaml); no number in any error."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from liangwang.base.labels import Label
from liangwang.base.yaml import load

TIMEOUT_S = 10.0
ANSWER_BYTES_AT_MOST = 64 * 1024
AT_HOME = {"127.0.0.1", "localhost", "::1"}
TRY_AGAIN = {408, 425, 429}


class Good(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"values": "is"}):
    """Where an answer says that the gateway took the message, and in which words."""

    field: str
    values: tuple[str, ...]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one gateway wants to be asked, and where its answer carries the receipt."""

    provider: str
    label: Label
    content: Literal["json", "form"]
    headers: dict[str, str]
    body: dict[str, Any]
    receipt: str
    good: Good | None = None


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A gateway as it is configured: where, with which secret, by which shape, with which approved template."""

    url: str
    secret: str
    template: str
    shape: Shape


class NotSent(Exception):
    """The gateway did not take the message; `again` says whether another try makes sense. Holds no number and no code."""

    def __init__(self, why: str, *, again: bool) -> None:
        self.why, self.again = why, again
        super().__init__(why)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A number goes to the address that was configured and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@cache
def shapes() -> dict[str, Shape]:
    """The declared gateways by name."""
    document = load(Path(__file__).with_name("sms.yaml").read_text(encoding="utf-8"))
    return {one.provider: one for one in msgspec.convert(document.data, list[Shape])}


def fault_of(url: str, provider: str, template: str) -> str | None:
    """What is wrong with a configuration; None when messages can be sent."""
    if provider not in shapes():
        return (
            f"SMS_PROVIDER={provider}: choose one of {', '.join(shapes())} or declare it in channels/sms.yaml"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in AT_HOME):
        return "SMS_URL must be https: it carries telephone numbers"
    return None if template else "SMS_TEMPLATE is empty: gateways send approved templates only"


def send(gateway: Gateway, *, phone: str, values: Mapping[str, str], key: str) -> str:
    """Sends one message and returns the gateway's receipt; raises NotSent. `key` names it, so that it comes once."""
    words = {**values, "phone": phone, "template": gateway.template, "secret": gateway.secret, "key": key}
    shape = gateway.shape
    body = _filled(shape.body, words)
    raw, kind = (
        (json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8")
        if shape.content == "json"
        else (urlencode(body).encode(), "application/x-www-form-urlencoded")
    )
    headers = {"Content-Type": kind, "Accept": "application/json", **_filled(shape.headers, words)}
    return _receipt(shape, _post(urllib.request.Request(gateway.url, raw, headers, method="POST")))


def _post(request: urllib.request.Request) -> bytes:
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    opener = urllib.request.build_opener(_NoRedirect, secure)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return bytes(answer.read(ANSWER_BYTES_AT_MOST))
    except urllib.error.HTTPError as error:
        again = error.code in TRY_AGAIN or error.code >= 500
        raise NotSent(f"HTTP {error.code}", again=again) from None
    except (OSError, ValueError) as error:  # no connection, no certificate, no answer in time
        raise NotSent(type(error).__name__, again=True) from None


def _receipt(shape: Shape, raw: bytes) -> str:
    try:
        said = json.loads(raw) if raw.strip() else {}
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if shape.good and str(said.get(shape.good.field)) not in shape.good.values:
        raise NotSent(f"{shape.good.field}={str(said.get(shape.good.field))[:40]}", again=False)
    return str(said.get(shape.receipt, ""))[:80]


def _filled(shape: Any, words: Mapping[str, str]) -> Any:
    if isinstance(shape, dict):
        return {name: _filled(value, words) for name, value in shape.items()}
    return shape.format_map(words) if isinstance(shape, str) else shape
