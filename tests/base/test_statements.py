"""Kept statements write and read what Django's own do, tie rows to rows whose ids are still to come, and fail alike."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from liangwang.base.models import AuditEntry, AuditSubject, Effect, Event
from liangwang.base.statements import insert_all, insert_groups, update_all
from liangwang.base.subjects import new_subjects

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
AT = datetime(2026, 11, 23, 1, 0, 0, 123456, tzinfo=UTC)
BODY: dict[str, Any] = {"zh": "出生一件事 · 'x' %s", "n": [1, 2.5, None, True], "deep": {"a": {"b": "\\"}}}


def told(key: str, **body: Any) -> Event:
    return Event(type="t", ref="r", at=AT, body=body or BODY, key=key)


@pytest.mark.parametrize("watched", [False, True])
def test_what_is_written_is_what_django_reads(watched: bool) -> None:
    rows = [told("k1"), told("k2", **{"100%": "?"})]
    entry = AuditEntry(at=AT, body=b"\x00\xff{}", salt=None, leaf=b"l" * 32)
    if watched:
        with CaptureQueriesContext(connection):
            insert_all(rows)
            insert_all([entry])
    else:
        insert_all(rows)
        insert_all([entry])
    for row in rows:
        kept = Event.objects.get(pk=row.pk)
        assert (kept.key, kept.at, kept.body, kept.v) == (row.key, AT, row.body, 1)
    found = AuditEntry.objects.get(pk=entry.pk)
    assert found.body is not None and bytes(found.body) == b"\x00\xff{}" and found.salt is None
    assert Event.objects.get(body__deep__a__b="\\").pk == rows[0].pk


@pytest.mark.parametrize("watched", [False, True])
def test_rows_refer_to_rows_whose_ids_are_still_to_come(watched: bool) -> None:
    insert_all([told("before")])
    events = [told("a"), told("b"), told("c")]
    entry = AuditEntry(at=AT, body=b"{}", salt=b"s", leaf=b"l" * 32)
    people = new_subjects("person", 2, at=AT)
    groups: tuple[list[Any], ...] = (
        [entry],
        [AuditSubject(entry=entry, subject=one) for one in people],
        events,
        [],
        [Effect(event=events[n], subscriber=name, due_at=AT) for n, name in ((2, "z"), (0, "x"), (0, "y"))],
    )
    if watched:
        with CaptureQueriesContext(connection):
            insert_groups(*groups)
    else:
        insert_groups(*groups)
    owed = Effect.objects.order_by("subscriber").values_list("subscriber", "event__key", "state", "done_at")
    assert list(owed) == [
        ("x", "a", "pending", None),
        ("y", "a", "pending", None),
        ("z", "c", "pending", None),
    ]
    seen = AuditSubject.objects.values_list("entry__leaf", "subject_id").order_by("subject_id")
    assert [(bytes(leaf), pk) for leaf, pk in seen] == [(b"l" * 32, one.pk) for one in people]


def test_a_second_row_of_a_key_is_refused_as_django_refuses_it_and_takes_its_group_along() -> None:
    insert_all([told("k")])
    entry = AuditEntry(at=AT, body=b"{}", salt=b"s", leaf=b"l" * 32)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_groups([entry], [told("k")])
    assert not AuditEntry.objects.exists()


def test_an_instant_without_a_zone_is_refused() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the driver hands PostgreSQL what it is given")
    with pytest.raises(ValueError, match="time zone"):
        insert_all([Event(type="t", ref="r", at=AT.replace(tzinfo=None), key="k")])


def test_a_state_flips_once_and_only_from_the_states_named() -> None:
    event = told("k")
    insert_all([event])
    effect = Effect(event=event, subscriber="s", due_at=AT)
    insert_all([effect])
    done = {"state": "done", "done_at": AT, "event_id": event.pk}
    assert update_all(Effect, [effect.pk], done, ["pending", "failed"]) == 1
    assert update_all(Effect, [effect.pk], done, ["pending", "failed"]) == 0
    assert update_all(Effect, [effect.pk, effect.pk + 1], {"tries": 3}) == 1
    kept = Effect.objects.get()
    assert (kept.state, kept.done_at, kept.tries) == ("done", AT, 3)
