"""A crew's and a supervisor's tasks: accept, arrive, photograph, report, decline; compare and verify."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.transactions import write
from liangwang.cases import actions, history, queries
from liangwang.cases.queries import Task

from . import shown


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def task_of(ref: str) -> Task | None:
    return queries.task_by_ref(ref)


@door("open", "home")
def mine(request: HttpRequest) -> HttpResponse:
    """What this hat must do now, the most pressing first: a crew its tasks, a supervisor what waits to be checked.

    Who has no tasks, such as a committee worker, starts with the report form.
    """
    actor, at = _actor(request), clock.now()
    if not queries.has_tasks(actor):
        return HttpResponseRedirect(reverse("field-report"))
    page = {
        "cards": shown.cards(queries.inbox(actor), at),
        "now": at,
        "checking": actor.role == "supervisor",
    }
    return render(request, "field/tasks.html", page)


@door("read", "incident_task")
def done(request: HttpRequest) -> HttpResponse:
    """What this crew finished or this supervisor checked of late."""
    actor, at = _actor(request), clock.now()
    return render(
        request, "field/done.html", {"cards": shown.cards(history.recently_done(actor), at), "now": at}
    )


@door("read", "incident_task", of=task_of)
def one(request: HttpRequest, task: Task) -> HttpResponse:
    """One task: where, why it came here, what to do next."""
    return render(request, "field/task.html", shown.page(task, _actor(request), clock.now()))


def _act(request: HttpRequest, task: Task, verb: Callable[[], object], said: str) -> HttpResponse:
    """Does one verb in one transaction; a refusal comes back on the task's page with nothing lost."""
    try:
        with write():
            verb()
    except Refusal as refusal:
        page = shown.page(task, _actor(request), clock.now())
        page["errors"] = {"act": refusal.message(get_language() or "zh")}
        page["typed"] = request.POST
        return render(request, "field/task.html", page, status=refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("field-task", args=[task.ref]))


@door(None, "incident_task", post="handle", of=task_of)
def accept(request: HttpRequest, task: Task) -> HttpResponse:
    verb = lambda: actions.accept_task(actor=_actor(request), at=clock.now(), task=task)  # noqa: E731
    return _act(request, task, verb, _("已接单，请尽快到场"))


@door(None, "incident_task", post="handle", of=task_of)
def arrive(request: HttpRequest, task: Task) -> HttpResponse:
    verb = lambda: actions.arrive_task(actor=_actor(request), at=clock.now(), task=task)  # noqa: E731
    return _act(request, task, verb, _("已签到"))


def _number(request: HttpRequest, name: str) -> float | None:
    try:
        return float(request.POST.get(name, ""))
    except ValueError:
        return None


@door(None, "incident_task", post="handle", of=task_of)
def photo(request: HttpRequest, task: Task) -> HttpResponse:
    """Keeps a photo of the place, before or after, with where the phone says it was taken."""
    upload: Any = request.FILES.get("photo")
    kind = request.POST.get("kind", "photo")
    actor, at = _actor(request), clock.now()

    def keep() -> None:
        if upload is None:
            raise files.WrongFileType(allowed="JPEG, PNG, WEBP")
        stored = files.store(upload, upload.name, at=at, allowed=files.IMAGES, by=actor.party_id)
        lon, lat = _number(request, "lon"), _number(request, "lat")
        actions.add_proof(actor=actor, at=at, task=task, shown=actions.Shown(kind, stored, lon, lat))

    return _act(request, task, keep, _("照片已保存"))


@door(None, "incident_task", post="handle", of=task_of)
def report(request: HttpRequest, task: Task) -> HttpResponse:
    """Done: what was done goes to someone else for verification."""
    note = request.POST.get("note", "").strip()
    result = {"note": note} if note else {}
    verb = lambda: actions.report_task(actor=_actor(request), at=clock.now(), task=task, result=result)  # noqa: E731
    return _act(request, task, verb, _("已上报完成"))


@door(None, "incident_task", post="handle", of=task_of)
def decline(request: HttpRequest, task: Task) -> HttpResponse:
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    verb = lambda: actions.decline_task(  # noqa: E731
        actor=_actor(request), at=clock.now(), task=task, reason=reason, note=note
    )
    answer = _act(request, task, verb, _("已退单，值班长会另行指派"))
    return HttpResponseRedirect(reverse("field")) if answer.status_code == 302 else answer


@door(None, "incident_task", post="verify", of=task_of)
def verify(request: HttpRequest, task: Task) -> HttpResponse:
    """Passes the work, or sends the crew back with the reason; the clock goes on."""
    passed = request.POST.get("passed") == "yes"
    verb = lambda: actions.verify_task(  # noqa: E731
        actor=_actor(request), at=clock.now(), task=task, passed=passed, note=request.POST.get("note", "")
    )
    answer = _act(request, task, verb, _("核查通过") if passed else _("已退回返工，计时继续"))
    return HttpResponseRedirect(reverse("field")) if answer.status_code == 302 else answer


@door("read", "incident_task", of=task_of)
def proof(request: HttpRequest, task: Task, proof: str) -> HttpResponseBase:
    """A photo, behind the door of its task."""
    found = task.proofs.select_related("file").filter(ref=proof).first()
    if found is None:
        raise NotFound
    answer = FileResponse(files.open_file(found.file), content_type=found.file.media_type)
    answer["Cache-Control"] = "private, max-age=86400"
    return answer
