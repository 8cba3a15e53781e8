"""Values of people as the desk may show them: sealed ones never, names by the family name, dates by the year."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from liangwang.base.packs import declarations
from liangwang.base.subjects import masked
from liangwang.hub.queries import declared_sources

LETTERS = "甲乙丙丁戊己庚辛"
LATIN = "ABCDEFGH"
NAMES = frozenset({"name", "legal_person_name"})


def sealed_attributes() -> frozenset[str]:
    """Attributes that some source says in a sealed column: their value is a keyed hash and never shown."""
    return frozenset(
        column.says
        for one in declared_sources()
        for column in one.value.columns.values()
        if column.says and column.sealed
    )


def personal_attributes() -> frozenset[str]:
    """Attributes of people that are personal: masked for whoever does not rule on them."""
    return frozenset(one.key for one in declarations("attributes.csv") if one.value.personal)


def shown(attribute: str, value: Any, *, whole: bool = False) -> str:
    """A value in words; masked unless `whole`, and a sealed one never."""
    if value is None:
        return "–"
    if attribute in sealed_attributes():
        return _("已加密")
    text = str(value)
    if whole or attribute not in personal_attributes():
        return text
    day = _day(text)
    if day is not None:
        return _("%(year)s 年") % {"year": day.year}
    if attribute in NAMES:
        return masked(text)
    return text if len(text) <= 1 else text[0] + "*" * min(len(text) - 1, 6)


def _day(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def letter(index: int, *, english: bool) -> str:
    """The letter by which the n-th different value is called: 甲 乙 丙 / A B C."""
    letters = LATIN if english else LETTERS
    return letters[index] if index < len(letters) else str(index + 1)


def lettered(statements: list[dict[str, Any]], *, english: bool) -> dict[Any, str]:
    """A letter for every different value, in the order in which they stand."""
    found: dict[Any, str] = {}
    for one in statements:
        if one["value"] not in found:
            found[one["value"]] = letter(len(found), english=english)
    return found
