"""What of a form's answers an office must know beside their values: rows, divisions, signatures, and what is disputed."""

from typing import Any

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


def _signed(seen: Seen, ask: Ask) -> dict[str, str]:
    found = signing.read(seen.answers.get(ask.id, ""))
    return {key: str(found.get(key, "")) for key in ("how", "name", "file", "at")}


def register_said(evidence: dict[str, Any], field: str, owner: str) -> str:
    """What the register said of a disputed field, '' for one that nobody disputes; `owner` is the draft's ref."""
    found = evidence.get("disputed", {}).get(field)
    return str(sealed.read(field, found["said"], owner)) if found else ""
