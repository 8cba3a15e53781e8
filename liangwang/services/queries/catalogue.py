"""The catalogue: what can be applied for, one item's page, and finding it by the words that people use."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypedDict

from django.db.models import Count

from liangwang.base import packs
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from .. import catalogue as declared
from .. import item_code
from .. import search as index
from ..compile import compile_bound
from ..compiled import Bound, Compiled, Need, Proved
from ..declare import Basis, Bundle, Item, holds
from ..merge import questions, roles
from ..models import Draft
from ..plan import critical_days
from ..registers import supplied
from ..report import Report, report


class Card(TypedDict):
    """One item in a list; `days` is the promise in working days, `offices` how many take part, `joined` a bundle's items.

    `words` are the names that people use, the label not among them.
    """

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
    office: str
    joined: tuple[str, ...]
    words: tuple[str, ...]
    ends_on: date | None


class Facet(TypedDict):
    """A way into the catalogue: a theme or an office, with its drawing and how many items and bundles it has."""

    key: str
    label: Label
    icon: str
    n: int


def catalogue(
    theme: str | None = None, *, office: str | None = None, who: str | None = None, on: date | None = None
) -> list[Card]:
    """Every item and bundle that can be applied for (`on` that day), bundles first; `who` is person or company."""
    return [
        card
        for card in _cards().values()
        if theme in (None, card["theme"])
        and office in (None, card["office"])
        and (who is None or who in card["serves"])
        and (on is None or card["ends_on"] is None or on <= card["ends_on"])
    ]


def by_theme(cards: Iterable[Card]) -> list[Facet]:
    """The themes that these cards have, in the order of the vocabulary."""
    n = Counter(card["theme"] for card in cards)
    found = packs.declarations("themes.csv")
    return [Facet(key=o.key, label=o.value.label, icon=o.value.icon, n=n[o.key]) for o in found if n[o.key]]


def by_office(cards: Iterable[Card]) -> list[Facet]:
    """The departments that these cards belong to, the one with most first."""
    n = Counter(card["office"] for card in cards)
    found = [
        Facet(key=o.key, label=o.value.label, icon="landmark", n=n[o.key])
        for o in packs.declarations("departments.csv")
        if n[o.key]
    ]
    return sorted(found, key=lambda facet: -facet["n"])


def bundles_with(key: str) -> list[Card]:
    """The bundles that do `pack:key` together with other things."""
    return [card for card in _cards().values() if key in card["joined"]]


def related(key: str, on: date, most: int = 6) -> list[Card]:
    """Bundles that have the item, then what stands in the same bundles, then others of its theme and office."""
    cards = _cards()
    own = cards[key]
    with_it = bundles_with(key)
    beside = [name for bundle in with_it for name in bundle["joined"]]
    near = [c["key"] for c in cards.values() if c["theme"] == own["theme"] and c["office"] == own["office"]]
    near += [c["key"] for c in cards.values() if c["theme"] == own["theme"]]
    names = dict.fromkeys([*(b["key"] for b in with_it), *beside, *near])
    found = [cards[name] for name in names if name in cards and name != key and name not in own["joined"]]
    return [card for card in found if card["ends_on"] is None or on <= card["ends_on"]][:most]


_popular: tuple[datetime, list[Card]] | None = None
POPULAR_KEPT = timedelta(minutes=10)


def popular(at: datetime, most: int | None = 6) -> list[Card]:
    """What most people have begun, then bundles, then what most bundles have; counted anew every ten minutes."""
    global _popular
    if _popular is None or not timedelta(0) <= at - _popular[0] < POPULAR_KEPT:
        begun = Draft.objects.values_list("key").annotate(n=Count("id")).order_by("-n")[:40]
        cards = _cards()
        often = Counter(name for card in cards.values() for name in card["joined"])
        rest = sorted(cards, key=lambda name: (not cards[name]["bundle"], -often[name]))
        names = dict.fromkeys([*(key for key, _ in begun), *rest])
        _popular = at, [cards[name] for name in names if name in cards]
    return _popular[1][:most]


def _cards() -> dict[str, Card]:
    return _compiled(tuple(one.version_hash for one in packs.declarations("items.yaml")))


@lru_cache(maxsize=2)
def _compiled(versions: tuple[str, ...]) -> dict[str, Card]:
    """Every card by key, compiled once for the versions in force."""
    return {key: _card(declared.bound(key)) for key in declared.item_keys()}


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
    basis}], code, outline (the number as far as it is known, None of a bundle), results: [Label] that are no certificates,
    ours: bool, report: Report, not_asked and still_asked: [Need] as they are for somebody whom the registers
    know, ended: date | None (the last day), may_apply: [Label], draft: ref of the actor's open draft | None}.
    """
    bound = declared.bound(key)
    answers = {**_usual(bound), **(scenario or {})}
    compiled = compile_bound(bound, answers, Proved(), declared.words())
    made: Report = report(bound, compiled, answers, declared.words())
    given = supplied(bound, compiled, answers)
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
        "not_asked": given.not_asked,
        "still_asked": given.asked,
        "ended": bound.head.ends_on,
        "may_apply": _appliers(bound),
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
        "outline": _outline(bound.head),
        "results": _once(s.item.result for s in compiled.items if s.item.result),
        "ours": isinstance(bound.head, Bundle) and bound.head.ours,
        "report": made,
        "draft": _open_draft(key, actor),
    }


def _outline(head: Item | Bundle) -> str | None:
    """The national number of an item as far as it is known: bundles have none."""
    if isinstance(head, Bundle):
        return None
    return item_code.outline(
        item_code.parts(head.code, head.basic_code, kind=head.kind, level=head.office.level)
    )


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
        office=bound.head.office.department,
        joined=tuple(s.key for s in bound.items) if isinstance(bound.head, Bundle) else (),
        words=bound.head.aliases,
        ends_on=bound.head.ends_on,
    )


def _appliers(bound: Bound) -> list[Label]:
    """Who may hand it in, beside the person herself."""
    names = roles(bound)
    return [names[role] for role in bound.head.apply if role != "applicant" and role in names]


def _open_draft(key: str, actor: Actor | None) -> str | None:
    if actor is None or actor.for_subject_id is None:
        return None
    found = Draft.objects.filter(key=key, applicant_id=actor.for_subject_id, state=Draft.State.OPEN).first()
    return found.ref if found else None
