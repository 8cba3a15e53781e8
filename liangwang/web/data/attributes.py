"""Published attributes: each with its versions, the counts of its verdicts over them, its rule and its order."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.hub import queries

from . import charts
from .page import PAGE_SIZE, address, page, picked

CHARTED = 60


@door("read", "attribute")
def attributes(request: HttpRequest) -> HttpResponse:
    """Every attribute that rules publish, with its newest versions as curves; then the versions one by one."""
    wanted = request.GET.get("name", "")
    rows = queries.attribute_versions()
    if wanted:
        rows = rows.filter(name=wanted)
    newest = list(rows[: CHARTED * 4])
    listed = rows
    after = request.GET.get("after", "")
    if after.isdigit():
        listed = rows.filter(pk__lt=int(after))
    shown = list(listed[: PAGE_SIZE + 1])
    more = address(request)
    context = {
        "attributes": _by_name(newest),
        "versions": [_version(one) for one in shown[:PAGE_SIZE]],
        "next_url": f"{more}{'&' if '?' in more else '?'}after={shown[PAGE_SIZE - 1].pk}"
        if len(shown) > PAGE_SIZE
        else "",
        "first_url": more if after else "",
        "wanted": wanted,
    }
    return page(request, "data/attributes.html", context)


def labels() -> dict[str, tuple[Label | None, dict[str, Label]]]:
    """By `pack:rule`: what the rule is called, and its verdicts in words where it has them."""
    found: dict[str, tuple[Label | None, dict[str, Label]]] = {}
    for one in declarations("rules.yaml"):
        label = getattr(one.value, "label", None)
        verdicts = getattr(one.value, "verdicts", None) or {}
        found[one.ref] = (label, verdicts if isinstance(verdicts, dict) else {})
    return found


def verdict_word(verdict: str, named: dict[str, Label]) -> str:
    """A verdict in words: as the rule names it, else its colour, else itself."""
    colours = {"green": _("绿"), "yellow": _("黄"), "red": _("红")}
    return picked(named.get(verdict)) or colours.get(verdict, verdict)


def verdict_kind(verdict: str) -> str:
    """The status colour of a verdict: only the three colours have one."""
    return {"green": "ok", "yellow": "watch", "red": "bad"}.get(verdict, "brand")


def _by_name(versions: list[Any]) -> list[dict[str, Any]]:
    """One entry for each attribute: its newest version and a curve of each verdict's count, oldest first."""
    by_name: dict[str, list[Any]] = {}
    for one in versions:
        by_name.setdefault(one.name, []).append(one)
    named, now = labels(), clock.now()
    found = []
    for name, newest in by_name.items():
        taken = newest[:CHARTED][::-1]
        label, words = named.get(name, (None, {}))
        last = newest[0]
        order = last.order
        in_force = last.ended_at is None and (
            order is None or (order.ended_at is None and order.ends_at > now)
        )
        found.append(
            {
                "name": name,
                "label": picked(label) or name,
                "last": last,
                "in_force": in_force,
                "curves": [_curve(verdict, taken, words) for verdict in last.counts],
                "versions": len(taken),
                "first_at": taken[0].at,
            }
        )
    return found


def _curve(verdict: str, versions: list[Any], words: dict[str, Label]) -> dict[str, Any]:
    values = [one.counts.get(verdict, 0) for one in versions]
    low, high = min(values), max(values)
    return {
        "verdict": verdict,
        "word": verdict_word(verdict, words),
        "kind": verdict_kind(verdict),
        "count": values[-1],
        "low": low,
        "high": high,
        "curve": charts.curve(values, low, high if high > low else low + 1),
    }


def _version(one: Any) -> dict[str, Any]:
    label, words = labels().get(one.name, (None, {}))
    return {
        "version": one,
        "label": picked(label) or one.name,
        "counts": [
            {"word": verdict_word(verdict, words), "kind": verdict_kind(verdict), "count": count}
            for verdict, count in one.counts.items()
        ],
    }
