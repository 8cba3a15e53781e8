"""What the one-screen page of a case shows, by its kind and by what this hat may do with it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.labels import Label, pick
from liangwang.base.working_days import local_day, working_days
from liangwang.cases import queries
from liangwang.cases.models import LIVE_CASE_STATES, Case, Task
from liangwang.operations import panels
from liangwang.services import queries as services

from ..field.shown import photos_of, where
from ..shared.told import told
from ..templatetags.ui import moment

Page = dict[str, Any]
STATE_KINDS = {"open": "info", "supplement": "watch", "accepted": "brand", "closed": "ok", "refused": "bad"}
LIVE: Label = {"zh": "办理中", "en": "in progress"}


def href_of(case: Case) -> str:
    """The address of a case on the workbench."""
    return reverse(f"staff-{case.kind}", args=[case.ref])


def due_word(due: datetime | None, at: datetime) -> tuple[str, str]:
    """(status, word) of a due time."""
    if due is None:
        return "idle", _("无时限")
    return ("bad", _("已超时")) if due < at else ("ok", _("时限内"))


def state_of(case: Case) -> tuple[str, Label]:
    """(status, word) of a case; an incident's word is its stage while it is open."""
    if case.state == Case.State.ACCEPTED:
        return "brand", queries.STAGE_LABELS[case.stage] if case.kind == "incident" else LIVE
    return STATE_KINDS.get(case.state, "idle"), queries.STATE_LABELS[case.state]


def case_page(case: Case, actor: Actor, at: datetime) -> Page:
    """The context of staff/case.html."""
    kind, word = state_of(case)
    own = _application(case, at) if case.kind == "application" else _incident(case, at)
    return {
        "case": case,
        "state_kind": kind,
        "state_word": pick(word, lang_now()),
        "closed": case.state not in LIVE_CASE_STATES,
        "acts": [act for task in _open_tasks(case) if (act := _act(case, task, actor, at))],
        "case_acts": _case_acts(case, actor),
        "waits_for": [
            {
                "label": t.label,
                "who": (t.crew_office or t.office).name if (t.crew_office or t.office) else LIVE,
            }  # type: ignore[union-attr]
            for t in queries.next_steps(case)
        ],
        "timeline": told(queries.timeline(case)),
        "now": at,
        "errors": {},
        "typed": {},
        **own,
    }


def _application(case: Case, at: datetime) -> Page:
    clock = queries.clock(case, at)
    shown: Page = {
        "lanes": queries.lanes(case, at),
        "clock": clock,
        "promised": clock["promised_on"],
        "today": local_day(at),
        "works": works(),
    }
    submission = services.submission_of_case(case)
    if submission is None:
        return shown
    person = getattr(submission.applicant, "person", None)
    made = submission.evidence.get("report")
    return {
        **shown,
        "applicant": person.name if person else "",
        "saved": saved_rows(made) if made else [],
        "definition": made["definition"] if made else None,
    }


SAVED: dict[str, tuple[Label, Label]] = {
    "materials": ({"zh": "材料", "en": "Documents"}, {"zh": "份", "en": ""}),
    "steps": ({"zh": "环节", "en": "Steps"}, {"zh": "个", "en": ""}),
    "trips": ({"zh": "跑动", "en": "Trips"}, {"zh": "次", "en": ""}),
    "days": ({"zh": "时间", "en": "Time"}, {"zh": "工作日", "en": "working days"}),
}


def saved_rows(made: Page) -> list[Page]:
    """A submission's before and after as the `saved` component shows it."""
    return [
        {"label": label, "before": made["before"][key], "after": made["after"][key], "unit": unit}
        for key, (label, unit) in SAVED.items()
    ]


def works() -> Callable[[date], bool]:
    """Whether a day is a working day, for the lanes chart."""
    return working_days().is_working


def _incident(case: Case, at: datetime) -> Page:
    minutes = queries.incident_minutes(case)
    due = max((t.due_at for t in case.tasks.all() if t.due_at), default=None)
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    return {
        "address": where(case),
        "ground": case.place.code[:9] if case.place else "",
        "minutes": [{"label": word, "value": minutes[key]} for key, word in words.items()],  # type: ignore[literal-required]
        "limit_s": (due - case.opened_at).total_seconds() if due else None,
        "why": panels.why(case),
        "task_columns": [
            (_("环节"), "text"),
            (_("由谁"), "text"),
            (_("状态"), "text"),
            (_("到期"), "text"),
            (_("时限"), "status"),
        ],
        "task_rows": [_task_row(task, at) for task in case.tasks.select_related("office", "crew_office")],
    }


def _task_row(task: Task, at: datetime) -> Page:
    holder = task.crew_office or task.office
    over = task.done_at is not None
    status = ("ok", _("已办结")) if over else due_word(task.due_at, at)
    cells = [
        task.label,
        holder.name if holder else "",
        queries.STATE_LABELS[task.state],
        moment(task.due_at),
        status,
    ]
    return {"ref": task.ref, "cells": cells}


def _open_tasks(case: Case) -> list[Task]:
    return [queries.task_by_ref(task.ref) or task for task in queries.next_steps(case)]


def _act(case: Case, task: Task, actor: Actor, at: datetime) -> Page | None:
    """What this hat may do with an open task: its form, with the facts that it decides on; None if nothing."""
    thing = access.thing_of("task", task)
    may = lambda verb: access.may(actor, verb, thing).allowed  # noqa: E731
    kind, word = due_word(task.due_at, at)
    base: Page = {"task": task, "due_kind": kind, "due_word": word}
    if case.kind == "application" and task.state in {"ready", "accepted"} and may("decide"):
        return {**base, **_decision(task, at)}
    if task.state == "reported" and task.verify == "other" and may("verify"):
        note = task.result.get("note", "")
        asks = {"asks": _("需您核查"), "template": "staff/acts/verify.html", "note": note}
        return {**base, **asks, "photos": photos_of(task, task.attempt)}
    if case.kind == "incident" and task.state in {"ready", "assigned"} and may("dispatch"):
        choices = [(crew["key"], _crew_word(crew)) for crew in panels.crews_for(task)]
        return {**base, "asks": _("派单、督办"), "template": "staff/acts/assign.html", "choices": choices}
    return None


def _crew_word(crew: panels.Choice) -> str:
    name = pick(crew["name"], lang_now())
    return (
        name
        if crew["minutes"] is None
        else _("%(name)s · 约 %(n).0f 分钟") % {"name": name, "n": crew["minutes"]}
    )


def _decision(task: Task, at: datetime) -> Page:
    """The decision of one office: what it decides on, what it must enter, where it may send back to."""
    found = services.decision_facts(task, at)
    base: Page = {"asks": _("需您决定"), "template": "staff/acts/decide.html"}
    if found is None:
        return {**base, "facts": [], "gives": [], "certificates": [], "back": [], "materials": []}
    return {
        **base,
        "facts": [_fact(fact) for fact in found["facts"]],
        "materials": [_material(need) for need in found["materials"]],
        "gives": [{**give, "name": f"give.{give['field']}"} for give in found["gives"]],
        "certificates": found["certificates"],
        "back": [(row["node"], row["label"], row["office"]) for row in found["back_to"]],
    }


FACT_STATES = {"conflict": "bad", "single": "watch", "majority": "watch"}


def _fact(fact: Page) -> Page:
    """A declared value with who vouches for it; what the person only told is marked so."""
    told_by: Label = {"zh": "申请人填写", "en": "told by the applicant"}
    label = {lang: f"{fact['role_label'][lang]} · {fact['label'][lang]}" for lang in ("zh", "en")}
    source = fact["source"] or told_by
    status = FACT_STATES.get(fact["state"], "ok" if fact["source"] else "info")
    return {"label": label, "value": fact["value"], "source": pick(source, lang_now()), "status": status}


WAYS: dict[str, Label] = {
    "certificate": {"zh": "电子证照，免交", "en": "e-certificate, not asked for"},
    "hub": {"zh": "数据核验，免交", "en": "checked by data, not asked for"},
    "output": {"zh": "前一环节产生，免交", "en": "made by an earlier step"},
    "earlier": {"zh": "以前办件已有，免交", "en": "kept from an earlier case"},
    "commitment": {"zh": "告知承诺", "en": "by commitment"},
    "ask": {"zh": "申请人上传", "en": "uploaded by the applicant"},
}


def _material(need: Page) -> Page:
    supply = need["supply"]
    source = pick(supply["source"], lang_now()) if supply.get("source") else ""
    way: Label = WAYS.get(supply["way"], {"zh": supply["way"], "en": supply["way"]})
    return {"label": need["label"], "value": way, "source": source}


def lang_now() -> str:
    """The language of the page being made."""
    return get_language() or "zh"


def _case_acts(case: Case, actor: Actor) -> list[str]:
    """Forms about the whole case: accept an application, confirm a report, close an incident."""
    thing = access.thing_of(case.kind, case)
    may = lambda verb: access.may(actor, verb, thing).allowed  # noqa: E731
    if case.kind == "application":
        return ["staff/acts/accept.html"] if case.state == Case.State.OPEN and may("decide") else []
    if case.state == Case.State.OPEN and may("dispatch"):
        return ["staff/acts/confirm.html"]
    waits = [task for task in queries.next_steps(case) if task.stage != "close"]
    if case.state == Case.State.ACCEPTED and not waits and may("close"):
        return ["staff/acts/close.html"]
    return []
