"""How the compiled form looks: kinds of control, choices, where a value comes from; and reading it back."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.labels import pick

from ..templatetags.ui import day

FEW = 6
KINDS = {"date": "date", "datetime": "datetime-local", "whole": "number", "yes_no": "radio"}


def say(label: Any) -> str:
    """A label, or text, in the reader's language."""
    return pick(label, get_language() or "zh") if isinstance(label, dict) else str(label or "")


def kind_of(ask: Any) -> str:
    """The control for a field: few choices are radio buttons, many a list."""
    if ask.choices:
        return "radio" if len(ask.choices) <= FEW else "select"
    if ask.concept.endswith("phone"):
        return "tel"
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
    if ask.concept.endswith("identity_number") and len(str(value)) == 18:
        return f"{str(value)[:6]}********{str(value)[-4:]}"
    named = dict(options_of(ask))
    if str(value) in named:
        return say(named[str(value)])
    return day(str(value), "year") if ask.kind == "date" and len(str(value)) == 10 else str(value)


def given_words(why: Mapping[str, Any] | None) -> str:
    """Where a prefilled value comes from, with its date."""
    if not why:
        return ""
    if why["state"] == "later":
        return say(why["source"])
    when = f" {day(why['at'], 'year')}" if why["at"] else ""
    return _("来自%(source)s%(when)s") % {"source": say(why["source"]), "when": when}


def fields_of(page: Any, typed: Mapping[str, str], problems: Mapping[str, str]) -> list[dict[str, Any]]:
    """The fields of a page that a person fills in or confirms; what was just typed stands, right or wrong."""
    return [_field(one, typed, problems) for one in page["fields"]]


def _field(one: Any, typed: Mapping[str, str], problems: Mapping[str, str]) -> dict[str, Any]:
    ask = one["ask"]
    value = typed.get(ask.id, one["value"])
    problem = problems.get(ask.id, say(one["problem"]))
    return {
        "id": ask.id,
        "label": say(ask.label),
        "kind": kind_of(ask),
        "value": value,
        "options": options_of(ask),
        "hint": say(ask.hint),
        "required": ask.required,
        "error": problem,
        "given": given_words(one["why"]) if value and not problem else "",
    }


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
    return {"label": one["ask"].label, "value": shown(one["ask"], one["value"]), "source": given_words(why)}


def answered(page: Any, posted: Mapping[str, str]) -> dict[str, str]:
    """What was typed on this page, only for its own fields."""
    return {one["ask"].id: posted.get(one["ask"].id, "") for one in page["fields"]}
