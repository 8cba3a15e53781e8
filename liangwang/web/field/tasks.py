"""A crew's and a supervisor's tasks: accept, arrive, photograph, report, decline; compare and verify."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.transactions import write
from liangwang.cases import actions, history, queries
from liangwang.cases.queries import Task
from liangwang.operations.crews import crew_of, set_shift
from liangwang.operations.ways import way_to

from ..shared import geometry
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
        "crew": crew_of(actor.office_id) if actor.role == "crew" else None,
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


def _once(request: HttpRequest, verb: Callable[[], object]) -> None:
    """Does a verb, and only once for the key that the phone's queue gives it: an answer may be lost on the way."""
    key = request.POST.get("idempotency_key", "")

    def do() -> dict[str, Any]:
        verb()
        return {}

    if 8 <= len(key) <= 80:
        once(f"field:{_actor(request).party_ref}", key, hash_request(request.path), do)
    else:
        verb()


def _act(request: HttpRequest, task: Task, verb: Callable[[], object], said: str) -> HttpResponse:
    """Does one verb in one transaction; a refusal comes back on the task's page with nothing lost.

    The phone's queue asks for JSON: 200, or the refusal's status and its words.
    """
    queued = "application/json" in request.headers.get("Accept", "")
    try:
        with write():
            _once(request, verb)
    except Refusal as refusal:
        if queued:
            return JsonResponse({"message": refusal.message(get_language() or "zh")}, status=refusal.status)
        page = shown.page(task, _actor(request), clock.now())
        page["errors"] = {"act": refusal.message(get_language() or "zh")}
        page["typed"] = request.POST
        return render(request, "field/task.html", page, status=refusal.status)
    if queued:
        return JsonResponse({})
    messages.success(request, said)
    return HttpResponseRedirect(reverse("field-task", args=[task.ref]))


@door("read", "incident_task", of=task_of)
def way(request: HttpRequest, task: Task) -> HttpResponseBase:
    """GeoJSON of the ground with the quickest way from where the crew is to the place, around what is closed."""
    place = task.case.place
    found = geometry.areas(place) if place else {"type": "FeatureCollection", "features": []}
    line = way_to(task, at=clock.now())
    if line is not None:
        found = {**found, "features": [*found["features"], line.geojson()]}
    return JsonResponse(found)


@door("open", "public")
def service_worker(request: HttpRequest) -> HttpResponse:
    """Keeps the field's pages for when there is no signal; served here because its scope is /field/."""
    source = (settings.ROOT / "liangwang" / "web" / "static" / "js" / "field" / "sw.js").read_bytes()
    return HttpResponse(source, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@door(None, "home", post="update")
def shift(request: HttpRequest) -> HttpResponse:
    """上班、下班: a crew says for itself whether it can be sent."""
    actor, on = _actor(request), request.POST.get("on") == "yes"
    if actor.role != "crew" or actor.office_id is None:
        raise NotFound
    with write():
        set_shift(actor=actor, at=clock.now(), office_ids=[actor.office_id], on_shift=on)
    messages.success(request, _("已上班，可以派单") if on else _("已下班，不再派单"))
    return HttpResponseRedirect(reverse("field"))


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
    reason, note = request.POST.get("reason", ""), request.POST.get("decline_note", "")
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
