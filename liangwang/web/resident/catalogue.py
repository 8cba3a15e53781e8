"""Finding what to do: the catalogue by theme, office and life event, search in one's own words, one item's page."""

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from msgspec import structs

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.hats import hats_of
from liangwang.base.packs import declarations
from liangwang.base.working_days import local_day
from liangwang.services import own_hat, queries

from ..shared.hats import hat_choices

ON_A_PAGE = 20
PROPOSED = 6  # as one types: as many as a phone shows above its keyboard
FOUND_AT_MOST = 60


def cards(found: list[Any]) -> list[dict[str, Any]]:
    """Cards with the address of each item."""
    return [{**one, "url": url_of(one["key"])} for one in found]


def url_of(key: str) -> str:
    """The page of `pack:key`."""
    return f"/services/{key.replace(':', '/')}/"


@door("read", "item")
def page(request: HttpRequest) -> HttpResponse:
    """The ways in; or with `?q=` what a search finds, with `?theme=`, `?office=` or `?all=` a list, page by page."""
    at = clock.now()
    query = request.GET.get("q", "").strip()
    chosen = {name: request.GET.get(name, "") for name in ("theme", "office", "all")}
    who = request.GET.get("for") if request.GET.get("for") in served() else None
    if query:
        return _found(request, query, at)
    if any(chosen.values()):
        return _listed(request, chosen, who, at)
    every = queries.catalogue(who=who, on=local_day(at))
    context = {
        "who": who,
        "bundles": cards([one for one in every if one["bundle"]]),
        "themes": queries.by_theme([one for one in every if not one["bundle"]]),
        "offices": queries.by_office([one for one in every if not one["bundle"]]),
        "n": len(every),
        "words": [{"word": called(one), "url": url_of(one["key"])} for one in queries.popular(at)],
    }
    return render(request, "resident/catalogue.html", context)


def called(card: Any) -> str:
    """The first name that people use for it, in the reader's language; its label where there is none."""
    english = (get_language() or "zh").startswith("en")
    names = [word for word in card["words"] if word.isascii() == english]
    return str(names[0] if names else card["label"]["en" if english else "zh"])


def _listed(request: HttpRequest, chosen: dict[str, str], who: str | None, at: datetime) -> HttpResponse:
    """One theme or office, or everything: bundles first, twenty on a page."""
    theme, office = chosen["theme"] or None, chosen["office"] or None
    every = queries.catalogue(theme, office=office, on=local_day(at))
    facets = queries.by_theme(every) if theme else queries.by_office(every) if office else []
    found = [one for one in every if who is None or who in one["serves"]]
    kept = {**{name: value for name, value in chosen.items() if value}, **({"for": who} if who else {})}
    context = {
        "facet": next((facet for facet in facets if facet["key"] == (theme or office)), None),
        "who": who,
        "kept": kept,
        "counts": [(key, word, sum(key in one["serves"] for one in every)) for key, word in served().items()],
        **_paged(request, found, kept),
    }
    return render(request, "resident/items.html", context)


def _found(request: HttpRequest, query: str, at: datetime) -> HttpResponse:
    """What a search finds, the best first; each beside the bundle that does it with other things, and what has ended."""
    today = local_day(at)
    found = [one for one in queries.search(query, FOUND_AT_MOST) if not _ended(one, today)]
    shown = _paged(request, found, {"q": query})
    for one in shown["found"]:
        one["beside"] = [] if one["bundle"] else cards(queries.bundles_with(one["key"])[:1])
    gone = [
        one
        for one in queries.withdrawn(today)
        if query.casefold() in f"{one.label['zh']} {one.label['en']}".casefold()
    ]
    context = {
        "query": query,
        "gone": [{"url": url_of(one.key), "label": one.label} for one in gone],
        **shown,
    }
    return render(request, "resident/found.html", context)


def _ended(card: Any, today: Any) -> bool:
    return card["ends_on"] is not None and today > card["ends_on"]


def _paged(request: HttpRequest, found: list[Any], kept: dict[str, str]) -> dict[str, Any]:
    """One page of cards; a page that is not there is the nearest that is."""
    sheet = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    return {"found": cards(list(sheet.object_list)), "sheet": sheet, "kept": kept, "n": len(found)}


@door("read", "item")
def proposals(request: HttpRequest) -> HttpResponse:
    """What is meant while one types: a few links, as a piece of the page."""
    query, today = request.GET.get("q", "").strip(), local_day(clock.now())
    found = [one for one in queries.search(query, PROPOSED) if not _ended(one, today)] if query else []
    return render(request, "resident/proposals.html", {"found": cards(found), "query": query})


@door("read", "item")
def item(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """The guide of one item or bundle for the situation chosen in the address; one that is gone is told so."""
    return _item(request, f"{pack}:{key}", "resident/item.html")


@door("read", "item")
def printed(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """The guide on A4, for the counter and for who reads on paper."""
    return _item(request, f"{pack}:{key}", "resident/item_print.html")


def _item(request: HttpRequest, ref: str, template: str) -> HttpResponse:
    chosen = {name: str(value) for name, value in request.GET.items() if value}
    today = local_day(clock.now())
    try:
        found = queries.item_page(ref, chosen, request.actor)  # type: ignore[attr-defined]
    except NotFound:
        return _gone(request, ref)
    found["kind_labels"] = [kinds()[kind] for kind in found["kinds"]]
    found["serves_labels"] = [served()[who] for who in found["serves"]]
    themes = {one.key: one.value for one in declarations("themes.csv")}
    context = {
        "item": found,
        "icon": themes[found["theme"]].icon if found["theme"] in themes else "layers",
        "gone": next(iter(_withdrawn(ref)), None),
        "ends_soon": found["ended"] if found["ended"] and today <= found["ended"] else None,
        "saving": saving(found["report"]) if found["bundle"] else [],
        "fee": sum(one["fen"] for one in found["fees"]),
        "steps": _plan(found["steps"]),
        "here": url_of(found["key"]),
        "api": f"/api/v1/items/{ref.replace(':', '/')}",
        "address": request.build_absolute_uri(url_of(ref)),
        "bundles": cards(queries.bundles_with(ref)),
        "joined": cards([one for one in queries.catalogue() if one["key"] in _joined(ref)]),
        "related": cards(queries.related(ref, today)),
        "versions": queries.history(ref),
        "hat": hat_hint(request, ref),
        "asked_for": {name: value for name, value in found["scenario"].items() if name in chosen},
    }
    return render(request, template, context)


def hat_hint(request: HttpRequest, ref: str) -> dict[str, Any] | None:
    """In whose name the item has to be begun where the hat worn is of the other kind, and the hats of hers that fit."""
    needed = own_hat.missing_hat(ref, request.actor)  # type: ignore[attr-defined]
    if needed is None:
        return None
    mine = hats_of(request.user, clock.now())  # type: ignore[arg-type]
    fitting = {hat.key for hat in mine if own_hat.kind_of(hat) == needed}
    return {
        "needed": needed,
        "back": url_of(ref),
        "choices": [one for one in hat_choices(request) if one.key in fitting],
    }


def _joined(ref: str) -> tuple[str, ...]:
    return next((one["joined"] for one in queries.catalogue() if one["key"] == ref), ())


def _withdrawn(ref: str) -> list[dict[str, Any]]:
    """The item as it is no longer offered, with the address of what there is instead."""
    found = queries.withdrawn(local_day(clock.now()), ref)
    return [{"one": one, "instead": url_of(one.instead) if one.instead else None} for one in found]


def _gone(request: HttpRequest, ref: str) -> HttpResponse:
    """An item that was offered once has its page still, with what it asked; raises NotFound for what never was."""
    gone = _withdrawn(ref)
    if not gone:
        raise NotFound
    context = {"gone": gone[0], "versions": queries.history(ref)}
    return render(request, "resident/item_gone.html", context, status=410)


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
