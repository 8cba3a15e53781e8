"""What a crew does on the phone, at once or from the queue that waited for a signal; and the supervisor's verdict."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.transactions import write
from liangwang.cases import actions, joined
from liangwang.cases.queries import Task
from liangwang.operations import relay as relays

from . import shown
from .tasks import task_of

AT_ONCE_S = 60.0  # what waited no longer than this was done when it came
LONGEST_S = 3 * 86_400.0
DAY_ENDS = time(18, 0)


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def done_at(waited: str, at: datetime, since: datetime | None) -> datetime | None:
    """When an act was done that waited `waited` seconds on a phone; None where it came at once, or that cannot be.

    The phone says how long, not when, so that its clock may be wrong. Not believed: more than three days, and before
    the task had come to the crew (`since`).
    """
    try:
        seconds = float(waited)
    except ValueError:
        return None
    if not AT_ONCE_S <= seconds <= LONGEST_S:
        return None
    did_at = at - timedelta(seconds=seconds)
    return did_at if since is None or did_at >= since else None


def _did_at(request: HttpRequest, task: Task, at: datetime) -> datetime | None:
    return done_at(request.POST.get("waited_s", ""), at, task.assigned_at)


def _once(request: HttpRequest, verb: Callable[[], object]) -> None:
    """Does a verb, and only once for the key that the phone's queue gives it: an answer may be lost on the way."""
    key = request.POST.get("idempotency_key", "")

    def do() -> dict[str, Any]:
        verb()
        return {}

    if 8 <= len(key) <= 80:
        once(f"field:{actor_of(request).party_ref}", key, hash_request(request.path), do)
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
        page = shown.page(task, actor_of(request), clock.now())
        page["errors"] = {"act": refusal.message(get_language() or "zh")}
        page["typed"] = request.POST
        return render(request, "field/task.html", page, status=refusal.status)
    if queued:
        return JsonResponse({})
    messages.success(request, said)
    return HttpResponseRedirect(reverse("field-task", args=[task.ref]))


@door(None, "incident_task", post="handle", of=task_of)
def accept(request: HttpRequest, task: Task) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    verb = lambda: actions.accept_task(actor=actor, at=at, task=task, did_at=_did_at(request, task, at))  # noqa: E731
    return _act(request, task, verb, _("已接单，请尽快到场"))


@door(None, "incident_task", post="handle", of=task_of)
def arrive(request: HttpRequest, task: Task) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    verb = lambda: actions.arrive_task(actor=actor, at=at, task=task, did_at=_did_at(request, task, at))  # noqa: E731
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
    actor, at = actor_of(request), clock.now()

    def keep() -> None:
        if upload is None:
            raise files.WrongFileType(allowed="JPEG, PNG, WEBP")
        stored = files.store(upload, upload.name, at=at, allowed=files.IMAGES, by=actor.party_id)
        seen = actions.Shown(kind, stored, _number(request, "lon"), _number(request, "lat"))
        actions.add_proof(actor=actor, at=at, task=task, shown=seen, did_at=_did_at(request, task, at))

    return _act(request, task, keep, _("照片已保存"))


@door(None, "incident_task", post="handle", of=task_of)
def report(request: HttpRequest, task: Task) -> HttpResponse:
    """Done: what was done goes to someone else for verification."""
    actor, at, note = actor_of(request), clock.now(), request.POST.get("note", "").strip()
    verb = lambda: actions.report_task(  # noqa: E731
        actor=actor,
        at=at,
        task=task,
        result={"note": note} if note else {},
        did_at=_did_at(request, task, at),
    )
    return _act(request, task, verb, _("已上报完成"))


@door(None, "incident_task", post="handle", of=task_of)
def decline(request: HttpRequest, task: Task) -> HttpResponse:
    """退单, before accepting; then the task is no longer theirs, so the list is shown."""
    actor, at = actor_of(request), clock.now()
    verb = lambda: actions.decline_task(  # noqa: E731
        actor=actor, at=at, task=task, reason=request.POST.get("reason", ""),
        note=request.POST.get("decline_note", ""), did_at=_did_at(request, task, at),
    )  # fmt: skip
    answer = _act(request, task, verb, _("已退单，值班长会另行指派"))
    return HttpResponseRedirect(reverse("field")) if answer.status_code == 302 else answer


@door(None, "incident_task", post="handle", of=task_of)
def defer(request: HttpRequest, task: Task) -> HttpResponse:
    """申请延期、缓办、挂账 until the end of a day; the clock goes on until somebody else approves."""
    actor, at = actor_of(request), clock.now()
    day = parse_date(request.POST.get("until", "")) or at.date()
    until = datetime.combine(day, DAY_ENDS, tzinfo=ZoneInfo(settings.TIME_ZONE))
    verb = lambda: actions.defer_task(  # noqa: E731
        actor=actor, at=at, task=task, until=until, reason=request.POST.get("defer_note", ""),
        how=request.POST.get("how", ""), did_at=_did_at(request, task, at),
    )  # fmt: skip
    return _act(request, task, verb, _("已申请，批准前计时继续"))


@door(None, "incident_task", post="handle", of=task_of)
def reply(request: HttpRequest, task: Task) -> HttpResponse:
    """督办回复: what the crew says to the one who demands it."""
    actor, at = actor_of(request), clock.now()

    def say() -> None:
        row = joined.supervision_by_ref(task.case, request.POST.get("demand", ""))
        if row is None:
            raise NotFound
        text, did_at = request.POST.get("reply", ""), _did_at(request, task, at)
        actions.reply_supervision(actor=actor, at=at, row=row, text=text, did_at=did_at)

    return _act(request, task, say, _("督办已回复"))


@door(None, "incident_task", post="handle", of=task_of)
def hand_over(request: HttpRequest, task: Task) -> HttpResponse:
    """转交: asks another crew to take over; until it says yes, the task stays here."""
    actor, at = actor_of(request), clock.now()
    verb = lambda: relays.ask(  # noqa: E731
        actor=actor, at=at, task=task, crew=request.POST.get("crew", ""),
        reason=request.POST.get("why", ""), note=request.POST.get("relay_note", "").strip(),
    )  # fmt: skip
    return _act(request, task, verb, _("已请对方接手，对方答应前仍由您办理"))


@door(None, "home", post="update")
def answer(request: HttpRequest, ref: str) -> HttpResponse:
    """The asked crew takes the task, or says that it cannot."""
    taken = request.POST.get("taken") == "yes"
    try:
        with write():
            row = relays.answer(actor=actor_of(request), at=clock.now(), ref=ref, taken=taken)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        messages.error(request, refusal.message(get_language() or "zh"))
        return HttpResponseRedirect(reverse("field"))
    messages.success(request, _("已接手，请尽快到场") if taken else _("已回复对方接不了"))
    return HttpResponseRedirect(reverse("field-task", args=[row.task.ref]) if taken else reverse("field"))


@door(None, "incident_task", post="verify", of=task_of)
def verify(request: HttpRequest, task: Task) -> HttpResponse:
    """Passes the work, or sends the crew back with the reason; the clock goes on."""
    passed = request.POST.get("passed") == "yes"
    verb = lambda: actions.verify_task(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, passed=passed, note=request.POST.get("note", "")
    )
    answer = _act(request, task, verb, _("核查通过") if passed else _("已退回返工，计时继续"))
    return HttpResponseRedirect(reverse("field")) if answer.status_code == 302 else answer
