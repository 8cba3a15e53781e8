"""`{% load ui %}`: the components of the design system as tags, and the filters for names, dates and durations."""

import re
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import segno
from django import template
from django.conf import settings
from django.template import Context
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from liangwang.base.labels import pick as pick_label

from ..shared import clock_face, lanes_chart, maps

register = template.Library()

ICON_OF = {
    "ok": "circle-check",
    "watch": "triangle-alert",
    "warn": "diamond",
    "bad": "octagon-x",
    "info": "info",
    "idle": "circle-dashed",
    "brand": "circle-dot",
}
WEEKDAYS_ZH = "一二三四五六日"
CJK = re.compile(r"[\u3400-\u9fff]")


# --- icons and words -----------------------------------------------------------------------------------


@cache
def _icon_body(name: str) -> str:
    """The drawing inside an icon of lucide-static; raises LookupError for a name that the set does not have."""
    path = settings.NODE_MODULES / "lucide-static" / "icons" / f"{name}.svg"
    if not path.is_file():
        raise LookupError(
            f"no icon {name!r} in {path.parent}; run `npm ci`, or see lucide.dev/icons for the names"
        )
    text = path.read_text()
    return "".join(text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")].split("\n")).strip()


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An inline line icon; silent to screen readers unless it has a label."""
    voice = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        css,
        voice,
        mark_safe(_icon_body(name)),
    )


@register.filter
def pick(label: Any) -> str:
    """A {zh, en} label in the reader's language; plain text stays."""
    return pick_label(label, get_language() or "zh") if isinstance(label, dict) else str(label or "")


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)) if at.tzinfo else at


def _english() -> bool:
    return (get_language() or "zh").startswith("en")


@register.filter
def day(value: date | datetime | str | None, style: str = "") -> str:
    """5月15日 / 15 May; `|day:"year"` with the year, `|day:"week"` with the weekday."""
    if not value:
        return ""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    on = _local(value) if isinstance(value, datetime) else value
    if _english():
        text = f"{on.day} {on:%b}" + (f" {on.year}" if style == "year" else "")
        return f"{on:%a} {text}" if style == "week" else text
    text = (f"{on.year}年" if style == "year" else "") + f"{on.month}月{on.day}日"
    return f"{text} 周{WEEKDAYS_ZH[on.weekday()]}" if style == "week" else text


@register.filter
def moment(value: datetime | str | None, style: str = "") -> str:
    """5月9日 14:02 / 9 May 14:02, in the city's zone; `|moment:"time"` the time alone, `|moment:"year"` with the year."""
    if not value:
        return ""
    at = _local(datetime.fromisoformat(value) if isinstance(value, str) else value)
    return f"{at:%H:%M}" if style == "time" else f"{day(at, style)} {at:%H:%M}"


@register.filter
def minutes(seconds: float | None) -> str:
    """A duration in seconds, in the largest two units: 2 小时 5 分 / 2 h 5 min; a dash for None."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds) // 60)
    hours, rest = divmod(whole, 60)
    if hours >= 48:
        return ngettext("%(n)s 天", "%(n)s 天", hours // 24) % {"n": hours // 24}
    if hours:
        return _("%(h)s 小时 %(m)s 分") % {"h": hours, "m": rest}
    return _("%(m)s 分钟") % {"m": whole} if whole or not seconds else _("%(s)s 秒") % {"s": int(seconds)}


@register.filter
def spoken(text: str) -> str:
    """Marks Chinese on an English page (names, numbers of letters), so that it is read aloud and set as Chinese."""
    if _english() and CJK.search(text):
        return format_html('<span lang="zh">{}</span>', text)
    return text


@register.filter
def masked(name: str | None) -> str:
    """林晓梅 → 林**: the family name, and a star for each further character."""
    return f"{name[0]}{'*' * (len(name) - 1)}" if name else ""


@register.filter
def yuan(fen: int | None) -> str:
    """An amount in 分 as 380.00 元 / CNY 380.00."""
    if fen is None:
        return "–"
    amount = f"{fen / 100:,.2f}"
    return f"CNY {amount}" if _english() else f"{amount} 元"


@register.filter
def thousands(number: float | None) -> str:
    """12345 → 12,345; a dash for None."""
    return "–" if number is None else f"{number:,}"


@register.filter
def at_key(mapping: dict[str, Any] | None, key: str) -> Any:
    """mapping[key], or None."""
    return (mapping or {}).get(key)


# --- components ----------------------------------------------------------------------------------------


@register.inclusion_tag("components/button.html")
def button(
    text: str,
    href: str = "",
    kind: str = "",
    icon: str = "",
    key: str = "",
    name: str = "",
    value: str = "",
    **more: str,
) -> dict[str, Any]:
    """A verb: a link with `href`, else a submit button. `key` is its letter on the keyboard (desk)."""
    attributes = {k.replace("_", "-"): v for k, v in more.items()}
    return {**locals(), "attributes": attributes}


@register.inclusion_tag("components/field.html")
def field(
    name: str,
    label: str,
    kind: str = "text",
    value: Any = "",
    hint: str = "",
    error: str = "",
    options: Any = (),
    given: str = "",
    ask: bool = False,
    required: bool = True,
    suffix: str = "",
    id: str = "",
    **more: str,
) -> dict[str, Any]:
    """Label, hint, error, control. kind: text tel date number email password search textarea select radio checkbox file.

    `options` are (value, label) or (value, label, hint); `given` says where a prefilled value comes from;
    `ask` makes it the one question of the page; `suffix` is the unit that is counted.
    `id` is needed where a page has two fields of one name.
    """
    id = id or name
    chosen = {str(v) for v in value} if isinstance(value, (list, tuple, set)) else {str(value)}
    rows = [(str(o[0]), o[1], o[2] if len(o) > 2 else "") for o in options]
    attributes = {k.replace("_", "-"): v for k, v in more.items()}
    described = " ".join(
        f"{id}-{part}" for part, has in (("hint", hint), ("error", error), ("given", given)) if has
    )
    return {**locals(), "rows": rows, "attributes": attributes, "described": described, "chosen": chosen}


@register.inclusion_tag("components/error_summary.html")
def error_summary(errors: Any) -> dict[str, Any]:
    """What is wrong, each linked to its field. `errors`: {field: message} or [(field, message)]."""
    pairs = errors.items() if hasattr(errors, "items") else errors
    return {"errors": [(name, message) for name, message in pairs or ()]}


@register.inclusion_tag("components/summary_list.html")
def summary_list(rows: Any, css: str = "") -> dict[str, Any]:
    """Facts: dicts of label, value, and optionally source, status, why, change (a URL), note."""
    return {"rows": rows, "css": css}


@register.simple_tag
def status(kind: str, word: str) -> SafeString:
    """Colour, shape and word together. kind: ok watch warn bad info idle brand."""
    return format_html('<span class="chip {}">{}{}</span>', kind, icon(ICON_OF[kind]), word)


@register.simple_tag
def source(text: str, kind: str = "ok") -> SafeString:
    """Where a value comes from (provenance chip), e.g. 公安 5月9日 已核."""
    mark = "database" if kind == "ok" else ICON_OF[kind]
    return format_html('<span class="source {}">{}{}</span>', kind, icon(mark), text)


@register.simple_block_tag
def card(
    content: str, title: str = "", icon_name: str = "", more: str = "", href: str = "", css: str = ""
) -> SafeString:
    """`{% card title="…" %}…{% endcard %}`; `more` and `href` make the link on the right."""
    drawn = icon(icon_name) if icon_name else ""
    link = format_html('<a class="end" href="{}">{}</a>', href, more) if href else ""
    head = format_html("<header><h2>{} {}</h2>{}</header>", drawn, title, link) if title else ""
    return format_html('<section class="card {}">{}{}</section>', css, head, mark_safe(content))


@register.simple_block_tag
def note(content: str, kind: str = "info") -> SafeString:
    """A remark with colour and shape. kind as for `status`."""
    return format_html(
        '<div class="note {}">{}<div>{}</div></div>',
        kind,
        icon(ICON_OF[kind]),
        mark_safe(content),
    )


@register.inclusion_tag("components/table.html")
def table(
    columns: Any, rows: Any, caption: str = "", selectable: bool = False, empty: str = ""
) -> dict[str, Any]:
    """A table that sorts, filters and selects by keyboard.

    `columns`: (label, kind) with kind text | number | date | status | source; `rows`: dicts of cells (one per column; a
    status cell is (kind, word)), href, ref. The first column carries the link.
    """
    cells = [
        {**row, "cells": [(kind, cell) for (_label, kind), cell in zip(columns, row["cells"], strict=True)]}
        for row in rows
    ]
    return {"columns": columns, "rows": cells, "caption": caption, "selectable": selectable, "empty": empty}


def _bar_words(bar: dict[str, Any]) -> str:
    """What stands at a bar: when it ended, that it runs, or what it waits for."""
    ended = bar.get("end")
    return {
        "done": _("%(day)s 办结") % {"day": day(ended)} if ended else _("已办结"),
        "doing": _("办理中"),
        "late": _("已超时"),
        "back": _("退回重办"),
    }.get(bar["state"], _("等待"))


def _spread(rows: Any) -> list[dict[str, Any]]:
    """One row per task: the answer of cases.queries.lanes has one per office, with its tasks as bars."""
    spread: list[dict[str, Any]] = []
    for row in rows:
        for bar in row.get("bars") or [row]:
            own = bar is row
            label = row["label"] if own else bar["text"]
            text = pick(row.get("text")) or _bar_words(row) if own else _bar_words(bar)
            dates = {"start": bar.get("start"), "end": bar.get("end"), "state": bar["state"]}
            spread.append({"office": row["office"], "label": label, "text": text, **dates})
    return spread


@register.inclusion_tag("components/lanes.html")
def lanes(rows: Any, today: date, promised: date | None = None, calendar: Any = None) -> dict[str, Any]:
    """A plan by office over days: the answer of cases.queries.lanes, or rows of office, label, start, end, state, text."""
    last = _local(promised).date() if isinstance(promised, datetime) else promised
    return {"chart": lanes_chart.chart(_spread(rows), today, last, calendar)}


@register.inclusion_tag("components/clock.html")
def legal_clock(clock: dict[str, Any] | None) -> dict[str, Any]:
    """法定 · 承诺 · 已用, opening to each day: the answer of cases.queries.clock."""
    return {"face": clock_face.face(clock) if clock else None}


@register.inclusion_tag("components/running.html")
def running_clock(
    since: datetime,
    limit_s: float | None = None,
    now: datetime | None = None,
    label: str = "",
    stopped: bool = False,
    left: bool = False,
) -> dict[str, Any]:
    """An incident's clock: runs in the page (js/clock.mjs), with the share of its limit used in words, bar and shape.

    With `left` it tells what is left of the limit, or how far beyond it is, where there is a limit.
    """
    run = clock_face.running(since, limit_s, now)
    return {"run": run, "label": label, "stopped": stopped, "left": left and run.limit_s is not None}


@register.inclusion_tag("components/timeline.html")
def timeline(events: Any) -> dict[str, Any]:
    """Newest first: dicts of at, text, and optionally by, kind (status), note."""
    return {"events": events}


@register.inclusion_tag("components/state.html")
def state(
    kind: str, title: str, body: str = "", href: str = "", action: str = "", icon: str = ""
) -> dict[str, Any]:
    """A designed state: empty, loading, partial, offline, forbidden, error, done. Always says what to do."""
    icons = {
        "empty": "inbox",
        "loading": "loader-circle",
        "partial": "triangle-alert",
        "offline": "wifi-off",
        "forbidden": "lock",
        "error": "octagon-x",
        "done": "circle-check",
    }
    return {**locals(), "drawing": icon or icons[kind]}


@register.inclusion_tag("components/pager.html")
def pager(
    next_url: str = "", first_url: str = "", shown: int | None = None, total: int | None = None
) -> dict[str, Any]:
    """Keyset paging: the next page, and back to the first."""
    return locals()


@register.inclusion_tag("components/map.html")
def map_box(
    source: str = "",
    lon: float = 121.43,
    lat: float = 31.22,
    zoom: float = 13,
    label: str = "",
    css: str = "",
    pick: str = "",
    trace: str = "",
) -> dict[str, Any]:
    """A map drawn by js/map.mjs from GeoJSON at `source`; without a script, the text `label` stands there.

    A click fills the fields `<pick>_lon` and `<pick>_lat`, or adds a line to the field `trace`.
    """
    return {**locals(), "credit": maps.credit()}


@register.inclusion_tag("components/photo_pair.html")
def photo_pair(before: Any = None, after: Any = None) -> dict[str, Any]:
    """处置前/处置后: dicts of url, at, place, by."""
    return {"before": before, "after": after}


@register.inclusion_tag("components/saved.html")
def saved(rows: Any, definition: str = "") -> dict[str, Any]:
    """Saved effort: dicts of label, before, after, unit; `definition` says what "before" is."""
    return {"rows": rows, "definition": definition}


@register.inclusion_tag("components/seal.html")
def seal(office: str, demo: bool = True) -> dict[str, Any]:
    """The place of the seal on a notice; a drawn seal says that it is a demonstration."""
    return {"office": office, "demo": demo, "size": max(13, min(24, 260 // max(1, len(office))))}


@register.simple_tag
def qr(text: str, label: str, css: str = "") -> SafeString:
    """A QR code as inline SVG, with words for those who cannot see it."""
    code = segno.make(text, error="m", micro=False)
    size = code.symbol_size(border=0)[0]
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark
    )
    return format_html(
        '<span class="qr {}"><svg viewBox="-1 -1 {} {}" role="img" aria-label="{}" shape-rendering="crispEdges">'
        '<path fill="#000" d="{}"/></svg></span>',
        css,
        size + 2,
        size + 2,
        label,
        path,
    )


@register.simple_tag
def spark(values: Any, unit: str = "") -> SafeString:
    """A small curve with its own scale (lowest and highest are written at it)."""
    numbers = [float(v) for v in values]
    if len(numbers) < 2:
        return mark_safe("")
    low, high = min(numbers), max(numbers)
    span = (high - low) or 1.0
    points = [(i * 100 / (len(numbers) - 1), 28 - (v - low) / span * 24) for i, v in enumerate(numbers)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    said = escape(f"{low:g} – {high:g} {unit}".strip())
    return mark_safe(
        f'<span class="curve"><svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon class="band" points="0,32 {line} 100,32"/><polyline points="{line}"/></svg><small>{said}</small></span>'
    )


@register.simple_tag(takes_context=True)
def current(context: Context, prefix: str, exact: bool = False) -> SafeString:
    """` aria-current="page"` when the request is inside this path."""
    path = context["request"].path if "request" in context else ""
    here = path == prefix if exact else path.startswith(prefix)
    return mark_safe(' aria-current="page"' if here else "")
