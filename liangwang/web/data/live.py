"""Sources of readings as they fare now: last heard, rate, flags, gaps, clock and silence; devices that nobody knows."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import audit, clock
from liangwang.base.access import Thing, door
from liangwang.base.errors import NotFound
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.operations import quarantine, source_queries, webhook
from liangwang.operations.source_queries import SourceLive

from .page import actor_of, address, departments, page, picked

KINDS = {"live": "ok", "clock": "warn", "silent": "bad", "never": "idle"}
HEIGHT = 24


def word(state: str) -> str:
    """A source's state in words."""
    return {
        "live": _("有数据"),
        "clock": _("时钟不准"),
        "silent": _("没有声音"),
        "never": _("没有来过"),
    }[state]


@door("open", "reading")
def live(request: HttpRequest) -> HttpResponse:
    """Every stream on one screen, the other ways in, and the devices in quarantine."""
    at = clock.now()
    rows = source_queries.sources_live(at)
    wanted = request.GET.get("state", "")
    shown = [row for row in rows if not wanted or row.state == wanted]
    context = {
        "rows": [_row(row) for row in shown],
        "tiles": _tiles(request, rows, wanted),
        "ways": source_queries.other_ways(at),
        "strangers": source_queries.strangers(),
        "whole": request.path,
    }
    return page(request, "data/live.html", context)


@door("open", "reading")
def source(request: HttpRequest, source: str) -> HttpResponse:
    """One stream: its silent devices, what is missing in its count, and how to send to it."""
    return _source(request, source, clock.now())


@door(None, "pack", post="configure")
def secret(request: HttpRequest, source: str) -> HttpResponse:
    """Shows the secret by which the sender of a webhook signs; who looks is written down."""
    at = clock.now()
    stream = _found(source, at).stream
    if stream.signature is None:
        raise NotFound
    with write():
        audit.record(
            actor_of(request), "configure", Thing(kind="pack", ref=source), at=at, body={"webhook": "secret"}
        )
    return _source(request, source, at, webhook.secret_of(source))


@door(None, "batch", post="update")
def settle(request: HttpRequest, number: int) -> HttpResponse:
    """Takes a device off the list: it was registered, or is not ours. It comes back if it sends again."""
    row = source_queries.stranger(number)
    if row is None:
        raise NotFound
    with write():
        quarantine.settle(row, clock.now())
        body = {"device": row.device, "reason": row.reason}
        audit.record(actor_of(request), "update", Thing(kind="batch", ref=""), at=clock.now(), body=body)
    messages.success(request, _("已移出：%(device)s。再来数据时会重新列出。") % {"device": row.device})
    return HttpResponseRedirect(reverse("data-live"))


def _found(ref: str, at: datetime) -> SourceLive:
    row = source_queries.source_live(ref, at)
    if row is None:
        raise NotFound
    return row


def _source(request: HttpRequest, ref: str, at: datetime, shown: str = "") -> HttpResponse:
    row = _found(ref, at)
    stream = row.stream
    made = _row(row)
    context = {
        **made,
        "self_row": made,
        "stream": stream,
        "office": departments().get(stream.office) or {"zh": stream.office, "en": stream.office},
        "quantities": stream.quantities.items(),
        "quiet": source_queries.silent_devices(ref, at),
        "gaps": source_queries.open_gaps(ref),
        "ways": _ways(request, row),
        "secret": shown,
        "may_configure": stream.signature is not None,
        "priority": {"alarm": _("告警优先"), "normal": _("普通"), "low": _("可缓")}[stream.priority],
    }
    return page(request, "data/live_source.html", context)


def _tiles(request: HttpRequest, rows: list[SourceLive], wanted: str) -> list[dict[str, Any]]:
    made = [
        {
            "word": _("全部"),
            "kind": "brand",
            "count": len(rows),
            "href": address(request, state=""),
            "here": not wanted,
        }
    ]
    for state, kind in KINDS.items():
        count = sum(row.state == state for row in rows)
        if count or state == wanted:
            here = state == wanted
            made.append(
                {
                    "word": word(state),
                    "kind": kind,
                    "count": count,
                    "href": address(request, state=state),
                    "here": here,
                }
            )
    return made


def _row(row: SourceLive) -> dict[str, Any]:
    return {
        "row": row,
        "name": picked(row.stream.label),
        "kind": KINDS[row.state],
        "word": word(row.state),
        "bars": _bars(row.minutes),
        "rate": f"{row.per_minute:,.0f}"
        if row.per_minute >= 10 or not row.per_minute
        else f"{row.per_minute:.1f}",
        "flagged": sum(n for _label, n in row.flags),
        "clock": clock_words(row.clock_s),
    }


def _bars(minutes: list[int]) -> list[tuple[int, float, float]]:
    """The columns of the past hour: x, y, height; minutes without readings have none."""
    top = max(minutes) or 1
    high = [round(HEIGHT * value / top, 1) for value in minutes]
    return [(n * 4, HEIGHT - one, one) for n, one in enumerate(high) if one]


def clock_words(seconds: float) -> str:
    """How late readings arrive by the device's own clock, in words; a second or two is the way itself."""
    if seconds < -1:
        return _("快 %(s)s 秒") % {"s": f"{-seconds:,.0f}"}
    if seconds < 60:
        return _("迟 %(s)s 秒") % {"s": f"{seconds:.1f}"}
    return _("迟 %(min)s 分钟") % {"min": f"{seconds / 60:,.0f}"}


def _ways(request: HttpRequest, row: SourceLive) -> list[dict[str, Any]]:
    """How to send to a stream, each way with a command to copy."""
    base, name = f"{request.scheme}://{request.get_host()}/api/v1", next(iter(row.stream.quantities))
    line = f'{{"datastream":"DEVICE.{name}","at":"2026-11-23T04:00:00Z","seq":1,"value":1}}'
    key = '-H "Authorization: Bearer $KEY"'
    ways: list[tuple[Label, str]] = [
        (
            {"zh": "HTTP，一行一个", "en": "HTTP, a row a line"},
            f"curl {key} -H 'Content-Type: application/x-ndjson' --data-binary '{line}' {base}/readings",
        ),
        (
            {"zh": "SensorThings 1.1", "en": "SensorThings 1.1"},
            f"curl {key} -H 'Content-Type: application/json' -d '{{\"result\":1}}' "
            f"\"{base}/sta/v1.1/Datastreams('{row.ref.partition(':')[0]}:DEVICE.{name}')/Observations\"",
        ),
    ]
    if "mqtt" in row.stream.channels:
        ways.append(({"zh": "MQTT", "en": "MQTT"}, f"readings/{row.ref.replace(':', '/')}/DEVICE"))
        ways += [({"zh": "MQTT 主题", "en": "MQTT topic"}, topic) for topic in row.stream.topics]
    if row.stream.mapping is not None:
        ways.append(({"zh": "Webhook", "en": "Webhook"}, f"POST {base}/hooks/{row.ref}"))
    if row.stream.moves:
        said = "lat={0}&lon={1}&timestamp={2}&speed={5}"
        words: Label = {"zh": "定位(OsmAnd、Traccar)", "en": "Position (OsmAnd, Traccar)"}
        ways.append((words, f"{base}/gps?key=$KEY&id=DEVICE&{said}"))
    return [{"title": label, "command": command} for label, command in ways]
