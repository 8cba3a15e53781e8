"""Open311 GeoReport v2 on the wire: answers as JSON or XML, and what a request to report says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from .readings import Unreadable

MOST_CHARS: Final = 2000
ITEMS: Final = {
    "services": "service", "service_requests": "request", "service_definition": "", "errors": "error",
    "attributes": "attribute", "values": "value", "keywords": "keyword",
}  # fmt: skip


class Asked(NamedTuple):
    """What somebody reports: the service, where, in whose words; whose name and phone."""

    service: str
    point: tuple[float, float] | None
    address: str
    text: str
    name: str
    phone: str
    number: str


def asked(said: Mapping[str, str]) -> Asked:
    """Return a POST of a service request; raises Unreadable. `number` is the sender's own, for a second sending."""
    service = said.get("service_code", "").strip()
    if not service:
        raise Unreadable("缺少 service_code", "service_code is required")
    lat, lon = said.get("lat", "").strip(), said.get("long", "").strip()
    if not (lat and lon) and not said.get("address_string", "").strip():
        raise Unreadable("缺少 lat、long 或 address_string", "lat and long, or address_string, is required")
    name = " ".join(said.get(key, "").strip() for key in ("last_name", "first_name")).strip()
    return Asked(
        service, _point(lon, lat) if lat and lon else None, said.get("address_string", "").strip()[:200],
        said.get("description", "").strip()[:MOST_CHARS], name[:60],
        (said.get("phone") or said.get("email") or "").strip()[:80], said.get("device_id", "").strip()[:64],
    )  # fmt: skip


def _point(lon: str, lat: str) -> tuple[float, float]:
    try:
        point = float(lon), float(lat)
    except ValueError:
        raise Unreadable("lat、long 应是数", "lat and long must be numbers") from None
    if not (abs(point[0]) <= 180 and abs(point[1]) <= 90):
        raise Unreadable("lat、long 超出范围", "lat or long is out of range")
    return point


def moment(text: str) -> datetime:
    """A W3C date-time; in UTC where it says no zone. Raises Unreadable."""
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Unreadable(f"时间看不懂：{text[:40]}", f"the time cannot be read: {text[:40]}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def xml(root: str, value: Any) -> str:
    """Return an answer as XML under its root element.

    >>> xml("services", [{"service_code": "a:b"}]).partition("?>")[2]
    '<services><service><service_code>a:b</service_code></service></services>'
    """
    return f'<?xml version="1.0" encoding="utf-8"?>{_element(root, value)}'


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(key, one) for key, one in value.items())
    elif isinstance(value, list):
        inside = "".join(_element(ITEMS.get(name) or "item", one) for one in value)
    elif value is None:
        inside = ""
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        # XML 1.0 has no sign for most control characters, however they are written.
        inside = escape("".join(char for char in text if char >= " " or char in "\t\n\r"))
    return f"<{name}>{inside}</{name}>"
