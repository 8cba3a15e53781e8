"""电子档案 of a finished case: its number, the sealed list, whether it is complete, each document read-only, all as one file."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from liangwang.base import files
from liangwang.base.access import door
from liangwang.base.contents import IMAGES
from liangwang.base.errors import NotFound
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import archive_check, queries

from ..shared.stored import LOCKED
from ..shared.told import told
from .case_page import href_of
from .pages import page

KINDS = {archive_check.OK: "ok", archive_check.LACKING: "bad", archive_check.LATER: "watch"}


def _word(state: str) -> str:
    return {
        archive_check.OK: _("齐"),
        archive_check.LACKING: _("缺"),
        archive_check.LATER: _("后补"),
    }[state]


def _archive(case: Case) -> Any:
    found = queries.archive_of(case)
    if found is None:
        raise NotFound
    return found


@door("read", "application", of=case_by_ref)
def listed(request: HttpRequest, case: Case) -> HttpResponse:
    """The list of the archive with what is complete and what is lacking."""
    archive = _archive(case)
    points = archive_check.completeness(archive)
    lacking = sum(one.state == archive_check.LACKING for one in points)
    context = {
        "case": case,
        "case_href": href_of(case),
        "archive": archive,
        "documents": archive.manifest["documents"],
        "points": [
            {"label": one.label, "said": one.said, "kind": KINDS[one.state], "word": _word(one.state)}
            for one in points
        ],
        "lacking": lacking,
        "late": [
            delivery
            for letter in queries.letters_of(case)
            for delivery in queries.delivery_rows(letter)
            if delivery["it"].delivered_at and delivery["it"].delivered_at > archive.sealed_at
        ],
    }
    return page(request, "staff/archive.html", context)


@door("read", "application", of=case_by_ref)
def document(request: HttpRequest, case: Case, name: str) -> HttpResponse:
    """One document of the archive, to be read: a paper as it was sealed, a record in words."""
    listed = {one["name"]: one for one in _archive(case).manifest["documents"]}
    if name not in listed:
        raise NotFound
    one = listed[name]
    raw = files.path_of(one["sha256"]).read_bytes()
    if one["media_type"] != "application/json":
        answer = HttpResponse(raw, content_type=one["media_type"])
        own = name.startswith("letters/")  # what somebody brought is never run, and a PDF of it is saved
        shown = own or one["media_type"] in IMAGES
        answer["Content-Disposition"] = "inline" if shown else "attachment"
        if not own:
            answer["Content-Security-Policy"] = LOCKED
        answer["X-Content-Type-Options"] = "nosniff"
        return answer
    context = {"case": case, "document": one, **_read(case, name, json.loads(raw))}
    return page(request, "staff/archive_document.html", context)


def _read(case: Case, name: str, content: Any) -> dict[str, Any]:
    """A record in words: what was answered, what happened; anything else as it was written."""
    if name == "application.json":
        return {
            "rows": [row for field, value in content["shown"].items() if (row := _told(case, field, value))]
        }
    if name == "timeline.json":
        return {"events": told(content)}
    return {"text": json.dumps(content, ensure_ascii=False, indent=1)}


def _told(case: Case, field: str, value: Any) -> dict[str, Any] | None:
    """An answer of the sealed application: whose it is, what it is called, what it says."""
    role = queries.role_label(case, field)
    label, shown = queries.label_of(field), queries.read_value(field, value)
    named = {lang: f"{role[lang]} · {label[lang]}" for lang in ("zh", "en")} if role else label  # type: ignore[literal-required]
    return {"label": named, "value": shown} if shown not in (None, "") else None
