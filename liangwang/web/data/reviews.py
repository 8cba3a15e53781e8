"""Linkage review: pairs of the grey zone side by side, decided by keyboard with undo; the log of merges and splits."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.hub import actions, queries

from .page import PAGE_SIZE, actor_of, english, page, picked, source_labels

VERDICTS = ("same", "apart")


def verdict_word(state: str) -> tuple[str, str]:
    """The kind and the word of a pair's state."""
    return {
        "open": ("info", _("待判断")),
        "same": ("ok", _("是同一个")),
        "apart": ("idle", _("不是同一个")),
    }[state]


@door("read", "review")
def reviews(request: HttpRequest) -> HttpResponse:
    """Pairs that wait for a decision, the likeliest first, with what the work is about."""
    now = clock.now()
    after = request.GET.get("after", "")
    listed = queries.reviews(after, PAGE_SIZE + 1)
    labels = source_labels()
    mine, count = queries.decided_by(actor_of(request), now)
    context = {
        "rows": [_listed(one, labels) for one in listed[:PAGE_SIZE]],
        "first": listed[0] if listed else None,
        "next_url": f"?after={listed[PAGE_SIZE - 1].ref}" if len(listed) > PAGE_SIZE else "",
        "first_url": request.path if after else "",
        "mine": [_done(one, labels) for one in mine],
        "count": count,
        "pace": queries.opened_since(now),
    }
    return page(request, "data/reviews.html", context)


def _listed(one: Any, labels: dict[str, Any]) -> dict[str, Any]:
    return {
        "review": one,
        "what": picked(labels.get(f"{one.pack}:{one.source}")) or _("两个主体"),
        "levels": levels(queries.comparisons(one.agreement)),
    }


def _done(one: Any, labels: dict[str, Any]) -> dict[str, Any]:
    return {**_listed(one, labels), "state": verdict_word(one.state)}


def levels(comparisons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Comparisons with a kind (colour and shape) beside their word: the same, close, different, not given."""
    return [
        {**one, "kind": _kind(one), "word": picked(one["words"]), "width": _width(one)} for one in comparisons
    ]


def _width(one: dict[str, Any]) -> int:
    """How far two values agree, in percent: a level counts from 0 (different) to the highest (the same)."""
    level, levels = int(one["level"]), int(one["levels"])
    return max(0, round(level * 100 / max(1, levels - 1)))


def _kind(one: dict[str, Any]) -> str:
    if one["level"] < 0:
        return "idle"
    if one["level"] >= one["levels"] - 1:
        return "ok"
    return "watch" if one["level"] else "bad"


@door("read", "review", of=queries.review_by_ref)
def review(request: HttpRequest, review: Any) -> HttpResponse:
    """One pair, masked; the way to the next, and what this person decided today."""
    return _pair(request, review, reveal=False)


@door(None, "review", post="handle", of=queries.review_by_ref)
def reveal(request: HttpRequest, review: Any) -> HttpResponse:
    """The same pair with names and dates in full; the look is in the log of those it is about."""
    return _pair(request, review, reveal=True)


def _pair(
    request: HttpRequest, review: Any, *, reveal: bool, error: str = "", status: int = 200
) -> HttpResponse:
    now, actor = clock.now(), actor_of(request)
    pair = queries.review_pair(actor, review, now, reveal=reveal)
    before, after = queries.neighbours(review, now)
    labels = source_labels()
    mine, count = queries.decided_by(actor, now, 8)
    context = {
        "review": review,
        "pair": pair,
        "facts": _facts(pair),
        "levels": levels(pair["comparisons"]),
        "state": verdict_word(review.state),
        "what": labels.get(f"{review.pack}:{review.source}"),
        "before": before,
        "after": after,
        "mine": [_done(one, labels) for one in mine],
        "last": mine[0] if mine else None,
        "count": count,
        "error": error,
    }
    return page(request, "data/review.html", context, status)


def _facts(pair: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, birth, sex or code of both sides, row by row; a row where both are empty is left out."""
    words = {
        "name": _("姓名") if pair["about"] == "person" else _("名称"),
        "birth": _("出生日期"),
        "sex": _("性别"),
        "code": _("代码"),
    }
    sexes = {"m": _("男"), "f": _("女")}
    found = []
    for key, word in words.items():
        values = [side[key] for side in pair["sides"]]
        if key == "sex":
            values = [sexes.get(value, "") for value in values]
        if key == "birth" and not pair["revealed"]:
            values = [_("%(year)s 年") % {"year": value} if value else "" for value in values]
        if any(values):
            found.append({"word": word, "values": values})
    return found


@door(None, "review", post="handle", of=queries.review_by_ref)
def decide(request: HttpRequest, review: Any) -> HttpResponse:
    """Same or apart, then on to the next pair."""
    verdict = request.POST.get("verdict", "")
    if verdict not in VERDICTS:
        return _pair(request, review, reveal=False, error=_("请选“是同一个”或“不是同一个”"), status=422)
    _before, after = queries.neighbours(review, clock.now())
    try:
        with write():
            actions.decide_review(review, verdict, actor=actor_of(request), at=clock.now())
    except Refusal as refused:
        return _pair(request, review, reveal=False, error=_said(refused), status=refused.status)
    messages.success(request, _("已记：%(word)s。按 U 撤销") % {"word": verdict_word(verdict)[1]})
    return HttpResponseRedirect(
        reverse("data-review", args=[after.ref]) if after else reverse("data-reviews")
    )


@door(None, "review", post="handle", of=queries.review_by_ref)
def undo(request: HttpRequest, review: Any) -> HttpResponse:
    """Takes a decision back and shows its pair again."""
    try:
        with write():
            actions.undo_review(review, actor=actor_of(request), at=clock.now())
    except Refusal as refused:
        messages.error(request, _said(refused))
    else:
        messages.success(request, _("已撤销，这一对重新待判断"))
    return HttpResponseRedirect(reverse("data-review", args=[review.ref]))


def _said(refused: Refusal) -> str:
    return refused.message("en" if english() else "zh")


# --- merges and splits ---------------------------------------------------------------------------------


@door("read", "review")
def merges(request: HttpRequest) -> HttpResponse:
    """The log of merges and splits, newest first; a merge in force can be undone."""
    rows = queries.merge_log()
    last = queries.merge_by_ref(request.GET.get("after", ""))
    if last:
        rows = rows.filter(at__lte=last.at).exclude(at=last.at, pk__gte=last.pk)
    listed = list(rows[: PAGE_SIZE + 1])
    context = {
        "rows": [_merge(one) for one in listed[:PAGE_SIZE]],
        "next_url": f"?after={listed[PAGE_SIZE - 1].ref}" if len(listed) > PAGE_SIZE else "",
        "first_url": request.path if last else "",
    }
    return page(request, "data/merges.html", context)


def _merge(one: Any) -> dict[str, Any]:
    undone = hasattr(one, "undone_by")
    return {
        "merge": one,
        "kept": one.kept.ref[:8],
        "merged": one.merged.ref[:8],
        "method": method_word(one.method),
        "by": one.by.label if one.by and one.by.label else None,
        "undone": undone,
        "can_undo": one.kind == "merge" and not undone,
    }


def method_word(method: str) -> str:
    """How two subjects, or a row and a subject, were found to be one."""
    return {
        "review": _("人工判断"),
        "identity": _("证件号码相同"),
        "credit_code": _("信用代码相同"),
        "splink": _("概率关联"),
        "name_birth_phone": _("姓名、生日、手机号相同"),
        "place": _("区划代码相同"),
        "document": _("证件号码相同"),
    }.get(method, method)


@door(None, "review", post="handle")
def undo_merge(request: HttpRequest, ref: str) -> HttpResponse:
    """Takes a merge apart again; nothing is deleted, the split is another line of the log."""
    merge = queries.merge_by_ref(ref)
    try:
        if merge is not None:
            with write():
                actions.undo_merge(merge, actor=actor_of(request), at=clock.now())
            messages.success(request, _("已拆分，两个主体各归各"))
    except Refusal as refused:
        messages.error(request, _said(refused))
    return HttpResponseRedirect(reverse("data-merges"))
