"""Which office decides, and which counter may take an item in: 全市通办 by the item's word, the rest by district."""

from functools import lru_cache
from typing import ClassVar

from liangwang.base import packs
from liangwang.base.errors import Refusal
from liangwang.base.labels import Label
from liangwang.base.models import Office, Place

from . import catalogue
from .compiled import Bound
from .declare import Deciding

DISTRICT = 6  # digits of a district's code


class NotCitywide(Refusal):
    """The item is taken in by the counters of one district only, and the person lives in another."""

    status, code = 409, "not_citywide"
    template: ClassVar[Label] = {
        "zh": "“{item}”还没有全市通办，请到{place}的窗口，或让本人在网上办",
        "en": "'{item_en}' is not taken in citywide yet: the counters of {place_en} take it, or she applies online",
    }


def deciding_office(deciding: Deciding, place: Place | None) -> Office | None:
    """The department's office of the item's level around the applicant's place; None leaves it to the case engine."""
    rows = Office.objects.filter(
        department=deciding.department, level=deciding.level, kind=Office.Kind.DEPARTMENT, ended_at=None
    )
    rows = rows.select_related("place").order_by("id")
    if place is not None:
        return next((row for row in rows if place.code.startswith(row.place.code)), None)
    return rows.first()


def is_citywide(bound: Bound) -> bool:
    """Whether any counter of the city takes it in: every item of a bundle says so."""
    return all(source.item.citywide for source in bound.items)


def elsewhere(bound: Bound, counter: Place, home: Place | None) -> bool:
    """Whether the item is one of another district than the counter's; an item that the city decides is of none.

    Raises NotCitywide where it is and no counter but that district's may take it in.
    """
    level = bound.head.office.level
    if home is None or level == "city" or home.code[:DISTRICT] == counter.code[:DISTRICT]:
        return False
    if not is_citywide(bound):
        district = Place.objects.filter(code=home.code[:DISTRICT]).first() or home
        label = bound.head.label
        raise NotCitywide(
            item=label["zh"], item_en=label["en"], place=district.name["zh"], place_en=district.name["en"]
        )
    return True


def items_of_department(department: str) -> list[tuple[str, Label]]:
    """Keys and names of the items and bundles in which a department decides or has a step, bundles first."""
    in_force = tuple(one.version_hash for one in packs.declarations("items.yaml"))
    return _by_department(in_force).get(department, [])


@lru_cache(maxsize=2)
def _by_department(versions: tuple[str, ...]) -> dict[str, list[tuple[str, Label]]]:
    """Read once for the versions in force: nothing here depends on a case."""
    found: dict[str, list[tuple[str, Label]]] = {}
    for key in catalogue.item_keys():
        bound = catalogue.bound(key)
        departments = {bound.head.office.department}
        for source in bound.items:
            departments.add(source.item.office.department)
            departments |= {step.by.department for step in source.item.steps if step.by}
        for department in departments:
            found.setdefault(department, []).append((key, bound.head.label))
    return found


@lru_cache(maxsize=64)
def streets_of(code: str) -> list[tuple[str, Label]]:
    """Codes and names of the streets and towns (of a city's districts, where the territory is the whole city)."""
    level = "street" if len(code) >= DISTRICT else "district"
    rows = Place.objects.filter(code__startswith=code, level=level, ended_at=None).exclude(
        kind="statistical_unit"
    )
    return list(rows.order_by("code").values_list("code", "name"))
