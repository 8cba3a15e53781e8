"""What official letters say: titles, number words, sentences and remedies of each kind, in both languages (letters.yaml)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from liangwang.base.labels import Label
from liangwang.base.yaml import load

REMEDIES: dict[str, Any] = {
    "zh": "如不服本决定，可以自知道本决定之日起六十日内依法申请行政复议，也可以在法律规定的期限内依法向人民法院提起行政诉讼。",
    "en": "Against this decision you may apply for administrative reconsideration within sixty days of learning of it, or"
    " sue before the people's court within the time that the law sets.",
    "basis": {
        "zh": "《行政复议法》《行政诉讼法》",
        "en": "Administrative Reconsideration Law, Administrative Litigation Law",
    },
    "source": "http://uianet.net/dictionary/b15233602.html",
}


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of letter: the word in its number, its title (and that for a licence), its sentences before the table.

    Sentences are templates over {item}, {number} and what the letter's body says; `against`: it carries remedies.
    """

    word: str
    title: Label
    text: tuple[Label, ...]
    licence: Label | None = None
    against: bool = False


def _wordings() -> dict[str, Wording]:
    document = load(Path(__file__).with_name("letters.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(document.data, dict[str, Wording])


WORDINGS = _wordings()
TITLES: dict[str, Label] = {kind: wording.title for kind, wording in WORDINGS.items()}
LAST_LETTERS = frozenset(
    {
        "granted",
        "refused",
        "not_accepted",
        "withdrawn",
        "changed",
        "renewed",
        "reissued",
        "cancelled",
        "revoked",
    }
)
"""The letters with which a case ends: a result that has to arrive."""
WITH_REMEDIES = {kind for kind, wording in WORDINGS.items() if wording.against}


def title_of(kind: str, *, licence: bool) -> Label:
    """The title of a kind of letter; a decision about a licence (行政许可) says so.

    >>> title_of("refused", licence=True)["zh"]
    '不予行政许可决定书'
    """
    wording = WORDINGS[kind]
    return wording.licence if licence and wording.licence else wording.title


def sentences(kind: str, fields: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    """The sentences of a kind, filled in."""
    return tuple(one["en" if lang == "en" else "zh"].format(**fields) for one in WORDINGS[kind].text)
