"""How the compiled form looks: kinds of control, choices, where a value comes from; and reading it back."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.labels import pick
from liangwang.base.units import UNITS
from liangwang.services import queries

from ..templatetags.ui import day, moment, yuan

FEW = 6
LONG = 200  # characters from which a text gets several lines
KINDS = {
    "date": "date",
    "datetime": "datetime-local",
    "yes_no": "radio",
    "phone": "tel",
    "email": "email",
    "address": "address",
    "signature": "signature",
}
# What a phone's keyboard should look like, and what a browser may fill in by itself for the applicant.
KEYBOARDS = {"whole": "numeric", "number": "decimal", "money": "decimal", "credit_code": "text"}
FILLS_IN = {"person.phone": "tel", "person.email": "email"}
DATE_PARTS = ("year", "month", "day")
LINE_PARTS = ("road", "lane", "number", "room")
DIVISIONS = ("district", "street", "neighbourhood")


def say(label: Any) -> str:
    """A label, or text, in the reader's language."""
    return pick(label, get_language() or "zh") if isinstance(label, dict) else str(label or "")


def kind_of(ask: Any) -> str:
    """The control for a field: few choices are radio buttons, many a list."""
    if ask.choices:
        return "radio" if len(ask.choices) <= FEW else "select"
    if ask.kind == "text" and (ask.max_length or 0) >= LONG:
        return "textarea"
    return KINDS.get(ask.kind, "text")


def options_of(ask: Any) -> list[tuple[str, Any]]:
    if ask.kind == "yes_no" and not ask.choices:
        return [("yes", _("是")), ("no", _("否"))]
    listed: list[tuple[str, Any]] = [(choice.value, choice.label) for choice in ask.choices]
    return [("", _("请选择")), *listed] if len(listed) > FEW else listed


def shown(ask: Any, value: Any) -> str:
    """A value as a person reads it."""
    if value in (None, ""):
        return ""
    text = str(value)
    if ask.kind == "identity_number" and len(text) == 18:
        return f"{text[:6]}********{text[-4:]}"
    if ask.kind == "address":
        return queries.address_line(text)
    if ask.kind == "signature":
        return queries.signed_words(text)
    named = dict(options_of(ask))
    if text in named:
        return say(named[text])
    if ask.kind == "money" and text.replace(".", "", 1).isdigit():
        return str(yuan(round(float(text) * 100)))
    if ask.kind == "date" and len(text) == 10:
        try:
            return day(text, "year")
        except ValueError:
            return text  # kept as it was typed, with what to change beside it
    return f"{text} {unit}" if (unit := unit_of(ask)) else text


def unit_of(ask: Any) -> str:
    """What a number counts, in words."""
    if ask.kind == "money":
        return _("元")
    unit = UNITS.get(ask.unit)
    return say(unit.label) if unit is not None and ask.kind in ("whole", "number") else ""


def given_words(why: Mapping[str, Any] | None) -> str:
    """Where a prefilled value comes from, with its date."""
    if not why:
        return ""
    if why["state"] == "later":
        return say(why["source"])
    when = f" {day(why['at'], 'year')}" if why["at"] else ""
    return _("来自%(source)s%(when)s") % {"source": say(why["source"]), "when": when}


def fields_of(
    page: Any, typed: Mapping[str, str], problems: Mapping[str, str], others: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The fields of a page that a person fills in or confirms; what was just typed stands, right or wrong.

    `others` holds what somebody else has saved meanwhile: hers stands in the control, theirs beside it.
    """
    return [field_of(one, typed, problems, others or {}) for one in page["fields"]]


def field_of(
    one: Any, typed: Mapping[str, str], problems: Mapping[str, str], others: Mapping[str, Any]
) -> dict[str, Any]:
    """One field as draft_field.html shows it."""
    ask = one["ask"]
    value = typed.get(ask.id, one["value"])
    problem = problems.get(ask.id, say(one["problem"]))
    other = others.get(ask.id)
    kind = kind_of(ask)
    shape = _date(value) if kind == "date" else _address(ask, value) if kind == "address" else {}
    said = shown(ask, one["said"])
    return {
        "id": ask.id,
        "group": ask.group,
        "row": ask.row,
        "label": say(ask.label),
        "kind": kind,
        "value": value,
        "options": options_of(ask),
        "hint": say(ask.hint),
        "required": ask.required,
        "unit": unit_of(ask) if kind == "text" else "",
        "keyboard": KEYBOARDS.get(ask.kind, ""),
        "fills_in": FILLS_IN.get(ask.concept, "") if ask.role == "applicant" else "",
        "longest": ask.max_length or 500,
        "error": problem,
        "given": given_words(one["why"]) if value and not problem and not said else "",
        "said": said,
        "said_by": given_words(one["why"]) if said else "",
        "disputed": bool(one["why"] and one["why"]["state"] == "disputed"),
        "version": other.version if other else one["version"],
        "other": _other(ask, other) if other else None,
        "fresh": one["fresh"],
        **shape,
    }


def _date(value: str) -> dict[str, Any]:
    """The three boxes of a date; what was typed wrongly stands in them as well as it can."""
    pieces = [*value.replace("/", "-").replace(".", "-").split("-", 2), "", "", ""][:3]
    names = (_("年"), _("月"), _("日"))
    return {
        "boxes": [
            {"name": name, "label": label, "value": piece, "wide": name == "year"}
            for name, label, piece in zip(DATE_PARTS, names, pieces, strict=True)
        ]
    }


def _address(ask: Any, value: str) -> dict[str, Any]:
    """The pickers and lines of an address; one that was written, or lies elsewhere, is a single line."""
    parts = queries.address_parts(value)
    labels = {"district": _("区"), "street": _("街道或镇"), "neighbourhood": _("居委（不知道可以不选）")}
    pickers = [
        {**one, "label": labels[one["level"]], "name": one["level"]} for one in queries.address_choices(value)
    ]
    lines = {"road": _("路名"), "lane": _("弄"), "number": _("号"), "room": _("室")}
    examples = {"road": _("如 长宁路"), "lane": "515", "number": "3", "room": "402"}
    return {
        "elsewhere": parts.get("in") == "elsewhere",
        "line": parts.get("road", "") if parts.get("in") == "elsewhere" else "",
        "pickers": pickers,
        "whole": queries.address_line(value),
        "picked": bool(pickers and len(pickers) > 1),
        "lines": [
            {"name": name, "label": label, "value": parts.get(name, ""), "example": examples[name]}
            for name, label in lines.items()
        ],
    }


def _other(ask: Any, other: Any) -> dict[str, str]:
    return {"value": shown(ask, other.value) or _("（空）"), "at": moment(other.at, "time")}


def sections_of(page: Any, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields of a page as it lists them: those of the person, then each repeating group with its rows."""
    found: list[dict[str, Any]] = [{"group": None, "fields": [f for f in fields if not f["group"]]}]
    for rows in page["groups"]:
        numbered = enumerate(rows.numbers, 1)
        found.append(
            {
                "group": rows.group,
                "label": say(rows.label),
                "row_label": say(rows.row),
                "hint": say(rows.hint),
                "rows": [
                    {
                        "number": number,
                        "label": f"{say(rows.row)} {place}",
                        "fields": [f for f in fields if f["group"] == rows.group and f["row"] == number],
                    }
                    for place, number in numbered
                ],
                "may_add": len(rows.numbers) < rows.maximum,
                "may_remove": len(rows.numbers) > rows.minimum,
                "most": rows.maximum,
            }
        )
    return found


def settled_rows(page: Any) -> list[dict[str, Any]]:
    """The fields that nobody has to fill in: value and source, or the step that will produce it."""
    return [settled_row(one) for one in page["known"]]


def settled_row(one: Any) -> dict[str, Any]:
    why = one["why"]
    if why and why["state"] == "later":
        return {
            "label": one["ask"].label,
            "value": _("办理中自动产生"),
            "source": say(why["source"]),
            "status": "info",
        }
    value = shown(one["ask"], one["value"])
    return {"id": one["ask"].id, "label": one["ask"].label, "value": value, "source": given_words(why)}


def answered(page: Any, posted: Mapping[str, str]) -> dict[str, str]:
    """What was typed on this page, only for its own fields and only where its controls were sent."""
    found = {one["ask"].id: typed_of(one["ask"], posted) for one in page["fields"]}
    return {field: typed for field, typed in found.items() if typed is not None}


def typed_of(ask: Any, posted: Mapping[str, str]) -> str | None:
    """One answer out of its controls, None where none of them was sent; a signature is given on its own page."""
    own = {name: posted.get(f"{ask.id}~{name}", "") for name in (*DATE_PARTS, *DIVISIONS, *LINE_PARTS)}
    if ask.kind == "signature":
        return None
    if ask.kind == "date" and f"{ask.id}~year" in posted:
        return "-".join(own[name].strip() for name in DATE_PARTS) if any(map(own.get, DATE_PARTS)) else ""
    if ask.kind == "address" and f"{ask.id}~district" in posted:
        line = posted.get(ask.id, "")
        if own["district"] == "elsewhere" or any(own.values()):
            return json.dumps({**{k: v for k, v in own.items() if v}, "line": line}, ensure_ascii=False)
        return ""
    if ask.id in posted:
        return posted[ask.id]
    # Radio buttons send nothing while none is chosen; the field's version says that they were on the page.
    return "" if f"{ask.id}~v" in posted and kind_of(ask) == "radio" else None


def bases_of(page: Any, posted: Mapping[str, str]) -> dict[str, int]:
    """The version of each field that the person saw."""
    found = {one["ask"].id: posted.get(f"{one['ask'].id}~v", "") for one in page["fields"]}
    return {field: int(number) for field, number in found.items() if number.isdigit()}
