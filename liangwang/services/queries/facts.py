"""What was handed in, as an office reads it: by whom it is about, with who vouches for each value, and what is disputed."""

from collections.abc import Iterator
from typing import Any

import msgspec

from liangwang.base.labels import Label

from .. import catalogue, sealed, signing
from ..compiled import Bound
from ..declare import Field, Item
from ..groups import row_of, row_role
from ..merge import roles
from ..models import GivenValue, Submission
from ..told import register_said
from ..vocabulary import Concept, field_id
from ..worded import worded


def facts_of(submission: Submission, bound: Bound, item: Item | None, uses: set[str]) -> list[dict[str, Any]]:
    """The values that the items asked for (all, or those of `item`), those that a step `uses` first.

    Each {id, label, role_label, value, source: Label | None, state, used}, and of a signature whether it was `drawn`: its
    picture is asked for by the id. State is told, a state of the hub, or conflict
    where the applicant disputes what a register says.
    """
    values = sealed.read_all(submission.answers, submission.draft.ref)
    for row in GivenValue.objects.filter(case=submission.case, ended_at=None):
        values[row.field] = sealed.read(row.field, row.value, submission.case.ref)
    found: dict[str, dict[str, Any]] = {}
    for source in bound.items if item is None else [s for s in bound.items if s.item is item]:
        for field, role_label in _fields(source.item, submission, bound):
            key = field_id(field.role, field.concept)
            if key in values and key not in found:
                found[key] = {**_fact(submission, field, key, values[key]), "role_label": role_label}
                found[key]["used"] = key in uses
    return sorted(found.values(), key=lambda fact: not fact["used"])


def _fields(item: Item, submission: Submission, bound: Bound) -> Iterator[tuple[Field, Label]]:
    """The fields of an item with whom they are about; those of a group once for each row that was handed in."""
    names = roles(bound)
    for field in item.fields:
        yield field, names.get(field.role, {"zh": field.role, "en": field.role})
    rows = submission.evidence.get("rows", {})
    for group in item.groups:
        taken = {key.partition(".")[0]: one["role_label"] for key, one in rows.items()}
        for role, label in taken.items():
            row = row_of(role)
            if row is not None and row[0] == group.group:
                for field in group.fields:
                    yield msgspec.structs.replace(field, role=row_role(*row)), label


def _fact(submission: Submission, field: Field, key: str, value: Any) -> dict[str, Any]:
    concept = catalogue.words().concept(field.concept)
    known = submission.evidence.get("known", {}).get(key, {})
    source, state = known.get("source"), known.get("state", "told")
    if concept.kind == "signature":
        return {
            "id": key,
            "label": field.label or concept.label,
            "value": signing.signed_words(str(value)),
            "source": source,
            "state": state,
            "drawn": signing.read(str(value)).get("how") == "drawn",
        }
    if key in submission.evidence.get("disputed", {}):
        source, state = _objection(submission, concept, key), "conflict"
    return {
        "id": key,
        "label": field.label or concept.label,
        "value": worded(concept, key, value),
        "source": source,
        "state": state,
    }


def _objection(submission: Submission, concept: Concept, key: str) -> Label:
    """What the register says, beside the value that the applicant gave instead."""
    said = worded(concept, key, register_said(submission.evidence, key, submission.draft.ref))
    zh, en = (said["zh"], said["en"]) if isinstance(said, dict) else (said, said)
    by = submission.evidence["disputed"][key]["source"]
    return {
        "zh": f"登记为 {zh}（{by['zh']}），申请人说不对",
        "en": f"on record: {en} ({by['en']}); the applicant says that is wrong",
    }
