"""Who sees and who changes what of a draft that several people fill in: declared by parts, decided at the door."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from liangwang.base.access import Thing, may
from liangwang.base.audit import canonical
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from . import sealed
from .compiled import Bound
from .declare import Bundle, Part, holds
from .groups import row_of
from .models import Authorisation, Draft, DraftMaterial
from .models_together import DraftPart, DraftReader
from .provable import own_role
from .refusals import NotYourPart

SITUATION = ""  # the "role" of the answers about the situation: the applicant's
SIGHTS = ("none", "see", "edit")


class Rights(NamedTuple):
    """The parts of a draft as declared for its situation, and the people who took them over."""

    applicant: int
    parts: Mapping[str, Part]
    taken: Mapping[str, DraftPart]
    asked: frozenset[int]
    readers: frozenset[int]

    def owner(self, role: str) -> Part | None:
        """The part to which the fields of a role belong; None where they are the applicant's."""
        found = row_of(role)
        name = found[0] if found else role
        return next((part for part in self.parts.values() if name in part.own), None)

    def person(self, part: Part) -> int | None:
        """Who has taken a part over, or was asked to by name."""
        row = self.taken.get(part.role)
        return row.subject_id if row else None

    def editors(self, role: str) -> frozenset[int]:
        """Who may change the fields of a role: the one whose part it is, else the applicant.

        Where no part is declared, those who are asked to agree complete the whole form with her.
        """
        part = self.owner(role)
        if part is None:
            return frozenset({self.applicant}) | (frozenset() if self.parts else self.asked)
        person = self.person(part)
        return frozenset({person}) if person else frozenset()

    def viewers(self, role: str) -> frozenset[int]:
        """Who may read the fields of a role besides: the applicant, and parts that declare it; readers what is hers."""
        seeing = {self.person(part) for part in self.parts.values() if role in part.sees or role == SITUATION}
        shown = self.readers if self.owner(role) is None else frozenset()
        return frozenset(one for one in seeing if one) | {self.applicant} | shown


def declared(bound: Bound, draft: Draft) -> dict[str, Part]:
    """The parts that the draft's situation asks of others than the applicant, by role."""
    answers = dict(draft.scenario)
    mine = own_role(draft)
    head = bound.head
    joined = {one.item: one.when for one in head.joins} if isinstance(head, Bundle) else {}
    lists: list[Iterable[Part]] = [head.parts] if isinstance(head, Bundle) else []
    lists += [source.item.parts for source in bound.items if holds(joined.get(source.key, {}), answers)]
    found: dict[str, Part] = {}
    for parts in lists:
        for part in parts:
            if part.role != mine and holds(part.when, answers):
                found.setdefault(part.role, part)
    return found


def rights(draft: Draft, bound: Bound) -> Rights:
    """The rights in a draft as they are now."""
    asked = Authorisation.objects.filter(draft=draft).values_list("subject_id", flat=True)
    readers = DraftReader.objects.filter(draft=draft, ended_at=None).values_list("subject_id", flat=True)
    parts = declared(bound, draft)
    rows = DraftPart.objects.filter(draft=draft, ended_at=None) if parts else ()
    return Rights(
        applicant=draft.applicant_id,
        parts=parts,
        taken={row.role: row for row in rows},
        asked=frozenset(asked),
        readers=frozenset(readers),
    )


def fields_of(draft: Draft, role: str, held: Rights) -> Thing:
    """The fields of one role as the policy sees them: of those who fill them in, read by those who may see them."""
    editors = held.editors(role)
    return Thing(
        kind="draft_part", ref=draft.ref, subject_ids=editors, reader_ids=held.viewers(role) - editors
    )


def sight(actor: Actor, thing: Thing) -> str:
    """What the actor may do with the fields of a role: "edit", "see" (sealed values masked) or "none"."""
    if may(actor, "update", thing).allowed:
        return "edit"
    return "see" if may(actor, "read", thing).allowed else "none"


def guard(draft: Draft, bound: Bound, actor: Actor) -> None:
    """Every save passes here: what has changed against the database must be the actor's to change; raises NotYourPart."""
    kept = Draft.objects.select_related("version", "applicant").get(pk=draft.pk)
    changed = _changed(kept, draft)
    if changed and (declared(bound, draft) or declared(bound, kept)):
        for role in sorted(changed):
            need_edit(actor, kept, bound, role)


def _changed(before: Draft, after: Draft) -> set[str]:
    """The roles of which something is different."""
    roles = {SITUATION} if before.scenario != after.scenario else set()
    for name in ("answers", "disputed"):
        one, two = getattr(before, name), getattr(after, name)
        roles |= {_role(field) for field in one.keys() | two.keys() if one.get(field) != two.get(field)}
    roles |= {need.partition(".")[0] for need in set(before.committed) ^ set(after.committed)}
    return roles | {
        key for key in before.rows.keys() | after.rows.keys() if before.rows.get(key) != after.rows.get(key)
    }


def need_edit(actor: Actor, draft: Draft, bound: Bound, role: str) -> None:
    """Raises NotYourPart where the fields and materials of a role are somebody else's to change."""
    held = rights(draft, bound)
    if may(actor, "update", fields_of(draft, role, held)).allowed:
        return
    owner = held.owner(role)
    label = owner.label if owner else Label(zh="申请人", en="The applicant")
    raise NotYourPart(who=label["zh"], who_en=label["en"])


def seen_by(actor: Actor, whole: dict[str, Any], held: Rights) -> dict[str, Any]:
    """The answer of queries.form_pages as this actor may see it.

    Fields that are not hers to see are gone, sealed values of others are masked; `page["sight"]` is the most that
    she may do on a page.
    """
    draft: Draft = whole["draft"]
    known: dict[str, str] = {}

    def on(role: str) -> str:
        if role not in known:
            known[role] = sight(actor, fields_of(draft, role, held))
        return known[role]

    pages = []
    for page in whole["pages"]:
        fields = [_shown(one, on(one["ask"].role)) for one in page["fields"] if on(one["ask"].role) != "none"]
        settled = [_shown(one, on(one["ask"].role)) for one in page["known"] if on(one["ask"].role) != "none"]
        most = max(
            (on(one["ask"].role) for one in (*page["fields"], *page["known"])),
            key=SIGHTS.index,
            default="edit",
        )
        pages.append({**page, "fields": fields, "known": settled, "sight": most})
    materials = [_material(one, on(one["need"].role)) for one in whole["materials"]]
    consents = [one for one in whole["consents"] if one["role"] not in held.parts]  # given with the part
    aside = [one for one in whole["aside"] if on(_role(one["field"])) == "edit"]
    return {**whole, "pages": pages, "materials": materials, "consents": consents, "aside": aside}


def _material(one: Any, right: str) -> Any:
    """A picture of a document cannot be masked: whose it is not sees only that it is there."""
    return {**one, "hidden": False} if right == "edit" else {**one, "pages": [], "hidden": True}


def sees_material(actor: Actor, draft: Draft, bound: Bound, role: str) -> bool:
    """Whether the actor may look at the pages of a role's materials: only who hands them in."""
    return sight(actor, fields_of(draft, role, rights(draft, bound))) == "edit"


def _shown(one: Any, right: str) -> Any:
    if right == "edit":
        return one
    masked = sealed.masked(one["ask"].id, one["value"])
    return {**one, "value": masked, "said": "", "problem": None}


def digest(part: Part, draft: Draft, answers: Mapping[str, str], materials: Iterable[str]) -> str:
    """SHA-256 of what a part's person confirms: the situation, every answer that she sees, the materials of her roles."""
    roles = part.own | set(part.sees)
    shown = {field: value for field, value in answers.items() if _role(field) in roles}
    own = [one for one in (*materials, *draft.committed) if one.partition(".")[0] in part.own]
    body = {"situation": dict(draft.scenario), "answers": shown, "materials": own}
    return hashlib.sha256(canonical(body)).hexdigest()


def _role(field: str) -> str:
    role = field.partition(".")[0]
    found = row_of(role)
    return found[0] if found else role


def digest_now(part: Part, draft: Draft) -> str:
    """The digest of the draft as it lies in the database."""
    answers = {field: str(value) for field, value in sealed.read_all(draft.answers, draft.ref).items()}
    return digest(part, draft, answers, material_marks(draft))


def material_marks(draft: Draft) -> list[str]:
    """ "role.type/page/turn" of every page that is handed in."""
    rows = DraftMaterial.objects.filter(draft=draft, ended_at=None, pages__ended_at=None)
    found = rows.order_by("pages__position").values_list("role", "type", "pages__ref", "pages__turn")
    return [f"{role}.{kind}/{page}/{turn}" for role, kind, page, turn in found]


def missing_parts(draft: Draft, bound: Bound) -> dict[str, Label]:
    """Parts that nobody has taken over or confirmed, or that have changed since she confirmed, by role."""
    if not declared(bound, draft):
        return {}
    held = rights(draft, bound)
    found: dict[str, Label] = {}
    for role, part in held.parts.items():
        row = held.taken.get(role)
        zh, en = part.label["zh"], part.label["en"]
        if row is None or row.joined_at is None:
            found[role] = {"zh": f"{zh}还没有加入", "en": f"{en} has not joined yet"}
        elif row.confirmed_at is None or row.digest != digest_now(part, draft):
            found[role] = {"zh": f"{zh}还没有确认", "en": f"{en} has not confirmed yet"}
    return found


def state_of(row: DraftPart | None, part: Part, draft: Draft) -> tuple[str, datetime | None]:
    """How far a part is: none, invited, writing, changed or confirmed; and since when."""
    if row is None:
        return "none", None
    if row.joined_at is None:
        return "invited", row.invited_at
    if row.confirmed_at and row.digest == digest_now(part, draft):
        return "confirmed", row.confirmed_at
    return ("changed", row.asked_again_at) if row.digest else ("writing", row.joined_at)
