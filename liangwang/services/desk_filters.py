"""Filters of the inbox that a post keeps under names of its own."""

from datetime import datetime

from liangwang.base.hats import Actor

from .models_counter import DeskFilter


def filters_of(actor: Actor) -> list[DeskFilter]:
    """The filters that this person keeps, by name."""
    return list(DeskFilter.objects.filter(party_id=actor.party_id or 0).order_by("name")[:20])


def keep_filter(actor: Actor, *, name: str, query: str, at: datetime) -> DeskFilter:
    """Keeps a filter under a name; the same name again replaces it."""
    assert actor.party_id is not None
    kept, _ = DeskFilter.objects.update_or_create(
        party_id=actor.party_id, name=name[:40], defaults={"query": query[:400], "at": at}
    )
    return kept


def drop_filter(actor: Actor, ref: str) -> None:
    """Takes a kept filter away."""
    DeskFilter.objects.filter(party_id=actor.party_id or 0, ref=ref).delete()
