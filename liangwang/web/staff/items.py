"""事项公布: imported drafts beside what is in force; a second person publishes; every version of an item."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.transactions import write
from liangwang.services import exchange, item_drafts, queries
from liangwang.services.spreadsheet_words import DIMENSIONS

from .pages import actor_of, page
from .reform import lang_now

MAX_BYTES = 20 << 20  # a catalogue of 2,300 items is 15 MB
SHOWN_PROBLEMS = 100


@door("configure", "item", post="configure")
def listed(request: HttpRequest) -> HttpResponse:
    """What waits to be published, and the form that brings a table; a table with mistakes brings nothing."""
    taken, error, name = None, "", ""
    if request.method == "POST":
        brought = request.FILES.get("file")
        name = str(brought.name) if brought else ""
        error = _unreadable(brought, name)
        if not error:
            assert brought is not None
            try:
                text = brought.read().decode("utf-8-sig")
                taken = exchange.take_in(text, name, at=clock.now(), by=actor_of(request))
            except UnicodeDecodeError:
                error = _("文件不是 UTF-8 编码：在表格软件里另存为“CSV UTF-8”")
        if taken and not taken.problems:
            messages.success(request, _said(taken))
            return HttpResponseRedirect(reverse("items"))
    problems = taken.problems if taken else []
    context = {
        "waiting": item_drafts.waiting(actor_of(request)),
        "published": item_drafts.published_lately(),
        "problems": problems[:SHOWN_PROBLEMS],
        "n_problems": len(problems),
        "file": name,
        "errors": {"file": error} if error else {},
    }
    return page(request, "staff/items.html", context, status=422 if error or problems else 200)


def _unreadable(brought: Any, name: str) -> str:
    if brought is None:
        return _("请先选一个文件")
    if not name.lower().endswith((".csv", ".jsonld")):
        return _("只收 .csv 和 .jsonld：请用导出的表格改")
    if brought.size > MAX_BYTES:
        return _("文件超过 20 MB，请分成几个")
    return ""


def _said(taken: exchange.Taken) -> str:
    if not taken.fresh and not taken.changed:
        return _("和现行的一样，没有要公布的")
    return _("已存为草稿：新增 %(new)s，修改 %(changed)s，不变 %(same)s。请另一位同事公布") % {
        "new": len(taken.fresh),
        "changed": len(taken.changed),
        "same": taken.same,
    }


@door("configure", "item", post="configure")
def draft(request: HttpRequest, number: int) -> HttpResponse:
    """One draft beside what is in force; POST publishes it or turns it down."""
    row, actor = item_drafts.one(number), actor_of(request)
    if row.state != "draft":
        return HttpResponseRedirect(reverse("item-versions", args=[row.pack, row.key]))
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            with write():
                if request.POST.get("act") == "publish":
                    item_drafts.publish(number, actor=actor, at=clock.now())
                    said = _("已公布，即刻生效")
                else:
                    reason = request.POST.get("reason", "")
                    item_drafts.turn_down(number, actor=actor, reason=reason, at=clock.now())
                    said = _("已退回，草稿留档")
            messages.success(request, said)
            return HttpResponseRedirect(reverse("items"))
        except Refusal as refusal:
            errors = {"reason": refusal.message(get_language() or "zh")}
    context = {
        "one": item_drafts.shown(row, actor),
        "changes": item_drafts.compared(row),
        "effects": [_effect(effect) for effect in item_drafts.effects(row)],
        "dimensions": [label for label, _unit in DIMENSIONS.values()],
        "open_drafts": item_drafts.open_drafts(row),
        "errors": errors,
        "reason": request.POST.get("reason", ""),
        "pack": row.pack,
        "key": row.key,
    }
    return page(request, "staff/item_draft.html", context, status=409 if errors else 200)


def _effect(effect: item_drafts.Effect) -> dict[str, Any]:
    """A row of the table: each dimension of the side "after", as it is and as it would be."""
    cells = []
    for name in DIMENSIONS:
        now = getattr(effect.now.after, name) if effect.now else None
        then = getattr(effect.then.after, name) if effect.then else None
        cells.append({"now": now, "then": then, "changed": now != then})
    return {
        "label": effect.label,
        "url": f"/services/{effect.key.replace(':', '/')}/",
        "problem": effect.problem.message(lang_now()) if effect.problem else "",
        "cells": cells,
    }


@door("configure", "item")
def versions(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """Every published version of an item; `?version=` shows one beside the one before it."""
    rows = item_drafts.versions_of(f"{pack}:{key}")
    if not rows:
        raise NotFound
    chosen = next((n for n, row in enumerate(rows) if str(row.version) == request.GET.get("version")), 0)
    before = rows[chosen + 1].body if chosen + 1 < len(rows) else None
    actor = actor_of(request)
    told = {len(rows) - n: v for n, v in enumerate(queries.history(f"{pack}:{key}"))}
    context = {
        "label": rows[0].body["label"],
        "rows": [
            {
                "row": row,
                "number": len(rows) - n,
                "told": told.get(len(rows) - n),
                "by": _decider(row),
                "chosen": n == chosen,
            }
            for n, row in enumerate(rows)
        ],
        "number": len(rows) - chosen,
        "changes": item_drafts.compared(rows[chosen], before) if before else (),
        "first": before is None,
        "waiting": [one for one in item_drafts.waiting(actor) if one.key == f"{pack}:{key}"],
        "pack": pack,
        "key": key,
    }
    return page(request, "staff/item_versions.html", context)


def _decider(row: Any) -> Any:
    kept = getattr(row, "item_draft", None)
    return kept.decided_by.label if kept and kept.decided_by else None
