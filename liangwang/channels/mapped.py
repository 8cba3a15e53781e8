"""Readings out of a foreign JSON message, by the paths that a source declares; and out of MQTT topics by template."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from .readings import MOST_ROWS, Bad, Parsed, Unreadable, explained, instant, put

STEP: Final = re.compile(r"\.([\w-]+)|\[(\*|\d+)\]|\['([^']+)'\]")
SCALES: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}


class Described(Protocol):
    """What a declaration says of a message: paths of the records and of their parts."""

    @property
    def rows(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def seq(self) -> str: ...
    @property
    def values(self) -> dict[str, str]: ...


@cache
def steps(path: str) -> tuple[str | int | None, ...]:
    """Return the steps of a path: a name, a number, None for every element. Raises ValueError.

    >>> steps("$.data[*].temp")
    ('data', None, 'temp')
    """
    if not path.startswith("$"):
        raise ValueError(f"路径要以 $ 开头：{path} | a path begins with $: {path}")
    found: list[str | int | None] = []
    at = 1
    while at < len(path):
        match = STEP.match(path, at)
        if match is None:
            raise ValueError(f"路径看不懂：{path} | the path cannot be read: {path}")
        name, number, quoted = match.groups()
        found.append(None if number == "*" else int(number) if number else name or quoted)
        at = match.end()
    return tuple(found)


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield what lies at a path; nothing where it leads nowhere."""
    yield from _walked(value, steps(path))


def _walked(value: Any, rest: tuple[str | int | None, ...]) -> Iterator[Any]:
    if not rest:
        yield value
        return
    step, *more = rest
    if step is None:
        for one in value if isinstance(value, list) else []:
            yield from _walked(one, tuple(more))
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from _walked(value[step], tuple(more))
    elif isinstance(value, dict) and step in value:
        yield from _walked(value[step], tuple(more))


def parse(body: bytes, mapping: Described, now: int, said: Mapping[str, str] | None = None) -> Parsed:
    """Return the readings of a message; `said` is what its topic says (device, quantity). Raises Unreadable.

    A record without a time is of `now` (µs). A quantity that a record does not have is left out.
    """
    said = said or {}
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(f"不是 JSON:{error}", f"not JSON: {error}") from error
    parsed = Parsed.empty()
    if "quantity" in said and not isinstance(message, dict | list):
        message, mapping = {"v": message}, _BARE
    for row, record in enumerate(values_at(message, mapping.rows), 1):
        if row > MOST_ROWS:
            raise Unreadable(f"一条消息最多 {MOST_ROWS} 条记录", f"at most {MOST_ROWS} records in a message")
        _add(parsed, row, record, mapping, now, said)
    if not parsed.rows and not parsed.bad:
        raise Unreadable(f"消息里没有 {mapping.rows}", f"the message has nothing at {mapping.rows}")
    return parsed


def _add(
    parsed: Parsed, row: int, record: Any, mapping: Described, now: int, said: Mapping[str, str]
) -> None:
    try:
        device = said.get("device") or str(_one(record, mapping.device))
        at = _instant(_one(record, mapping.at), mapping.time) if mapping.at else now
        seq = int(_one(record, mapping.seq)) if mapping.seq else 0
        wanted = (
            {said["quantity"]: next(iter(mapping.values.values()), "$")}
            if "quantity" in said
            else mapping.values
        )
        found = {name: value for name, path in wanted.items() for value in values_at(record, path)}
        for name, value in found.items():
            put(
                parsed, row, f"{device}.{name}", at, float(value), seq
            )  # many platforms send numbers as texts
        if not found:
            raise ValueError("记录里没有声明的量 | the record has none of the declared quantities")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        parsed.bad.append(Bad(row, explained(error), repr(record)[:200]))


def _one(record: Any, path: str) -> Any:
    if not path:
        raise KeyError("device")
    for value in values_at(record, path):
        return value
    raise KeyError(path)


def _instant(value: Any, form: str) -> int:
    if form == "iso":
        if not isinstance(value, str):
            raise TypeError("时间应是 ISO 8601 文本 | the time must be an ISO 8601 text")
        return instant(value)
    return round(float(value) * SCALES[form])


class _Bare(NamedTuple):
    rows: str = "$"
    device: str = ""
    at: str = ""
    time: str = "iso"
    seq: str = ""
    values: dict[str, str] = {"value": "$.v"}


_BARE: Final = _Bare()


def is_signed(body: bytes, secret: bytes, given: str, *, prefix: str = "sha256=", form: str = "hex") -> bool:
    """Whether a header is the HMAC-SHA256 of a body under a secret, compared in constant time."""
    digest = hmac.new(secret, body, hashlib.sha256).digest()
    text = digest.hex() if form == "hex" else base64.b64encode(digest).decode()
    return hmac.compare_digest((prefix + text).encode(), given.strip().encode())


# --- topics ------------------------------------------------------------------------------------------


def subscription(template: str) -> str:
    """Return the filter by which a broker sends the messages of a template.

    >>> subscription("site/{device}/up/{quantity}")
    'site/+/up/+'
    """
    return re.sub(r"\{\w+\}", "+", template)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if n % 2 else re.escape(p) for n, p in enumerate(parts)))


def said_by(template: str, topic: str) -> dict[str, str] | None:
    """Return what a topic says under a template, None where it is not of it.

    >>> said_by("site/{device}/up/{quantity}", "site/M1/up/tilt")
    {'device': 'M1', 'quantity': 'tilt'}
    """
    match = _pattern(template).fullmatch(topic)
    return match.groupdict() if match else None
