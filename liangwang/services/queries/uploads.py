"""Pages of materials as they are shown: in the draft, and to everyone who may read the application."""

from typing import TypedDict

from django.db.models import Prefetch, QuerySet

from liangwang.base.hats import Actor
from liangwang.base.models import StoredFile

from ..drafting import bound_of
from ..models import Draft, DraftMaterial, MaterialPage, Submission
from ..sharing import sees_material


class PageRow(TypedDict):
    """One page: `picture` says whether it can be shown as an image, `turn` how far it is turned clockwise."""

    ref: str
    name: str
    size: int
    picture: bool
    turn: int


def handed_in(draft: Draft) -> QuerySet[DraftMaterial]:
    """The materials of a draft that stand, each with its pages in order."""
    pages = MaterialPage.objects.filter(ended_at=None).select_related("file")
    rows = draft.materials.filter(ended_at=None).select_related("file")
    return rows.prefetch_related(Prefetch("pages", pages))


def material_row(page: MaterialPage) -> PageRow:
    return {
        "ref": page.ref,
        "name": page.file.name,
        "size": page.file.size,
        "picture": page.file.media_type.startswith("image/"),
        "turn": page.turn,
    }


def page_of_draft(draft: Draft, ref: str, actor: Actor) -> MaterialPage | None:
    """A page that is in this draft now, for whoever hands it in; None for everybody else."""
    rows = MaterialPage.objects.select_related("file", "material").filter(ref=ref, material__draft=draft)
    found = rows.filter(ended_at=None, material__ended_at=None).first()
    if found is None or not sees_material(actor, draft, bound_of(draft.version), found.material.role):
        return None
    return found


def page_of_case(case_id: int, ref: str) -> MaterialPage | None:
    """A page that was handed in with the application of this case."""
    rows = MaterialPage.objects.select_related("file").filter(ref=ref, ended_at=None, material__ended_at=None)
    return rows.filter(material__draft__submission__case=case_id).first()


def signature_of_case(case_id: int, field: str) -> StoredFile | None:
    """The drawn signature that was handed in under this field; None for one that was typed, or none at all."""
    submission = Submission.objects.filter(case_id=case_id).only("evidence").first()
    found = submission.evidence.get("signatures", {}).get(field, {}) if submission else {}
    return (
        StoredFile.objects.filter(ref=found.get("file", "")).first() if found.get("how") == "drawn" else None
    )


def pages_of_submission(submission: Submission) -> dict[str, list[PageRow]]:
    """What was handed in: "role.type" → its pages in order."""
    rows = MaterialPage.objects.filter(
        material__draft=submission.draft_id, material__ended_at=None, ended_at=None
    ).select_related("material", "file")
    found: dict[str, list[PageRow]] = {}
    for page in rows:
        found.setdefault(f"{page.material.role}.{page.material.type}", []).append(material_row(page))
    return found
