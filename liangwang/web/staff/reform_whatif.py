"""试一试: an item changed in thought, what its bundles would then take, each change taken back alone; and what helps most."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.labels import Label, pick
from liangwang.services import queries
from liangwang.services.declare import Bundle, Item
from liangwang.services.levers import Lever
from liangwang.services.refusals import UnknownPart
from liangwang.services.spreadsheet_words import DIMENSIONS
from liangwang.services.vocabulary import field_id
from liangwang.services.whatif import ACTS, Catalogue, Change, Effect, read_change

from .pages import page
from .reform import department_names, lang_now

LISTED = 20
CHANGES_MAX = 60
PICKED_MAX = 600


@door("configure", "item")
def whatif(request: HttpRequest) -> HttpResponse:
    """The ranking of changes; with `?item=` one item to change; each `c=` is a change, and the address is all there is.

    `?act=&part=&value=` adds a change and goes on to the address that carries it.
    """
    catalogue = queries.reform_catalogue()
    item, changes = request.GET.get("item", ""), _written(request)
    if request.GET.get("act"):
        added = read_change("|".join(request.GET.get(name, "") for name in ("act", "item", "part", "value")))
        return HttpResponseRedirect(_address(item, _with(changes, added)))
    if item and item not in catalogue.within:
        raise NotFound
    known = [one for one in changes if catalogue.applies(one)]
    effects = catalogue.effects(known)
    context = {
        "item": item,
        "label": catalogue.bounds[item].head.label if item else None,
        "choices": _choices(catalogue),
        "changes": [_change(one, changes, item, catalogue, one in known) for one in changes],
        "effects": [_effect(one, catalogue) for one in effects],
        "dimensions": [label for label, _unit in DIMENSIONS.values()],
        "clear": _address(item, []),
        **(_parts(item, changes, catalogue) if item else _ranking()),
    }
    return page(request, "staff/reform_whatif.html", context)


def _written(request: HttpRequest) -> list[Change]:
    """The changes in the address, without what is none."""
    found = []
    for text in request.GET.getlist("c")[:CHANGES_MAX]:
        with suppress(UnknownPart):
            found.append(read_change(text))
    return found


def _address(item: str, changes: list[Change]) -> str:
    pairs = [("item", item)] if item else []
    pairs += [("c", one.written()) for one in changes]
    return f"{reverse('reform-whatif')}?{urlencode(pairs)}"


def _with(changes: list[Change], added: Change) -> list[Change]:
    """The changes and one more; it takes the place of an earlier one for the same part of the same item."""
    same = (added.act, added.item, added.part) if added.act != "free" else added
    kept = [c for c in changes if ((c.act, c.item, c.part) if c.act != "free" else c) != same]
    return [*kept, added]


def _choices(catalogue: Catalogue) -> list[tuple[str, Label]]:
    """Items to choose from: all, or in a very large catalogue those that are in a bundle."""
    items = {s.key: s.item.label for bound in catalogue.bounds.values() for s in bound.items}
    if len(items) > PICKED_MAX:
        items = {key: label for key, label in items.items() if len(catalogue.within[key]) > 1}
    return sorted(items.items(), key=lambda one: one[1]["zh"])


# --- one item ---------------------------------------------------------------------------------------------


def _parts(key: str, changes: list[Change], catalogue: Catalogue) -> dict[str, Any]:
    """The item's materials, steps, fields and delivery, each with what can be done to it; a changed part says so."""
    item = next(s.item for s in catalogue.bounds[key].items if s.key == key)
    done = {(c.act, c.part, c.value if c.act == "free" else "") for c in changes if c.item == key}

    def link(act: str, part: str, value: str = "") -> str:
        added = Change(act=act, item=key, part=part, value=value)  # type: ignore[arg-type]
        return "" if (act, part, value) in done else _address(key, _with(changes, added))

    return {
        "hidden": [("item", key), *(("c", one.written()) for one in changes)],
        "materials": _materials(item, catalogue, done, link),
        "steps": _steps(
            item, catalogue, {c.part: c.value for c in changes if c.act == "days" and c.item == key}, link
        ),
        "fields": [
            {
                "label": field.label or catalogue.words.concept(field.concept).label,
                "role": item.roles.get(field.role),
                "drop": link("field", f"{field.role}.{field.concept}"),
            }
            for field in item.fields
        ],
        "post": link("post", "") if any("post" not in d.ways for d in item.delivery) or item.trips else None,
        "visit": item.visit,
        "concepts": sorted(
            ((c, catalogue.words.concept(c).label) for c in catalogue.concepts),
            key=lambda one: pick(one[1], lang_now()),
        ),
    }


def _materials(item: Item, catalogue: Catalogue, done: Any, link: Any) -> list[dict[str, Any]]:
    found = {}
    for material in item.materials:
        part = f"{material.role}.{material.type}"
        document = catalogue.words.document(material.type)
        found[part] = {
            "part": part,
            "label": document.label,
            "role": item.roles.get(material.role),
            "form": document.kind == "form",
            "shown": bool(material.shown_by) or ("show", part, "") in done,
            "promised": bool(material.commitment) or ("promise", part, "") in done,
            "dropped": ("drop", part, "") in done,
            "drop": link("drop", part),
            "promise": link("promise", part),
        }
    return list(found.values())


def _steps(item: Item, catalogue: Catalogue, days: dict[str, str], link: Any) -> list[dict[str, Any]]:
    """The item's steps with what they wait for; `days` are those that a change has set."""
    names = {step.step: step.label for step in item.steps} | {fee.fee: fee.label for fee in item.fees}
    return [
        {
            "part": step.step,
            "label": step.label,
            "days": days.get(step.step, step.working_days),
            "published": step.working_days if step.step in days else None,
            "waits": [
                {"label": names.get(one) or _named(one, catalogue), "free": link("free", step.step, one)}
                for one in (*step.uses, *step.after, *([step.pays] if step.pays else []))
            ],
        }
        for step in item.steps
    ]


def _named(given: str, catalogue: Catalogue) -> Label:
    """What a step waits for in words: a document, a value, or as it is written."""
    role, _dot, name = given.partition(".")
    if name in catalogue.words.documents:
        return catalogue.words.documents[name].label
    for concept in catalogue.words.concepts.values():
        if field_id(role, concept.key) == given:
            return concept.label
    return {"zh": given, "en": given}


# --- changes and what they do -----------------------------------------------------------------------------


def _change(
    one: Change, changes: list[Change], item: str, catalogue: Catalogue, applies: bool
) -> dict[str, Any]:
    """A change in words, and the address without it; `applies` is false where its part is not there any more."""
    bound = catalogue.bounds.get(one.item)
    return {
        "act": ACTS[one.act],
        "item": bound.head.label if bound else {"zh": one.item, "en": one.item},
        "part": _part_of(one, catalogue),
        "value": _value_of(one, catalogue),
        "applies": applies,
        "undo": _address(item, [c for c in changes if c != one]),
    }


def _part_of(one: Change, catalogue: Catalogue) -> Label | None:
    _role, _dot, name = one.part.partition(".")
    if one.act in ("drop", "show", "promise"):
        return catalogue.words.document(name).label
    if one.act == "field":
        return catalogue.words.concept(name).label
    bound = catalogue.bounds.get(one.item)
    steps = {step.step: step.label for s in bound.items for step in s.item.steps} if bound else {}
    return steps.get(one.part)


def _value_of(one: Change, catalogue: Catalogue) -> Label | str:
    if one.act == "show" and one.value:
        return catalogue.words.concept(one.value).label
    if one.act == "free":
        return _named(one.value, catalogue)
    return f"{one.value} {_('工作日')}" if one.act == "days" else one.value


def _effect(one: Effect, catalogue: Catalogue) -> dict[str, Any]:
    pack, _colon, name = one.key.partition(":")
    return {
        "label": one.label,
        "bundle": isinstance(catalogue.bounds[one.key].head, Bundle),
        "href": reverse("reform-one", args=(pack, name)),
        "cells": [_cell(one, dimension) for dimension in DIMENSIONS],
        "problem": one.problem.message(lang_now()) if one.problem else "",
        "mended": one.now is None and one.then is not None,
    }


def _cell(one: Effect, dimension: str) -> dict[str, Any]:
    """One dimension now and then, for anybody and for somebody of whom all is known; None where it does not compile."""
    now, known_now = (
        (getattr(one.now.after, dimension), getattr(one.now.known, dimension)) if one.now else (None, None)
    )
    then, known_then = (
        (getattr(one.then.after, dimension), getattr(one.then.known, dimension)) if one.then else (None, None)
    )
    return {
        "now": now,
        "then": then,
        "changed": now != then,
        "known_now": known_now,
        "known_then": known_then,
        "known_changed": known_now != known_then and None not in (known_now, known_then),
    }


def _ranking() -> dict[str, Any]:
    """The changes that would help most: for time, and for materials."""
    names = department_names()
    found = [one for one in queries.reform_levers() if one.days or one.materials]
    return {
        "ranking": [
            {
                "title": _("最能缩短时间的改动"),
                "unit": _("工作日"),
                "rows": [_lever(one, names) for one in found if one.kind != "material"][:LISTED],
            },
            {
                "title": _("最能减少材料的改动"),
                "unit": _("份"),
                "rows": [_lever(one, names) for one in found if one.kind == "material"][:LISTED],
            },
        ]
    }


def _lever(one: Lever, names: dict[str, Label]) -> dict[str, Any]:
    return {
        "what": one.what,
        "detail": one.detail,
        "act": ACTS[one.act],
        "saved": one.days or one.materials,
        "alone": one.alone,
        "who": [names.get(who, {"zh": who, "en": who}) for who in one.who],
        "bundles": one.bundles,
        "href": _address(one.changes[0].item if one.changes else "", list(one.changes))
        if one.changes
        else "",
    }
