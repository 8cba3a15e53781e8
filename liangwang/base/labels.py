"""Labels stand beside the thing that they name, in Chinese and English."""

from typing import TypedDict


class Label(TypedDict):
    zh: str
    en: str


def pick(label: Label | dict[str, str] | None, lang: str) -> str:
    """The label in the reader's language, which may need no word at all; Chinese when there is no other.

    >>> pick({"zh": "居委", "en": "neighbourhood"}, "en"), pick({"zh": "份", "en": ""}, "en")
    ('neighbourhood', '')
    """
    if not label:
        return ""
    return label.get(lang[:2], label["zh"])  # type: ignore[return-value]
