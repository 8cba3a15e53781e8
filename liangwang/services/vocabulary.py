"""The words that forms and material lists are made of: concepts and document types, by key."""

import msgspec

from liangwang.base.labels import Label


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a concept that is chosen from a list."""

    value: str
    label: Label


class Concept(msgspec.Struct, frozen=True, kw_only=True):
    """What a field asks about somebody: its label and how it is typed (text, date, choice, …)."""

    key: str
    label: Label
    kind: str = "text"
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    personal: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A type of material (certificate, proof, form, letter, photo, report, commitment) and who issues it.

    `electronic`: it exists as an e-certificate, so the library may hold it.
    """

    key: str
    label: Label
    kind: str = "certificate"
    issuer: str = ""
    electronic: bool = False


class Words(msgspec.Struct, frozen=True):
    """All concepts and documents that declarations may name."""

    concepts: dict[str, Concept]
    documents: dict[str, Document]

    def concept(self, key: str) -> Concept:
        """The concept; one of plain text under its own key where the vocabulary does not have it."""
        return self.concepts.get(key) or Concept(key=key, label={"zh": key, "en": key})

    def document(self, key: str) -> Document:
        """The document type; a certificate under its own key where the vocabulary does not have it."""
        return self.documents.get(key) or Document(key=key, label={"zh": key, "en": key})


def field_id(role: str, concept: str) -> str:
    """The name of one value about one person, the same in forms, facts, plans and the hub's answers.

    >>> field_id("mother", "person.phone"), field_id("child", "child.name"), field_id("child", "vaccination.clinic")
    ('mother.phone', 'child.name', 'child.vaccination_clinic')
    """
    group, _, rest = concept.rpartition(".")
    if not group or group in {"person", "child", "company", role}:
        return f"{role}.{rest}"
    return f"{role}.{group}_{rest}"
