"""Positions as phones and trackers send them by HTTP: the OsmAnd and Traccar client protocol, by address, form or JSON."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from .readings import Parsed, Unreadable, put

KNOT_KM_H: Final = 1.852
MILLISECONDS_FROM: Final = 10**11
"""A whole number from here on is milliseconds: as seconds it would lie in the year 5138."""
MOST_PARAMETERS: Final = 64
QUANTITIES: Final = ("lon", "lat", "speed", "heading", "altitude", "accuracy", "battery")


class Fix(NamedTuple):
    """Where a device was: `at` in µs, degrees WGS-84, km/h, degrees from north, metres, per cent; None = not said."""

    device: str
    at: int
    lon: float
    lat: float
    speed: float | None = None
    heading: float | None = None
    altitude: float | None = None
    accuracy: float | None = None
    battery: float | None = None


def fixes(query: str, body: bytes, content_type: str, now: int) -> list[Fix]:
    """Return the positions of one request; a time that is not said is `now` (µs). Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json" and body:
            found = [_of_json(one, now) for one in _records(body)]
        else:
            form = body.decode() if kind == "application/x-www-form-urlencoded" else ""
            said = dict(parse_qsl(f"{query}&{form}", max_num_fields=MOST_PARAMETERS))
            found = [_of_parameters(said, now)]
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"位置看不懂:{error}", f"the position cannot be read: {error}") from error
    return found


def readings_of(found: list[Fix]) -> Parsed:
    """Return positions as readings, `<device>.lon` and so on; the row is the number of the position."""
    parsed = Parsed.empty()
    for row, fix in enumerate(found, 1):
        for name in QUANTITIES:
            value = getattr(fix, name)
            if value is not None:
                put(parsed, row, f"{fix.device}.{name}", fix.at, value, 0)
    return parsed


def _of_parameters(said: Mapping[str, str], now: int) -> Fix:
    """The OsmAnd form: speed in knots; `location` may stand for lat and lon."""
    lat, lon = said.get("lat"), said.get("lon")
    if "location" in said:
        lat, _, lon = said["location"].partition(",")
    if not lat or not lon:
        raise Unreadable("缺少 lat 和 lon", "lat and lon are missing")
    knots = _number(said.get("speed"))
    return _checked(
        said.get("id") or said.get("deviceid") or "",
        _instant(said.get("timestamp"), now),
        (float(lon), float(lat)),
        speed=None if knots is None else knots * KNOT_KM_H,
        heading=_number(said.get("bearing") or said.get("heading")),
        altitude=_number(said.get("altitude")),
        accuracy=_number(said.get("accuracy")),
        battery=_number(said.get("batt")),
    )


def _records(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"不是 JSON:{error}", f"not JSON: {error}") from error
    for one in found if isinstance(found, list) else [found]:
        locations = one.get("location")
        device = one.get("device_id") or one.get("deviceId") or ""
        for location in locations if isinstance(locations, list) else [locations]:
            yield {"device": str(device), **location}


def _of_json(one: Mapping[str, Any], now: int) -> Fix:
    """The JSON of newer Traccar clients: `{location: {timestamp, coords, battery}, device_id}`; speed in m/s."""
    coords, battery = one["coords"], one.get("battery") or {}
    speed, level = coords.get("speed"), battery.get("level")
    return _checked(
        one["device"],
        _instant(one.get("timestamp"), now),
        (float(coords["longitude"]), float(coords["latitude"])),
        speed=None if speed is None or speed < 0 else float(speed) * 3.6,
        heading=None
        if coords.get("heading", -1) is None or coords.get("heading", -1) < 0
        else float(coords["heading"]),
        altitude=_number(coords.get("altitude")),
        accuracy=_number(coords.get("accuracy")),
        battery=None if level is None or level < 0 else float(level) * 100,
    )


def _checked(device: str, at: int, point: tuple[float, float], **more: float | None) -> Fix:
    if not device or len(device) > 80:
        raise Unreadable("缺少设备号 id", "the device's id is missing")
    if not (abs(point[0]) <= 180 and abs(point[1]) <= 90):
        raise Unreadable("经纬度超出范围", "longitude or latitude out of range")
    finite = {name: value for name, value in more.items() if value is not None and math.isfinite(value)}
    return Fix(device, at, *point, **finite)


def _number(text: object) -> float | None:
    return None if text is None or text == "" else float(str(text))


def _instant(text: object, now: int) -> int:
    """An instant in µs from seconds, milliseconds, ISO 8601 or `2026-11-23 04:00:00` in UTC."""
    if text is None or text == "":
        return now
    said = str(text)
    try:
        number = float(said)
    except ValueError:
        at = datetime.fromisoformat(said.replace(" ", "T", 1) if "+" not in said else said.replace(" ", "+"))
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
    return round(number * (1e3 if abs(number) >= MILLISECONDS_FROM else 1e6))
