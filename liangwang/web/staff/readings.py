"""一条数据流: the curve of one sensor over any range, with what rules made of it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.operations import curves
from liangwang.operations.signals import instant

from . import curve_chart
from .pages import page

DAY_US = 86_400_000_000
SPANS = {"6h": DAY_US // 4, "day": DAY_US, "week": 7 * DAY_US, "month": 31 * DAY_US, "year": 366 * DAY_US}
LEAST_US = 600_000_000


@door("read", "reading", of=lambda number: curves.datastream(number))
def one(request: HttpRequest, stream: Any) -> HttpResponse:
    """The curve from `?from=` to `?to=`; without them the last day, or the last day that has readings."""
    zone = ZoneInfo(settings.TIME_ZONE)
    reach = curves.extent(stream.pk)
    start, end, error = _asked(request, reach, zone)
    curve = curves.series(stream.pk, start, end)
    known, limits = curves.about(stream), curves.thresholds(stream)
    frame = curve_chart.frame_of(curve, limits, start, end)
    found = curves.marks(stream, start, end)
    context = {
        "stream": stream,
        "known": known,
        "curve": curve,
        "chart": curve_chart.chart(curve, frame, max(known.stale_us, 3 * known.every_us)),
        "values": curve_chart.value_ticks(frame),
        "times": curve_chart.time_ticks(frame, zone),
        "limits": curve_chart.limit_lines(limits, frame),
        "bars": curve_chart.signal_bars(found, frame),
        "marks": found,
        "start": instant(start),
        "end": instant(end),
        "from": _written(start, zone),
        "to": _written(end, zone),
        "spans": [(name, word, _span(stream, name, end)) for name, word in _span_words()],
        "span": next((n for n, us in SPANS.items() if us == end - start), ""),
        "moves": _moves(stream, start, end),
        "all": _address(stream, reach[0], reach[1] + 1) if reach else "",
        "tier": _tier(curve.tier),
        "step": _step(curve.bucket),
        "figures": _figures(curve),
        "quantities": [(q, curves.about(q).label) for q in curves.of_thing(stream)],
        "query": request.GET.urlencode(),
        "error": error,
        "zone": zone,
    }
    return page(request, "staff/reading.html", context, status=422 if error else 200)


def _span_words() -> list[tuple[str, str]]:
    return [
        ("6h", _("6 小时")),
        ("day", _("一天")),
        ("week", _("一周")),
        ("month", _("一月")),
        ("year", _("一年")),
    ]


def _tier(tier: str) -> str:
    return {
        "raw": _("逐个读数"),
        "minute": _("每分钟的最低、平均、最高"),
        "hour": _("每小时的最低、平均、最高"),
    }[tier]


def _asked(request: HttpRequest, reach: tuple[int, int] | None, zone: ZoneInfo) -> tuple[int, int, str]:
    """The range asked for; what cannot be read is told, and the usual range shown."""
    now = round(clock.now().timestamp() * 1e6)
    last = min(now, reach[1] + 1) if reach else now
    usual = (last - DAY_US, last) if reach and last < now - DAY_US else (now - DAY_US, now)
    given = request.GET.get("from"), request.GET.get("to")
    if not any(given):
        return *usual, ""
    try:
        start, end = (_read(text, zone) for text in given)
    except ValueError:
        return *usual, _("起止时间没有看懂，请写成 2026-11-23T08:00")
    if end - start < LEAST_US:
        return *usual, _("结束要在开始之后至少十分钟")
    return start, end, ""


def _read(text: str | None, zone: ZoneInfo) -> int:
    if text and text.lstrip("-").isdigit():
        return int(text)
    at = datetime.fromisoformat(text or "")
    return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1e6)


def _written(at: int, zone: ZoneInfo) -> str:
    return instant(at).astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _address(stream: Any, start: int, end: int) -> str:
    return f"{reverse('reading', args=[stream.pk])}?{urlencode({'from': start, 'to': end})}"


def _span(stream: Any, name: str, end: int) -> str:
    return _address(stream, end - SPANS[name], end)


def _moves(stream: Any, start: int, end: int) -> dict[str, str]:
    """Addresses of the range before and after, half as wide and twice as wide."""
    span = end - start
    middle = start + span // 2
    near = max(span // 4, LEAST_US)
    return {
        "before": _address(stream, start - span // 2, end - span // 2),
        "after": _address(stream, start + span // 2, end + span // 2),
        "nearer": _address(stream, middle - near, middle + near),
        "wider": _address(stream, middle - span, middle + span),
    }


def _step(bucket: int) -> str:
    """The width of one step of the curve in words."""
    step = timedelta(microseconds=bucket)
    hours, rest = divmod(int(step.total_seconds()), 3600)
    if hours >= 24:
        return _("%(n)s 天一点") % {"n": hours // 24}
    if hours:
        return _("%(n)s 小时一点") % {"n": hours}
    minutes, seconds = divmod(rest, 60)
    return _("%(n)s 分钟一点") % {"n": minutes} if minutes else _("%(n)s 秒一点") % {"n": seconds}


def _figures(curve: Any) -> dict[str, Any] | None:
    if not len(curve.at):
        return None
    mean = float((curve.mean * curve.n).sum() / curve.n.sum())
    return {
        "least": f"{curve.least.min():.4g}",
        "mean": f"{mean:.4g}",
        "most": f"{curve.most.max():.4g}",
        "readings": curve.readings,
        "odd": len(curve.odd_at),
    }
