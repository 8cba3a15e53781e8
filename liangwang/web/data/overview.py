"""The overview: every source on one screen, its last thirty days as a strip, and what is loading now."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.hub import queries

from . import charts
from .page import SOURCE_KINDS, address, departments, page, picked, share, source_labels, state_word
from .progress import loading_part, progress

STATES = ("fresh", "late", "refused", "silent", "closed")


@door("read", "batch")
def overview(request: HttpRequest) -> HttpResponse:
    """All sources by category with freshness, rows in use, quality, quarantine, open reviews and conflicts."""
    if request.GET.get("part") == "loading":
        return loading_part(request, progress(queries.loading(), source_labels()))
    rows = queries.overview(clock.now())
    wanted, text = request.GET.get("state", ""), request.GET.get("q", "").strip()
    shown = [row for row in rows if not wanted or row.state == wanted]
    if text:
        shown = [row for row in shown if _has(row, text)]
    context = {
        "groups": _groups(shown),
        "tiles": _tiles(request, rows, wanted),
        "totals": {
            "sources": len(rows),
            "categories": len({row.declared.value.category["zh"] for row in rows}),
            "rows": sum(row.rows_in_use for row in rows),
            "bad": sum(row.bad for row in rows),
            "quality": share(_good_share(rows)),
        },
        "loading": progress(queries.loading(), source_labels()),
        "wanted": wanted,
        "q": text,
        "days": len(rows[0].days) if rows else 0,
        "whole": request.path,
    }
    return page(request, "data/overview.html", context)


def _has(row: queries.SourceRow, text: str) -> bool:
    source = row.declared.value
    words = (row.declared.ref, *source.label.values(), *source.category.values(), source.office)
    return any(text.lower() in word.lower() for word in words)


def _good_share(rows: list[queries.SourceRow]) -> float | None:
    came = sum(row.rows for row in rows)
    return 1 - sum(row.bad for row in rows) / came if came else None


def _tiles(request: HttpRequest, rows: list[queries.SourceRow], wanted: str) -> list[dict[str, Any]]:
    """The filters, each with its count: all, then every state that occurs."""
    made = [{"word": _("全部"), "kind": "brand", "count": len(rows), "href": address(request, state=""),
             "here": not wanted}]  # fmt: skip
    for state in STATES:
        count = sum(row.state == state for row in rows)
        if count or state == wanted:
            made.append(
                {
                    "word": state_word(state),
                    "kind": SOURCE_KINDS[state],
                    "count": count,
                    "href": address(request, state=state),
                    "here": state == wanted,
                }
            )
    return made


def _groups(rows: list[queries.SourceRow]) -> list[dict[str, Any]]:
    """The rows by category, in the order of the categories' first source."""
    offices = departments()
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        category = row.declared.value.category
        group = groups.setdefault(category["zh"], {"label": category, "rows": []})
        office = row.declared.value.office
        group["rows"].append(
            {
                "row": row,
                "name": picked(row.declared.value.label),
                "office": picked(offices.get(office)) or office,
                "kind": SOURCE_KINDS[row.state],
                "word": state_word(row.state),
                "strip": charts.strip(row.days),
                "quality": share(row.good_share),
                "bar": round((row.good_share or 0) * 100, 1),
                "low": row.good_share is not None and row.good_share < 0.95,
            }
        )
    return list(groups.values())
