"""Reading a picture ([ocr] extra): every value that it proposes is looked at, corrected and confirmed by the person."""

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
from liangwang.services import actions, ocr, queries
from liangwang.services.queries import Draft

from .drafts import page_of, whole_of
from .form_fields import kind_of, options_of


@door("read", "draft", of=queries.draft_by_ref, post="update")
def page(request: HttpRequest, draft: Draft, page: str) -> HttpResponse:
    """What the picture proposes, each with a tick to be set; only ticked values enter the form."""
    found = queries.page_of_draft(draft, page, request.actor)  # type: ignore[attr-defined]
    if found is None or not engine.available() or found.file.media_type not in IMAGES:
        raise NotFound
    role = found.material.role
    if request.method == "POST":
        return _taken(request, draft, role)
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    if not any(one["key"] == role and one["sight"] == "edit" for one in whole["pages"]):
        raise NotFound
    try:
        proposed = ocr.proposals(draft, found, clock.now())
        error = ""
    except engine.NotRead:
        proposed, error = [], _("这张照片读不出来，请自己填；换一张清楚、不反光的再试也可以")
    rows = [
        {
            "id": one.ask.id,
            "label": one.ask.label,
            "value": one.value,
            "score": round(one.score * 100),
            "kind": kind_of(one.ask),
            "options": options_of(one.ask),
        }
        for one in proposed
    ]
    context: dict[str, Any] = {
        "rows": rows,
        "error": error,
        "page_ref": page,
        "form_url": f"/drafts/{draft.ref}/page/{role}/",
    }
    return page_of(request, whole, "draft_read", "materials", **context)


def _taken(request: HttpRequest, draft: Draft, role: str) -> HttpResponse:
    """Saves the values that she ticked, as she left them, and goes to the page where they stand."""
    ticked = request.POST.getlist("take")
    answers = {field: request.POST.get(field, "") for field in ticked if field in request.POST}
    if answers:
        with write():
            actions.answer_page(
                actor=request.actor,  # type: ignore[attr-defined]
                draft=draft,
                page=role,
                answers=answers,
                at=clock.now(),
            )
        messages.info(request, _("填好了 %(n)s 项，请再看一遍") % {"n": len(answers)})
    return HttpResponseRedirect(f"/drafts/{draft.ref}/page/{role}/")
