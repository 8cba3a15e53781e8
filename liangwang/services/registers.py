"""不用您交的材料: what registers, the certificate library and the items of a bundle supply instead of the applicant."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from liangwang.base import packs
from liangwang.base.labels import Label

from . import catalogue, reform
from .compile import compile_bound
from .compiled import Bound, Compiled, Need
from .merge import Answers

PLATFORM: dict[str, Label] = {
    "certificate": {"zh": "电子证照库", "en": "the library of certificates"},
    "attribute": {"zh": "公共数据平台", "en": "the city's data platform"},
}
"""Who supplies what no single office answers for."""


class Supplied(NamedTuple):
    """What nobody has to bring, each with the office that supplies it, and what is left to bring."""

    not_asked: tuple[Need, ...]
    asked: tuple[Need, ...]


def supplied(bound: Bound, compiled: Compiled, answers: Answers) -> Supplied:
    """The materials of one situation as they are for somebody whom the registers know; commitments are left to her."""
    words = catalogue.words()
    proved = reform.all_known(compiled.items, answers, words, reform.ALWAYS_KNOWN)
    proved = msgspec.structs.replace(proved, committed=frozenset())
    known = compile_bound(bound, answers, proved, words)
    sources = {
        f"{m.role}.{m.type}": list(m.shown_by) for source in compiled.items for m in source.item.materials
    }
    needs = {need.id: need for need in known.needs}
    rows = [(_sourced(needs[n.id], sources) if n.id in needs else n) for n in compiled.needs]
    left = tuple(need for need in rows if need.supply.way in ("ask", "commitment"))
    return Supplied(tuple(need for need in rows if need not in left), left)


def _sourced(need: Need, concepts: dict[str, list[str]]) -> Need:
    """The need with the office itself in place of "a register"."""
    offices = _offices(_versions())
    if need.supply.way == "certificate":
        office = catalogue.words().document(need.type).issuer
    elif need.supply.way == "attribute":
        office = next(
            (offices.by_concept[c] for c in concepts.get(need.id, ()) if c in offices.by_concept), ""
        )
    else:
        return need
    label = offices.labels.get(office) or PLATFORM[need.supply.way]
    return msgspec.structs.replace(need, supply=msgspec.structs.replace(need.supply, source=label))


class _Offices(NamedTuple):
    labels: dict[str, Label]
    by_concept: dict[str, str]


def _versions() -> tuple[str, ...]:
    files = ("departments.csv", "attributes.csv", "sources.yaml")
    return tuple(one.version_hash for file in files for one in packs.declarations(file))


@lru_cache(maxsize=2)
def _offices(versions: tuple[str, ...]) -> _Offices:
    """Who answers for each concept: the attribute's office, else the office of a source that says it."""
    said = {
        column.says: one.value.office
        for one in packs.declarations("sources.yaml")
        for column in getattr(one.value, "columns", {}).values()
        if getattr(column, "says", None)
    }
    by_concept = {}
    for one in packs.declarations("attributes.csv"):
        office = one.value.office or said.get(one.key)
        if one.value.concept and office:
            by_concept[one.value.concept] = office.removeprefix(f"{packs.SHARED}:")
    return _Offices({d.key: d.value.label for d in packs.declarations("departments.csv")}, by_concept)
