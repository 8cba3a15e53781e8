"""The incidents of the duty page: which are asked for, the overdue first, each with clocks, next steps and what it waits for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.cases import history
from liangwang.operations import boards, decisions, kinds, reports
from liangwang.operations.escalation import LEVELS

from . import shown

Page = dict[str, Any]
FIRST = 60  # rows at once: more are fetched when they are asked for
MOST = 600
STEPS = 2  # next steps that a row shows
FRESH = timedelta(seconds=20)
CLIMBED: dict[str, Label] = {
    "street": {"zh": "已报街镇", "en": "told the street"},
    "district": {"zh": "已报区", "en": "told the district"},
    "city": {"zh": "已报市", "en": "told the city"},
}


class Asked(NamedTuple):
    """What the officer wants to see: a list of SHOWS, a kind (`pack:kind`, "" for all), words, and how many rows."""

    show: str = "open"
    kind: str = ""
    words: str = ""
    most: int = FIRST

    def query(self, **other: Any) -> str:
        """The same as a query string, with `other` changed; what is as usual is left out."""
        fields = {"show": self.show, "kind": self.kind, "q": self.words, "n": self.most, **other}
        usual = {"show": "open", "kind": "", "q": "", "n": FIRST}
        return urlencode({name: value for name, value in fields.items() if value != usual[name]})


def asked(query: Mapping[str, str], level: str) -> Asked:
    """Read from an address; what is not known is as usual."""
    most = query.get("n", "")
    show = query.get("show", "open")
    return Asked(
        show if show in _shows(level) else "open",
        query.get("kind", ""),
        query.get("q", "").strip()[:60],
        min(int(most), MOST) if most.isdigit() and int(most) > 0 else FIRST,
    )


def _shows(level: str) -> dict[str, str]:
    words = {
        "open": _("全部"),
        "decide": _("待我定"),
        "late": _("超时"),
        "unassigned": _("未派"),
        "led": _("本级主办"),
        "told": _("已报本级"),
    }
    if level == "street":
        del words["told"]  # a street is told of everything that is late
    return words


def _belongs(row: boards.Row, show: str, level: str) -> bool:
    if show == "decide":
        return bool(row["waits_for"])
    if show == "late":
        return bool(row["clock"] and row["clock"]["left_s"] < 0)
    if show == "unassigned":
        return row["unassigned"]
    if show == "led":
        return row["lead_level"] == level
    if show == "told":
        return row["climbed"] in LEVELS[LEVELS.index(level) :]
    return True


def _holds(row: boards.Row, words: str) -> bool:
    wanted = words.casefold()
    said = (row["number"], *row["title"].values(), *row["place"].values())
    return all(any(word in str(one).casefold() for one in said) for word in wanted.split())


def feed(place: Place, at: datetime, ask: Asked) -> Page:
    """The rows asked for, those with the least time left first; how many there are in each list and of each kind."""
    rows = boards.open_incidents(place.code, at)
    found = [
        row
        for row in rows
        if _belongs(row, ask.show, place.level) and ask.kind in ("", row["kind"]) and _holds(row, ask.words)
    ]
    page = found[: ask.most]
    refs = [row["ref"] for row in page]
    steps, told = _next_steps(refs), reports.how_many(refs)
    levels = history.told_level([row["ref"] for row in page if row["climbed"]], place.level)
    return {
        "incidents": [
            _row(row, at, place.level, steps.get(row["ref"], []), told.get(row["ref"], 0), levels.get(row["ref"]))
            for row in page
        ],
        "shows": _counted(place, rows, ask),
        "kinds": _kinds(rows, ask),
        "ask": ask,
        "found": len(found),
        "more": len(found) - len(page),
        "more_href": "?" + ask.query(n=min(ask.most + 2 * FIRST, MOST)),
        "at_most": ask.most >= MOST,
        "open_count": len(rows),
        "late_count": sum(1 for row in rows if _belongs(row, "late", place.level)),
        "list_href": reverse("staff-incidents") + "?state=open",
        "now": at,
    }  # fmt: skip


def _counted(place: Place, rows: list[boards.Row], ask: Asked) -> list[Page]:
    return [
        {
            "key": key,
            "word": word,
            "n": sum(1 for row in rows if _belongs(row, key, place.level)),
            "on": key == ask.show,
            "href": "?" + ask.query(show=key, n=FIRST),
        }
        for key, word in _shows(place.level).items()
    ]


def _kinds(rows: list[boards.Row], ask: Asked) -> list[tuple[str, Label]]:
    """The kinds that are open here, by name."""
    labels = {one.ref: one.value.label for one in kinds.kinds()}
    seen = sorted({row["kind"] for row in rows} | ({ask.kind} if ask.kind in labels else set()))
    return [(key, labels.get(key, {"zh": key, "en": key})) for key in seen]


def _next_steps(refs: list[str]) -> dict[str, list[Page]]:
    """For each incident the steps that are open now: what, who, how far they are."""
    found: dict[str, list[Page]] = {}
    for task in history.steps_of(refs):
        holder = task.crew_office or task.office
        sent, wants_crew = history.sent_to(task), "crew" in task.by or "anyone" in task.by
        step = {
            "label": task.label,
            "who": holder.name if holder else "",
            "word": shown.progress(task.state, sent[1] if sent else None) if sent or wants_crew else "",
        }
        found.setdefault(task.case.ref, []).append(step)
    return found


def _row(
    row: boards.Row, at: datetime, level: str, steps: list[Page], told: int, told_at: datetime | None
) -> Page:
    status = shown.STATUS_OF.get(row["level"], "info")
    clock = row["clock"]
    since, limit_s = shown.ran_since(row)
    return {
        "ref": row["ref"],
        "number": row["number"],
        "title": row["title"],
        "where": row["place"],
        "status": status,
        "icon": shown.ICON_OF[status],
        "stage": clock["label"] if clock else row["stage_label"],
        "since": since,
        "limit_s": limit_s,
        "minutes": minutes(row, at),
        "steps": steps[:STEPS],
        "stage_label": row["stage_label"],
        "waits_for": decisions.DECISIONS.get(row["waits_for"]),
        "climbed": CLIMBED.get(row["climbed"]),
        "told_at": told_at if level != "street" else None,
        "next_level": _next_level(row, level),
        "supervised": row["supervised"],
        "resting": row["resting"],
        "told": told if told > 1 else 0,
        "fresh": at - row["opened_at"] < FRESH,
        "href": reverse("command-incident", args=[row["ref"]]),
    }


def minutes(row: boards.Row, at: datetime) -> list[Page]:
    """发现 派单 到场 结案: the minutes of each that is over; the first that is not runs since the incident was opened."""
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    found: list[Page] = []
    running = True
    for name, word in words.items():
        value = row["minutes"][name]  # type: ignore[literal-required]
        runs = running and value is None and name != "detect" and row["closed_at"] is None
        found.append({"word": word, "value": value, "since": row["opened_at"] if runs else None})
        running = running and not runs
    return found


def _next_level(row: boards.Row, level: str) -> tuple[Label, datetime] | None:
    """Which level above hears of an overdue incident next, and when: one further term for each (operations/escalation)."""
    clock = row["clock"]
    if clock is None or clock["left_s"] >= 0 or level == "city":
        return None
    above = LEVELS.index(level) + 1
    if row["climbed"] in LEVELS and LEVELS.index(row["climbed"]) >= above:
        return None
    when = clock["due_at"] + timedelta(seconds=above * clock["whole_s"])
    return CLIMBED_NEXT[LEVELS[above]], when


CLIMBED_NEXT: dict[str, Label] = {
    "district": {"zh": "报区", "en": "to the district"},
    "city": {"zh": "报市", "en": "to the city"},
}
