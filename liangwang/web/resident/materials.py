"""Materials of a draft: pages from the camera or a file, turned, moved, taken out; and the pages as they are shown."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.cases.queries import Case, case_by_ref
from liangwang.engines import ocr
from liangwang.services import actions, queries
from liangwang.services.queries import Draft

from ..shared.stored import file_answer
from .drafts import page_of, whole_of

MOVES = {"up": -1, "down": 1}


@door("read", "draft", of=queries.draft_by_ref, post="update")
def page(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What is still to be handed in, and struck through what is not."""
    errors: dict[str, str] = {}
    by_script = request.headers.get("Accept") == "application/json"
    if request.method == "POST":
        need = request.POST.get("need", "")
        try:
            _act(request, draft, need)
        except Refusal as refusal:
            errors = {need: refusal.message(get_language() or "zh")}
            if by_script:
                return JsonResponse({"message": errors[need]}, status=refusal.status)
        if not errors:
            back = HttpResponseRedirect(f"{request.path}#{need}")
            return JsonResponse({"message": ""}) if by_script else back
    whole = whole_of(draft, request.actor)  # type: ignore[attr-defined]
    asked = [{**one, "error": errors.get(one["need"].id, "")} for one in whole["materials"]]
    left = sum(n["need"].required and not n["file"] and not n["committed"] for n in asked)
    context = {
        "left": left,
        "asked": asked,
        "not_asked": whole["not_asked"],
        "errors": errors,
        "accept": ",".join(files.DOCUMENTS),
        "max_bytes": files.MAX_BYTES,
        "reads": ocr.available(),
    }
    return page_of(request, whole, "draft_materials", "materials", **context)


def _act(request: HttpRequest, draft: Draft, need: str) -> None:
    """One act on one material; uploads are judged before the transaction, which therefore stays short."""
    act = request.POST.get("act", "")
    common: dict[str, Any] = {"actor": request.actor, "draft": draft, "at": clock.now()}  # type: ignore[attr-defined]
    chosen = request.POST.get("page", "")
    if act == "upload":
        brought = [_judged(one) for one in request.FILES.getlist("file")]
        if not brought:
            raise NothingChosen
        with write():
            for one in brought:
                actions.add_page(need=need, brought=one, **common)
        return
    with write():
        if act == "remove":
            actions.remove_material(need=need, **common)
        elif act == "drop":
            actions.remove_page(page=chosen, **common)
        elif act == "turn":
            actions.turn_page(page=chosen, **common)
        elif act in MOVES:
            actions.move_page(page=chosen, by=MOVES[act], **common)
        elif act in ("commit", "uncommit"):
            actions.commit_material(need=need, given=act == "commit", **common)


class NothingChosen(Refusal):
    """The form came without a file."""

    status, code = 422, "nothing_chosen"
    template = {"zh": "请先选一个文件，或拍一张照片", "en": "Choose a file first, or take a photo"}


def _judged(upload: Any) -> files.Brought:
    return files.judge(upload.file, upload.name or _("材料"))


@door("read", "draft", of=queries.draft_by_ref)
def shown(request: HttpRequest, draft: Draft, page: str) -> HttpResponseBase:
    """A page of the draft's materials; `?thumb` gives it small."""
    found = queries.page_of_draft(draft, page, request.actor)  # type: ignore[attr-defined]
    if found is None:
        raise NotFound
    return file_answer(found.file, turn=found.turn, thumb="thumb" in request.GET)


@door("read", "application", of=case_by_ref)
def handed_in(request: HttpRequest, case: Case, page: str) -> HttpResponseBase:
    """A page as it was handed in, for everyone who may read the application: applicant, clerk, approver."""
    found = queries.page_of_case(case.pk, page)
    if found is None:
        raise NotFound
    return file_answer(found.file, turn=found.turn, thumb="thumb" in request.GET)


@door("read", "application", of=case_by_ref)
def signature(request: HttpRequest, case: Case, field: str) -> HttpResponseBase:
    """A drawn signature as a picture, its pixels written anew when it came in, for everyone who may read the application."""
    found = queries.signature_of_case(case.pk, field)
    if found is None:
        raise NotFound
    return file_answer(found)
