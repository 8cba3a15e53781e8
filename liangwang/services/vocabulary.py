"""The words that forms and material lists are made of: concepts and document types, by key."""

import msgspec

from liangwang.base.labels import Label


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a concept that is chosen from a list."""

    value: str
    label: Label


class Concept(msgspec.Struct, frozen=True, kw_only=True):
    """What a field asks about somebody: its label, how it is typed, and what all uses of it have in common."""

    key: str
    label: Label
    kind: str = "text"
    choices: tuple[Choice, ...] = ()
    unit: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A type of material: `kind` certificate, proof, form or photo; `shown_by` are the values that replace it."""

    key: str
    label: Label
    kind: str = "certificate"
    issuer: Label | None = None
    shown_by: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """All concepts and documents that declarations may name."""

    concepts: dict[str, Concept]
    documents: dict[str, Document]

    def concept(self, key: str) -> Concept:
        """The concept, or a plain text one under its own key where the vocabulary does not have it."""
        return self.concepts.get(key) or Concept(key=key, label={"zh": key, "en": key})

    def document(self, key: str) -> Document:
        return self.documents.get(key) or Document(key=key, label={"zh": key, "en": key})
