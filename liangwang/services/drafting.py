"""A draft seen through the compiler: what it asks, what it has, and what is still missing."""

from datetime import datetime
from typing import NamedTuple

from liangwang.base.labels import Label
from liangwang.base.working_days import local_day

from . import catalogue
from .compile import compile_bound
from .compiled import Bound, Compiled, Need, Proved
from .form import FieldProblem, problems
from .models import Authorisation, Draft, ItemVersion
from .provable import opened, proved_for


class Seen(NamedTuple):
    """A draft with everything that pages and submission need of it."""

    draft: Draft
    bound: Bound
    compiled: Compiled
    answers: dict[str, str]
    files: dict[str, str]  # "role.type" -> ref of the draft's material
    consents: dict[str, Authorisation]
    proved: Proved


def version_of(key: str, at: datetime) -> ItemVersion:
    """The published version that is in force now, kept for good from its first use on."""
    from liangwang.base.packs import version_hash

    body = catalogue.body_of(catalogue.bound(key))
    version, _ = ItemVersion.objects.get_or_create(
        key=key, hash=version_hash(body), defaults={"body": body, "published_at": at}
    )
    return version


_bounds: dict[str, Bound] = {}
BOUNDS_KEPT = 64


def _bound(version: ItemVersion) -> Bound:
    """The declarations of a version, read once by a process: a version never changes."""
    if version.hash not in _bounds:
        if len(_bounds) >= BOUNDS_KEPT:
            _bounds.clear()
        _bounds[version.hash] = catalogue.read_body(version.body)
    return _bounds[version.hash]


def see(draft: Draft, at: datetime) -> Seen:
    """Compiles the draft's own version of its item for its answers, less what is proved at this moment."""
    bound = _bound(draft.version)
    proved = proved_for(draft, at)
    compiled = compile_bound(bound, draft.scenario, proved, catalogue.words())
    files = {f"{m.role}.{m.type}": m.ref for m in draft.materials.filter(ended_at=None)}
    consents = {one.role: one for one in draft.authorisations.select_related("subject")}
    return Seen(draft, bound, compiled, opened(draft), files, consents, proved)


def field_problems(seen: Seen, at: datetime) -> list[FieldProblem]:
    """Every answer that cannot be used yet."""
    return problems(seen.compiled.asks, prefilled(seen), local_day(at))


def prefilled(seen: Seen) -> dict[str, str]:
    """What stands in the form: what was typed, and unproved proposals where nothing was."""
    proposed = {
        ask.id: str(ask.known.value)
        for ask in seen.compiled.asks
        if ask.known is not None and ask.known.state != "conflict" and ask.known.value not in (None, "")
    }
    return {**proposed, **seen.answers}


def materials_missing(seen: Seen) -> list[Need]:
    """Required materials that are asked for and not there."""
    return [n for n in seen.compiled.materials_asked if n.required and n.id not in seen.files]


def consents_missing(seen: Seen) -> list[Label]:
    """Authorisations of others that are not given yet; the applicant gives her own by submitting."""
    own = seen.draft.scenario.get("i_am")
    given = {role for role, one in seen.consents.items() if one.state == Authorisation.State.GIVEN}
    return [c.label for c in seen.compiled.consents if c.role != own and c.role not in given]


def missing(seen: Seen, at: datetime) -> list[Label]:
    """Everything between this draft and its submission, said at once."""
    found: list[Label] = [q.label for q in seen.compiled.questions if q.question in seen.compiled.unanswered]
    found += [problem.message for problem in field_problems(seen, at)]
    for need in materials_missing(seen):
        zh, en = (
            f"{need.role_label['zh']}的{need.label['zh']}",
            f"{need.label['en']} ({need.role_label['en']})",
        )
        found.append({"zh": zh, "en": en})
    return found + consents_missing(seen)
