"""Warnings in CAP 1.2 (OASIS Common Alerting Protocol): read without trust, polygons and circles as GeoJSON."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from .readings import Unreadable

NAMESPACE: Final = "{urn:oasis:names:tc:emergency:cap:1.2}"
MOST_BYTES: Final = 2 * 1024 * 1024
MOST_POINTS: Final = 20_000
CIRCLE_POINTS: Final = 48
KM_A_DEGREE: Final = 111.195
MESSAGES: Final = ("Alert", "Update", "Cancel", "Ack", "Error")
STATUSES: Final = ("Actual", "Exercise", "System", "Test", "Draft")
WORDS: Final = {
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}


class Info(NamedTuple):
    """What a warning says in one language, for its areas: GeoJSON geometries with the area's description and codes."""

    language: str
    event: str
    urgency: str
    severity: str
    certainty: str
    headline: str
    description: str
    instruction: str
    sender_name: str
    starts_at: datetime | None
    ends_at: datetime | None
    parameters: dict[str, str]
    areas: list[dict[str, Any]]


class Alert(NamedTuple):
    """A message: who, when, what it does to earlier ones (`references` are (sender, identifier))."""

    identifier: str
    sender: str
    sent_at: datetime
    status: str
    message: str
    scope: str
    references: list[tuple[str, str]]
    infos: list[Info]


def parse(body: bytes) -> Alert:
    """Return a CAP 1.2 message. Raises Unreadable; entities and document types are refused unread."""
    if len(body) > MOST_BYTES:
        raise Unreadable("预警报文超过 2 MB", "the message is larger than 2 MB")
    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable(
            "报文里不允许 DTD 和外部实体", "document types and entities are not allowed"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"不是 XML:{error}", f"not XML: {error}") from error
    if root.tag != f"{NAMESPACE}alert":
        raise Unreadable(f"不是 CAP 1.2 报文：{root.tag[:80]}", f"not a CAP 1.2 alert: {root.tag[:80]}")
    alert = Alert(
        _needed(root, "identifier"),
        _needed(root, "sender"),
        _moment(_needed(root, "sent")),
        _one_of(root, "status", STATUSES),
        _one_of(root, "msgType", MESSAGES),
        _text(root, "scope"),
        _references(_text(root, "references")),
        [_info(one) for one in root.findall(f"{NAMESPACE}info")],
    )
    if re.search(r"[\s,<&]", alert.identifier) or re.search(r"[\s,<&]", alert.sender):
        raise Unreadable(
            "identifier、sender 不能含空格和逗号", "identifier and sender must not hold spaces or commas"
        )
    if alert.message in {"Alert", "Update"} and not alert.infos:
        raise Unreadable("缺少 info", "there is no info")
    if alert.message in {"Update", "Cancel"} and not alert.references:
        raise Unreadable("Update 和 Cancel 要有 references", "an Update or Cancel needs references")
    return alert


def _info(one: Element) -> Info:
    parameters = {
        _text(p, "valueName")[:80]: _text(p, "value")[:400] for p in one.findall(f"{NAMESPACE}parameter")
    }
    return Info(
        _text(one, "language") or "en-US",
        _needed(one, "event")[:200],
        _one_of(one, "urgency", WORDS["urgency"]),
        _one_of(one, "severity", WORDS["severity"]),
        _one_of(one, "certainty", WORDS["certainty"]),
        _text(one, "headline")[:300],
        _text(one, "description")[:8000],
        _text(one, "instruction")[:8000],
        _text(one, "senderName")[:200],
        _maybe(_text(one, "onset") or _text(one, "effective")),
        _maybe(_text(one, "expires")),
        parameters,
        [_area(area) for area in one.findall(f"{NAMESPACE}area")],
    )


def _area(area: Element) -> dict[str, Any]:
    """An area: its geometries as one GeoJSON, None where it is told by words and codes only."""
    polygons = [[_ring(part.text or "")] for part in area.findall(f"{NAMESPACE}polygon")]
    polygons += [[_circle(part.text or "")] for part in area.findall(f"{NAMESPACE}circle")]
    codes = {
        _text(code, "valueName")[:40]: _text(code, "value")[:80]
        for code in area.findall(f"{NAMESPACE}geocode")
    }
    shape = {"type": "MultiPolygon", "coordinates": polygons} if polygons else None
    return {"description": _needed(area, "areaDesc")[:400], "geometry": shape, "codes": codes}


def _ring(text: str) -> list[list[float]]:
    """A polygon's ring as [lon, lat]: CAP writes `lat,lon lat,lon …`, the last point as the first."""
    pairs = text.split()
    if not 4 <= len(pairs) <= MOST_POINTS or pairs[0] != pairs[-1]:
        raise Unreadable(
            "polygon 至少四个点，首尾相同", "a polygon has at least four points, the last is the first"
        )
    return [_point(pair) for pair in pairs]


def _circle(text: str) -> list[list[float]]:
    """A circle `lat,lon radius_km` as a ring; an equal-distance approximation, good below some 100 km."""
    pair, _, radius = text.strip().partition(" ")
    lon, lat = _point(pair)
    try:
        km = float(radius)
    except ValueError:
        km = -1.0
    if not 0 <= km <= 2000:
        raise Unreadable("circle 的半径应是公里数", "the radius of a circle must be in km")
    high, wide = km / KM_A_DEGREE, km / (KM_A_DEGREE * max(math.cos(math.radians(lat)), 0.01))
    turns = [2 * math.pi * n / CIRCLE_POINTS for n in range(CIRCLE_POINTS)]
    ring = [[lon + wide * math.cos(turn), lat + high * math.sin(turn)] for turn in turns]
    return [*ring, ring[0]]


def _point(pair: str) -> list[float]:
    lat, _, lon = pair.partition(",")
    try:
        found = [float(lon), float(lat)]
    except ValueError:
        raise Unreadable(f"坐标看不懂：{pair[:40]}", f"the coordinates cannot be read: {pair[:40]}") from None
    if not (abs(found[0]) <= 180 and abs(found[1]) <= 90):
        raise Unreadable(f"坐标超出范围：{pair[:40]}", f"coordinates out of range: {pair[:40]}")
    return found


def _references(text: str) -> list[tuple[str, str]]:
    """`sender,identifier,sent` in groups parted by spaces."""
    found = [one.split(",") for one in text.split()]
    if any(len(one) != 3 for one in found):
        raise Unreadable(
            "references 应是 sender,identifier,sent", "references must be sender,identifier,sent"
        )
    return [(sender, identifier) for sender, identifier, _ in found]


def _text(parent: Element, name: str) -> str:
    return (parent.findtext(f"{NAMESPACE}{name}") or "").strip()


def _needed(parent: Element, name: str) -> str:
    found = _text(parent, name)
    if not found:
        raise Unreadable(f"缺少 {name}", f"{name} is missing")
    return found[:1000]


def _one_of(parent: Element, name: str, words: tuple[str, ...]) -> str:
    found = _needed(parent, name)
    if found not in words:
        raise Unreadable(f"{name} 应是 {' / '.join(words)}", f"{name} must be one of {', '.join(words)}")
    return found


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Unreadable(f"时间要带时区：{text[:40]}", f"a time needs its zone: {text[:40]}")
    return at


def _maybe(text: str) -> datetime | None:
    return _moment(text) if text else None


def languages(infos: list[Info]) -> Mapping[str, Info]:
    """The infos by `zh` and `en`; the first of a language stands for it."""
    found: dict[str, Info] = {}
    for one in infos:
        found.setdefault(one.language[:2].lower(), one)
    return found
