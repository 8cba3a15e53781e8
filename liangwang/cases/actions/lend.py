"""委托: a post that is away lends its desk to a colleague for a time, and takes it back."""

from datetime import datetime

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.hats import Actor
from liangwang.base.models import Deputation, Party, Post

from ..refusals import OnceOnly, ReasonNeeded, WrongDeputy


def lend_desk(
    *, actor: Actor, at: datetime, to: Post, until: datetime, reason: str, since: datetime | None = None
) -> Deputation:
    """Lends the actor's own desk to a colleague of the same office; raises WrongDeputy, OnceOnly, ReasonNeeded.

    The colleague finds a further hat, with the rights of the post and the own name; who checks and closes what is
    judged by person, so that nobody verifies the own work at another's desk.
    """
    starts = since or at
    if not reason.strip() or until <= max(starts, at):
        raise ReasonNeeded(what="事由和以后的截止时间", what_en="the reason and an end that lies ahead")
    if (
        actor.post_id is None
        or actor.mandate_ref
        or to.office_id != actor.office_id
        or to.ended_at is not None
    ):
        raise WrongDeputy
    if to.pk == actor.post_id or to.party_id == actor.party_id:
        raise WrongDeputy
    now = Deputation.objects.filter(
        post_id=actor.post_id, revoked_at=None, ends_at__gt=starts, starts_at__lt=until
    )
    if now.exists():
        raise OnceOnly(what="同一时间的委托", what_en="Lending a desk at one time")
    taker = Party.objects.get(pk=to.party_id)
    row = Deputation.objects.create(
        post_id=actor.post_id, taker=taker, reason=reason.strip(), starts_at=starts, ends_at=until
    )
    body = {"to": taker.ref, "from": starts.isoformat(), "until": until.isoformat()}
    audit.record(actor, "create", _thing(row, actor), at=at, body=body)
    return row


def take_back_desk(*, actor: Actor, at: datetime, deputation: Deputation) -> None:
    """The post is back: the deputy's hat ends at once. Raises WrongDeputy for anybody else's desk."""
    if deputation.post_id != actor.post_id or actor.mandate_ref:
        raise WrongDeputy
    if not Deputation.objects.filter(pk=deputation.pk, revoked_at=None).update(revoked_at=at):
        raise OnceOnly(what="收回委托", what_en="Taking a desk back")
    audit.record(actor, "close", _thing(deputation, actor), at=at)


def _thing(row: Deputation, actor: Actor) -> Thing:
    return Thing(kind="home", ref=row.ref, office_ids=frozenset({actor.office_id} - {None}))  # type: ignore[arg-type]
