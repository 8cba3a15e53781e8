"""What reviewers did: the own session with its undo list, the pair before and after one, the log of merges."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from liangwang.base import audit
from liangwang.base.access import Thing, require
from liangwang.base.hats import Actor

from . import merges, review
from .history import zone
from .models import LinkReview, Merge


def decided_by(actor: Actor, at: datetime, limit: int = 20) -> tuple[list[LinkReview], int]:
    """The pairs that this person decided today, the last first, and how many they are."""
    today = datetime.combine(at.astimezone(zone()).date(), time(), zone())
    rows = LinkReview.objects.exclude(state=LinkReview.State.OPEN)
    rows = rows.filter(decided_by=actor.party_id, decided_at__gte=today).order_by("-decided_at", "-id")
    return list(rows[:limit]), rows.count()


def neighbours(one: LinkReview, at: datetime) -> tuple[LinkReview | None, LinkReview | None]:
    """The open pairs before and after this one, in the order of the list."""
    rows = review.visible(at).filter(state=LinkReview.State.OPEN).exclude(pk=one.pk)
    likelier = Q(score__gt=one.score) | Q(score=one.score, id__lt=one.pk)
    before = rows.filter(likelier).order_by("score", "-id").first()
    after = rows.exclude(likelier).order_by("-score", "id").first()
    return before, after


def merge_log() -> QuerySet[Merge]:
    """Merges and splits, newest first, with who decided and whether a merge was undone."""
    rows = Merge.objects.select_related("kept", "merged", "by", "undoes", "undone_by")
    return rows.order_by("-at", "-id")


def merge_by_ref(ref: str) -> Merge | None:
    """The merge that a page names."""
    return Merge.objects.select_related("kept", "merged").filter(ref=ref).first()


def undo_merge(merge: Merge, *, actor: Actor, at: datetime) -> None:
    """Takes a merge apart; one that a person decided is undone as that decision. Inside a transaction.

    Raises what `review.undo` and `merges.split` raise.
    """
    decided = LinkReview.objects.filter(merge=merge).first()
    if decided is not None:
        review.undo(decided, actor=actor, at=at)
        return
    subjects = frozenset({merge.kept_id, merge.merged_id})
    thing = Thing(kind="review", ref=merge.ref, subject_ids=subjects)
    require(actor, "handle", thing)
    merges.split(merge, at=at, by=actor)
    audit.record(actor, "handle", thing, at=at, outcome="split")


def opened_since(at: datetime, days: int = 30) -> dict[str, Any]:
    """How many pairs came and were decided in the last days: the pace of the review."""
    since = at - timedelta(days=days)
    rows = LinkReview.objects
    return {
        "opened": rows.filter(opened_at__gte=since).count(),
        "same": rows.filter(decided_at__gte=since, state=LinkReview.State.SAME).count(),
        "apart": rows.filter(decided_at__gte=since, state=LinkReview.State.APART).count(),
    }
