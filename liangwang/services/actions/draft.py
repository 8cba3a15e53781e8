"""Writing a draft: every save keeps everything that was typed, right or wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from liangwang.base import audit
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Subject

from ..certificate_items import begin
from ..drafting import bound_of, hash_in_force, see, version_of
from ..form import FieldProblem
from ..merge import questions
from ..models import Authorisation, Draft
from ..models_together import DraftPart
from ..own_hat import sole_role
from ..parties import place_of
from ..provable import own_role
from ..refusals import DraftClosed, ItemWithdrawn, UnknownPart
from ..sharing import guard, need_edit
from .draft_versions import bring_up_to_date
from .mandate import within_mandate
from .part_notices import ask_again


def start_draft(*, actor: Actor, key: str, at: datetime, scenario: Mapping[str, str] | None = None) -> Draft:
    """The applicant's open draft of `pack:key`, begun now or on another device; raises NotFound for an unknown item.

    `scenario` presets questions (a link such as "my child's father applies"); unknown ones are dropped when seen.
    """
    subject = Subject.objects.filter(pk=actor.for_subject_id or 0).first()
    if subject is None:
        raise NotFound
    within_mandate(actor, key)
    known = begin(actor, key)
    version = version_of(key, at)
    if not hash_in_force(key, at):
        label = version.body["head"]["label"]
        raise ItemWithdrawn(what=label["zh"], what_en=label["en"])
    open_one = Draft.objects.filter(applicant=subject, key=key, state=Draft.State.OPEN).first()
    if open_one is not None:
        return bring_up_to_date(open_one, version, at)
    # A company is never the employee and a person never the company: where one role is left, nobody is asked which.
    role = sole_role(bound_of(version), subject.kind)
    draft = Draft(
        version=version,
        key=key,
        applicant=subject,
        started_by_id=actor.party_id,
        scenario={**({"i_am": role} if role else {}), **known, **(scenario or {})},
        place=place_of(subject),
        created_at=at,
        updated_at=at,
    )
    require(actor, "create", thing_of("draft", draft))
    draft.save(force_insert=True)
    _set_roles(draft)
    draft.save(update_fields=["roles"])
    audit.record(actor, "create", thing_of("draft", draft), at=at, body={"item": key})
    return draft


def answer_questions(
    *, actor: Actor, draft: Draft, answers: Mapping[str, str], at: datetime
) -> list[FieldProblem]:
    """Saves the answers about her situation; returns a problem for each question that still has none."""
    draft = _locked(draft, actor)
    seen = see(draft, at)
    known = {q.question: {o.option for o in q.options} for q in questions(seen.bound)}
    for question, option in answers.items():
        if option in known.get(question, ()):
            draft.scenario[question] = option
    _set_roles(draft)
    _save(draft, actor, at, "scenario", "roles")
    after = see(draft, at).compiled
    return [
        FieldProblem(
            field=q.question,
            message={"zh": f"请选择:{q.label['zh']}", "en": f"Choose: {q.label['en']}"},
        )
        for q in after.questions
        if q.question in answers and q.question in after.unanswered
    ]


def commit_material(*, actor: Actor, draft: Draft, need: str, given: bool, at: datetime) -> Label:
    """告知承诺: the person's word instead of a paper (or takes it back); returns the words she gives it in."""
    draft = _locked(draft, actor)
    wanted = next((n for n in see(draft, at).compiled.needs if n.id == need and n.commitment), None)
    if wanted is None or wanted.commitment is None:
        raise UnknownPart(part=need)
    need_edit(actor, draft, bound_of(draft.version), wanted.role)
    draft.committed = sorted(set(draft.committed) | {need} if given else set(draft.committed) - {need})
    _save(draft, actor, at, "committed")
    return wanted.commitment


def abandon_draft(*, actor: Actor, draft: Draft, at: datetime) -> None:
    """Gives a draft up; only the applicant can."""
    draft = _locked(draft, actor)
    if actor.for_subject_id != draft.applicant_id:
        raise NotFound
    draft.state = Draft.State.ABANDONED
    _save(draft, actor, at, "state")


def note_progress(*, draft: Draft, progress: dict[str, Any]) -> None:
    """Keeps how far the applicant has come, for lists; nothing was done, so nothing is audited and no save is counted."""
    if draft.progress != progress:
        Draft.objects.filter(pk=draft.pk).update(progress=progress)
        draft.progress = progress


def _locked(draft: Draft, actor: Actor) -> Draft:
    """The draft as it is now, held by this transaction; raises NotFound, Refused or DraftClosed."""
    fresh = (
        Draft.objects.select_for_update(of=("self",)).select_related("version", "applicant").get(pk=draft.pk)
    )
    require(actor, "update", thing_of("draft", fresh))
    within_mandate(actor, fresh.key)
    if fresh.state != Draft.State.OPEN:
        raise DraftClosed
    return fresh


def _save(draft: Draft, actor: Actor, at: datetime, *fields: str) -> None:
    guard(draft, bound_of(draft.version), actor)
    draft.saves += 1
    draft.updated_at = at
    draft.save(update_fields=[*fields, "saves", "updated_at"])
    ask_again(draft, actor, at)
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"saves": draft.saves})


def _set_roles(draft: Draft) -> None:
    """Who is who: the applicant by her own answer, others by their invitation."""
    invited = Authorisation.objects.filter(draft=draft).values_list("role", "subject__ref")
    joined = DraftPart.objects.filter(draft=draft, ended_at=None, joined_at__isnull=False)
    taken = dict(joined.values_list("role", "subject__ref"))
    roles = {"applicant": draft.applicant.ref, **dict(invited), **taken}
    if mine := own_role(draft):
        roles[mine] = draft.applicant.ref
    draft.roles = roles
