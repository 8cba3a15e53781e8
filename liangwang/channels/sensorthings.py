"""Observations of SensorThings 1.1 as they come by POST, dataArray or MQTT, as the columns of all readings."""

import re
from typing import Any, Final

import msgspec

from .readings import Bad, Parsed, Unreadable, data_array, explained, instant, put

TOPIC: Final = re.compile(r"v1\.1/(?:Datastreams\((?:'((?:[^']|'')*)'|([\w.:~-]+))\)/)?Observations")
_document = msgspec.json.Decoder(dict[str, Any])


def stream_key(outside: object) -> str:
    """Return the key of a datastream by its id outside, `pack:key`; a bare key stays.

    >>> stream_key("manholes:M1.tilt")
    'M1.tilt'
    """
    text = str(outside)
    return text.partition(":")[2] or text


def observation(body: bytes, now: int, datastream: str = "") -> Parsed:
    """Read one Observation; without a phenomenonTime it is of `now` (µs). Raises Unreadable."""
    try:
        found = _document.decode(body)
    except msgspec.DecodeError as error:
        raise Unreadable(f"不是 JSON 对象:{error}", f"not a JSON object: {error}") from error
    parsed = Parsed.empty()
    link = found.get("Datastream")
    key = datastream or (link.get("@iot.id", "") if isinstance(link, dict) else "")
    if not key:
        raise Unreadable('缺少 {"Datastream": {"@iot.id": …}}', 'expected {"Datastream": {"@iot.id": …}}')
    try:
        at = moment(found.get("phenomenonTime"), now)
        parameters = found.get("parameters") or {}
        put(parsed, 1, stream_key(key), at, number(found["result"]), int(parameters.get("seq", 0)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        parsed.bad.append(Bad(1, explained(error), body[:200].decode(errors="replace")))
    return parsed


def observations(body: bytes) -> Parsed:
    """Read data arrays; raises Unreadable."""
    parsed = data_array(body)
    parsed.datastream[:] = [stream_key(one) for one in parsed.datastream]
    return parsed


def number(value: object) -> float:
    """Return a result as a number; a truth value is 0 or 1, a text is none. Raises TypeError."""
    if isinstance(value, bool | int | float):
        return float(value)
    raise TypeError("result 应是数值 | the result must be a number")


def moment(text: object, now: int) -> int:
    """Return a phenomenonTime in µs: an instant, or the end of an interval; `now` where there is none."""
    if text is None:
        return now
    if not isinstance(text, str):
        raise TypeError("phenomenonTime 应是 ISO 8601 文本 | phenomenonTime must be an ISO 8601 text")
    return instant(text.rpartition("/")[2])


def topic(name: str) -> str | None:
    """Return the datastream that a topic names, "" where the payload does; None for another topic.

    >>> topic("v1.1/Datastreams('manholes:M1.tilt')/Observations"), topic("v1.1/Observations"), topic("x")
    ('manholes:M1.tilt', '', None)
    """
    match = TOPIC.fullmatch(name)
    if match is None:
        return None
    return (match[1] or "").replace("''", "'") or match[2] or ""
