"""What the command screen shows of a place: panels by dimension, its level and shift, the day, the map's points."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.labels import pick
from liangwang.base.models import Place
from liangwang.hub import queries as hub
from liangwang.operations import boards, handover, levels, things
from liangwang.operations import panels as board_panels

from ..shared import geometry

Page = dict[str, Any]
LEVELS = ("city", "district", "street")
CREWS = 14
NEVER = 1 << 40  # later than any due time, in seconds
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
        "duty": levels.DUTIES.get(place.level),
        "code": place.code,
        "shift": shift(actor, place),
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


def orders(at: datetime) -> list[Page]:
    """Emergency orders in force, which every screen shows in its head; none is the routine state."""
    return [
        {"title": order.title, "number": order.number, "ends_at": order.ends_at}
        for order in hub.orders()[:CREWS]
        if order.signed_at and not order.ended_at and order.starts_at <= at < order.ends_at
    ]


def day(place: Place, at: datetime) -> Page:
    """The day so far in words, and the median minutes of the last 24 hours."""
    start = board_panels.start_of_day(at)
    counts = board_panels.opened_by_slot(place.code, start, at, SLOTS)
    said = _("今日新增 %(n)s 件，最多的十分钟 %(most)s 件") % {
        "n": sum(counts),
        "most": max(counts, default=0),
    }
    middle = board_panels.last_day_medians(place.code, at)
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    return {
        "day": {"said": said},
        "minutes": [{"label": word, "value": middle[key]} for key, word in words.items()],  # type: ignore[literal-required]
    }


def points(place: Place, at: datetime) -> Page:
    """What moves on the map of a place, as a GeoJSON FeatureCollection: incidents, units, things in alarm, counts.

    Every feature has `properties.key`, the same at every instant, by which a page updates it by difference, and `role`:
    - incident (Point): key `i:<ref>`, ref, number, name (the title), where, status (bad warn watch info: its level),
      stage (words), since (ISO: when its running clock began), limit_s (float or null), late (bool), rank (the most urgent
      has the smallest), href;
    - unit (Point): key `u:<ref of the crew>`, name, status (info: has a task in hand, idle: free; of a city only
      those that have one);
    - thing (Point): key `t:<number of the asset>`, number, status: only things with a standing signal; where the
      quiet ones stand is told once by `things`;
    - count (Point): key `c:<code>`, code, name (3 件): open incidents of a place one level below.
    A page that shows a recorded instant gets the same from the DOM event `moment` on document, whose detail is
    {at: ISO, points: this collection, incidents: [the properties of each incident feature, overdue first]}; the event
    `live` takes it back to now.
    """
    lang = get_language() or "zh"
    # A city has a thousand free crews: they are told from the district down, where one is chosen among them.
    units = [unit for unit in things.units(place.code) if unit.busy or place.level != "city"]
    drawn = [_unit(unit, lang) for unit in units]
    drawn += [
        geometry.point(
            one.lon, one.lat, role="thing", key=f"t:{one.number}", number=one.number, status=STATUS_OF.get(one.level, "info")
        )
        for one in things.alarms(place.code)
    ]  # fmt: skip
    for below in _below(place, at):
        if below["open"] and below["lon"] is not None and below["lat"] is not None:
            said = _("%(n)d 件") % {"n": below["open"]}
            code = below["code"]
            drawn.append(
                geometry.point(
                    below["lon"], below["lat"], role="count", key=f"c:{code}", code=code, name=said
                )
            )
    rows = boards.open_incidents(place.code, at)
    return geometry.collection([*drawn, *(shown for row in rows if (shown := _incident(row, lang)))])


def _unit(unit: things.Unit, lang: str) -> Page:
    status = "info" if unit.busy else "idle"
    return geometry.point(
        unit.lon, unit.lat, role="unit", key=f"u:{unit.ref}", name=pick(unit.name, lang), status=status
    )


def _incident(row: boards.Row, lang: str) -> Page | None:
    if row["lon"] is None or row["lat"] is None:
        return None
    since, limit_s = ran_since(row)
    clock = row["clock"]
    return geometry.point(
        row["lon"], row["lat"], role="incident", key=f"i:{row['ref']}", ref=row["ref"], number=row["number"],
        name=pick(row["title"], lang), where=pick(row["place"], lang), status=STATUS_OF.get(row["level"], "info"),
        stage=pick(clock["label"] if clock else row["stage_label"], lang), since=since.isoformat(), limit_s=limit_s,
        late=bool(clock and clock["left_s"] < 0), rank=int(clock["due_at"].timestamp()) if clock else NEVER,
        href=reverse("command-incident", args=[row["ref"]]),
    )  # fmt: skip


def ran_since(row: boards.Row) -> tuple[datetime, float | None]:
    """When the clock of an incident began, and its limit in seconds; without a clock, since it was opened."""
    clock = row["clock"]
    if clock is None or clock["whole_s"] <= 0:
        return row["opened_at"], None
    return clock["due_at"] - timedelta(seconds=clock["whole_s"]), clock["whole_s"]


def ground(place: Place) -> Page:
    """Number, lon and lat of every thing of a place, by column: half the size of GeoJSON for what hardly ever changes."""
    rows = things.positions(place.code)
    return {
        "number": [number for number, _lon, _lat in rows],
        "lon": [round(lon, 6) for _number, lon, _lat in rows],
        "lat": [round(lat, 6) for _number, _lon, lat in rows],
    }


def shift(actor: Actor, place: Place) -> Page:
    """Who has the shift of a place's operations centre, since when, and how much was handed over."""
    centre = handover.centre_at(place)
    last = next(iter(handover.handovers_of(centre.pk, 1)), None) if centre else None
    return {
        "own": access.may(actor, "handle", access.thing_of("board", place)).allowed,
        "last": last,
        "who": (last.taken_by or last.given_by).label if last else None,
        "handed": last.body.get("open_count", 0) if last else 0,
        "code": place.code,
    }
