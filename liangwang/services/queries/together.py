"""Filling in together as pages show it: who does what and how far it is, one's own part, and what a link offers."""

from datetime import datetime
from typing import Any

from liangwang.base.hats import Actor
from liangwang.base.models import Company, Person
from liangwang.base.subjects import masked

from .. import sharing
from ..declare import Part
from ..drafting import bound_of, field_problems, materials_missing, see
from ..models import Authorisation, Draft
from ..models_together import DraftLink, DraftPart, DraftReader


def seen_by(actor: Actor, whole: dict[str, Any]) -> dict[str, Any]:
    """The answer of form_pages as this actor may see it, with `parts` (rows of part_rows) and `as_reader`."""
    draft: Draft = whole["draft"]
    held = sharing.rights(draft, bound_of(draft.version))
    shown = sharing.seen_by(actor, whole, held)
    reader = actor.for_subject_id in held.readers
    return {**shown, "parts": _part_rows(draft, actor, held), "as_reader": reader}


def part_rows(draft: Draft, actor: Actor) -> list[dict[str, Any]]:
    """Each declared part: {role, label, by, state, since, who: masked name, mine, link: until when one is open}."""
    return _part_rows(draft, actor, sharing.rights(draft, bound_of(draft.version)))


def _part_rows(draft: Draft, actor: Actor, held: sharing.Rights) -> list[dict[str, Any]]:
    return [_part_row(draft, actor, part, held.taken.get(role)) for role, part in held.parts.items()]


def _part_row(draft: Draft, actor: Actor, part: Part, row: DraftPart | None) -> dict[str, Any]:
    state, since = sharing.state_of(row, part, draft)
    link = row.links.filter(used_at=None, ended_at=None).order_by("-expires_at").first() if row else None
    return {
        "role": part.role,
        "label": part.label,
        "by": part.by,
        "state": state,
        "since": since,
        "who": name_of(row.subject_id) if row and row.subject_id else "",
        "mine": bool(row and row.subject_id == actor.for_subject_id),
        "link": link.expires_at if link else None,
    }


def reader_rows(draft: Draft) -> list[dict[str, Any]]:
    """To whom the draft is shown now: [{ref, who, since}]."""
    rows = DraftReader.objects.filter(draft=draft, ended_at=None).order_by("since")
    return [{"ref": row.ref, "who": name_of(row.subject_id), "since": row.since} for row in rows]


def open_read_links(draft: Draft, at: datetime) -> int:
    """How many links to read are out that nobody has used."""
    return DraftLink.objects.filter(
        draft=draft, part=None, used_at=None, ended_at=None, expires_at__gt=at
    ).count()


def part_page(
    actor: Actor, draft: Draft, role: str, whole: dict[str, Any], at: datetime
) -> dict[str, Any] | None:
    """One's own part: {row, consent: Label | None, lacking: [Label], pages}; None where it is not hers.

    `whole` is the answer of seen_by: the pages hold what she sees and nothing else.
    """
    row = next((one for one in whole["parts"] if one["role"] == role and one["mine"]), None)
    if row is None:
        return None
    seen = see(draft, at)
    part = sharing.declared(seen.bound, draft)[role]
    consent = Authorisation.objects.filter(draft=draft, role=role, subject=actor.for_subject_id).first()
    lacking = [one.message for one in field_problems(seen, at) if one.field.partition(".")[0] in part.own]
    lacking += [need.label for need in materials_missing(seen) if need.role in part.own]
    asked = consent is not None and consent.state != Authorisation.State.GIVEN
    return {
        "row": row,
        "consent": consent.text if consent is not None and asked else None,
        "lacking": lacking,
        "pages": [page for page in whole["pages"] if page["sight"] != "none"],
        "own": [page for page in whole["pages"] if page["sight"] == "edit"],
    }


def link_page(link: DraftLink) -> dict[str, Any]:
    """What a link offers: {label, applicant: masked name, part: Label | None, by, expires_at}."""
    draft = link.draft
    part = sharing.declared(bound_of(draft.version), draft).get(link.part.role) if link.part else None
    return {
        "label": draft.version.body["head"]["label"],
        "applicant": name_of(draft.applicant_id),
        "part": part.label if part else None,
        "by": part.by if part else "person",
        "expires_at": link.expires_at,
    }


def name_of(subject_id: int | None) -> str:
    """A person's masked name, or a company's whole one."""
    name = Person.objects.filter(pk=subject_id).values_list("name", flat=True).first()
    company = Company.objects.filter(pk=subject_id).values_list("name", flat=True).first()
    return masked(name) if name else company or ""
