"""Writing a draft: every save keeps everything that was typed, right or wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

from liangwang.base import audit, files
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Person, Place, Subject

from .. import sealed
from ..drafting import field_problems, see, version_of
from ..form import FieldProblem
from ..merge import questions
from ..models import Authorisation, Draft, DraftMaterial
from ..refusals import DraftClosed, UnknownPart


def start_draft(*, actor: Actor, key: str, at: datetime, scenario: Mapping[str, str] | None = None) -> Draft:
    """The applicant's open draft of `pack:key`, begun now or on another device; raises NotFound for an unknown item.

    `scenario` presets questions (a link such as "my child's father applies"); unknown ones are dropped when seen.
    """
    subject = Subject.objects.filter(pk=actor.for_subject_id or 0).first()
    if subject is None:
        raise NotFound
    version = version_of(key, at)
    open_one = Draft.objects.filter(applicant=subject, key=key, state=Draft.State.OPEN).first()
    if open_one is not None:
        return _on_newest(open_one, version.pk)
    draft = Draft(
        version=version,
        key=key,
        applicant=subject,
        started_by_id=actor.party_id,
        scenario=dict(scenario or {}),
        place=_home(subject),
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


def answer_page(
    *, actor: Actor, draft: Draft, page: str, answers: Mapping[str, str], at: datetime
) -> list[FieldProblem]:
    """Saves one page as it was typed and returns what to change on it; an empty list means: go on.

    `page` is the key of a page of `queries.form_pages`; raises UnknownPart and DraftClosed.
    """
    draft = _locked(draft, actor)
    seen = see(draft, at)
    asked = next((one for one in seen.compiled.pages if one.key == page), None)
    if asked is None:
        raise UnknownPart(part=page)
    on_page = {ask.id for ask in asked.fields}
    for field, typed in answers.items():
        if field in on_page:
            draft.answers[field] = sealed.close(field, typed, draft.ref)
    _save(draft, actor, at, "answers")
    wrong = field_problems(see(draft, at), at)
    return [problem for problem in wrong if problem.field in on_page]


def upload_material(
    *, actor: Actor, draft: Draft, need: str, stream: BinaryIO, name: str, at: datetime
) -> DraftMaterial:
    """Keeps a file for the material `need` ("role.type"); an earlier one stays, ended.

    Raises FileTooLarge, WrongFileType and UnknownPart; the draft keeps everything in each case.
    """
    draft = _locked(draft, actor)
    wanted = next((n for n in see(draft, at).compiled.needs if n.id == need), None)
    if wanted is None:
        raise UnknownPart(part=need)
    stored = files.store(stream, name, at=at, by=actor.party_id)
    DraftMaterial.objects.filter(draft=draft, type=wanted.type, role=wanted.role, ended_at=None).update(
        ended_at=at
    )
    material = DraftMaterial.objects.create(
        draft=draft, type=wanted.type, role=wanted.role, file=stored, at=at
    )
    _save(draft, actor, at)
    return material


def remove_material(*, actor: Actor, draft: Draft, need: str, at: datetime) -> None:
    """Takes a file out of the draft; it is ended, not deleted."""
    draft = _locked(draft, actor)
    role, _, kind = need.partition(".")
    DraftMaterial.objects.filter(draft=draft, role=role, type=kind, ended_at=None).update(ended_at=at)
    _save(draft, actor, at)


def commit_material(*, actor: Actor, draft: Draft, need: str, given: bool, at: datetime) -> Label:
    """告知承诺: the person's word instead of a paper (or takes it back); returns the words she gives it in."""
    draft = _locked(draft, actor)
    wanted = next((n for n in see(draft, at).compiled.needs if n.id == need and n.commitment), None)
    if wanted is None or wanted.commitment is None:
        raise UnknownPart(part=need)
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


def _locked(draft: Draft, actor: Actor) -> Draft:
    """The draft as it is now, held by this transaction; raises NotFound, Refused or DraftClosed."""
    fresh = (
        Draft.objects.select_for_update(of=("self",)).select_related("version", "applicant").get(pk=draft.pk)
    )
    require(actor, "update", thing_of("draft", fresh))
    if fresh.state != Draft.State.OPEN:
        raise DraftClosed
    return fresh


def _save(draft: Draft, actor: Actor, at: datetime, *fields: str) -> None:
    draft.saves += 1
    draft.updated_at = at
    draft.save(update_fields=[*fields, "saves", "updated_at"])
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"saves": draft.saves})


def _set_roles(draft: Draft) -> None:
    """Who is who: the applicant by her own answer, others by their invitation."""
    invited = Authorisation.objects.filter(draft=draft).values_list("role", "subject__ref")
    roles = {"applicant": draft.applicant.ref, **dict(invited)}
    if mine := draft.scenario.get("i_am"):
        roles[mine] = draft.applicant.ref
    draft.roles = roles


def _on_newest(draft: Draft, version_id: int) -> Draft:
    """An open draft follows the item to its newest version: answers stay, what is no longer asked is not shown."""
    if draft.version_id != version_id:
        Draft.objects.filter(pk=draft.pk).update(version_id=version_id)
        draft.refresh_from_db()
    return draft


def _home(subject: Subject) -> Place | None:
    person = Person.objects.filter(pk=subject.pk).select_related("home").first()
    return person.home if person else None
