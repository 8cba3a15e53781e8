"""The incident page of the command surface: each act one POST and one transaction; a refusal comes back with what was typed."""

from collections.abc import Callable
from datetime import datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_date
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import pick
from liangwang.base.models import Place, StoredFile
from liangwang.base.transactions import write
from liangwang.cases import actions, joined, queries
from liangwang.cases.queries import Case, Task
from liangwang.operations import (
    after_action,
    closures,
    deferrals,
    levels,
    merging,
    reports,
    supervision,
    ways,
)
from liangwang.operations.reporting import working_limit

from ..shared import geometry
from ..shared.stored import file_answer
from . import brief, incident
from .incident_acts import office_named


class OfficeNeeded(Refusal):
    status, code = 422, "office_needed"
    template = {"zh": "请选择单位", "en": "Choose an office"}


class Done(NamedTuple):
    """What one act does, which verb of the policy opens it, and what the page says afterwards."""

    verb: str
    do: Callable[[HttpRequest, Actor, datetime, Any], object]
    said: Any


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def case_of(ref: str) -> Case | None:
    return queries.case_by_ref(ref)


def task_of(ref: str) -> Task | None:
    return queries.task_by_ref(ref)


@door("read", "incident", of=case_of)
def page(request: HttpRequest, case: Case) -> HttpResponse:
    """Everything of an incident on one screen."""
    return render(request, "command/incident.html", incident.page(case, actor_of(request), clock.now()))


def _performed(
    request: HttpRequest, case: Case, name: str, verb: Callable[[], object], said: Any
) -> HttpResponse:
    try:
        with write():
            verb()
    except Refusal as refusal:
        case.refresh_from_db()
        shown = incident.page(case, actor_of(request), clock.now(), opened=name, typed=request.POST)
        shown["errors"] = {"main": refusal.message(get_language() or "zh")}
        if brief.wanted(request):
            return brief.shown(request, shown, refusal.status)
        return render(request, "command/incident.html", shown, status=refusal.status)
    if brief.wanted(request):
        return brief.answer(request, case, actor_of(request), str(said))
    messages.success(request, said)
    return HttpResponseRedirect(reverse("command-incident", args=[case.ref]))


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").strip()


def _office(request: HttpRequest) -> Any:
    office = office_named(_text(request, "office"))
    if office is None:
        raise OfficeNeeded
    return office


# --- acts on the incident --------------------------------------------------------------------------------


def _confirm(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    yes = request.POST.get("how") == "yes"
    return actions.confirm_case(actor=actor, at=at, case=case, confirmed=yes, note=_text(request, "note"))


def _say(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> None:
    upload: Any = request.FILES.get("photo")
    kept = (
        [files.store(upload, upload.name, at=at, allowed=files.IMAGES, by=actor.party_id)] if upload else []
    )
    actions.say(actor=actor, at=at, case=case, text=_text(request, "text"), photos=kept)


def _merge(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    into = next((one for one, _m in merging.candidates(case) if one.ref == _text(request, "into")), None)
    if into is None:
        raise NotFound
    return merging.merge(actor=actor, at=at, case=case, into=into, reason=_text(request, "note"))


def _level(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    note = _text(request, "note")
    level = _text(request, "level")
    if level not in {"blue", "yellow", "orange", "red"}:
        raise NotFound
    return actions.change_level(actor=actor, at=at, case=case, level=level, because={"zh": note, "en": note})


def _assist(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    return actions.ask_assistance(
        actor=actor, at=at, case=case, office=_office(request), wanted=_text(request, "wanted"),
        due_at=working_limit("joint_arrival", at),
    )  # fmt: skip


def _close(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    return actions.close_case(actor=actor, at=at, case=case, note=_text(request, "note"))


def _reopen(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    return actions.reopen_case(actor=actor, at=at, case=case, reason=_text(request, "note"))


def _up(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    return levels.hand_up(actor=actor, at=at, case=case, reason=_text(request, "note"))


def _down(request: HttpRequest, actor: Actor, at: datetime, case: Case) -> object:
    return levels.hand_down(actor=actor, at=at, case=case, reason=_text(request, "note"))


CASE_ACTS: dict[str, Done] = {
    "confirm": Done("dispatch", _confirm, gettext_lazy("核实结果已记下")),
    "close": Done("close", _close, gettext_lazy("已结案")),
    "reopen": Done("update", _reopen, gettext_lazy("已重开，重新派遣")),
    "say": Done("update", _say, gettext_lazy("已发给所有参与单位")),
    "merge": Done("dispatch", _merge, gettext_lazy("已并案，可以撤销")),
    "level": Done("dispatch", _level, gettext_lazy("等级已改，时限随之调整")),
    "assist": Done("dispatch", _assist, gettext_lazy("已通知协办单位")),
    "up": Done("dispatch", _up, gettext_lazy("已上报，上级主办")),
    "down": Done("dispatch", _down, gettext_lazy("已下派，下级主办")),
}


def _act_view(
    kind: str, of: Callable[[str], Case | Task | None], name: str
) -> Callable[..., HttpResponseBase]:
    """The view of an act on an incident or on one of its tasks."""
    act = (TASK_ACTS if kind == "incident_task" else CASE_ACTS)[name]

    @door(None, kind, post=act.verb, of=of)
    def view(request: HttpRequest, one: Case | Task) -> HttpResponse:
        do = lambda: act.do(request, actor_of(request), clock.now(), one)  # noqa: E731
        return _performed(request, one.case if isinstance(one, Task) else one, name, do, act.said)

    return view


@door(None, "incident", post="update", of=case_of)
def come(request: HttpRequest, case: Case, part: str) -> HttpResponse:
    """An assisting office says that it is there."""
    do = lambda: actions.arrive_assisting(actor=actor_of(request), at=clock.now(), row=_part(case, part))  # noqa: E731
    return _performed(request, case, "come", do, _("已签到"))


@door(None, "incident", post="update", of=case_of)
def end(request: HttpRequest, case: Case, part: str) -> HttpResponse:
    """An assisting office reports what it did, or is let go."""
    do = lambda: actions.end_assisting(  # noqa: E731
        actor=actor_of(request), at=clock.now(), row=_part(case, part), result=_text(request, "result")
    )
    return _performed(request, case, "end", do, _("协办已结束"))


def _part(case: Case, part: str) -> joined.Assisting:
    row = joined.assisting_by_ref(case, part)
    if row is None:
        raise NotFound
    return row


@door(None, "incident", post="update", of=case_of)
def reply(request: HttpRequest, case: Case, demand: str) -> HttpResponse:
    """The reply to a demand (督办回复) of the office that was asked."""
    row = joined.supervision_by_ref(case, demand)
    if row is None:
        raise NotFound
    do = lambda: actions.reply_supervision(  # noqa: E731
        actor=actor_of(request), at=clock.now(), row=row, text=_text(request, "reply")
    )
    return _performed(request, case, "reply", do, _("督办已回复"))


@door(None, "incident", post="dispatch", of=case_of)
def undo(request: HttpRequest, case: Case, joining: str) -> HttpResponse:
    """撤销 a merging or splitting."""
    row = reports.joining_by_ref(joining)
    if row is None or case.pk not in {row.source_id, row.target_id}:
        raise NotFound
    do = lambda: merging.undo(actor=actor_of(request), at=clock.now(), row=row)  # noqa: E731
    return _performed(request, case, "undo", do, _("已撤销，各归原案"))


@door("read", "incident", of=case_of)
def photo(request: HttpRequest, case: Case, photo: str) -> HttpResponseBase:
    """A photo of a report or a message, behind the door of its incident."""
    told = {ref for row in reports.reports_of(case) for ref in row.photos}
    said = {ref for line in queries.timeline(case) for ref in line["body"].get("photos", [])}
    stored = StoredFile.objects.filter(ref=photo).first()
    if stored is None or photo not in told | said:
        raise NotFound
    return file_answer(stored, thumb="small" in request.GET)


@door("read", "incident", of=case_of)
def ground(request: HttpRequest, case: Case) -> HttpResponseBase:
    """The map of an incident: the streets around it, those that are closed, and the ways of crews on their way."""
    if case.place is None:
        raise NotFound
    place = Place.objects.filter(code=case.place.code[:9], ended_at=None).first() or case.place
    at, drawn = clock.now(), geometry.areas(place)
    drawn["features"] += closures.shapes(closures.closed_now(at))
    for task, way in ways.ways_of(case, at=at):
        line = way.geojson()
        name = pick(task.crew_office.name, get_language() or "zh") if task.crew_office else ""
        drawn["features"].append(line)
        drawn["features"].append(geometry.point(*way.points[0], role="unit", level="info", name=name))
    return JsonResponse(drawn)


@door("read", "incident", of=case_of)
def after(request: HttpRequest, case: Case) -> HttpResponse:
    """案后复盘: the timeline with the minutes at each stage, map, photos, who; to print."""
    at = clock.now()
    shown = incident.page(case, actor_of(request), at)
    shown["stages"] = after_action.stages(case, at)
    shown["timeline"] = shown["timeline"][::-1]
    return render(request, "command/after.html", shown)


# --- acts on a task --------------------------------------------------------------------------------------


def _verify(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    passed = request.POST.get("how") == "yes"
    return actions.verify_task(actor=actor, at=at, task=task, passed=passed, note=_text(request, "note"))


def _assign(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    why = {"why": {"zh": "值班长指派", "en": "named by the duty officer"}}
    return actions.assign_task(actor=actor, at=at, task=task, crew_office=_office(request), because=why)


def _rule(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    return actions.rule_task(
        actor=actor, at=at, task=task, office=_office(request), note=_text(request, "note")
    )


def _decide(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    approved = request.POST.get("how") == "yes"
    return deferrals.decide(actor=actor, at=at, task=task, approved=approved, note=_text(request, "note"))


def _defer(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    day = parse_date(_text(request, "until")) or at.date()
    until = datetime.combine(day, time(18, 0), tzinfo=ZoneInfo(settings.TIME_ZONE))
    return actions.defer_task(
        actor=actor, at=at, task=task, until=until, reason=_text(request, "note"), how=_text(request, "how")
    )


def _done(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    return actions.report_task(actor=actor, at=at, task=task, result={"note": _text(request, "note")})


def _decline(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    return actions.decline_task(
        actor=actor, at=at, task=task, reason=_text(request, "reason"), note=_text(request, "note")
    )


def _supervise(request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    return supervision.supervise(actor=actor, at=at, task=task, note=_text(request, "note"))


def _wake(_request: HttpRequest, actor: Actor, at: datetime, task: Task) -> object:
    return actions.wake_task(actor=actor, at=at, task=task)


TASK_ACTS: dict[str, Done] = {
    "verify": Done("verify", _verify, gettext_lazy("核查结论已记下")),
    "assign": Done("dispatch", _assign, gettext_lazy("已派单")),
    "rule": Done("dispatch", _rule, gettext_lazy("已指定主办，不能再退")),
    "supervise": Done("supervise", _supervise, gettext_lazy("督办已发出")),
    "defer-decide": Done("dispatch", _decide, gettext_lazy("审批意见已记下")),
    "wake": Done("dispatch", _wake, gettext_lazy("已恢复办理")),
    "done": Done("handle", _done, gettext_lazy("已反馈办结")),
    "decline": Done("handle", _decline, gettext_lazy("已退单，值班长会指定主办")),
    "defer": Done("handle", _defer, gettext_lazy("已申请，批准前计时继续")),
}


urlpatterns: list[URLPattern] = [
    path("incidents/<slug:ref>/", page, name="command-incident"),
    path("incidents/<slug:ref>/map", ground, name="incident-map"),
    path("incidents/<slug:ref>/after/", after, name="incident-after"),
    path("incidents/<slug:ref>/come/<slug:part>", come, name="incident-come"),
    path("incidents/<slug:ref>/end/<slug:part>", end, name="incident-end"),
    path("incidents/<slug:ref>/reply/<slug:demand>", reply, name="incident-reply"),
    path("incidents/<slug:ref>/undo/<slug:joining>", undo, name="incident-undo"),
    path("incidents/<slug:ref>/photos/<slug:photo>", photo, name="incident-photo"),
    *(
        path(f"incidents/<slug:ref>/{name}", _act_view("incident", case_of, name), name=f"incident-{name}")
        for name in CASE_ACTS
    ),
    *(
        path(
            f"tasks/<slug:ref>/{name}",
            _act_view("incident_task", task_of, name),
            name=f"incident-task-{name}",
        )
        for name in TASK_ACTS
    ),
]
