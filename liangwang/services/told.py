"""What of a form's answers an office must know beside their values: rows, divisions, signatures, and what is disputed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from liangwang.base.models import Subject
from liangwang.base.packs import declarations
from liangwang.hub import actions as hub

from . import address, sealed, signing
from .compiled import Ask
from .drafting import Seen


def told(seen: Seen) -> dict[str, Any]:
    """The part of a submission's evidence that says how its answers came to be.

    Returns {rows: {field: {label, role_label}} of repeating groups, places: {field: division code}, signatures: {field:
    {how, file, at}}, disputed: {field: {said, source, since, ref, at}}}; what a register said stays sealed to the draft.
    """
    asks = [ask for page in seen.compiled.pages for ask in page.fields]
    return {
        "rows": {
            ask.id: {"label": dict(ask.label), "role_label": dict(ask.role_label)}
            for ask in asks
            if ask.group
        },
        "places": {
            ask.id: code
            for ask in asks
            if ask.kind == "address" and (code := address.place_code(seen.answers.get(ask.id, "")))
        },
        "signatures": {ask.id: _signed(seen, ask) for ask in asks if ask.kind == "signature"},
        "disputed": {ask.id: seen.draft.disputed[ask.id] for ask in asks if ask.id in seen.draft.disputed},
    }


def object_in_hub(seen: Seen, people: Mapping[str, Subject], case: str, at: datetime) -> None:
    """Every value of the hub that the applicant disputes goes to its source office as a disagreement of its own."""
    attributes = {d.value.concept: d.key for d in declarations("attributes.csv") if d.value.concept}
    for page in seen.compiled.pages:
        for ask in page.fields:
            name = attributes.get(ask.concept)
            if ask.id in seen.draft.disputed and ask.role in people and name:
                hub.object_to(people[ask.role].pk, name, case=case, at=at)


def _signed(seen: Seen, ask: Ask) -> dict[str, str]:
    found = signing.read(seen.answers.get(ask.id, ""))
    return {key: str(found.get(key, "")) for key in ("how", "name", "file", "at")}


def register_said(evidence: dict[str, Any], field: str, owner: str) -> str:
    """What the register said of a disputed field, '' for one that nobody disputes; `owner` is the draft's ref."""
    found = evidence.get("disputed", {}).get(field)
    return str(sealed.read(field, found["said"], owner)) if found else ""
