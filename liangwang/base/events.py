"""The way up: events committed with the act, and the effects that their subscribers owe, each exactly once."""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from .models import Effect, Event, new_ref
from .statements import insert_all

log = logging.getLogger(__name__)
Handler = Callable[[Event], None]
MAX_TRIES = 8
FIRST_RETRY = timedelta(seconds=2)

_subscribers: dict[str, dict[str, Handler]] = {}
_only: dict[tuple[str, str], str] = {}


def subscribe(event_type: str, *, name: str, kind: str = "") -> Callable[[Handler], Handler]:
    """Registers a handler; it runs in the worker, in a transaction with its effect's mark: once, or retried.

    With `kind` nothing is owed to events whose body says another one: most cases are applications.

    A call to the outside belongs after that transaction, with `f"{event.key}/{name}"` as its idempotency key.
    """

    def registered(handler: Handler) -> Handler:
        _subscribers.setdefault(event_type, {})[name] = handler
        if kind:
            _only[event_type, name] = kind
        return handler

    return registered


def emit(
    event_type: str,
    ref: str,
    at: datetime,
    body: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    place_code: str = "",
) -> Event:
    """Commits an event, and one pending effect for each subscriber, in the transaction of the act."""
    return emit_all([unsent(event_type, ref, at, body, key=key, place_code=place_code)])[0]


def unsent(
    event_type: str,
    ref: str,
    at: datetime,
    body: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    place_code: str = "",
) -> Event:
    """An event for `emit_all`, for an act that causes several."""
    key = key or f"{event_type}/{ref}/{new_ref()}"
    return Event(type=event_type, ref=ref, at=at, body=body or {}, key=key, place_code=place_code)


def emit_all(told: list[Event]) -> list[Event]:
    """Commits several events and their effects in two statements, in the transaction of the act."""
    insert_all(told)
    insert_all(owed(told))
    return told


def owed(told: list[Event]) -> list[Effect]:
    """What the subscribers of written events owe them, not yet written."""
    return [
        Effect(event=event, subscriber=name, due_at=event.at)
        for event in told
        for name in _subscribers.get(event.type, ())
        if _only.get((event.type, name), "") in ("", event.body.get("kind"))
    ]


def run_due(at: datetime, limit: int = 100) -> int:
    """Runs the effects that are due, oldest first; returns how many it took up."""
    due = Effect.objects.filter(state=Effect.State.PENDING, due_at__lte=at).order_by("due_at", "id")
    ids = list(due.values_list("id", flat=True)[:limit])
    for effect_id in ids:
        run_effect(effect_id, at)
    return len(ids)


def run_effect(effect_id: int, at: datetime) -> None:
    """Runs one effect in a transaction of its own; a failure is written down and tried again later."""
    try:
        with transaction.atomic():
            effect = (
                Effect.objects.select_for_update()
                .select_related("event")
                .filter(pk=effect_id, state=Effect.State.PENDING)
                .first()
            )
            if effect is None:  # another worker was here
                return
            _handler(effect)(effect.event)
            Effect.objects.filter(pk=effect_id).update(state=Effect.State.DONE, done_at=at, error="")
    except Exception:
        log.exception("effect %s failed", effect_id)
        _failed(effect_id, at, traceback.format_exc(limit=-3))


def _handler(effect: Effect) -> Handler:
    try:
        return _subscribers[effect.event.type][effect.subscriber]
    except KeyError:
        raise LookupError(f"no subscriber {effect.subscriber} for {effect.event.type}") from None


def _failed(effect_id: int, at: datetime, error: str) -> None:
    """Doubling waits up to MAX_TRIES, then `failed`, which the data desk and /healthz show."""
    with transaction.atomic():
        effect = Effect.objects.get(pk=effect_id)
        effect.tries += 1
        effect.error = error[-2000:]
        effect.due_at = at + FIRST_RETRY * 2 ** (effect.tries - 1)
        if effect.tries >= MAX_TRIES:
            effect.state = Effect.State.FAILED
        effect.save(update_fields=["tries", "error", "due_at", "state"])


def retry_failed(effect_id: int, at: datetime) -> None:
    """An operator's second chance for an effect that ended in `failed`."""
    Effect.objects.filter(pk=effect_id, state=Effect.State.FAILED).update(
        state=Effect.State.PENDING, tries=0, due_at=at
    )


def sweep(at: datetime, window: timedelta = timedelta(days=7)) -> int:
    """Gives back effects that a subscriber is owed and has no row for; returns how many were missing."""
    missing = []
    for event_type, names in _subscribers.items():
        events = Event.objects.filter(type=event_type, at__gte=at - window)
        for name in names:
            owed = events.exclude(effects__subscriber=name)
            missing += [
                Effect(event_id=pk, subscriber=name, due_at=at) for pk in owed.values_list("pk", flat=True)
            ]
    Effect.objects.bulk_create(missing, ignore_conflicts=True, batch_size=500)
    return len(missing)
