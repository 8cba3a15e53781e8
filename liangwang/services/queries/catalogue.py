"""The catalogue: what can be applied for, one item's page, and finding it by the words that people use."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, TypedDict

from liangwang.base import packs
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from .. import catalogue as declared
from .. import search as index
from ..compile import compile_bound
from ..compiled import Bound, Compiled, Need, Proved
from ..declare import Basis, Bundle, Item, holds
from ..merge import questions
from ..models import Draft
from ..plan import critical_days
from ..report import Report, report


class Card(TypedDict):
    """One item in a list; `days` is the promise in working days, `offices` how many take part."""

    key: str
    label: Label
    guide: Label
    bundle: bool
    theme: str
    icon: str
    serves: tuple[str, ...]
    days: int
    items: int
    offices: int


def catalogue(theme: str | None = None) -> list[Card]:
    """Every item and bundle that can be applied for, bundles first."""
    return [card for card in _cards().values() if theme in (None, card["theme"])]


def _cards() -> dict[str, Card]:
    return _compiled(tuple(one.version_hash for one in packs.declarations("items.yaml")))


@lru_cache(maxsize=2)
def _compiled(versions: tuple[str, ...]) -> dict[str, Card]:
    """Every card by key, compiled once for the versions in force."""
    return {key: _card(declared.bound(key)) for key in declared.item_keys()}


def themes() -> list[tuple[str, Label]]:
    """The themes that have items, with their names, in the order of the vocabulary."""
    used = {card["theme"] for card in catalogue()}
    return [(one.key, one.value.label) for one in packs.declarations("themes.csv") if one.key in used]


def search(query: str, limit: int = 20) -> list[Card]:
    """Items whose name, aliases, guide or pinyin match, the best first; an empty query gives the whole catalogue."""
    if not query.strip():
        return catalogue()[:limit]
    cards = _cards()
    return [cards[key] for key in index.search(query, limit) if key in cards]


def item_page(key: str, scenario: dict[str, str] | None = None, actor: Actor | None = None) -> dict[str, Any]:
    """Everything that the page of an item says, for the situation as far as it is known; raises NotFound.

    Returns {key, label, guide, bundle: bool, theme, subject, offices: [Label department keys], basis: [{law, article,
    source, unverified}], legal_days | None, promised_days, limits: [{item: Label, days, basis: Label, unverified}],
    questions: [Question], scenario, pages: [Page], materials_asked: [Need], materials_not_asked: [Need] (each
    `supply.source` names its office), materials_promised: [Need] (may be replaced by a commitment), outputs: [{label,
    role, paper, item}], steps: [Node] (`starts`, `ends` in working days), delivery: [Label], consents: [Label],
    trips, kinds, serves, conditions: [Label], visits: [Label], counters: [Label], citywide: bool, fees: [{label, fen,
    basis}], code, ours: bool, report: Report, draft: ref of the actor's open draft | None}.
    """
    bound = declared.bound(key)
    answers = {**_usual(bound), **(scenario or {})}
    compiled = compile_bound(bound, answers, Proved(), declared.words())
    made: Report = report(bound, compiled, answers, declared.words())
    return {
        "key": key,
        "label": bound.head.label,
        "guide": bound.head.guide,
        "bundle": isinstance(bound.head, Bundle),
        "theme": bound.head.theme,
        "subject": bound.head.subject,
        "offices": sorted({node.department for node in compiled.nodes}),
        "basis": [
            {"law": b.law, "article": b.article, "source": b.source, "unverified": b.unverified}
            for b in _basis(bound)
        ],
        "legal_days": compiled.legal_days,
        "promised_days": compiled.promised_days,
        "limits": [
            {
                "item": s.item.label,
                "days": s.item.promised_days.days,
                "basis": s.item.promised_days.basis,
                "unverified": s.item.promised_days.unverified,
            }
            for s in compiled.items
        ],
        "questions": compiled.questions,
        "scenario": answers,
        "pages": compiled.pages,
        "materials_asked": compiled.materials_asked,
        "materials_not_asked": compiled.materials_not_asked,
        "materials_promised": _promisable(compiled),
        "outputs": _outputs(compiled),
        "steps": compiled.nodes,
        "delivery": [d.label for s in compiled.items for d in s.item.delivery],
        "consents": [c.label for c in compiled.consents],
        "trips": made.after.trips,
        "kinds": list(dict.fromkeys(s.item.kind for s in bound.items)),
        "serves": serves(bound),
        "conditions": _once(c for s in compiled.items for c in s.item.conditions),
        "visits": _once(_visits(bound, compiled, answers)) if made.after.trips else [],
        "counters": _once(c for s in compiled.items for c in s.item.counters),
        "citywide": all(s.item.citywide for s in bound.items),
        "fees": [
            {"label": fee.label, "fen": fee.fen, "basis": fee.basis}
            for s in compiled.items
            for fee in s.item.fees
            if holds(fee.when, answers)
        ],
        "code": bound.head.code if isinstance(bound.head, Item) else None,
        "ours": isinstance(bound.head, Bundle) and bound.head.ours,
        "report": made,
        "draft": _open_draft(key, actor),
    }


def serves(bound: Bound) -> tuple[str, ...]:
    """Whom it is for: person, company or both."""
    return tuple(dict.fromkeys(who for source in bound.items for who in source.item.serves))


def _basis(bound: Bound) -> list[Basis]:
    """The rules of law of a bundle and its items, each once."""
    found = (*bound.head.basis, *(b for source in bound.items for b in source.item.basis))
    return list({(b.law["zh"], b.article): b for b in reversed(found)}.values())[::-1]


def _visits(bound: Bound, compiled: Compiled, answers: dict[str, str]) -> Iterator[Label]:
    """Why somebody has to come: in a bundle only for what no post brings."""
    for source in compiled.items:
        fetched = any(set(d.ways) == {"collect"} and holds(d.when, answers) for d in source.item.delivery)
        if source.item.visit and (fetched or not isinstance(bound.head, Bundle)):
            yield source.item.visit


def _once(labels: Iterable[Label]) -> list[Label]:
    return list({label["zh"]: label for label in labels}.values())


def _promisable(compiled: Compiled) -> list[Need]:
    return [need for need in compiled.materials_asked if need.commitment]


def _outputs(compiled: Compiled) -> list[dict[str, Any]]:
    words = declared.words()
    return [
        {"label": words.document(o.certificate).label, "role": o.role, "paper": o.paper, "item": s.item.label}
        for s in compiled.items
        for o in s.item.outputs
        if o.certificate
    ]


def _usual(bound: Bound) -> dict[str, str]:
    """The first option of every question: the situation that a page shows before anything is answered."""
    return {q.question: q.options[0].option for q in questions(bound)}


def _card(bound: Bound) -> Card:
    compiled = compile_bound(bound, _usual(bound), Proved(), declared.words())
    return Card(
        key=bound.key,
        label=bound.head.label,
        guide=bound.head.guide,
        bundle=isinstance(bound.head, Bundle),
        theme=bound.head.theme,
        icon=next(
            (one.value.icon for one in packs.declarations("themes.csv") if one.key == bound.head.theme),
            "layers",
        ),
        serves=serves(bound),
        days=critical_days(compiled.nodes),
        items=len(compiled.items),
        offices=len({node.department for node in compiled.nodes}),
    )


def _open_draft(key: str, actor: Actor | None) -> str | None:
    if actor is None or actor.for_subject_id is None:
        return None
    found = Draft.objects.filter(key=key, applicant_id=actor.for_subject_id, state=Draft.State.OPEN).first()
    return found.ref if found else None
