"""Reading a picture ([ocr] extra): every value that it proposes is looked at, corrected and confirmed by the person."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.contents import IMAGES
from liangwang.base.errors import NotFound
from liangwang.base.transactions import write
from liangwang.engines import ocr as engine
from liangwang.services import actions, jobs_reading, ocr, queries
from liangwang.services.jobs_reading import PageReading
from liangwang.services.queries import Draft

from .drafts import page_of, whole_of
from .form_fields import kind_of, options_of

LONG = timedelta(seconds=40)  # after which she is told that she need not wait


@door("read", "draft", of=queries.draft_by_ref, post="update")
def page(request: HttpRequest, draft: Draft, page: str) -> HttpResponse:
    """Asks for a picture to be read, says how far that is, and what it proposes; only ticked values enter the form."""
    found = queries.page_of_draft(draft, page, request.actor)  # type: ignore[attr-defined]
    if found is None or found.file.media_type not in IMAGES:
        raise NotFound
    role = found.material.role
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    if not any(one["key"] == role and one["sight"] == "edit" for one in whole["pages"]):
        raise NotFound
    if request.method == "POST" and request.POST.get("act") == "start" and engine.available():
        with write():
            jobs_reading.ask_reading(actor=request.actor, page=found, at=clock.now())  # type: ignore[attr-defined]
        return HttpResponseRedirect(request.path)
    if request.method == "POST":
        return _taken(request, draft, found)
    reading = jobs_reading.reading_of(found)
    context: dict[str, Any] = {
        "state": _state(reading),
        "long": reading is not None and clock.now() - reading.asked_at > LONG,
        "rows": _rows(draft, found, reading) if reading else [],
        "page_ref": page,
        "form_url": f"/drafts/{draft.ref}/page/{role}/",
    }
    return page_of(request, whole, "draft_read", "materials", **context)


def _state(reading: PageReading | None) -> str:
    """missing (no engine here), new, waiting, reading, done or failed."""
    if not engine.available():
        return "missing"
    if reading is None or (reading.state == PageReading.State.DONE and reading.lines is None):
        return "new"
    return str(reading.state)


def _rows(draft: Draft, page: Any, reading: PageReading) -> list[dict[str, Any]]:
    return [
        {
            "id": one.ask.id,
            "label": one.ask.label,
            "value": one.value,
            "score": round(one.score * 100),
            "kind": kind_of(one.ask),
            "options": options_of(one.ask),
        }
        for one in ocr.proposals(draft, page, jobs_reading.lines_of(reading), clock.now())
    ]


def _taken(request: HttpRequest, draft: Draft, page: Any) -> HttpResponse:
    """Saves the values that she ticked, as she left them, and goes to the page where they stand; the rest is forgotten."""
    role = page.material.role
    ticked = request.POST.getlist("take")
    answers = {field: request.POST.get(field, "") for field in ticked if field in request.POST}
    if answers:
        with write():
            jobs_reading.forget(page=page)
            actions.answer_page(
                actor=request.actor,  # type: ignore[attr-defined]
                draft=draft,
                page=role,
                answers=answers,
                at=clock.now(),
            )
        messages.info(request, _("填好了 %(n)s 项，请再看一遍") % {"n": len(answers)})
    return HttpResponseRedirect(f"/drafts/{draft.ref}/page/{role}/")
