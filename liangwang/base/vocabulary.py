"""Looks up the words that packs share (packs/vocabulary) by name."""

from .packs import SHARED, declared
from .words import Attribute, Concept, Material, MeasuredQuantity


def concept(name: str, within: str | None = None) -> Concept:
    """The concept that a declaration of pack `within` calls by this name; NotFound when there is none."""
    found: Concept = declared("concepts.csv", name, within or SHARED).value
    return found


def material(name: str, within: str | None = None) -> Material:
    """The document type that a declaration of pack `within` calls so; NotFound when there is none."""
    found: Material = declared("materials.csv", name, within or SHARED).value
    return found


def attribute(name: str, within: str | None = None) -> Attribute:
    """The attribute that a declaration of pack `within` calls by this name; NotFound when there is none."""
    found: Attribute = declared("attributes.csv", name, within or SHARED).value
    return found


def quantity(name: str, within: str | None = None) -> MeasuredQuantity:
    """The measured quantity that a declaration of pack `within` calls so; NotFound when there is none."""
    found: MeasuredQuantity = declared("quantities.csv", name, within or SHARED).value
    return found
