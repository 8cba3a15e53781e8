"""Filling in together: parts are offered, taken over and confirmed; drafts are shown to others and taken from them."""

import hashlib
import secrets
from datetime import datetime, timedelta

from liangwang.base import audit
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.models import Company, Person, Subject
from liangwang.base.subjects import identity_of, person_by_identity

from .. import sealed
from ..declare import Part
from ..drafting import bound_of, field_problems, materials_missing, see
from ..models import Authorisation, Draft
from ..models_together import DraftLink, DraftPart, DraftReader
from ..refusals import LinkGone, NoSuchPerson, NotReady, NotThisPerson, NotYourDraft, UnknownPart
from ..sharing import declared, digest_now, fields_of, rights
from .authorise import authorise
from .draft import _locked as locked
from .draft import _set_roles
from .part_notices import tell_confirmed, tell_invited, tell_joined, tell_shown

PART_DAYS, READ_DAYS = 7, 30  # how long a link lives


def invite_part(
    *, actor: Actor, draft: Draft, role: str, name: str, identity_number: str, at: datetime
) -> DraftPart:
    """Offers a part to the person with this name and identity number, who finds it among her messages.

    Raises UnknownPart and NoSuchPerson (never saying which of the two was wrong). Who had the part before loses it.
    """
    draft, part = _offered(actor, draft, role)
    person = person_by_identity(identity_number)
    if person is None or person.name != name.strip() or person.pk == draft.applicant_id:
        raise NoSuchPerson
    row = _row(draft, role, at)
    if row.subject_id not in (None, person.pk):
        _end(row, at)
        row = _row(draft, role, at)
    row.subject = person.subject
    row.save(update_fields=["subject"])
    tell_invited(draft, part, row, at)
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"invited": role})
    return row


def invite_link(*, actor: Actor, draft: Draft, role: str | None, at: datetime) -> str:
    """The token of a new link, to take over the part `role` or (None) to read; it is told once and works once."""
    if role is None:
        draft = _own(actor, draft)
        row = None
    else:
        draft, _ = _offered(actor, draft, role)
        row = _row(draft, role, at)
        row.links.filter(used_at=None, ended_at=None).update(ended_at=at)
    token = secrets.token_urlsafe(24)
    days = READ_DAYS if role is None else PART_DAYS
    DraftLink.objects.create(
        draft=draft, part=row, token_hash=_hash(token), created_at=at, expires_at=at + timedelta(days=days)
    )
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"link": role or "read"})
    return token


def link_of(token: str, at: datetime) -> DraftLink:
    """The live link of a token; raises LinkGone for one that is used, withdrawn, too old or made up."""
    rows = DraftLink.objects.select_related("draft__version", "draft__applicant", "part")
    found = rows.filter(token_hash=_hash(token), used_at=None, ended_at=None, expires_at__gt=at).first()
    if found is None or found.draft.state != Draft.State.OPEN:
        raise LinkGone
    return found


def join(*, actor: Actor, token: str, at: datetime) -> Draft:
    """Takes over the part of a link, or becomes a reader; the link is used up.

    Raises LinkGone; NotThisPerson where the part is known to be somebody else's, or the hat is of the wrong kind.
    """
    link = link_of(token, at)
    link = DraftLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.used_at:
        raise LinkGone
    subject = Subject.objects.filter(pk=actor.for_subject_id or 0).first()
    draft = (
        Draft.objects.select_for_update(of=("self",))
        .select_related("version", "applicant")
        .get(pk=link.draft_id)
    )
    if subject is None or subject.pk == draft.applicant_id:
        raise NotThisPerson
    if link.part_id is None:
        _show_to(draft, subject, at)
    else:
        part = _declared(draft, DraftPart.objects.get(pk=link.part_id).role)
        _check_is(actor, draft, part)
        _take(actor, draft, part, subject, at)
    link.used_at = at
    link.save(update_fields=["used_at"])
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"joined": link.part_id is not None})
    return draft


def accept_part(*, actor: Actor, draft: Draft, role: str, at: datetime) -> DraftPart:
    """She who was invited by name takes her part over."""
    draft = locked(draft, actor)
    part = _declared(draft, role)
    row = DraftPart.objects.filter(
        draft=draft, role=role, subject=actor.for_subject_id, ended_at=None
    ).first()
    if row is None or row.subject is None:
        raise NotThisPerson
    _check_is(actor, draft, part)
    return _take(actor, draft, part, row.subject, at)


def confirm_part(*, actor: Actor, draft: Draft, role: str, at: datetime) -> DraftPart:
    """She confirms what stands in her part and in what it shows her; an edit afterwards asks her again.

    Her consent, where the item asks for one, is given by the same act. Raises NotReady with everything missing in
    her part, and what the door raises for anybody else.
    """
    draft = locked(draft, actor)
    held = rights(draft, bound_of(draft.version))
    require(actor, "close", fields_of(draft, role, held))
    part = _declared(draft, role)
    seen = see(draft, at)
    lacking = [one.message for one in field_problems(seen, at) if one.field.partition(".")[0] in part.own] + [
        need.label for need in materials_missing(seen) if need.role in part.own
    ]
    if lacking:
        raise NotReady(
            missing="；".join(one["zh"] for one in lacking),
            missing_en="; ".join(one["en"] for one in lacking),
        )
    consent = Authorisation.objects.filter(draft=draft, role=role, subject=actor.for_subject_id).first()
    if consent is not None and consent.state != Authorisation.State.GIVEN:
        authorise(actor=actor, authorisation=consent, give=True, at=at)
    row = DraftPart.objects.get(draft=draft, role=role, ended_at=None)
    row.confirmed_at, row.confirmed_by_id = at, actor.party_id
    row.digest = digest_now(part, draft)
    row.save(update_fields=["confirmed_at", "confirmed_by", "digest"])
    body = {"confirmed": role, "sha256": row.digest}
    audit.record(actor, "close", thing_of("draft", draft), at=at, body=body)
    tell_confirmed(draft, part, row, at)
    return row


def withdraw_part(*, actor: Actor, draft: Draft, role: str, at: datetime) -> None:
    """Takes a part back: its links die, who had it no longer sees the draft; what she typed stays."""
    draft, _ = _offered(actor, draft, role)
    for row in DraftPart.objects.filter(draft=draft, role=role, ended_at=None):
        _end(row, at)
    Authorisation.objects.filter(draft=draft, role=role).exclude(state=Authorisation.State.GIVEN).delete()
    _set_roles(draft)
    draft.save(update_fields=["roles"])
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"withdrawn": role})


def show_to(*, actor: Actor, draft: Draft, name: str, identity_number: str, at: datetime) -> DraftReader:
    """Shows the draft to the person with this name and identity number, until it is ended; raises NoSuchPerson."""
    draft = _own(actor, draft)
    person = person_by_identity(identity_number)
    if person is None or person.name != name.strip() or person.pk == draft.applicant_id:
        raise NoSuchPerson
    reader = _show_to(draft, person.subject, at)
    tell_shown(draft, reader, at)
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"shown": reader.ref})
    return reader


def stop_showing(*, actor: Actor, draft: Draft, reader: str, at: datetime) -> None:
    """Ends what one reader (by ref) sees, or with "links" every link to read that nobody has used."""
    draft = _own(actor, draft)
    if reader == "links":
        draft.links.filter(part=None, used_at=None, ended_at=None).update(ended_at=at)
    elif not DraftReader.objects.filter(draft=draft, ref=reader, ended_at=None).update(ended_at=at):
        raise NotFound
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"no_longer_shown": reader})


def _own(actor: Actor, draft: Draft) -> Draft:
    draft = locked(draft, actor)
    if actor.for_subject_id != draft.applicant_id:
        raise NotYourDraft
    return draft


def _declared(draft: Draft, role: str) -> Part:
    part = declared(bound_of(draft.version), draft).get(role)
    if part is None:
        raise UnknownPart(part=role)
    return part


def _offered(actor: Actor, draft: Draft, role: str) -> tuple[Draft, Part]:
    draft = _own(actor, draft)
    return draft, _declared(draft, role)


def _row(draft: Draft, role: str, at: datetime) -> DraftPart:
    return DraftPart.objects.get_or_create(
        draft=draft, role=role, ended_at=None, defaults={"invited_at": at}
    )[0]


def _end(row: DraftPart, at: datetime) -> None:
    row.links.filter(ended_at=None).update(ended_at=at)
    row.ended_at = at
    row.save(update_fields=["ended_at"])


def _show_to(draft: Draft, subject: Subject, at: datetime) -> DraftReader:
    return DraftReader.objects.get_or_create(
        draft=draft, subject=subject, ended_at=None, defaults={"since": at}
    )[0]


def _check_is(actor: Actor, draft: Draft, part: Part) -> None:
    """The one who joins is the one whom the draft already names: by invitation, number, or credit code."""
    wanted = "company" if part.by == "company" else "self"
    row = DraftPart.objects.filter(draft=draft, role=part.role, ended_at=None).first()
    named = row is not None and row.subject_id not in (None, actor.for_subject_id)
    if actor.hat != wanted or named:
        raise NotThisPerson
    asked = Authorisation.objects.filter(draft=draft, role=part.role).first()
    if asked is not None and asked.subject_id != actor.for_subject_id:
        raise NotThisPerson
    typed = sealed.read_all(draft.answers, draft.ref)
    number = str(typed.get(f"{part.role}.identity_number") or "")
    if number and (known := person_by_identity(number)) and known.pk != actor.for_subject_id:
        raise NotThisPerson
    code = str(typed.get(f"{part.role}.credit_code") or "").strip().upper()
    company = Company.objects.filter(pk=actor.for_subject_id).first()
    if code and company is not None and company.credit_code != code:
        raise NotThisPerson
    name = str(typed.get(f"{part.role}.name") or "").strip()
    if (
        name
        and part.by == "person"
        and not Person.objects.filter(pk=actor.for_subject_id, name=name).exists()
    ):
        raise NotThisPerson


def _take(actor: Actor, draft: Draft, part: Part, subject: Subject, at: datetime) -> DraftPart:
    row = _row(draft, part.role, at)
    row.subject, row.joined_at = subject, row.joined_at or at
    row.save(update_fields=["subject", "joined_at"])
    consent = next((one for one in see(draft, at).compiled.consents if one.role == part.role), None)
    if consent is not None:
        Authorisation.objects.get_or_create(
            draft=draft,
            role=part.role,
            defaults={"subject": subject, "text": dict(consent.text), "asked_at": at},
        )
    _set_roles(draft)
    # Who she is was proved by her login: nobody types that again, and it is hers to change.
    for field, value in _known_of(subject, part.role).items():
        draft.answers.setdefault(field, sealed.close(field, value, draft.ref))
    draft.updated_at = at
    draft.save(update_fields=["roles", "answers", "updated_at"])
    tell_joined(draft, part, row, at)
    return row


def _known_of(subject: Subject, role: str) -> dict[str, str]:
    person = Person.objects.filter(pk=subject.pk).first()
    if person is not None:
        return {f"{role}.name": person.name, f"{role}.identity_number": identity_of(person) or ""}
    company = Company.objects.get(pk=subject.pk)
    return {f"{role}.name": company.name, f"{role}.credit_code": company.credit_code}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
