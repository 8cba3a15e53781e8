"""Batches: the list with its filters, one batch with its verdict and every reason, and the supplier's report."""

from itertools import chain
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.hub import queries

from . import charts
from .page import (
    BATCH_KINDS,
    PAGE_SIZE,
    actor_of,
    address,
    channel_word,
    declared_of,
    english,
    page,
    source_labels,
    state_word,
)
from .progress import loading_part, progress

STATES = ("loaded", "refused", "received")


@door("read", "batch")
def batches(request: HttpRequest) -> HttpResponse:
    """Batches, newest first, by source, state and whether rows are in quarantine."""
    source, state, bad = (request.GET.get(name, "") for name in ("source", "state", "bad"))
    rows = queries.batches(source or None)
    if state in STATES:
        rows = rows.filter(state=state)
    if bad:
        rows = rows.filter(bad__gt=0)
    after = request.GET.get("after", "")
    last = queries.batch_by_ref(after) if after else None
    if last:
        rows = rows.filter(received_at__lte=last.received_at).exclude(
            received_at=last.received_at, pk__gte=last.pk
        )
    listed = list(rows[: PAGE_SIZE + 1])
    labels = source_labels()
    context = {
        "rows": [_listed(one, labels) for one in listed[:PAGE_SIZE]],
        "source": labels.get(source) or source,
        "clear": address(request, source=""),
        "filters": _filters(request, state, bad),
        "filtered": bool(source or state or bad),
        "next_url": address(request) + _more(request, listed) if len(listed) > PAGE_SIZE else "",
        "first_url": address(request) if after else "",
    }
    return page(request, "data/batches.html", context)


def _more(request: HttpRequest, listed: list[queries.Batch]) -> str:
    joint = "&" if "?" in address(request) else "?"
    return f"{joint}after={listed[PAGE_SIZE - 1].ref}"


def _filters(request: HttpRequest, state: str, bad: str) -> list[dict[str, Any]]:
    everything = {
        "word": _("全部"),
        "href": address(request, state="", bad=""),
        "here": not state and not bad,
    }
    states = [
        {"word": state_word(one), "href": address(request, state=one, bad=""), "here": state == one}
        for one in STATES
    ]
    quarantined = {"word": _("有隔离的行"), "href": address(request, bad="1", state=""), "here": bool(bad)}
    return [everything, *states, quarantined]


def _listed(batch: queries.Batch, labels: dict[str, Any]) -> dict[str, Any]:
    """One line of the list; what is not counted yet is None and not nought."""
    counted = batch.state != "received"
    return {
        **{name: getattr(batch, name) if counted else None for name in ("rows", "bad", "linked", "unlinked")},
        "batch": batch,
        "label": labels.get(f"{batch.pack}:{batch.source}", batch.source),
        "state": (BATCH_KINDS[batch.state], state_word(batch.state)),
        "channel": channel_word(batch.channel),
        "bar": charts.parts([("good", "", batch.good), ("bad", "", batch.rows - batch.good)]),
    }


@door("read", "batch", of=queries.batch_by_ref)
def batch(request: HttpRequest, batch: queries.Batch) -> HttpResponse:
    """One batch: its verdict, its stages, its counts as a bar, reasons, and the refused rows with all of theirs."""
    source = f"{batch.pack}:{batch.source}"
    labels = source_labels()
    if request.GET.get("part") == "loading":
        return loading_part(request, progress([batch], labels) if _runs(batch) else [])
    text = request.GET.get("after", "")
    after = int(text) if text.isdigit() else 0
    refused = list(queries.quarantine(batch, PAGE_SIZE + 1, after))
    context = {
        "batch": batch,
        "ref": source,
        "declared": declared_of(source),
        "label": labels.get(source) or {"zh": batch.source, "en": batch.source},
        "state": (BATCH_KINDS[batch.state], state_word(batch.state)),
        "verdict": _verdict(batch),
        "channel": channel_word(batch.channel),
        "again": "again" in request.GET,
        "loading": progress([batch], labels) if _runs(batch) else [],
        "checked": charts.parts(
            [("good", _("合格"), batch.good), ("bad", _("隔离"), batch.rows - batch.good)]
        ),
        "linked": charts.parts(
            [("linked", _("已关联"), batch.linked), ("unlinked", _("未关联"), batch.unlinked)]
        ),
        "reasons": _reasons(batch),
        "rows": [_row(one) for one in refused[:PAGE_SIZE]],
        "drift": batch.drift,
        "mended": queries.mended(batch),
        "corrections": list(batch.corrections.order_by("received_at")),
        "next_url": f"?after={refused[PAGE_SIZE - 1]['row']}#rows" if len(refused) > PAGE_SIZE else "",
        "first_url": request.path + "#rows" if after else "",
    }
    return page(request, "data/batch.html", context)


def _runs(batch: queries.Batch) -> bool:
    return batch.state == "received" or bool(batch.stage)


def _verdict(batch: queries.Batch) -> dict[str, str] | None:
    """The one sentence about a batch: kind of note, and what it means for the office that delivered."""
    if batch.state == "refused":
        return {
            "kind": "bad",
            "title": _("整批未收"),
            "said": _("数据没有进入库中。改正后重新报送即可，不必撤回。"),
        }
    if batch.state == "erased":
        return {"kind": "idle", "title": _("已清除"), "said": _("应急令终止后已按期清除，只留下行数。")}
    if batch.state != "loaded":
        return None
    if batch.bad:
        said = _("合格的行已经入库；隔离的行写明了全部原因，改正后单独补报即可。")
        return {"kind": "watch", "title": _("部分隔离"), "said": said}
    return {"kind": "ok", "title": _("全部合格"), "said": _("每一行都符合约定，已经入库。")}


def _reasons(batch: queries.Batch) -> list[dict[str, Any]]:
    """The reasons in words, each with its share of the longest as the length of a bar."""
    found = queries.reasons(batch)
    most = max((one["count"] for one in found), default=1)
    return [
        {"word": _word(one), "count": one["count"], "width": round(one["count"] * 100 / most, 1)}
        for one in found
    ]


def _word(one: dict[str, Any]) -> str:
    return str(one["reason_en" if english() else "reason"])


def _row(one: dict[str, Any]) -> dict[str, Any]:
    return {"row": one["row"], "reasons": [_word(why) for why in one["reasons"]]}


@door("read", "batch", of=queries.batch_by_ref)
def batch_report(request: HttpRequest, batch: queries.Batch) -> StreamingHttpResponse:
    """The supplier's report: each refused row with every reason in both languages; never a row's text."""
    name = f"{batch.source}-{batch.received_at:%Y%m%d}-{batch.ref[:6]}.csv"
    lines = queries.supplier_sheet(batch, actor_of(request), clock.now())
    return StreamingHttpResponse(
        (part.encode() for part in chain(("\ufeff",), lines)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
