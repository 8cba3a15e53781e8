"""Faults while a batch loads: killed at any step, no space, late, other columns; nothing is lost or half visible."""

import errno
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from liangwang.base import clock
from liangwang.hub import actions, collect, inbox, jobs, queries, store, vault
from liangwang.hub.models import Batch, Partition

from . import factories as make

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What stands for kill -9: nothing that catches exceptions catches it."""


@pytest.fixture(autouse=True)
def under_order(data_dir: Path) -> None:
    make.place()
    make.person(1)
    make.order()


def received() -> Batch:
    raw = make.sheet("fever_clinics", make.visit(1), make.visit(2, result="?"), make.visit(3))
    batch, _ = actions.receive(
        raw, source="fever_clinics", name="a.csv", actor=make.officer(role="data_engineer"), at=make.AT
    )
    return batch


def dying(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fault: Callable[[], BaseException]) -> None:
    """Lets one step fail the first time, just before it is done."""
    whole, tries = getattr(owner, name), []

    def step(*given: Any, **named: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise fault()
        return whole(*given, **named)

    monkeypatch.setattr(owner, name, step)


def assert_whole(batch: Batch) -> None:
    """The batch counts once and wholly, and what a dead load left behind is swept."""
    batch.refresh_from_db()
    assert (batch.state, batch.rows, batch.good, batch.bad, batch.linked) == ("loaded", 3, 2, 1, 1)
    kinds = Partition.objects.filter(batch=batch, ended_at=None).values_list("kind", flat=True)
    assert sorted(kinds) == ["quarantine", "rows", "vault"]
    assert not inbox.path_of(batch).exists()
    store.sweep(datetime(2099, 1, 1, tzinfo=UTC))
    left = {str(p.relative_to(store.folder())) for p in store.folder().rglob("*") if p.is_file()}
    assert left == set(Partition.objects.values_list("path", flat=True))


STEPS: list[tuple[Any, str]] = [
    (collect, "delivered"),
    (collect.Loading, "_checked"),
    (collect.Loading, "_linked"),
    (collect.Loading, "_store"),
    (vault.VaultWriter, "add"),
    (vault.VaultWriter, "finish"),
    (store.TableWriter, "finish"),
    (store, "publish"),
    (collect, "_told"),
]


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_load_killed_at_any_step_is_loaded_again(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = received()
    dying(monkeypatch, owner, name, Killed)
    with pytest.raises(Killed):
        actions.load(Batch.objects.get(pk=batch.pk), make.AT)
    batch.refresh_from_db()
    assert (batch.state, batch.rows) == ("received", 0)
    assert not Partition.objects.filter(kind__in=["rows", "vault", "quarantine"]).exists()
    assert inbox.path_of(batch).exists()
    actions.load(Batch.objects.get(pk=batch.pk), make.AT)
    assert_whole(batch)


def test_killed_after_it_counts_a_batch_is_settled_by_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = received()
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    dying(monkeypatch, actions, "settle_and_derive", Killed)
    jobs.load_batch.call(batch.ref)
    with pytest.raises(Killed):
        jobs.settle_batch.call(batch.ref)
    batch.refresh_from_db()
    assert (batch.state, batch.stage) == ("loaded", "settling")
    settling: list[str] = []
    monkeypatch.setattr(type(jobs.settle_batch), "enqueue", lambda _task, ref: settling.append(ref))
    jobs.load_batch.call(batch.ref)  # the tick's retry
    assert settling == [batch.ref]
    jobs.settle_batch.call(batch.ref)
    batch.refresh_from_db()
    assert batch.stage == ""
    assert_whole(batch)


@pytest.mark.parametrize(
    ("owner", "name"), [(store.TableWriter, "add"), (store.TableWriter, "finish"), (vault.VaultWriter, "add")]
)
def test_without_space_a_batch_waits_says_so_and_is_loaded_later(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = received()
    dying(monkeypatch, owner, name, lambda: OSError(errno.ENOSPC, "No space left on device"))
    loaded = actions.load(Batch.objects.get(pk=batch.pk), make.AT)
    assert (loaded.state, loaded.refusal["error"]) == ("received", "waiting_for_space")
    assert not list(store.folder().rglob("*.parquet*"))
    actions.load(Batch.objects.get(pk=batch.pk), make.AT)
    assert_whole(batch)
    assert Batch.objects.get(pk=batch.pk).refusal is None


def test_without_space_at_the_door_nothing_is_taken_and_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    dying(monkeypatch, inbox.SealedWriter, "close", lambda: OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(inbox.StorageFull):
        received()
    assert not Batch.objects.exists()
    assert list((store.folder() / "inbox").iterdir()) == []
    actions.load(received(), make.AT)


def test_the_tick_tries_batches_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = received()
    enqueued: list[str] = []
    monkeypatch.setattr(type(jobs.load_batch), "enqueue", lambda _task, ref: enqueued.append(ref))
    jobs.collect_due(make.AT)
    assert enqueued == []
    for minutes in (11, 12, 22):
        jobs.collect_due(make.AT + timedelta(minutes=minutes))
    assert enqueued == [batch.ref, batch.ref]


def test_columns_that_come_and_go_are_noted_and_needed_ones_refuse_the_batch() -> None:
    row = "V1,{},张一,2020-04-11,negative,新"
    raw = ("就诊号,身份证号,姓名,就诊日期,核酸结果,新列\n" + row.format(make.identity_number(1))).encode()
    batch = make.delivered("fever_clinics", raw)
    assert (batch.state, batch.good) == ("loaded", 1)
    assert batch.drift == {"extra": ["新列"], "absent": ["phone", "temperature"]}
    gone = make.delivered("fever_clinics", "就诊号,姓名\nV1,张一".encode())
    assert (gone.state, gone.refusal["error"]) == ("refused", "missing_columns")


@pytest.mark.parametrize(("hours", "state"), [(23, "fresh"), (25, "late"), (720, "late")])
def test_a_source_an_hour_or_a_month_late_says_so(hours: int, state: str) -> None:
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1)))
    states = {one.declared.ref: one.state for one in queries.overview(make.AT + timedelta(hours=hours))}
    assert states["city_code:fever_clinics"] == state


def test_a_key_that_comes_again_in_another_chunk_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from liangwang.hub import delivered, read_csv

    monkeypatch.setattr(delivered, "CHUNK_ROWS", 10)
    monkeypatch.setattr(read_csv, "BLOCK", 2048)
    rows = [make.visit(1, no=f"V{n}") for n in range(100)] + [make.visit(1, no="V3")]
    batch = make.delivered("fever_clinics", make.sheet("fever_clinics", *rows))
    assert (batch.good, batch.bad, batch.reasons) == (100, 1, {"visit_no:double_key": 1})
    assert [row["row"] for row in queries.quarantine(batch)] == [101]
