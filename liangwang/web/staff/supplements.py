"""批量补正: tick what is missing in each case, see every notice before it goes, then one notice a case."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door, may, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.cases.inbox import Line
from liangwang.services import actions, queries, supplement
from liangwang.services.queries import Submission

from .bulk import back_to, chosen, listed
from .pages import actor_of, page

STEPS = ("tick", "preview", "do")
MOST = 50  # cases on one page: more nobody reads before they go out


class Chosen(NamedTuple):
    """One chosen line: its application where it can be asked for a supplement, else why not."""

    line: Line
    submission: Submission | None
    why_not: str


@door(None, "home", post="update")
def page_of(request: HttpRequest) -> HttpResponse:
    """The three steps of one form; what was ticked goes along from step to step."""
    step, actor = request.POST.get("step", "tick"), actor_of(request)
    if step not in STEPS:
        raise NotFound
    lines = [_judged(line, actor) for line in chosen(request)[:MOST]]
    rows = [_row(request, one) for one in lines]
    if step == "do":
        for row in rows:
            row["status"] = _sent(actor, row) if row["submission"] else ("idle", row["why_not"])
    context = {
        "step": step,
        "rows": rows,
        "able": sum(bool(row["submission"]) for row in rows),
        "notices": sum(bool(row["wanted"]) for row in rows),
        "sent": sum(row["status"][0] == "ok" for row in rows),
        "faults": list(supplement.FAULTS.items()),
        "back": back_to(request),
        "back_query": request.POST.get("back", ""),
    }
    return page(request, "staff/supplements.html", context)


def _judged(line: Line, actor: Actor) -> Chosen:
    """Only before acceptance, only once, only by whoever handles the case."""
    submission = queries.submission_of_case(line.case)
    if line.task or submission is None or line.case.state != "open":
        return Chosen(line, None, _("已经受理或不是待受理的件，不能补正"))
    if not may(actor, "handle", thing_of("application", line.case)).allowed:
        return Chosen(line, None, _("您的岗位不能告知这一件补正"))
    return Chosen(line, submission, "")


def _row(request: HttpRequest, one: Chosen) -> dict[str, Any]:
    row = listed(one.line, ("idle", one.why_not))
    row |= {"submission": one.submission, "why_not": one.why_not, "wanted": [], "points": []}
    if one.submission is None:
        return row
    ref = one.line.case.ref
    more = request.POST.get(f"more.{ref}", "")
    return {
        **row,
        "more": more,
        "ref": ref,
        "points": points_of(request.POST, ref, one.submission),
        "wanted": wanted_of(request.POST, ref, one.submission, more),
    }


def points_of(typed: Mapping[str, Any], ref: str, submission: Submission) -> list[dict[str, Any]]:
    """The application's own list as supplement_ticks.html shows it, with what was ticked: [{it, ticked, fault}]."""
    ticked, faults = _ticks(typed, ref)
    return [
        {"it": point, "ticked": point.id in ticked, "fault": faults.get(point.id, "missing")}
        for point in supplement.points(submission)
    ]


def wanted_of(typed: Mapping[str, Any], ref: str, submission: Submission, more: str) -> list[Label]:
    """What the ticks and the clerk's own lines come to."""
    ticked, faults = _ticks(typed, ref)
    return supplement.wanted(submission, ticked, faults, more)


def _ticks(typed: Mapping[str, Any], ref: str) -> tuple[set[str], dict[str, str]]:
    """What was ticked of one case, and what is wrong with each."""
    before = f"fault.{ref}."
    faults = {
        name.removeprefix(before): str(value) for name, value in typed.items() if name.startswith(before)
    }
    ticked = typed.getlist(f"tick.{ref}") if isinstance(typed, QueryDict) else []
    return set(ticked), faults


def _sent(actor: Actor, row: dict[str, Any]) -> tuple[str, str]:
    """Sends one notice in a transaction of its own; one refusal stops no other."""
    wanted: list[Label] = row["wanted"]
    if not wanted:
        return "idle", _("没有勾任何一项，没有发")
    try:
        with write():
            actions.ask_supplement(actor=actor, submission=row["submission"], wanted=wanted, at=clock.now())
    except Refusal as refusal:
        return "bad", refusal.message(get_language() or "zh")
    return "ok", _("已告知补正 %(n)s 项") % {"n": len(wanted)}
