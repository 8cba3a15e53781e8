"""A crew's and a supervisor's pages: what to do, one task with its way and its photos, what is done; the shift."""

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import access, clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.idempotency import is_done
from liangwang.base.transactions import write
from liangwang.cases import history, queries
from liangwang.cases.queries import Task
from liangwang.operations import relay
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

    A committee worker starts with whom to check and to visit; who has neither, with the report form.
    """
    actor, at = _actor(request), clock.now()
    if access.may_ever(actor, "open", "call"):
        return HttpResponseRedirect(reverse("field-calls"))
    if not queries.has_tasks(actor):
        return HttpResponseRedirect(reverse("field-report"))
    page = {
        "cards": shown.cards(queries.inbox(actor), at),
        "now": at,
        "checking": actor.role == "supervisor",
        "relays": shown.relays(relay.waiting_for(actor.office_id)) if actor.role == "crew" else [],
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


@door("open", "home")
def became(request: HttpRequest, ref: str) -> HttpResponse:
    """What has become of a task that this crew once had: said beside what it did meanwhile without a signal.

    `done` tells an act with this `key` that was done although its answer was lost on the way.
    """
    actor, task, key = _actor(request), task_of(ref), request.GET.get("key", "")
    if task is None or not history.had_task(actor, task):
        raise NotFound
    return JsonResponse({"message": shown.became(task), "done": is_done(f"field:{actor.party_ref}", key)})


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


@door("read", "incident_task", of=task_of)
def proof(request: HttpRequest, task: Task, proof: str) -> HttpResponseBase:
    """A photo, behind the door of its task."""
    found = task.proofs.select_related("file").filter(ref=proof).first()
    if found is None:
        raise NotFound
    answer = FileResponse(files.open_file(found.file), content_type=found.file.media_type)
    answer["Cache-Control"] = "private, max-age=86400"
    return answer
