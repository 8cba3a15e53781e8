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
from liangwang.operations import boards
from liangwang.operations import panels as board_panels

from ..shared import geometry
from ..shared.clock_face import level_of

Page = dict[str, Any]
LEVELS = ("city", "district", "street")
FEED_CARDS = {"city": 6, "district": 6, "street": 6}
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
    """The five dimensions with what the packs' boards declare for them."""
    return {"panels": board_panels.panels(place.code, at)}


def _card(row: boards.Row, at: datetime) -> Page:
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
        "next": climbed.get(row["climbed"], row["stage_label"]),
        "supervised": row["supervised"],
        "fresh": at - row["opened_at"] < FRESH,
        "href": reverse("staff-incident", args=[row["ref"]]),
    }


def feed(actor: Actor, place: Place, at: datetime) -> Page:
    """Open incidents, the least time left first: as many cards as the wall has room for, and the count of all."""
    rows = boards.open_incidents(place.code, at)
    room = FEED_CARDS[place.level]
    total = board_panels.count_open(place.code)
    return {
        "incidents": [_card(row, at) for row in rows[:room]],
        "open_count": total,
        "late_count": sum(1 for row in rows if row["clock"] and row["clock"]["left_s"] < 0),
        "more": max(0, total - room),
        "list_href": reverse("staff-incidents") + "?state=open",
        "now": at,
    }


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
    """Incidents (with names to print), units and things of the place, as GeoJSON."""
    lang = get_language() or "zh"
    drawn = [
        geometry.point(lon, lat, role="thing", status="idle" if ok else "watch")
        for lon, lat, ok in board_panels.things_in(place.code)
    ]
    drawn += [
        geometry.point(lon, lat, role="unit", status="info") for lon, lat in board_panels.units_in(place.code)
    ]
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
                name=pick(row["title"], lang),
                rank=-(share or 0),
                late=level_of(share) == "bad",
                href=reverse("staff-incident", args=[row["ref"]]),
            )
        )
    return geometry.collection(drawn)
