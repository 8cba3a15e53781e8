"""The data desk's pages: sources, batches with every reason of every refused row, conflicts, published attributes."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.hub import queries

LISTED = 100
ROWS_LISTED = 200
STATES = {"fresh": "ok", "late": "watch", "silent": "idle", "closed": "info"}
BATCH_STATES = {"received": "info", "loaded": "ok", "refused": "bad", "erased": "idle"}
SHARING = {"unconditional": "ok", "conditional": "info", "none": "bad"}


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**context, "open_conflicts": queries.disagreements().count()})


def _department(key: str) -> Label:
    """A department's name from the shared vocabulary; its key where there is none."""
    for one in declarations("departments.csv"):
        if one.key == key:
            return {"zh": one.value.zh, "en": one.value.en}
    return {"zh": key, "en": key}


def state_words() -> dict[str, str]:
    return {
        "fresh": _("按时"),
        "late": _("迟到"),
        "silent": _("没有来过"),
        "closed": _("常态停收"),
        "received": _("已收，待装载"),
        "loaded": _("已装载"),
        "refused": _("整批未收"),
        "erased": _("已清除"),
        "unconditional": _("无条件共享"),
        "conditional": _("有条件共享"),
        "none": _("不予共享"),
    }


@door("read", "batch")
def sources(request: HttpRequest) -> HttpResponse:
    """Every source with its contract, its last delivery, and whether that is fresh."""
    words = state_words()
    rows = []
    for state in queries.source_states(clock.now()):
        source = state.declared.value
        last = state.last
        rows.append(
            {
                "ref": state.declared.ref,
                "href": reverse("data-source", args=[state.declared.ref]),
                "cells": [
                    source.label,
                    source.category,
                    _department(source.office),
                    (STATES[state.state], words[state.state]),
                    last.received_at if last else None,
                    state.batches,
                    state.rows,
                    (SHARING[source.sharing], words[source.sharing]),
                ],
            }
        )
    columns = [
        (_("来源"), "text"),
        (_("类别"), "text"),
        (_("数源部门"), "text"),
        (_("时效"), "status"),
        (_("最近一批"), "date"),
        (_("批次"), "number"),
        (_("在用行数"), "number"),
        (_("共享属性"), "status"),
    ]
    return _page(request, "data/sources.html", {"columns": columns, "rows": rows})


@door("read", "batch")
def source(request: HttpRequest, source: str) -> HttpResponse:
    """One source: its contract column by column, its batches, and how to deliver."""
    declared = queries.source_named(source)
    words = state_words()
    columns = [
        {
            "name": name,
            "label": column.label,
            "type": column.type,
            "optional": column.optional,
            "bounds": _bounds(column),
            "sealed": column.sealed,
            "says": column.says,
        }
        for name, column in declared.value.columns.items()
    ]
    context = {
        "declared": declared,
        "source": declared.value,
        "office": _department(declared.value.office),
        "sharing": (SHARING[declared.value.sharing], words[declared.value.sharing]),
        "columns": columns,
        "batch_columns": _batch_columns(),
        "batches": _batch_rows(queries.batches(declared.ref)[:20]),
        "port": settings.PORT,
    }
    return _page(request, "data/source.html", context)


def _bounds(column: Any) -> str:
    if column.values:
        return " · ".join(f"{key} {label['zh']}" for key, label in column.values.items())
    low, high = column.min, column.max
    if low is None and high is None:
        return column.level or column.pattern or ""
    unit = column.unit or ""
    return f"{low if low is not None else ''} … {high if high is not None else ''} {unit}".strip()


def _batch_columns() -> list[tuple[str, str]]:
    return [
        (_("来源"), "text"),
        (_("状态"), "status"),
        (_("收到"), "date"),
        (_("行数"), "number"),
        (_("合格"), "number"),
        (_("隔离"), "number"),
        (_("已关联"), "number"),
        (_("未关联"), "number"),
    ]


def _batch_rows(rows: Any) -> list[dict[str, Any]]:
    words = state_words()
    labels = {one.ref: one.value.label for one in queries.declared_sources()}
    return [
        {
            "ref": row.ref,
            "href": reverse("data-batch", args=[row.ref]),
            "cells": [
                labels.get(f"{row.pack}:{row.source}", row.source),
                (BATCH_STATES[row.state], words[row.state]),
                row.received_at,
                row.rows,
                row.good,
                row.bad,
                row.linked,
                row.unlinked,
            ],
        }
        for row in rows
    ]


@door("read", "batch")
def batches(request: HttpRequest) -> HttpResponse:
    """The newest batches of all sources."""
    rows = _batch_rows(queries.batches()[:LISTED])
    return _page(request, "data/batches.html", {"columns": _batch_columns(), "rows": rows})


@door("read", "batch", of=queries.batch_by_ref)
def batch(request: HttpRequest, batch: Any) -> HttpResponse:
    """One batch: how many rows for which reason, and each refused row with all of its reasons."""
    label = next(
        (one.value.label for one in queries.declared_sources() if one.ref == f"{batch.pack}:{batch.source}"),
        {"zh": batch.source, "en": batch.source},
    )
    context = {
        "batch": batch,
        "label": label,
        "state": (BATCH_STATES[batch.state], state_words()[batch.state]),
        "reasons": queries.reasons(batch),
        "refused": list(queries.quarantine(batch, ROWS_LISTED)),
        "listed": ROWS_LISTED,
    }
    return _page(request, "data/batch.html", context)


@door("read", "attribute")
def conflicts(request: HttpRequest) -> HttpResponse:
    """Values on which sources disagree: which attribute, since when, and what is preferred meanwhile."""
    attributes = {one.key: one.value.label for one in declarations("attributes.csv")}
    labels = {one.ref: one.value.label for one in queries.declared_sources()}
    rows = [
        {
            "ref": row.ref,
            "cells": [
                attributes.get(row.attribute, row.attribute),
                _joined(
                    [
                        labels.get(ref, {"zh": ref, "en": ref})
                        for ref in row.said.get("preferred", "").split(",")
                    ]
                ),
                row.opened_at,
                row.subject.ref[:8],
            ],
        }
        for row in queries.disagreements()[:LISTED]
    ]
    columns = [(_("数据项"), "text"), (_("暂取来源"), "text"), (_("发现于"), "date"), (_("对象"), "text")]
    return _page(request, "data/conflicts.html", {"columns": columns, "rows": rows})


def _joined(labels: list[Label]) -> Label:
    return {"zh": "、".join(one["zh"] for one in labels), "en": ", ".join(one["en"] for one in labels)}


@door("read", "attribute")
def attributes(request: HttpRequest) -> HttpResponse:
    """Published versions of attributes: when, by which rule, under which order, with which counts."""
    versions = queries.attribute_versions()[:LISTED]
    return _page(request, "data/attributes.html", {"versions": versions})
