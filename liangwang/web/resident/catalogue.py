"""Finding what to do: the catalogue by theme, search in one's own words, and the page of one item."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from msgspec import structs

from liangwang.base.access import door
from liangwang.base.packs import declarations
from liangwang.services import queries


def cards(found: list[Any]) -> list[dict[str, Any]]:
    """Cards with the address of each item."""
    return [{**one, "url": url_of(one["key"])} for one in found]


def url_of(key: str) -> str:
    """The page of `pack:key`."""
    return f"/services/{key.replace(':', '/')}/"


@door("read", "item")
def page(request: HttpRequest) -> HttpResponse:
    """Everything that can be done here, or what a search finds; `?theme=` narrows."""
    query, theme = request.GET.get("q", "").strip(), request.GET.get("theme", "")
    found = cards(queries.search(query) if query else queries.catalogue(theme or None))
    context = {
        "query": query,
        "theme": theme,
        "themes": queries.themes(),
        "bundles": [one for one in found if one["bundle"]],
        "items": [one for one in found if not one["bundle"]],
        "found": found,
    }
    return render(request, "resident/catalogue.html", context)


@door("read", "item")
def item(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """The guide of one item or bundle for the situation chosen in the address."""
    chosen = {name: str(value) for name, value in request.GET.items() if value}
    found = queries.item_page(f"{pack}:{key}", chosen, request.actor)  # type: ignore[attr-defined]
    found["kind_labels"] = [kinds()[kind] for kind in found["kinds"]]
    found["serves_labels"] = [served()[who] for who in found["serves"]]
    context = {
        "item": found,
        "saving": saving(found["report"]),
        "steps": _plan(found["steps"]),
        "here": url_of(found["key"]),
    }
    return render(request, "resident/item.html", context)


def kinds() -> dict[str, str]:
    """What each kind of power is called."""
    return {
        "licence": _("行政许可"),
        "confirmation": _("行政确认"),
        "grant": _("行政给付"),
        "award": _("行政奖励"),
        "ruling": _("行政裁决"),
        "levy": _("行政征收"),
        "other_power": _("其他行政权力"),
        "public_service": _("公共服务"),
    }


def served() -> dict[str, str]:
    """Whom an item is for, in words."""
    return {"person": _("个人办事"), "company": _("单位办事")}


def saving(report: Any) -> list[dict[str, Any]]:
    """Before and after of a Report, one row a dimension."""
    return saving_of({"before": structs.asdict(report.before), "after": structs.asdict(report.after)})


def saving_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Before and after of a report as it was kept with a submission."""
    rows = [
        ("materials", _("材料"), _("份")),
        ("proofs", _("证明"), _("份")),
        ("fields", _("填写"), _("栏")),
        ("steps", _("环节"), _("个")),
        ("trips", _("跑动"), _("次")),
        ("days", _("时限"), _("工作日")),
    ]
    before, after = report["before"], report["after"]
    return [
        {"label": label, "before": before[key], "after": after[key], "unit": unit}
        for key, label, unit in rows
    ]


def _plan(nodes: Any) -> list[dict[str, Any]]:
    """The steps as rows for drawing: share of the whole before and during, in percent."""
    departments = {declared.key: declared.value.label for declared in declarations("departments.csv")}
    whole = max([node.ends for node in nodes] or [1]) or 1
    return [
        {
            "office": departments.get(node.department, {"zh": node.department, "en": node.department}),
            "label": node.label,
            "days": node.days,
            **_placed(100 * node.starts / whole, max(1.5, 100 * (node.ends - node.starts) / whole)),
        }
        for node in nodes
    ]


def _placed(x: float, width: float) -> dict[str, Any]:
    """Where a bar and its words stand: in it where there is room, else behind it, else before it."""
    inside, behind = width >= 40, x + width <= 70
    text_x = x + 2 if inside else x + width + 1.5 if behind else x - 1.5
    return {
        "x": x,
        "width": width,
        "text_x": text_x,
        "inside": inside,
        "anchor": "start" if inside or behind else "end",
    }
