"""Both parents: one invites the other, who sees the draft and gives or refuses the authorisation."""

from datetime import datetime

from liangwang.base import audit, notices
from liangwang.base.access import thing_of
from liangwang.base.hats import Actor
from liangwang.base.models import Subject
from liangwang.base.subjects import person_by_identity

from .. import sealed
from ..drafting import see
from ..models import Authorisation, Draft
from ..refusals import DraftClosed, NoSuchPerson, NotYours, UnknownPart
from .draft import _locked, _set_roles


def invite(
    *, actor: Actor, draft: Draft, role: str, name: str, identity_number: str, at: datetime
) -> Authorisation:
    """Asks the person with this name and identity number for the authorisation of `role`; asking again is the same.

    Raises UnknownPart where the situation asks for no such consent, and NoSuchPerson (never saying which was wrong).
    """
    draft = _locked(draft, actor)
    consent = next((c for c in see(draft, at).compiled.consents if c.role == role), None)
    if consent is None:
        raise UnknownPart(part=role)
    person = person_by_identity(identity_number)
    if person is None or person.name != name.strip() or person.pk == draft.applicant_id:
        raise NoSuchPerson
    authorisation, created = Authorisation.objects.get_or_create(
        draft=draft,
        role=role,
        defaults={"subject": person.subject, "text": dict(consent.text), "asked_at": at},
    )
    if authorisation.subject_id != person.pk:
        authorisation.subject, authorisation.state = person.subject, Authorisation.State.ASKED
        authorisation.text, authorisation.asked_at = dict(consent.text), at
        authorisation.save()
        created = True
    _set_roles(draft)
    # What was typed to find the person is an answer of the form too: nobody types it twice.
    for field, value in (
        (f"{role}.name", person.name),
        (f"{role}.identity_number", identity_number.strip().upper()),
    ):
        draft.answers[field] = sealed.close(field, value, draft.ref)
    draft.updated_at = at
    draft.save(update_fields=["roles", "answers", "updated_at"])
    if created:
        _ask(draft, authorisation, person.subject, at)
        audit.record(actor, "update", thing_of("draft", draft), at=at, body={"invited": role})
    return authorisation


def authorise(*, actor: Actor, authorisation: Authorisation, give: bool, at: datetime) -> Authorisation:
    """The person herself gives or refuses; raises NotYours for anyone else and DraftClosed after submission."""
    row = (
        Authorisation.objects.select_for_update(of=("self",))
        .select_related("draft", "subject")
        .get(pk=authorisation.pk)
    )
    if actor.hat not in {"self", "assisted"} or actor.for_subject_id != row.subject_id:
        raise NotYours
    if row.draft.state != Draft.State.OPEN:
        raise DraftClosed
    row.state = Authorisation.State.GIVEN if give else Authorisation.State.REFUSED
    row.decided_at, row.decided_by_id = at, actor.party_id
    row.save(update_fields=["state", "decided_at", "decided_by"])
    body = {"authorisation": row.ref, "role": row.role, "given": give, "text": row.text}
    audit.record(actor, "update", thing_of("draft", row.draft), at=at, body=body, subjects=[row.subject_id])
    _tell(row, give, at)
    return row


def _ask(draft: Draft, authorisation: Authorisation, subject: Subject, at: datetime) -> None:
    label = draft.version.body["head"]["label"]
    notices.notify(
        to=subject,
        template="services.authorisation_asked",
        title={"zh": f"请确认授权：{label['zh']}", "en": f"Your authorisation is needed: {label['en']}"},
        body={
            "zh": "另一方家长正在办理，需要您本人确认。打开即可查看内容，同意或不同意都由您决定。",
            "en": "The other parent has begun an application that needs your consent. Open it, read it and decide.",
        },
        at=at,
        key=f"authorise/{authorisation.ref}/{subject.pk}",
        link=f"/authorisations/{authorisation.ref}/",
    )


def _tell(row: Authorisation, give: bool, at: datetime) -> None:
    """The applicant learns what was decided; each decision once."""
    said = {True: ("已确认授权", "has given the authorisation"), False: ("未同意授权", "has not agreed")}[
        give
    ]
    notices.notify(
        to=row.draft.applicant,
        template="services.authorisation_decided",
        title={"zh": f"另一方{said[0]}", "en": f"The other parent {said[1]}"},
        body={"zh": "请回到申请继续办理。", "en": "Go on with your application."},
        at=at,
        key=f"authorised/{row.ref}/{int(give)}/{at.isoformat()}",
        link=f"/drafts/{row.draft.ref}/",
    )
