"""委托: a person lets another act for her, for named items and a time, and takes it back at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Mandate, Party, Person
from liangwang.base.subjects import masked, person_by_identity

from ..refusals import NoSuchPerson, OutsideMandate

DAYS_AT_MOST = 365


def give_mandate(
    *, actor: Actor, name: str, identity_number: str, days: int, items: Sequence[str] = ("*",), at: datetime
) -> Mandate:
    """The person herself lets whoever has this name and number act for her; raises NoSuchPerson, never saying why.

    What the other fills in still needs her confirmation (services.confirming) before it is handed in.
    """
    giver = _herself(actor)
    person = person_by_identity(identity_number)
    taker = Party.objects.filter(subject=person.subject).order_by("id").first() if person else None
    if person is None or taker is None or person.name != name.strip() or person.pk == giver.pk:
        raise NoSuchPerson
    made = Mandate.objects.create(
        giver=giver.subject,
        taker=taker,
        scope=list(items),
        starts_at=at,
        ends_at=at + timedelta(days=max(1, min(days, DAYS_AT_MOST))),
        proof="given online",
    )
    who: Label = {"zh": masked(giver.name), "en": masked(giver.name)}
    notices.notify(
        to=person.subject,
        template="services.mandate_given",
        title={"zh": f"{who['zh']}请您代办", "en": f"{who['en']} lets you act for them"},
        body={
            "zh": "在右上角换成“代理”身份就可以办。您填好以后，要本人确认才能提交。",
            "en": "Choose the proxy role at the top right. What you fill in has to be confirmed before it is handed in.",
        },
        at=at,
        key=f"mandate/{made.ref}",
        link="/services/",
    )
    audit.record(actor, "update", thing_of("person", giver), at=at, body={"mandate": made.ref})
    return made


def revoke_mandate(*, actor: Actor, ref: str, at: datetime) -> None:
    """Takes a mandate back; its hat is gone with the next request."""
    giver = _herself(actor)
    if not Mandate.objects.filter(ref=ref, giver=giver.subject, revoked_at=None).update(revoked_at=at):
        raise NotFound
    audit.record(actor, "update", thing_of("person", giver), at=at, body={"mandate_revoked": ref})


def within_mandate(actor: Actor, key: str) -> None:
    """Raises OutsideMandate where a proxy does an item that the mandate does not name."""
    if actor.hat == "proxy" and not {"*", key} & set(actor.scope):
        raise OutsideMandate


def _herself(actor: Actor) -> Person:
    person = Person.objects.select_related("subject").filter(pk=actor.for_subject_id or 0).first()
    if actor.hat != "self" or person is None:
        raise NotFound
    require(actor, "read", thing_of("person", person))
    return person
