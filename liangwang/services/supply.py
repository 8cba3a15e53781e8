"""The merged material list, and where each material comes from before anyone is asked for it."""

from collections.abc import Iterable
from datetime import date

from liangwang.base.labels import Label

from .compiled import Bound, Evidence, Need, Proved, Source, Supply, Way
from .declare import Material, holds
from .merge import Answers, roles
from .vocabulary import Words, field_id

ACCEPTS = {
    "original": ("original", "certificate"),
    "copy": ("copy", "original", "certificate"),
    "certificate": ("certificate",),
}
"""What satisfies a published form: an e-certificate stands for the paper, an original for a copy."""
ANY = "any"
FROM_FORM = Supply(way="form", source={"zh": "由您填写的内容自动生成", "en": "made from your answers"})
"""A paper form of an office is printed from the one form; nobody fills it in again."""


def identities(items: Iterable[Source], answers: Answers) -> set[tuple[str, str, int | None, str]]:
    """The materials as published: (type, role, validity, form), each item counted by its own words."""
    return {
        (m.type, m.role, m.valid_months, m.form)
        for source in items
        for m in source.item.materials
        if holds(m.when, answers)
    }


def given_by(items: Iterable[Source], answers: Answers) -> dict[str, str]:
    """Every "role.type" that a step or output of these items produces, with the item that does."""
    given: dict[str, str] = {}
    for source in items:
        for output in source.item.outputs:
            if output.certificate and holds(output.when, answers):
                given.setdefault(f"{output.role}.{output.certificate}", source.key)
        for step in source.item.steps:
            if holds(step.when, answers):
                for gives in step.gives:
                    given.setdefault(gives, source.key)
    return given


def needs(
    bound: Bound, items: tuple[Source, ...], answers: Answers, proved: Proved, words: Words
) -> tuple[Need, ...]:
    """One list for all items: what one paper can serve is asked once, and what is proved is not asked."""
    wanted: dict[str, list[tuple[Source, Material]]] = {}
    for source in items:
        for material in source.item.materials:
            if holds(material.when, answers):
                wanted.setdefault(f"{material.role}.{material.type}", []).append((source, material))
    given = given_by(items, answers)
    labels = {source.key: source.item.label for source in items}
    names = roles(bound)
    return tuple(_need(id, asked, given, labels, proved, names, words) for id, asked in wanted.items())


def _need(
    id: str,
    asked: list[tuple[Source, Material]],
    given: dict[str, str],
    labels: dict[str, Label],
    proved: Proved,
    names: dict[str, Label],
    words: Words,
) -> Need:
    material = asked[0][1]
    document = words.document(material.type)
    forms = set.intersection(*[set(ACCEPTS[form]) for form in {m.form for _, m in asked}])
    validity = [m.valid_months for _, m in asked if m.valid_months is not None]
    commitment = next((m.commitment for _, m in asked if m.commitment), None)
    if not all(m.commitment for _, m in asked):
        commitment = None
    items = tuple([source.key for source, _ in asked])
    # An item that consumes its own product would be circular: only another item's output supplies it.
    maker = given.get(id) if given.get(id) not in items else None
    return Need(
        id=id,
        type=material.type,
        role=material.role,
        label=document.label,
        role_label=names.get(material.role, {"zh": material.role, "en": material.role}),
        kind=document.kind,
        forms=tuple(form for form in ("certificate", "original", "copy") if form in forms),
        valid_months=min(validity) if validity else None,
        required=any(m.required for _, m in asked),
        supply=FROM_FORM
        if document.kind == "form"
        else _supply(
            id, _shown(asked, proved), labels.get(maker or ""), commitment, proved, min(validity, default=0)
        ),
        asked_by=items,
        item_labels=tuple([source.item.label for source, _ in asked]),
        hint=next((m.hint for _, m in asked if m.hint), None),
        commitment=commitment,
        gates=tuple([f"{_short(source.key)}.{m.gates}" for source, m in asked if m.gates]),
    )


def _supply(
    id: str,
    shown: Evidence | None,
    maker: Label | None,
    commitment: Label | None,
    proved: Proved,
    valid_months: int,
) -> Supply:
    """The first of: certificate, hub value, output of an earlier step, earlier case, commitment, ask."""
    evidence = proved.certificates.get(id)
    if evidence and not _too_old(evidence, proved.today, valid_months):
        return _from("certificate", evidence)
    if shown:
        return _from("attribute", shown)
    if maker:
        return Supply(way="output", source=maker)
    if (evidence := proved.earlier.get(id)) and _young_enough(evidence, proved.today, valid_months):
        return _from("earlier", evidence)
    if commitment and id in proved.committed:
        return Supply(way="commitment")
    return Supply(way="ask")


def _young_enough(evidence: Evidence, today: str, valid_months: int) -> bool:
    """Whether a paper of an earlier case still serves: only a material that says how long it is valid can."""
    return bool(valid_months and today and evidence.at) and _months(evidence, today) < valid_months


def _too_old(evidence: Evidence, today: str, valid_months: int) -> bool:
    """Whether a certificate was made longer ago than the item that asks it accepts (a proof of the last three months)."""
    return bool(valid_months and today and evidence.at) and _months(evidence, today) >= valid_months


def _months(evidence: Evidence, today: str) -> int:
    """Whole months since a paper was made."""
    made, now = date.fromisoformat(evidence.at), date.fromisoformat(today)
    return (now.year - made.year) * 12 + now.month - made.month - (now.day < made.day)


def _shown(asked: list[tuple[Source, Material]], proved: Proved) -> Evidence | None:
    """The hub value that says what the document says, for every item that asks it; the latest one is cited."""
    if not proved.values or not all(m.shown_by for _, m in asked):
        return None
    wanted = [(field_id(m.role, c), reads) for _, m in asked for c, reads in m.shown_by.items()]
    known = [proved.values[key] for key, _ in wanted if key in proved.values]
    if len(known) < len(wanted) or not all(map(_certain, known)):
        return None
    if any(reads not in (ANY, str(proved.values[key].value)) for key, reads in wanted):
        return None
    return max(known, key=lambda evidence: evidence.at)


def _certain(known: Evidence) -> bool:
    """Whether a value says what the office's paper would: verified, or its own office's word alone (decision 0009)."""
    return known.state == "verified" or (known.state == "single" and known.of_office)


def _from(way: Way, evidence: Evidence) -> Supply:
    return Supply(way=way, source=evidence.source, at=evidence.at, ref=evidence.ref)


def _short(key: str) -> str:
    return key.partition(":")[2]
