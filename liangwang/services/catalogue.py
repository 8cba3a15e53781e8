"""Which items and bundles are in force, bound to what they join, and the words that they use."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import msgspec

from liangwang.base import packs
from liangwang.base import words as shared
from liangwang.base.errors import NotFound

from .compiled import Bound, Source
from .declare import Bundle, Item
from .vocabulary import Choice, Concept, Document, Words


def bound(key: str, root: Path | None = None) -> Bound:
    """The item or bundle called `pack:key`, with the items that it joins; raises NotFound."""
    return _bound(key, _by_ref(packs.declarations("items.yaml", root)))


def ended(head: Item | Bundle, on: date) -> bool:
    """Whether nobody can apply for it any more: its last day is over."""
    return head.ends_on is not None and on > head.ends_on


def every_bound() -> list[Bound]:
    """Every item and bundle in force, bundles first, each bound to what it joins.

    A bundle that names an item which is not there is left out: `liangwang check` says so.
    """
    by_ref = _by_ref(packs.declarations("items.yaml"))
    found = []
    for key in item_keys():
        with suppress(NotFound):
            found.append(_bound(key, by_ref))
    return found


def item_keys() -> list[str]:
    """Every item and bundle in force, bundles first."""
    found = packs.declarations("items.yaml")
    return [d.ref for d in sorted(found, key=lambda d: isinstance(d.value, Item))]


def words(root: Path | None = None) -> Words:
    """The concepts and documents that forms and material lists name."""
    return _words_of(packs.declarations("concepts.csv", root), packs.declarations("materials.csv", root))


def body_of(one: Bound) -> dict[str, object]:
    """The declarations of `one` as plain data: what an item version keeps, and `read_body` reads again."""
    return {
        "key": one.key,
        "kind": "bundle" if isinstance(one.head, Bundle) else "item",
        "head": msgspec.to_builtins(one.head),
        "items": [{"key": s.key, "item": msgspec.to_builtins(s.item)} for s in one.items],
    }


def read_body(body: dict[str, object]) -> Bound:
    """The declarations as they were when the version was published."""
    kind: type[Item | Bundle] = Bundle if body["kind"] == "bundle" else Item
    items = tuple(
        Source(entry["key"], msgspec.convert(entry["item"], Item)) for entry in _entries(body["items"])
    )
    return Bound(str(body["key"]), msgspec.convert(body["head"], kind), items)


def _entries(found: object) -> list[dict[str, str]]:
    return msgspec.convert(found, list[dict])


_named: tuple[list[packs.Declared], dict[str, packs.Declared]] | None = None


def _by_ref(in_force: list[packs.Declared]) -> dict[str, packs.Declared]:
    """These declarations by name; packs answer with the same list until a file or a desk version changes."""
    global _named
    if _named is None or _named[0] is not in_force:
        _named = in_force, {d.ref: d for d in in_force}
    return _named[1]


def _bound(key: str, by_ref: dict[str, packs.Declared]) -> Bound:
    one = by_ref.get(key)
    if one is None:
        raise NotFound
    if isinstance(one.value, Item):
        return Bound(key, one.value, (Source(key, one.value),))
    head: Bundle = one.value
    sources = []
    for joined in head.joins:
        other = by_ref.get(joined.item) or by_ref.get(f"{one.pack}:{joined.item}")
        if other is None or not isinstance(other.value, Item):
            raise NotFound
        sources.append(Source(other.ref, other.value))
    return Bound(key, head, tuple(sources))


_held: tuple[list[packs.Declared], list[packs.Declared], Words] | None = None


def _words_of(concepts: list[packs.Declared], documents: list[packs.Declared]) -> Words:
    """The words of these declarations; packs answer with the same lists until a file or a desk version changes."""
    global _held
    if _held is None or _held[0] is not concepts or _held[1] is not documents:
        made = Words(
            {d.key: _concept(d.key, d.value) for d in concepts},
            {d.key: _document(d.key, d.value) for d in documents},
        )
        _held = concepts, documents, made
    return _held[2]


def _concept(key: str, one: shared.Concept) -> Concept:
    choices = tuple(Choice(value=value, label=label) for value, label in one.options().items())
    return Concept(
        key=key, label=one.label, kind=one.type, choices=choices, unit=one.unit or "", personal=one.personal
    )


def _document(key: str, one: shared.Material) -> Document:
    return Document(
        key=key, label=one.label, kind=one.kind, issuer=one.source or "", electronic=one.electronic
    )
