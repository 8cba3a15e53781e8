"""What the command screen shows of a place: panels by dimension, open incidents with clocks, the day, the map's points."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.labels import Label, pick
from liangwang.base.models import Place
from liangwang.cases import history
from liangwang.hub import queries as hub
from liangwang.operations import boards, reports
from liangwang.operations import panels as board_panels

from ..shared import geometry
from ..shared.clock_face import level_of

Page = dict[str, Any]
LEVELS = ("city", "district", "street")
FEED_CARDS = 24  # what does not fit the wall is behind the link to all
STEPS = 2  # next steps that a card shows
CREWS = 14
FRESH = timedelta(seconds=20)
STATUS_OF = {"red": "bad", "orange": "warn", "yellow": "watch", "blue": "info"}
ICON_OF = {"bad": "octagon-x", "warn": "diamond", "watch": "triangle-alert", "info": "info"}
SLOTS = 144  # ten minutes each


def crumbs(actor: Actor, place: Place) -> list[Page]:
    """city › district › street down to the place; `open` where the actor may open that screen."""
    chain: list[Place] = []
    step: Place | None = place
    while step is not None and step.level in LEVELS:
        chain.append(step)
        step = step.parent
    return [
        {
            "code": p.code,
            "name": p.name,
            "here": p.pk == place.pk,
            "open": access.may(actor, "open", access.thing_of("board", p)).allowed,
        }
        for p in reversed(chain)
    ]


def panels(actor: Actor, place: Place, at: datetime) -> Page:
    """What the packs' boards declare by dimension; then the places below, or in a street the crews on shift."""
    found = board_panels.panels(place.code, at)
    return {
        "panels": [panel for panel in found if panel["metrics"]],
        "unfed": [panel["label"] for panel in found if not panel["metrics"]],
        "below": _below(place, at),
        "crews": []
        if place.level != "street"
        else [_crew(row) for row in board_panels.on_duty(place.code, CREWS)],
        "level": place.level,
        "code": place.code,
        "own": access.may(actor, "handle", access.thing_of("board", place)).allowed,
    }


def _below(place: Place, at: datetime) -> list[Page]:
    """The places of the next level, those with most to do first: the map's list for keyboard and screen reader."""
    if place.level == "street":
        return []
    rows = boards.drill_down(place.code, at)
    return sorted(
        ({**row, "late": int(row["late"]), "href": reverse("command", args=[row["code"]])} for row in rows),
        key=lambda row: (-row["late"], -row["open"], row["code"]),
    )


def _crew(row: board_panels.OnDuty) -> Page:
    task = row["task"]
    word = progress(task.state, row["minutes"]) if task else _("空闲")
    return {"name": row["name"], "title": task.case.title if task else "", "word": word}


def progress(state: str, minutes: float | None) -> str:
    """How far a crew is with its task, in words: 在路上，约 2 分钟."""
    near = "" if minutes is None else _("约 %(n)d 分钟") % {"n": max(1, round(minutes))}
    words = {
        "ready": _("待派单"),
        "assigned": _("待接单"),
        "accepted": _("在路上"),
        "arrived": _("已到场"),
        "reported": _("待核查"),
    }
    word = words.get(state, "")
    return _("%(word)s，%(near)s") % {"word": word, "near": near} if near and state in TRAVELLING else word


TRAVELLING = {"assigned", "accepted"}


def _next_steps(refs: list[str]) -> dict[str, list[Page]]:
    """For each incident the steps that are open now: what, who, how far they are."""
    found: dict[str, list[Page]] = {}
    for task in history.steps_of(refs):
        holder = task.crew_office or task.office
        sent, wants_crew = history.sent_to(task), "crew" in task.by or "anyone" in task.by
        step = {
            "label": task.label,
            "who": holder.name if holder else "",
            "word": progress(task.state, sent[1] if sent else None) if sent or wants_crew else "",
        }
        found.setdefault(task.case.ref, []).append(step)
    return found


def _card(row: boards.Row, steps: list[Page], at: datetime, told: int = 0) -> Page:
    status = STATUS_OF.get(row["level"], "info")
    clock = row["clock"]
    whole = clock["left_s"] / (1 - clock["share"]) if clock and clock["share"] != 1 else None
    since = clock["due_at"] - timedelta(seconds=whole) if clock and whole else row["opened_at"]
    climbed: dict[str, Label] = {
        "street": {"zh": "已报街镇", "en": "told the street"},
        "district": {"zh": "已报区", "en": "told the district"},
        "city": {"zh": "已报市", "en": "told the city"},
    }
    return {
        "ref": row["ref"],
        "title": row["title"],
        "where": row["place"],
        "status": status,
        "icon": ICON_OF[status],
        "stage": clock["label"] if clock else row["stage_label"],
        "since": since,
        "limit_s": whole,
        "steps": steps[:STEPS],
        "stage_label": row["stage_label"],
        "climbed": climbed.get(row["climbed"]),
        "supervised": row["supervised"],
        "resting": row["resting"],
        "told": told if told > 1 else 0,
        "fresh": at - row["opened_at"] < FRESH,
        "href": reverse("command-incident", args=[row["ref"]]),
    }


def feed(actor: Actor, place: Place, at: datetime) -> Page:
    """Open incidents, the least time left first: what is next and who is on the way; and the count of all."""
    rows = boards.open_incidents(place.code, at)
    refs = [row["ref"] for row in rows[:FEED_CARDS]]
    steps, told = _next_steps(refs), reports.how_many(refs)
    return {
        "incidents": [
            _card(row, steps.get(row["ref"], []), at, told.get(row["ref"], 0)) for row in rows[:FEED_CARDS]
        ],
        "open_count": board_panels.count_open(place.code),
        "late_count": sum(1 for row in rows if row["clock"] and row["clock"]["left_s"] < 0),
        "list_href": reverse("staff-incidents") + "?state=open",
        "now": at,
    }


def orders(at: datetime) -> list[Page]:
    """Emergency orders in force, which every screen shows in its head; none is the routine state."""
    return [
        {"title": order.title, "number": order.number, "ends_at": order.ends_at}
        for order in hub.orders()[:CREWS]
        if order.signed_at and not order.ended_at and order.starts_at <= at < order.ends_at
    ]


def day(actor: Actor, place: Place, at: datetime) -> Page:
    """The day so far: incidents opened in each ten minutes, and the median minutes of the last 24 hours."""
    start = board_panels.start_of_day(at)
    counts = board_panels.opened_by_slot(place.code, start, at, SLOTS)
    highest = max(counts, default=0) or 1
    bars = [
        {"x": 2 * i, "height": 36 * n / highest, "y": 40 - 36 * n / highest}
        for i, n in enumerate(counts)
        if n
    ]
    said = _("今日新增 %(n)s 件，最多的十分钟 %(most)s 件") % {
        "n": sum(counts),
        "most": max(counts, default=0),
    }
    middle = board_panels.last_day_medians(place.code, at)
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    return {
        "day": {"bars": bars, "now": round(288 * (at - start) / timedelta(days=1), 1), "said": said},
        "minutes": [{"label": word, "value": middle[key]} for key, word in words.items()],  # type: ignore[literal-required]
    }


def points(actor: Actor, place: Place, at: datetime) -> Page:
    """What moves on the map of a place, as a GeoJSON FeatureCollection: incidents, units, things in alarm, counts.

    Every feature has `properties.key`, the same at every instant, by which a page updates it by difference, and `role`:
    - incident (Point): key `i:<ref>`, ref, number, name (the title), where, status (bad warn watch info: its level),
      stage (words), since (ISO: when its running clock began), limit_s (float or null), late (bool), rank, href;
    - unit (Point): key `u:<ref of the crew>`, name, status (info: has a task in hand, idle: free);
    - thing (Point): key `t:<number of the asset>`, number, status: only things with a standing signal; where the
      quiet ones stand is told once by `things`;
    - count (Point): key `c:<code>`, code, name (3 件): open incidents of a place one level below.
    A page that shows a recorded instant gets the same from the DOM event `moment` on document, whose detail is
    {at: ISO, points: this collection, incidents: [the properties of each incident feature, overdue first]}; the event
    `live` takes it back to now.
    """
    lang = get_language() or "zh"
    drawn = [
        geometry.point(lon, lat, role="thing", status="idle" if ok else "watch")
        for lon, lat, ok in board_panels.things_in(place.code)
    ]
    drawn += [
        geometry.point(lon, lat, role="unit", status="info") for lon, lat in board_panels.units_in(place.code)
    ]
    for below in _below(place, at):
        if below["open"] and below["lon"] is not None and below["lat"] is not None:
            said = _("%(n)d 件") % {"n": below["open"]}
            drawn.append(geometry.point(below["lon"], below["lat"], role="count", name=said))
    for row in boards.open_incidents(place.code, at):
        if row["lon"] is None or row["lat"] is None:
            continue
        status = STATUS_OF.get(row["level"], "info")
        share = row["clock"]["share"] if row["clock"] else None
        drawn.append(
            geometry.point(
                row["lon"],
                row["lat"],
                role="incident",
                status=status,
                name=pick(row["title"], lang) if place.level == "street" else "",
                rank=-(share or 0),
                late=level_of(share) == "bad",
                href=reverse("command-incident", args=[row["ref"]]),
            )
        )
    return geometry.collection(drawn)
