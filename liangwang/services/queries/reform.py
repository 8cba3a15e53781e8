"""What a reform office asks: one bundle before and after in one situation, and the whole catalogue added up."""

from functools import lru_cache

import msgspec

from liangwang.base import packs
from liangwang.base.labels import Label

from .. import catalogue, reform
from ..levers import Lever, levers
from ..merge import Answers, questions
from ..pack_tests import pairs
from ..reform import Line, Study, Total
from ..whatif import Catalogue


def reform_study(key: str, scenario: Answers | None = None) -> Study:
    """One item or bundle in one situation; what is not answered is answered as most people would. Raises NotFound."""
    bound = catalogue.bound(key)
    answers = {**reform.usual(bound), **(scenario or {})}
    return reform.study(bound, answers, catalogue.words(), known_concepts())


def reform_total() -> Total:
    """The whole catalogue, each bundle and each item in its usual situation."""
    return _total(_versions())


def reform_situations(key: str, most: int) -> tuple[list[Line], int]:
    """Situations of a bundle in which every two answers to two questions meet, at most `most`, and how many there are.

    Each line's label says its answers.
    """
    bound = catalogue.bound(key)
    words, concepts = catalogue.words(), known_concepts()
    every = {tuple(answers.items()): answers for answers in pairs(bound)}
    named = {(q.question, o.option): o.label for q in questions(bound) for o in q.options}
    lines = []
    for answers in list(every.values())[:most]:
        one = reform.line(bound, answers, words, concepts)
        said = [named[pair] for pair in answers.items()]
        label: Label = {"zh": "；".join(a["zh"] for a in said), "en": "; ".join(a["en"] for a in said)}
        lines.append(msgspec.structs.replace(one, label=label))
    return lines, len(every)


def reform_catalogue() -> Catalogue:
    """The catalogue as a what-if starts from it, kept as long as the versions in force stay the same."""
    return _catalogue(_versions())


def reform_levers() -> tuple[Lever, ...]:
    """The single changes that would help most, best first."""
    return _levers(_versions())


def known_concepts() -> frozenset[str]:
    """The concepts that a register of the hub or the login answers."""
    attributes = {d.value.concept for d in packs.declarations("attributes.csv") if d.value.concept}
    return reform.ALWAYS_KNOWN | attributes


def _versions() -> tuple[str, ...]:
    return tuple(one.version_hash for one in packs.declarations("items.yaml"))


@lru_cache(maxsize=2)
def _total(versions: tuple[str, ...]) -> Total:
    """Computed once for the versions in force."""
    return reform.total(catalogue.every_bound(), catalogue.words(), known_concepts())


@lru_cache(maxsize=1)
def _catalogue(versions: tuple[str, ...]) -> Catalogue:
    return Catalogue(catalogue.every_bound(), catalogue.words(), known_concepts())


@lru_cache(maxsize=1)
def _levers(versions: tuple[str, ...]) -> tuple[Lever, ...]:
    return levers(catalogue.every_bound(), catalogue.words())
