"""A draft seen through the compiler: what it asks, what it has, and what is still missing."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import msgspec

from liangwang.base.errors import NotFound
from liangwang.base.labels import Label
from liangwang.base.packs import version_hash
from liangwang.base.working_days import local_day

from . import catalogue, certificate_items, signing
from .compile import compile_bound
from .compiled import Ask, Bound, Compiled, Filled, Need, Proved, Rows
from .form import FieldProblem, problems
from .models import Authorisation, Draft, ItemVersion
from .provable import opened, own_role, proved_for
from .sharing import missing_parts

PAPER = "paper"  # stands in `files` for a material that a counter has taken in on paper


class Seen(NamedTuple):
    """A draft with everything that pages and submission need of it."""

    draft: Draft
    bound: Bound
    compiled: Compiled
    answers: dict[str, str]
    files: dict[str, str]  # "role.type" -> ref of the draft's material, or PAPER
    consents: dict[str, Authorisation]
    proved: Proved


def version_of(key: str, at: datetime) -> ItemVersion:
    """The published version that is in force now, kept for good from its first use on."""
    body = catalogue.body_of(certificate_items.bound(key))
    version, _ = ItemVersion.objects.get_or_create(
        key=key, hash=version_hash(body), defaults={"body": body, "published_at": at}
    )
    return version


_in_force: dict[str, tuple[Bound, str]] = {}


def hash_in_force(key: str, at: datetime) -> str:
    """The hash of the version that is in force at `at`, '' for an item that has been withdrawn or has ended."""
    try:
        bound = certificate_items.bound(key)
    except NotFound:
        return ""
    if certificate_items.is_about(key):
        return version_hash(catalogue.body_of(bound))
    if catalogue.ended(bound.head, local_day(at)):
        return ""
    held = _in_force.get(key)
    # The same declarations are the same objects until a file or a desk version changes.
    if held is None or held[0].head is not bound.head or held[0].items != bound.items:
        _in_force[key] = held = bound, version_hash(catalogue.body_of(bound))
    return held[1]


_bounds: dict[str, Bound] = {}
BOUNDS_KEPT = 64


def bound_of(version: ItemVersion) -> Bound:
    """The declarations of a version, read once by a process: a version never changes."""
    if version.hash not in _bounds:
        if len(_bounds) >= BOUNDS_KEPT:
            _bounds.clear()
        _bounds[version.hash] = catalogue.read_body(version.body)
    return _bounds[version.hash]


def see(draft: Draft, at: datetime) -> Seen:
    """Compiles the draft's own version of its item for its answers, less what is proved at this moment."""
    bound = bound_of(draft.version)
    proved = _less_disputed(proved_for(draft, at), draft)
    answers = opened(draft)
    filled = Filled(values=answers, rows={group: tuple(one["numbers"]) for group, one in draft.rows.items()})
    compiled = compile_bound(bound, draft.scenario, proved, catalogue.words(), filled)
    files = dict.fromkeys(draft.papers, PAPER)
    files |= {f"{m.role}.{m.type}": m.ref for m in draft.materials.filter(ended_at=None)}
    consents = {one.role: one for one in draft.authorisations.select_related("subject")}
    return Seen(draft, bound, compiled, answers, files, consents, proved)


def _less_disputed(proved: Proved, draft: Draft) -> Proved:
    """What the person says is wrong proves nothing any more; it stays in sight beside her own value."""
    if not draft.disputed:
        return proved
    values = {
        field: msgspec.structs.replace(one, state="disputed") if field in draft.disputed else one
        for field, one in proved.values.items()
    }
    return msgspec.structs.replace(proved, values=values)


def rows_of(compiled: Compiled) -> dict[str, Rows]:
    """The repeating groups of all pages, by key."""
    return {rows.group: rows for page in compiled.pages for rows in page.groups}


def field_problems(seen: Seen, at: datetime) -> list[FieldProblem]:
    """Every answer that cannot be used yet; a signature under answers that have changed since is none."""
    asks = seen.compiled.asks
    found = problems(asks, prefilled(seen), local_day(at))
    signatures = [ask for ask in asks if ask.kind == "signature" and seen.answers.get(ask.id)]
    over = signing.digest(seen.answers, [ask.id for ask in signatures]) if signatures else ""
    for ask in signatures:
        if signing.read(seen.answers[ask.id]).get("over") != over:
            message: Label = {
                "zh": f"{ask.label['zh']}之后内容改过，请再签一次",
                "en": f"Answers have changed since the {ask.label['en'].lower()}: sign again",
            }
            found.append(FieldProblem(field=ask.id, message=message))
    return found


def prefilled(seen: Seen) -> dict[str, str]:
    """What stands in the form: what was typed, and unproved proposals where nothing was."""
    proposed = {
        ask.id: as_typed(ask)
        for ask in seen.compiled.asks
        if ask.known is not None
        and ask.known.state not in ("conflict", "disputed")
        and ask.known.value not in (None, "")
    }
    return {**proposed, **seen.answers}


def as_typed(ask: Ask) -> str:
    """A known value in the way in which a person would type it: money is known in 分 and typed in 元."""
    value = ask.known.value if ask.known is not None else ""
    if ask.kind == "money" and str(value).lstrip("-").isdigit():
        return f"{int(value) / 100:.2f}"
    return "" if value is None else str(value)


def materials_missing(seen: Seen) -> list[Need]:
    """Required materials that are asked for and not there."""
    return [n for n in seen.compiled.materials_asked if n.required and n.id not in seen.files]


def consents_missing(seen: Seen, but: Collection[str] = ()) -> list[Label]:
    """Authorisations of others that are not given yet; the applicant gives her own by submitting."""
    own = own_role(seen.draft)
    given = {role for role, one in seen.consents.items() if one.state == Authorisation.State.GIVEN}
    return [
        c.label for c in seen.compiled.consents if c.role != own and c.role not in given and c.role not in but
    ]


def missing(seen: Seen, at: datetime, *, but: frozenset[str] = frozenset()) -> list[Label]:
    """Everything between this draft and its submission, said at once; `but` names materials that may come later."""
    found: list[Label] = [q.label for q in seen.compiled.questions if q.question in seen.compiled.unanswered]
    found += [problem.message for problem in field_problems(seen, at)]
    for need in (one for one in materials_missing(seen) if one.id not in but):
        zh, en = (
            f"{need.role_label['zh']}的{need.label['zh']}",
            f"{need.label['en']} ({need.role_label['en']})",
        )
        found.append({"zh": zh, "en": en})
    parts = missing_parts(seen.draft, seen.bound)
    return found + consents_missing(seen, but=parts) + list(parts.values())
