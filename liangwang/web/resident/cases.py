"""After submitting: receipt, where it stands, supplements, withdrawal, rating."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import actions, queries
from liangwang.services.queries import Submission

from ..shared.told import STATES, told
from .catalogue import saving_of

LEVEL_OF_STATE = {"closed": "ok", "refused": "bad", "withdrawn": "idle", "supplement": "watch"}


def submission_of(case: Case) -> Submission:
    """The application behind the case; NotFound for a case that nobody applied for."""
    found = queries.submission_of_case(case)
    if found is None:
        raise NotFound
    return found


@door("read", "application", of=case_by_ref)
def track(request: HttpRequest, case: Case) -> HttpResponse:
    """Where the application stands: lanes by office, the clock, what comes next, what happened."""
    at = clock.now()
    shown = queries.track(submission_of(case), at)
    context = {
        **shown,
        "level": LEVEL_OF_STATE.get(shown["state"], "info"),
        "state_word": STATES[shown["state"]],
        "today": local_day(at),
        "events": told(shown["timeline"], to_applicant=True),
        "saving": saving_of(shown["report"]) if shown["report"] else [],
        "done": sum(bar["state"] == "done" for lane in shown["lanes"] for bar in lane["bars"]),
        "all": sum(len(lane["bars"]) for lane in shown["lanes"]),
        "mine": _is_applicant(request, shown["submission"]),
    }
    return render(request, "resident/case.html", context)


def _is_applicant(request: HttpRequest, submission: Submission) -> bool:
    return bool(submission.applicant_id == request.actor.for_subject_id)  # type: ignore[attr-defined]


@door("read", "application", of=case_by_ref)
def receipt(request: HttpRequest, case: Case) -> HttpResponse:
    """The receipt of the submission, with its number and its proof."""
    shown = queries.track(submission_of(case), clock.now())
    address = request.build_absolute_uri(f"/cases/{case.ref}/")
    return render(request, "resident/receipt.html", {**shown, "address": address})


@door("read", "application", of=case_by_ref)
def receipt_text(request: HttpRequest, case: Case) -> HttpResponse:
    """The proof as a text file, which verifies offline with the city's public keys."""
    text = queries.receipt(submission_of(case))
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="receipt-{case.number}.txt"'
    return answer


@door("read", "application", of=case_by_ref, post="update")
def supply(request: HttpRequest, case: Case) -> HttpResponse:
    """补正: everything that the notice lists, answered at once."""
    submission = submission_of(case)
    wanted = queries.track(submission, clock.now())["supplement"]
    errors: dict[str, str] = {}
    typed = {f"answer-{i}": request.POST.get(f"answer-{i}", "").strip() for i in range(len(wanted))}
    if request.method == "POST":
        errors = {name: _("请填写这一项") for name, value in typed.items() if not value}
        if not errors:
            facts = {f"supplement.{name}": value for name, value in typed.items()}
            with write():
                actions.supply(actor=request.actor, submission=submission, facts=facts, at=clock.now())  # type: ignore[attr-defined]
            messages.info(request, _("已补正，等待受理"))
            return HttpResponseRedirect(f"/cases/{case.ref}/")
    rows = [
        (f"answer-{i}", label, typed[f"answer-{i}"], errors.get(f"answer-{i}", ""))
        for i, label in enumerate(wanted)
    ]
    return render(request, "resident/supply.html", {"case": case, "rows": rows, "errors": errors})


@door(None, "application", of=case_by_ref, post="update")
def withdraw(request: HttpRequest, case: Case) -> HttpResponse:
    """撤件: taken back before it is decided."""
    with write():
        actions.withdraw(actor=request.actor, submission=submission_of(case), at=clock.now())  # type: ignore[attr-defined]
    messages.info(request, _("已撤回这份申请"))
    return HttpResponseRedirect(f"/cases/{case.ref}/")


def tags() -> list[tuple[str, Any]]:
    """What people most often mean by a score."""
    return [
        ("fast", _("办得快")),
        ("clear", _("说得清楚")),
        ("once", _("没有白跑")),
        ("slow", _("太慢")),
        ("unclear", _("说不清楚")),
        ("again", _("反复要材料")),
    ]


@door("read", "application", of=case_by_ref, post="rate")
def rate(request: HttpRequest, case: Case) -> HttpResponse:
    """好差评: voluntary, once; a bad one opens a case that someone must answer."""
    submission = submission_of(case)
    error = ""
    if request.method == "POST":
        score = request.POST.get("score", "")
        if score not in {"1", "2", "3", "4", "5"}:
            error = _("请选几颗星")
        else:
            try:
                with write():
                    actions.rate(
                        actor=request.actor,  # type: ignore[attr-defined]
                        submission=submission,
                        score=int(score),
                        tags=request.POST.getlist("tags"),
                        text=request.POST.get("text", "")[:500],
                        at=clock.now(),
                    )
                messages.info(request, _("谢谢，您的评价已记下"))
                return HttpResponseRedirect(f"/cases/{case.ref}/")
            except Refusal as refusal:
                error = refusal.message(get_language() or "zh")
    context = {
        "case": case,
        "tags": tags(),
        "error": error,
        "text": request.POST.get("text", ""),
        "stars": "54321",
    }
    return render(request, "resident/rate.html", context)
