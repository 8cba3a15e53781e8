"""Materials of a draft: pages are added, turned, moved and taken out; nothing that was there is deleted."""

from datetime import datetime
from typing import BinaryIO

from liangwang.base import files
from liangwang.base.errors import NotFound
from liangwang.base.files import Brought
from liangwang.base.hats import Actor

from ..compiled import Need
from ..drafting import bound_of, see
from ..models import Draft, DraftMaterial, MaterialPage
from ..refusals import TooManyPages, UnknownPart
from ..sharing import need_edit
from .draft import _locked, _save

PAGES_AT_MOST = 30
BROUGHT_AT_MOST = 500  # of one draft, taken out ones too: what one person can fill of the disk is bounded


def add_page(*, actor: Actor, draft: Draft, need: str, brought: Brought, at: datetime) -> MaterialPage:
    """Adds a page at the end of the material `need` ("role.type"), which begins with its first one.

    `brought` is what `files.judge` made of the upload, before this transaction. Raises UnknownPart, TooManyPages and
    DraftClosed; what was there stays.
    """
    draft = _locked(draft, actor)
    wanted = _wanted(draft, need, at)
    need_edit(actor, draft, bound_of(draft.version), wanted.role)
    material = _current(draft, wanted)
    count = material.pages.filter(ended_at=None).count() if material else 0
    brought_so_far = MaterialPage.objects.filter(material__draft=draft).count()
    if count >= PAGES_AT_MOST or brought_so_far >= BROUGHT_AT_MOST:
        raise TooManyPages(limit=PAGES_AT_MOST)
    stored = files.keep(brought, at=at, by=actor.party_id)
    if material is None:
        material = DraftMaterial.objects.create(
            draft=draft, type=wanted.type, role=wanted.role, file=stored, at=at
        )
    page = MaterialPage.objects.create(material=material, file=stored, position=count, at=at)
    _save(draft, actor, at)
    return page


def upload_material(
    *, actor: Actor, draft: Draft, need: str, stream: BinaryIO, name: str, at: datetime
) -> DraftMaterial:
    """One file is the whole material `need`; an earlier one stays, ended.

    Raises FileTooLarge, a WrongFileType and UnknownPart; the draft keeps everything in each case.
    """
    brought = files.judge(stream, name)
    draft = _locked(draft, actor)
    wanted = _wanted(draft, need, at)
    need_edit(actor, draft, bound_of(draft.version), wanted.role)
    _end(draft, wanted.role, wanted.type, at)
    return add_page(actor=actor, draft=draft, need=need, brought=brought, at=at).material


def remove_material(*, actor: Actor, draft: Draft, need: str, at: datetime) -> None:
    """Takes a material out of the draft; it is ended, not deleted."""
    draft = _locked(draft, actor)
    role, _, kind = need.partition(".")
    need_edit(actor, draft, bound_of(draft.version), role)
    _end(draft, role, kind, at)
    _save(draft, actor, at)


def remove_page(*, actor: Actor, draft: Draft, page: str, at: datetime) -> None:
    """Takes one page out; without pages the material is not handed in."""
    draft = _locked(draft, actor)
    found = _page(actor, draft, page)
    found.ended_at = at
    found.save(update_fields=["ended_at"])
    _in_order(found.material, at)
    _save(draft, actor, at)


def turn_page(*, actor: Actor, draft: Draft, page: str, at: datetime) -> None:
    """Turns a page by a quarter, clockwise; the file itself stays as it is."""
    draft = _locked(draft, actor)
    found = _page(actor, draft, page)
    found.turn = (found.turn + 90) % 360
    found.save(update_fields=["turn"])
    _save(draft, actor, at)


def move_page(*, actor: Actor, draft: Draft, page: str, by: int, at: datetime) -> None:
    """Moves a page `by` places, forwards or (negative) backwards; at an end it stays."""
    draft = _locked(draft, actor)
    found = _page(actor, draft, page)
    rows = list(found.material.pages.filter(ended_at=None))
    place = next(n for n, row in enumerate(rows) if row.pk == found.pk)
    rows.insert(max(0, min(len(rows) - 1, place + by)), rows.pop(place))
    for n, row in enumerate(rows):
        MaterialPage.objects.filter(pk=row.pk).exclude(position=n).update(position=n)
    _in_order(found.material, at)
    _save(draft, actor, at)


def _wanted(draft: Draft, need: str, at: datetime) -> Need:
    found = next((one for one in see(draft, at).compiled.needs if one.id == need), None)
    if found is None:
        raise UnknownPart(part=need)
    return found


def _current(draft: Draft, need: Need) -> DraftMaterial | None:
    return DraftMaterial.objects.filter(draft=draft, type=need.type, role=need.role, ended_at=None).first()


def _end(draft: Draft, role: str, kind: str, at: datetime) -> None:
    DraftMaterial.objects.filter(draft=draft, role=role, type=kind, ended_at=None).update(ended_at=at)


def _page(actor: Actor, draft: Draft, ref: str) -> MaterialPage:
    rows = MaterialPage.objects.select_related("material")
    found = rows.filter(ref=ref, material__draft=draft, material__ended_at=None, ended_at=None).first()
    if found is None:
        raise NotFound
    need_edit(actor, draft, bound_of(draft.version), found.material.role)
    return found


def _in_order(material: DraftMaterial, at: datetime) -> None:
    """The first page stands for the material; one without pages ends."""
    first = material.pages.filter(ended_at=None).first()
    if first is None:
        material.ended_at = at
    else:
        material.file_id = first.file_id
    material.save(update_fields=["ended_at", "file"])
