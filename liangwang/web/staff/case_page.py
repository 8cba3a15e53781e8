"""What the one-screen page of a case shows, by its kind and by what this hat may do with it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.labels import Label, pick
from liangwang.base.working_days import local_day, working_days
from liangwang.cases import asked, history, queries
from liangwang.cases.clock import SPECIAL_GROUNDS
from liangwang.cases.queries import Case, Task
from liangwang.operations import panels
from liangwang.services import actions as actions_of_services
from liangwang.services import counter_intake, help, papers
from liangwang.services import queries as services
from liangwang.services.models_counter import Paper
from liangwang.services.queries import Submission

from ..field.shown import photos_of, where
from ..shared.told import told
from ..templatetags.ui import moment
from .decision import deciding_after, decision, lang_now, submitted

Page = dict[str, Any]
STATE_KINDS = {"open": "info", "supplement": "watch", "accepted": "brand", "closed": "ok", "refused": "bad"}
LIVE: Label = {"zh": "办理中", "en": "in progress"}


def href_of(case: Case) -> str:
    """The address of a case on the workbench; a ticket is worked on where its disagreement is shown."""
    if case.kind == "ticket":
        return reverse("data-conflict", args=[case.facts["disagreement"]])
    return reverse(f"staff-{case.kind}", args=[case.ref])


def due_word(due: datetime | None, at: datetime) -> tuple[str, str]:
    """(status, word) of a due time."""
    if due is None:
        return "idle", _("无时限")
    return ("bad", _("已超时")) if due < at else ("ok", _("时限内"))


def state_of(case: Case) -> tuple[str, Label]:
    """(status, word) of a case; an incident's word is its stage while it is open."""
    if case.state == Case.State.ACCEPTED:
        stage: Label = queries.STAGE_LABELS[case.stage]  # type: ignore[assignment]
        return "brand", stage if case.kind == "incident" else LIVE
    return STATE_KINDS.get(case.state, "idle"), queries.STATE_LABELS[case.state]


def case_page(
    case: Case, actor: Actor, at: datetime, task_ref: str = "", seen: access.Thing | None = None
) -> Page:
    """The context of staff/case.html: one act at a time in full (`task_ref`, else the first), the others as tabs."""
    kind, word = state_of(case)
    every = list(case.tasks.select_related("office", "crew_office", "assignee__party").order_by("id"))
    own = _application(case, at, every) if case.kind == "application" else _incident(case, at)
    tasks = _open_tasks(case, every)
    submission = own.get("submission")
    acts = [act for task in tasks if (act := _act(case, task, actor, at, submission))]
    of_case = seen is not None and (seen.kind, seen.ref) == (case.kind, case.ref)
    may = _asker(actor, seen if seen and of_case else access.thing_of(case.kind, case))
    act = next((act for act in acts if act["task"].ref == task_ref), acts[0] if acts else None)
    return {
        "case": case,
        "state_kind": kind,
        "state_word": pick(word, lang_now()),
        "closed": not history.is_live(case),
        "acts": acts,
        "act": act,
        "case_acts": _case_acts(case, may, tasks),
        "may_refuse": may("decide"),
        "waits_for": [{"label": task.label, "who": _holder(task)} for task in tasks],
        "timeline": told(queries.timeline(case)),
        "now": at,
        "errors": {},
        "typed": {},
        "escalated": max((task.climbed for task in tasks), key=len, default=""),
        **own,
    }


def _holder(task: Task) -> Label:
    """Whose turn it is, by name."""
    office = task.crew_office or task.office
    name: Label = office.name if office else LIVE
    return name


def _application(case: Case, at: datetime, tasks: list[Task]) -> Page:
    clock = queries.clock(case, at)
    shown: Page = {
        "lanes": queries.lanes(case, at, tasks),
        "clock": clock,
        "promised": clock["promised_on"],
        "today": local_day(at),
        "works": works(),
    }
    intake = counter_intake.intake_of(case)
    if intake is not None:
        shown |= {"intake": intake, "papers": [_paper(one) for one in papers.papers_of(case)]}
    letters = services.letters_of(case)
    shown |= {
        "letters": [services.letter_row(one) for one in letters],
        "after": services.after_facts(case),
        "archive": None if history.is_live(case) else services.archive_of(case),
        "undelivered": [services.letter_row(one) for one in letters if services.is_undelivered(one)],
        "following": asked.following(case),
    }
    submission = services.submission_of_case(case)
    if submission is None:
        person = getattr(case.subject, "person", None)
        return {**shown, "applicant": person.name if person else ""}
    shown |= {
        "submission": submission,
        "lacking": list(asked.lacking_of(case)),
        "lackable": actions_of_services.lackable(submission) if case.state == Case.State.OPEN else [],
        "grounds": list(SPECIAL_GROUNDS.items()),
    }
    person = getattr(submission.applicant, "person", None)
    made = submission.evidence.get("report")
    return {
        **shown,
        **submitted(case, submission),
        "applicant": person.name if person else "",
        "saved": saved_rows(made) if made else [],
        "definition": made["definition"] if made else None,
    }


PAPER_KINDS = {"held": "idle", "packed": "watch", "sent": "info", "received": "ok", "missing": "bad"}


def _paper(one: Paper) -> Page:
    """A sheet of paper and where it is."""
    return {"it": one, "kind": PAPER_KINDS[one.state], "word": papers.STATE_LABELS[one.state]}


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
    tasks = list(case.tasks.select_related("office", "crew_office").order_by("id"))
    due = max((t.due_at for t in tasks if t.due_at), default=None)
    words = {"detect": _("发现"), "assign": _("派单"), "arrive": _("到场"), "close": _("结案")}
    return {
        "address": where(case),
        "ground": case.place.code[:9] if case.place else "",
        "minutes": [{"label": word, "value": minutes[key]} for key, word in words.items()],  # type: ignore[literal-required]
        "limit_s": (due - case.opened_at).total_seconds() if due else None,
        "why": panels.why(case),
        "said": case.facts.get("text", ""),
        "task_columns": [
            (_("环节"), "text"),
            (_("由谁"), "text"),
            (_("进度"), "text"),
            (_("到期"), "text"),
            (_("时限"), "status"),
        ],
        "task_rows": [_task_row(task, at) for task in tasks],
        "pairs": [pair for task in tasks if (pair := _pair(task))],
    }


def _pair(task: Task) -> Page | None:
    """Photos before and after of a task's last attempt, and what was done; None where none were taken."""
    photos = photos_of(task, task.attempt)
    if not photos:
        return None
    before, after = photos.get("photo_before"), photos.get("photo_after")
    note = task.result.get("note", "")
    return {"task": task.ref, "label": task.label, "before": before, "after": after, "note": note}


def _task_row(task: Task, at: datetime) -> Page:
    """One task: who holds it and how far away they were, how far it got, by when."""
    sent = history.sent_to(task)
    who = pick(task.office.name, lang_now()) if task.office else ""
    if sent is not None:
        who = _crew_word({"key": "", "name": sent[0], "minutes": sent[1]})
    status = ("ok", _("已办结")) if task.done_at is not None else due_word(task.due_at, at)
    if task.state == "waiting":
        status = ("idle", _("未开始"))
    cells = [task.label, who, queries.STATE_LABELS[task.state], moment(task.due_at), status]
    return {"ref": task.ref, "cells": cells}


def _open_tasks(case: Case, tasks: list[Task]) -> list[Task]:
    """What the case waits for, each with the case at hand."""
    found = queries.next_steps(case, tasks)
    for task in found:
        task.case = case
    return found


def _act(case: Case, task: Task, actor: Actor, at: datetime, submission: Submission | None) -> Page | None:
    """What this hat may do with an open task: its form, with the facts that it decides on; None if nothing."""
    may = _asker(actor, access.thing_of(f"{case.kind}_task", task))
    kind, word = due_word(task.due_at, at)
    base: Page = {"task": task, "due_kind": kind, "due_word": word}
    if help.is_help(case) and task.state in {"ready", "accepted"}:
        return {**base, **_helping(case, at)} if may("handle") else None
    if case.kind == "application" and task.state in {"ready", "accepted"} and may("decide"):
        return {**base, **_deciding(task, actor, submission)}
    if task.state == "reported" and task.verify == "other" and may("verify"):
        note = task.result.get("note", "")
        asks = {"asks": _("需您核查"), "template": "staff/acts/verify.html", "note": note}
        return {**base, **asks, "photos": photos_of(task, task.attempt)}
    if case.kind == "incident" and task.state in {"ready", "assigned"} and may("dispatch"):
        choices = [(crew["key"], _crew_word(crew)) for crew in panels.crews_for(task)]
        return {
            **base,
            "asks": _("派单、督办"),
            "template": "staff/acts/assign.html",
            "choices": choices,
            "state": queries.STATE_LABELS[task.state],
        }
    return None


def _deciding(task: Task, actor: Actor, submission: Submission | None) -> Page:
    """The decision of the own office with whom it may pass on to or ask; for another office, its signature."""
    signatures = asked.signatures_of(task, actor)
    if any(one["mine"] for one in signatures):
        return {"asks": _("请您会签"), "template": "staff/acts/cosign.html", "signatures": signatures}
    own = task.office_id == actor.office_id
    competent, near = asked.offices_beside(task) if own else ([], [])
    pass_to = [(f"post:{one.ref}", one.party.label) for one in asked.colleagues(task, actor)] if own else []
    pass_to += [(f"office:{one.key}", one.name) for one in competent]
    return {
        **decision(task, submission),
        **deciding_after(task, actor),
        "signatures": signatures,
        "pass_to": pass_to[:60],
        "may_ask": [(one.key, one.name) for one in near[:80]],
    }


def _helping(case: Case, at: datetime) -> Page:
    """What a helper answers to: the page, the person's words, the answers so far."""
    return {"asks": _("需您答复"), "template": "staff/acts/help.html", "help": help.shown(case, at)}


def _asker(actor: Actor, thing: access.Thing) -> Callable[[str], bool]:
    """Asks the policy about one thing."""
    return lambda verb: access.may(actor, verb, thing).allowed


def _crew_word(crew: panels.Choice) -> str:
    name = pick(crew["name"], lang_now())
    if crew["minutes"] is None:
        return name
    return _("%(name)s · 约 %(n).0f 分钟") % {"name": name, "n": crew["minutes"]}


def _case_acts(case: Case, may: Callable[[str], bool], open_tasks: list[Task]) -> list[str]:
    """Forms about the whole case: accept an application, confirm a report, close an incident."""
    if case.kind == "application":
        return ["staff/acts/accept.html"] if case.state == Case.State.OPEN and may("handle") else []
    if case.state == Case.State.OPEN and may("dispatch"):
        return ["staff/acts/confirm.html"]
    waits = [task for task in open_tasks if task.stage != "close"]
    if case.state == Case.State.ACCEPTED and not waits and may("close"):
        return ["staff/acts/close.html"]
    return []
