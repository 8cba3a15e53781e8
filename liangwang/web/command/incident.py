"""What the incident page of a duty officer shows: what was told, who handles it, clocks, levels, and every act with its key."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.cases import actions, history, joined, queries
from liangwang.cases.queries import Case, Task
from liangwang.operations import boards, levels, merging, panels, reports, things
from liangwang.operations.report_clock import clock_of
from liangwang.operations.reporting import SORTS

from ..field.shown import photos_of, where
from ..shared.told import told
from ..templatetags.ui import pick
from . import incident_acts
from .shown import ICON_OF, STATUS_OF, progress

Page = dict[str, Any]
BEFORE = timedelta(hours=2)
LEVEL_WORDS = {
    "street": {"zh": "街镇", "en": "Street"},
    "district": {"zh": "区", "en": "District"},
    "city": {"zh": "市", "en": "City"},
}
CHANNELS = {
    "app": {"zh": "随申办上报", "en": "by phone app"},
    "field": {"zh": "现场上报", "en": "from the field"},
    "12345": {"zh": "12345 热线", "en": "hotline 12345"},
    "open311": {"zh": "外部系统", "en": "another system"},
}


def page(case: Case, actor: Actor, at: datetime, *, opened: str = "", typed: Any = None) -> Page:
    """The whole page; `opened` is the act whose form stays open with what was `typed`."""
    case = queries.case_by_ref(case.ref) or case
    tasks = list(case.tasks.select_related("office", "crew_office", "case").order_by("id"))
    row = boards.incident_row(case, at)
    clock = row["clock"]
    whole = clock["left_s"] / (1 - clock["share"]) if clock and clock["share"] != 1 else None
    status = STATUS_OF.get(case.level, "info")
    seen = reports.reports_of(case)
    return {
        "case": case,
        "status": status,
        "icon": ICON_OF[status],
        "state": queries.STAGE_LABELS[case.stage]
        if case.state == "accepted"
        else queries.STATE_LABELS[case.state],
        "live": history.is_live(case),
        "address": where(case),
        "ground": case.place.code[:9] if case.place else "",
        "grids": {"duty": case.facts.get("duty_grid", ""), "unit": case.facts.get("unit_grid", "")},
        "clock_label": clock["label"] if clock else row["stage_label"],
        "since": clock["due_at"] - timedelta(seconds=whole) if clock and whole else case.opened_at,
        "limit_s": whole,
        "stopped": not history.is_live(case),
        "late": bool(case.due_at and history.is_live(case) and case.handled_at is None and case.due_at < at),
        "minutes": _minutes(row),
        "why": panels.why(case),
        "thing": _thing(case, actor, at),
        "reports": [_report(one, actor, at) for one in seen],
        "extra": max(0, len(seen) - 1),
        "tasks": [_task(task, at) for task in tasks],
        "pairs": [pair for task in tasks if (pair := _pair(task))],
        "levels": [_level(one, at) for one in levels.duties(case)],
        "assisting": joined.assisting_of(case),
        "supervisions": joined.supervisions_of(case),
        "joinings": merging.joinings_of(case),
        "timeline": _with_photos(case),
        "acts": incident_acts.acts(case, [_with_case(task, case) for task in tasks], actor, at),
        "opened": opened,
        "typed": typed or {},
        "now": at,
        "errors": {},
        "board": reverse("command", args=[actor.place_code]) if _opens_board(actor) else reverse("staff"),
    }


def _thing(case: Case, actor: Actor, at: datetime) -> Page | None:
    """The thing that the incident is about: its newest values, each with its curve from before it began until now."""
    asset = things.of_subject(case.subject_id)
    if asset is None:
        return None
    start, end = case.opened_at - BEFORE, min(at, (case.closed_at or at) + BEFORE)
    may = access.may(actor, "read", access.Thing(kind="reading", place_code=asset.place.code)).allowed
    span = urlencode({"from": round(start.timestamp() * 1e6), "to": round(end.timestamp() * 1e6)})
    values = [
        {
            "it": one,
            "unit": panels.UNIT_SIGNS.get(one.unit, one.unit),
            "href": f"{reverse('reading', args=[one.number])}?{span}" if may else "",
        }
        for one in things.latest_of(asset)
    ]
    return {"asset": asset, "values": values}


def _opens_board(actor: Actor) -> bool:
    return bool(actor.place_code) and access.may_ever(actor, "open", "board")


def _with_case(task: Task, case: Case) -> Task:
    task.case = case
    return task


def _minutes(row: boards.Row) -> list[Page]:
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    return [{"label": word, "value": row["minutes"][key]} for key, word in words.items()]  # type: ignore[literal-required]


def _report(one: Any, actor: Actor, at: datetime) -> Page:
    """One report as the duty officer reads it; the reporter's name stays sealed here."""
    may = access.may(actor, "handle", access.thing_of("report", one)).allowed
    return {
        "it": one,
        "sort": SORTS[one.sort][0],
        "channel": CHANNELS.get(one.channel, {"zh": one.channel, "en": one.channel}),
        "clock": clock_of(one, at),
        "photos": photos(one.case.ref, one.photos),
        "to_contact": one.contact_by is not None and one.contacted_at is None,
        "late_contact": bool(one.contact_by and not one.contacted_at and one.contact_by < at),
        "to_review": [c for c in one.contacts.all() if c.review_by and not c.reviewed_at],
        "contacts": list(one.contacts.all()),
        "href": reverse("command-report", args=[one.ref]) if may else "",
    }


def photos(case_ref: str, refs: Iterable[str]) -> list[str]:
    """Addresses of photos that belong to an incident."""
    return [reverse("incident-photo", args=[case_ref, ref]) for ref in refs]


def _task(task: Task, at: datetime) -> Page:
    holder = task.crew_office or task.office
    sent = history.sent_to(task)
    late = bool(task.due_at and not task.done_at and task.due_at < at and history.is_open(task))
    asked = task.defer_asked or {}
    rests = task.state == "deferred"
    how = actions.DEFERRALS.get(asked.get("how", ""), None)
    return {
        "it": task,
        "chosen": task.because if task.because.get("crew") and task.crew_office_id else None,
        "who": holder.name if holder else None,
        "word": progress(task.state, sent[1] if sent else None) or pick(queries.STATE_LABELS[task.state]),
        "late": late,
        "rests": how if rests else None,
        "asked": how if asked and not rests else None,
        "until": task.deferred_until or asked.get("until"),
        "reason": asked.get("reason", ""),
        "declined": history.awaits_ruling(task),
    }


def _pair(task: Task) -> Page | None:
    """Photos before and after of a task's last attempt, side by side; None where none were taken."""
    found = photos_of(task, task.attempt)
    if not found:
        return None
    return {
        "label": task.label, "before": found.get("photo_before"), "after": found.get("photo_after"),
        "note": task.result.get("note", ""),
    }  # fmt: skip


def _level(one: levels.LevelDuty, at: datetime) -> Page:
    return {**one, "word": LEVEL_WORDS[one["level"]], "knows": one["told_at"] is not None}


def _with_photos(case: Case) -> list[Page]:
    """The shared timeline, the newest first; photos of a message stand under it."""
    lines = queries.timeline(case)
    shown = told(lines)
    by_time = {
        (line["at"], line["what"]): line["body"].get("photos", [])
        for line in lines
        if line["what"] == "case.said"
    }
    for line in shown:
        refs = by_time.get((line["at"], "case.said"), [])
        line["photos"] = photos(case.ref, refs) if line["what"] == "case.said" else []
    return shown
