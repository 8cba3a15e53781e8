"""Takes readings from machines: checked row by row, durable, then acknowledged; judged by the live process."""

import asyncio
import os
import threading
from collections import defaultdict
from concurrent.futures import Future
from typing import Any, ClassVar, Final, NamedTuple

import msgspec
import numpy as np
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from numpy.typing import NDArray

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.keys import seal
from liangwang.base.labels import Label
from liangwang.channels import readings as wire
from liangwang.hot import HotAnswer, HotRequest, answer
from liangwang.rules.state import Batch

from . import datastreams, pressure, quality, watch
from .gathering import gathering
from .readings_log import QUARANTINE, READINGS, QuarantineRecord, Unknown, Writer, packed

AHEAD_US: Final = 10 * 60 * 1_000_000
MOST_BODY: Final = 32 * 1024 * 1024
SAMPLE_CHARS: Final = 4000
RETRY_AFTER_S: Final = 30
FEW: Final = 50
"""A request of no more rows is checked together with others: what a check costs is paid once for all of them."""

REASONS: Final[dict[str, Label]] = {
    "unknown": {
        "zh": "没有登记的设备或量“{key}”，已隔离待认领",
        "en": "device or quantity '{key}' is not registered; kept in quarantine",
    },
    "ahead": {
        "zh": "时间超前十分钟以上，已隔离",
        "en": "the time is over 10 minutes ahead; kept in quarantine",
    },
    "before": {"zh": "时间早于 1970 年", "en": "the time is before 1970"},
    "not_finite": {"zh": "数值不是有限的数", "en": "the value is not a finite number"},
    "bounds": {
        "zh": "数值 {value:g} 超出量程 {least:g} 至 {most:g}",
        "en": "the value {value:g} is outside {least:g} to {most:g}",
    },
    "shed": {
        "zh": "系统繁忙，低优先级的读数暂不接收，请稍后重送这一行",
        "en": "very busy: readings of low priority are not taken just now; send this row again later",
    },
}


class NoReadings(Refusal):
    """The body as a whole is not readings."""

    status, code = 400, "unreadable"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


class Taken(NamedTuple):
    """What was taken: the answer, and the appends that must be on disk before it is given."""

    answer: dict[str, Any]
    durable: list["Future[None]"]


_writer: Writer | None = None
_writer_pid = 0
_lock = threading.Lock()


def log() -> Writer:
    """Return this process's writer of the readings log, opened at the first use."""
    global _writer, _writer_pid
    with _lock:
        # A forked child must not share its parent's folder.
        if _writer is None or _writer_pid != os.getpid():
            _writer, _writer_pid = Writer(settings.DATA / "readings"), os.getpid()
        return _writer


def close_log() -> None:
    """Close this process's writer (at the end, and in tests)."""
    global _writer
    with _lock:
        if _writer is not None:
            _writer.close()
            _writer = None


def take_readings(source: Actor, body: bytes, content_type: str, now: int) -> dict[str, Any]:
    """Take a body of readings; return `{"accepted": n, "rejected": [{"row", "reason"}]}` once it is durable.

    `now` in µs. Raises NoReadings when the body as a whole cannot be read, OSError when it cannot be stored.
    """
    try:
        parsed = wire.parse(body, content_type, now)
    except wire.Unreadable as error:
        raise NoReadings(**error.label) from error
    return take_parsed(source, parsed, now)


def take_parsed(source: Actor, parsed: wire.Parsed, now: int, *, shed: bool = True) -> dict[str, Any]:
    """Take readings that another channel has read already, as `take_readings` does. Raises OSError.

    `shed=False` is for a channel whose sender keeps what is not yet taken.
    """
    taken = _take(source, parsed, *_found(source.scope, parsed.datastream), now, shed=shed)
    for append in taken.durable:
        append.result()
    return taken.answer


def take_batch(batch: Batch, now: int) -> None:
    """Take readings that are checked already (replayed, or from inside the house), durably."""
    log().append(READINGS, packed(batch, now)).result()


async def handle(request: HotRequest) -> HotAnswer:
    """Answer POST /api/v1/readings in the web process: 200 with per-row reasons, 400, 413."""
    if len(request.body) > MOST_BODY:
        return answer({"error": "too_large", "message": _TOO_LARGE}, 413)
    now = round(clock.now().timestamp() * 1e6)
    try:
        parsed = wire.parse(request.body, request.content_type or "application/json", now)
    except wire.Unreadable as error:
        return answer({"error": "unreadable", "message": error.label}, 400)
    return shed_told(await taken_in(request.actor, parsed, now))


async def taken_in(source: Actor, parsed: wire.Parsed, now: int) -> dict[str, Any]:
    """Take readings on the event loop of a web process; the answer comes when they are durable. Raises OSError."""
    if 0 < len(parsed.rows) <= FEW and not parsed.bad:
        return await gathering(_together, _alone).take(source, parsed, now)
    return await _alone(source, parsed, now)


def _together(
    source: Actor, parts: list[wire.Parsed], now: int
) -> tuple[list[dict[str, Any]], "Future[None]"] | None:
    """Take what one source sent in several requests, where no row is anything but good and there is no storm."""
    index = datastreams.known_index()
    if index is None or not watch.is_ready(index) or pressure.pressure(log().waiting_bytes):
        return None
    parsed = wire.Parsed.joined(parts)
    batch = _batch(parsed, _streams(index, source.scope, parsed.datastream))
    if _reasons(index, batch, now).any():
        return None
    answers = [
        {"accepted": len(set(zip(part.datastream, part.at, part.seq, strict=True))), "rejected": []}
        for part in parts
    ]
    flags = watch.flags(watch.watch_of(index), batch, now)
    return answers, log().append(READINGS, packed(batch, now, flags))


async def _alone(source: Actor, parsed: wire.Parsed, now: int) -> dict[str, Any]:
    index = datastreams.known_index()
    stream = None
    if index is not None and watch.is_ready(index):
        stream = _streams(index, source.scope, parsed.datastream)
    if index is None or stream is None or (stream < 0).any():
        # The database is never asked on the event loop.
        index = await sync_to_async(_look_up)()
        stream = _streams(index, source.scope, parsed.datastream)
    taken = _take(source, parsed, index, stream, now)
    for append in taken.durable:
        await asyncio.wrap_future(append)
    return taken.answer


def shed_told(found: dict[str, Any]) -> HotAnswer:
    """Answer 200, or 503 with Retry-After where every row was turned away in a storm."""
    if found.get("shed") and not found["accepted"]:
        return answer(found, 503, retry_after=str(RETRY_AFTER_S))
    return answer(found)


_TOO_LARGE: Final[Label] = {"zh": "一批最多 32 MB,请分批", "en": "at most 32 MB in a batch; split it"}


def _look_up() -> datastreams.Index:
    try:
        index = datastreams.refreshed()
        watch.watch_of(index)
        return index
    finally:
        close_old_connections()


def _found(scope: tuple[str, ...], keys: list[str]) -> tuple[datastreams.Index, NDArray[np.int32]]:
    """Return the index, looked up anew where it lacks a key, and the datastream of each key in it."""
    index = datastreams.index()
    stream = _streams(index, scope, keys)
    if (stream < 0).any():
        index = datastreams.refreshed()
        stream = _streams(index, scope, keys)
    return index, stream


def _streams(index: datastreams.Index, scope: tuple[str, ...], keys: list[str]) -> NDArray[np.int32]:
    """Return the datastream of each key, -1 where this machine may send none of that name: int32[n]."""
    known = index.for_scope(scope)
    return np.array([known.get(key, -1) for key in keys], dtype=np.int32)


def _take(
    source: Actor,
    parsed: wire.Parsed,
    index: datastreams.Index,
    stream: NDArray[np.int32],
    now: int,
    *,
    shed: bool = True,
) -> Taken:
    """Check rows and queue what is good; the answer may be given when every append is durable."""
    batch = _batch(parsed, stream)
    value = batch.value
    reasons = _reasons(index, batch, now)
    seen = watch.watch_of(index)
    level = pressure.pressure(log().waiting_bytes) if shed else 0
    if level:
        reasons[watch.turned_away(seen, stream, level) & (reasons == 0)] = SHED
    refused = np.flatnonzero(reasons)
    if len(refused):
        batch = batch.pick(reasons == 0)
    rejected: list[dict[str, Any]] = [{"row": bad.row, "reason": bad.reason} for bad in parsed.bad]
    kept: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place in refused:
        key, name = parsed.datastream[place], _NAMES[reasons[place]]
        rejected.append(
            {"row": parsed.rows[place], "reason": _reason(name, key, index, stream[place], value[place])}
        )
        if name in {"unknown", "ahead"}:
            kept[key, name].append(f"{parsed.at[place]} {parsed.value[place]!r} {parsed.seq[place]}")
    rejected.sort(key=lambda line: line["row"])
    durable = []
    if len(batch.at):
        durable.append(log().append(READINGS, packed(batch, now, watch.flags(seen, batch, now))))
    if kept:
        durable.append(log().append(QUARANTINE, _quarantined(source, kept, now)))
    found: dict[str, Any] = {"accepted": _distinct(batch), "rejected": rejected}
    away = int(np.count_nonzero(reasons == SHED)) if level else 0
    if away:
        found["shed"] = away
    return Taken(found, durable)


_NAMES: Final = ("", "not_finite", "unknown", "ahead", "bounds", "shed", "before")
SHED: Final = _NAMES.index("shed")


def _batch(parsed: wire.Parsed, stream: NDArray[np.int32]) -> Batch:
    return Batch(
        stream,
        np.array(parsed.at, dtype=np.int64),
        np.array(parsed.seq, dtype=np.int64),
        np.array(parsed.value, dtype=np.float64),
    )


def _reasons(index: datastreams.Index, batch: Batch, now: int) -> NDArray[np.int8]:
    """Return for each row the number of its reason, 0 for a good one; the gravest wins."""
    stream, at, value = batch.datastream, batch.at, batch.value
    reasons = np.zeros(len(at), dtype=np.int8)
    reasons[(value < index.least[stream]) | (value > index.most[stream])] = 4
    reasons[at < 0] = 6
    reasons[at > now + AHEAD_US] = 3
    reasons[stream < 0] = 2
    reasons[~np.isfinite(value)] = 1
    return reasons


def _reason(name: str, key: str, index: datastreams.Index, stream: int, value: float) -> Label:
    least, most = float(index.least[stream]), float(index.most[stream])
    fields = {"key": key[:80], "value": float(value), "least": least, "most": most}
    template = REASONS[name]
    return {"zh": template["zh"].format(**fields), "en": template["en"].format(**fields)}


def _quarantined(source: Actor, kept: dict[tuple[str, str], list[str]], now: int) -> bytes:
    """Seal what is kept but not judged: a device that nobody knows may carry what nobody may read."""
    rows = [
        Unknown(
            key[:110],
            reason,
            len(lines),
            seal("\n".join(lines)[:SAMPLE_CHARS], f"quarantine:{source.key}:{key[:110]}:{reason}"),
        )
        for (key, reason), lines in kept.items()
    ]
    return msgspec.msgpack.encode(QuarantineRecord(source.key, now, rows))


def _distinct(batch: Batch) -> int:
    """Count readings by (datastream, at, seq): one sent twice is accepted once."""
    if quality.once_each(batch.datastream):
        return len(batch.at)
    order = np.lexsort((batch.seq, batch.at, batch.datastream))
    batch = batch.pick(order)
    again = (
        (batch.datastream[1:] == batch.datastream[:-1])
        & (batch.at[1:] == batch.at[:-1])
        & (batch.seq[1:] == batch.seq[:-1])
    )
    return len(batch.at) - int(again.sum())
