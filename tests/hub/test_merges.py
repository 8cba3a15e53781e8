"""Merges: readers follow them at once, nothing is rewritten, and a split restores every value and status exactly."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from liangwang.base import clock
from liangwang.base.events import run_due
from liangwang.base.models import Event, Person, Subject
from liangwang.base.transactions import write
from liangwang.hub import actions, attributes, merges, queries, store
from liangwang.hub.models import Batch, Merge, Partition
from liangwang.worker import next_job
from tests.tries import tries

from . import factories as make

pytestmark = pytest.mark.django_db
PACK, STATUS = "city_code", "city_code:health_status"


@pytest.fixture(autouse=True)
def under_order(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    attributes.forget()
    ticks = count()  # every look at the clock is a second later
    monkeypatch.setattr(clock, "now", lambda: make.AT + timedelta(hours=1, seconds=next(ticks)))
    make.place()
    make.order()


def merged(kept: Person, other: Person, at: datetime = make.AT) -> Merge:
    with write():
        return merges.merge(kept.subject, other.subject, method="test", at=at)


def split(merge: Merge, at: datetime = make.AT) -> Merge:
    with write():
        return merges.split(merge, at=at)


def seen(*people: Person) -> list[Any]:
    """All that readers learn of people: values with state and sources, and the status."""
    attributes.forget()
    at = make.AT + timedelta(hours=1)
    return [
        (
            sorted(
                (row["attribute"], row["value"], row["state"], row["sources"])
                for row in queries.known(p.pk, PACK)
            ),
            status.verdict if (status := queries.status_of(STATUS, p.pk, at)) else None,
            status.until if status else None,
        )
        for p in people
    ]


def settle_all() -> None:
    actions.settle_and_derive(PACK, None, make.AT)


def test_the_kept_subject_speaks_for_both_and_the_merged_one_reads_the_same() -> None:
    one, other = make.person(1), make.person(2)
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="low")))
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(2, result="positive")))
    settle_all()
    assert [status for _, status, _ in seen(one, other)] == ["green", "red"]
    merged(one, other)
    actions.resettle([other.pk], make.AT + timedelta(minutes=1))
    first, second = seen(one, other)
    assert first == second
    assert first[1] == "red"
    assert {attribute: state for attribute, _, state, _ in first[0]}[
        "name"
    ] == "conflict"  # 张二 here, 张三 there


ROW = st.sampled_from(
    ["trip high", "trip medium", "trip low", "visit positive", "visit pending", "home", "other name"]
)


@pytest.mark.slow
@settings(
    max_examples=tries(5),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(ROW, st.integers(0, 1)), min_size=1, max_size=5),
    st.lists(st.tuples(ROW, st.integers(0, 1)), max_size=2),
)
def test_a_merge_undone_after_it_was_used_leaves_no_trace(
    before: list[tuple[str, int]], during: list[tuple[str, int]]
) -> None:
    """merge → settle → derive → split → settle → derive equals never having merged, also for rows that came between."""
    with transaction.atomic():
        people = [make.person(1), make.person(2)]
        told(before, "A")
        settle_all()
        merge = merged(*people)
        actions.resettle([people[1].pk], make.AT + timedelta(minutes=1))
        told(during, "B")
        actions.settle_and_derive(PACK, [p.pk for p in people], make.AT + timedelta(minutes=2))
        assert len({str(one) for one in seen(*people)}) == 1
        split(merge, make.AT + timedelta(minutes=3))
        actions.resettle([p.pk for p in people], make.AT + timedelta(minutes=4))
        after = seen(*people)
        attributes.remove(STATUS)
        actions.settle_and_derive(PACK, None, make.AT + timedelta(minutes=5))
        assert after == seen(*people)
        transaction.set_rollback(True)
    attributes.remove(STATUS)


def told(rows: list[tuple[str, int]], mark: str) -> None:
    """Delivers rows about persons 1 and 2."""
    for number, (kind, who) in enumerate(rows):
        n, no = who + 1, f"{mark}{number}"
        word, _, more = kind.partition(" ")
        if word == "trip":
            make.delivered("travel", make.sheet("travel", make.trip(n, risk=more, no=no)))
        elif word == "visit":
            make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(n, result=more, no=no)))
        elif word == "home":
            until = make.TODAY + timedelta(days=number + 2)
            make.delivered("community", make.sheet("community", make.registration(n, until=until, no=no)))
        else:
            make.delivered("community", make.sheet("community", make.registration(n, name="李错", no=no)))


@pytest.mark.django_db(transaction=True)
def test_the_worker_settles_after_a_merge_and_after_a_split() -> None:
    one, other = make.person(1), make.person(2)
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(2, result="positive")))
    settle_all()
    before = seen(one, other)
    merge = merged(one, other)
    work()
    assert [status for _, status, _ in seen(one, other)] == ["red", "red"]
    split(merge)
    work()
    assert seen(one, other) == before
    assert Event.objects.filter(type__in=("subject.merged", "subject.split")).count() == 2


def work() -> None:
    while run_due(clock.now()) or next_job(clock.now()):
        pass


def test_a_row_that_comes_while_its_person_is_merged_goes_with_her_after_the_split() -> None:
    one, other = make.person(1), make.person(2)
    merge = merged(one, other)
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(2, result="positive")))
    assert store.read(batch.partitions.get(kind="rows"))["subject_id"].to_pylist() == [other.pk]
    actions.settle_and_derive(PACK, actions.subjects_of(batch).tolist(), make.AT)
    actions.resettle(actions.subjects_of(batch).tolist(), make.AT + timedelta(minutes=1))
    assert [status for _, status, _ in seen(one, other)] == ["red", "red"]
    split(merge)
    actions.resettle([one.pk, other.pk], make.AT + timedelta(minutes=2))
    assert [status for _, status, _ in seen(one, other)] == ["green", "red"]


def test_chains_cycles_and_nonsense_are_refused_in_words() -> None:
    a, b, c = (make.person(n) for n in (1, 2, 3))
    merged(a, b)
    refused: list[tuple[Person, Person, type[Exception], str]] = [
        (a, a, merges.NotTwo, "Two different"),
        (b, c, merges.MergedAlready, a.subject.ref),
        (c, b, merges.MergedAlready, a.subject.ref),
        (b, a, merges.MergedAlready, a.subject.ref),
        (c, a, merges.HoldsOthers, "undo those first"),
    ]
    for kept, other, why, words in refused:
        with pytest.raises(why) as told:
            merged(kept, other)
        assert words in told.value.message("en")  # type: ignore[attr-defined]
    merged(a, c)
    assert merges.aliases() == {b.pk: a.pk, c.pk: a.pk}
    assert merges.family([c.pk]) == {a.pk, b.pk, c.pk}


def test_the_log_only_grows_and_a_merge_is_undone_once() -> None:
    a, b = make.person(1), make.person(2)
    merge = merged(a, b)
    split(merge)
    with pytest.raises(merges.SplitAlready):
        split(merge)
    with pytest.raises(IntegrityError), transaction.atomic():
        Merge.objects.create(
            kept=a.subject, merged=b.subject, kind="split", undoes=merge, method="x", at=make.AT
        )
    again = merged(b, a)
    assert list(Merge.objects.order_by("pk").values_list("kind", flat=True)) == ["merge", "split", "merge"]
    split(again)
    assert not Subject.objects.filter(pk__in=(a.pk, b.pk)).exclude(merged_into=None, ended_at=None).exists()


def test_no_file_is_rewritten_by_a_merge() -> None:
    a, b = make.person(1), make.person(2)
    make.delivered("travel", make.sheet("travel", make.trip(2)))
    before = set(Partition.objects.filter(kind="rows").values_list("sha256", "ended_at"))
    merge = merged(a, b)
    split(merge)
    assert set(Partition.objects.filter(kind="rows").values_list("sha256", "ended_at")) == before
    assert Batch.objects.get().linked == 1
