"""One case on one screen, and what a post may do with it: each verb is one POST, one transaction, one letter key."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.cases import actions, queries
from liangwang.cases.queries import Case, Task
from liangwang.services import actions as services
from liangwang.services import queries as queries_of_services
from liangwang.services.queries import Submission
from liangwang.services.supplement import FAULTS

from .case_page import case_page, href_of
from .pages import actor_of, page
from .supplements import points_of, wanted_of


def case_of(ref: str) -> Case | None:
    return queries.case_by_ref(ref)


def task_of(ref: str) -> Task | None:
    return queries.task_by_ref(ref)


def _shown(request: HttpRequest, case: Case, task_ref: str = "") -> dict[str, Any]:
    chosen = task_ref or request.GET.get("task", "")
    shown = case_page(case, actor_of(request), clock.now(), chosen, request.thing)  # type: ignore[attr-defined]
    if shown["case_acts"] and (submission := shown.get("submission")) is not None:
        points = points_of(request.POST, case.ref, submission)
        shown |= {"points": points, "faults": list(FAULTS.items()), "ref": case.ref}
    return shown


@door("read", "application", of=case_of)
def application(request: HttpRequest, case: Case) -> HttpResponse:
    """Facts with provenance, lanes, clock, history and the decision, on one screen."""
    return page(request, "staff/case.html", _shown(request, case))


@door("read", "incident", of=case_of)
def incident(request: HttpRequest, case: Case) -> HttpResponse:
    """Where, why it was noticed, who is on it, minutes, photos, and what the duty officer may do."""
    return page(request, "staff/case.html", _shown(request, case))


def _act(
    request: HttpRequest, case: Case, verb: Callable[[], object], said: str, task: str = ""
) -> HttpResponse:
    """Does one verb in one transaction; a refusal shows on the case's page with what was typed."""
    try:
        with write():
            verb()
    except Refusal as refusal:
        case.refresh_from_db()
        context = _shown(request, case, task)
        context["errors"] = {"main": refusal.message(get_language() or "zh")}
        context["typed"] = request.POST
        return page(request, "staff/case.html", context, status=refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(href_of(case))


def _lines(request: HttpRequest, name: str) -> list[str]:
    return [line.strip() for line in request.POST.get(name, "").splitlines() if line.strip()]


def _submission(case: Case) -> Submission:
    """The application behind the case; a case that a rule opened has none and is not found here."""
    found = queries_of_services.submission_of_case(case)
    if found is None:
        raise NotFound
    return found


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").strip()


# --- applications ---------------------------------------------------------------------------------------


@door(None, "application", post="handle", of=case_of)
def accept(request: HttpRequest, case: Case) -> HttpResponse:
    verb = lambda: services.accept(  # noqa: E731
        actor=actor_of(request), at=clock.now(), submission=_submission(case)
    )
    return _act(request, case, verb, _("已受理，时限从下一个工作日起算"))


@door(None, "application", post="handle", of=case_of)
def supplement(request: HttpRequest, case: Case) -> HttpResponse:
    """补正: what is ticked of the application's own list, and the clerk's own lines, in one notice."""
    submission = _submission(case)
    wanted = wanted_of(request.POST, case.ref, submission, request.POST.get("wanted", ""))
    verb = lambda: services.ask_supplement(  # noqa: E731
        actor=actor_of(request), at=clock.now(), submission=submission, wanted=wanted
    )
    return _act(request, case, verb, _("补正通知已发出"))


@door(None, "application", post="decide", of=case_of)
def refuse(request: HttpRequest, case: Case) -> HttpResponse:
    verb = lambda: services.not_accept(  # noqa: E731
        actor=actor_of(request),
        at=clock.now(),
        submission=_submission(case),
        reasons=_lines(request, "reasons"),
    )
    return _act(request, case, verb, _("不予受理决定已送达"))


@door(None, "application_task", post="decide", of=task_of)
def decide(request: HttpRequest, task: Task) -> HttpResponse:
    """Grants one office's part, with the values that it gives, or refuses it with the reasons."""
    granted = request.POST.get("outcome") == "granted"
    given = {name[5:]: str(value).strip() for name, value in request.POST.items() if name.startswith("give.")}
    reasons: dict[str, object] = {"reasons": _lines(request, "note")}
    if granted and (reason := _text(request, "because")):
        given["reason"] = reason
    result = {**given, **reasons} if task.case.follows_as else given if granted else reasons
    verb = lambda: services.decide(  # noqa: E731
        actor=actor_of(request),
        at=clock.now(),
        task=task,
        outcome="done" if granted else "refused",
        result=result,
    )
    return _act(
        request, task.case, verb, _("已办结本环节") if granted else _("不予办理的决定已记录"), task.ref
    )


@door(None, "application_task", post="decide", of=task_of)
def send_back(request: HttpRequest, task: Task) -> HttpResponse:
    """退回: to an earlier office, with the reason; only what depends on it is redone."""
    to_node, reason = request.POST.get("to_node", ""), _text(request, "reason")
    verb = lambda: services.send_back(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, to_node=to_node, reason=reason
    )
    return _act(request, task.case, verb, _("已退回"), task.ref)


# --- incidents ------------------------------------------------------------------------------------------


@door(None, "incident", post="close", of=case_of)
def close(request: HttpRequest, case: Case) -> HttpResponse:
    verb = lambda: actions.close_case(  # noqa: E731
        actor=actor_of(request), at=clock.now(), case=case, note=_text(request, "close_note")
    )
    return _act(request, case, verb, _("已结案"))


@door(None, "incident", post="dispatch", of=case_of)
def confirm(request: HttpRequest, case: Case) -> HttpResponse:
    """核实 a person's report: confirmed it is accepted and dispatched, else refused with the reason."""
    confirmed = request.POST.get("confirmed") == "yes"
    verb = lambda: actions.confirm_case(  # noqa: E731
        actor=actor_of(request), at=clock.now(), case=case, confirmed=confirmed, note=_text(request, "note")
    )
    return _act(request, case, verb, _("已核实受理") if confirmed else _("已按不属实办结"))


@door(None, "incident_task", post="verify", of=task_of)
def verify(request: HttpRequest, task: Task) -> HttpResponse:
    passed = request.POST.get("passed") == "yes"
    verb = lambda: actions.verify_task(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, passed=passed, note=_text(request, "note")
    )
    return _act(request, task.case, verb, _("核查通过") if passed else _("已退回返工，计时继续"), task.ref)


@door(None, "incident_task", post="dispatch", of=task_of)
def assign(request: HttpRequest, task: Task) -> HttpResponse:
    """派单 by hand: the duty officer names the crew, also against the system's choice."""
    crew = Office.objects.filter(key=request.POST.get("office", ""), ended_at=None).first()
    why = {"why": {"zh": "值班长指派", "en": "named by the duty officer"}}
    verb = lambda: actions.assign_task(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, crew_office=crew, because=why
    )
    return _act(request, task.case, verb, _("已派单"), task.ref)


@door(None, "incident_task", post="supervise", of=task_of)
def supervise(request: HttpRequest, task: Task) -> HttpResponse:
    """督办: the holder and its leaders are told, and the case shows it."""
    verb = lambda: actions.supervise_task(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, note=_text(request, "note")
    )
    return _act(request, task.case, verb, _("督办已发出"), task.ref)
