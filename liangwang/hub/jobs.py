"""What the hub does by itself, in the worker: loads batches, settles and derives, judges anew each day, sweeps."""

import hashlib
import logging
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import Q
from django_tasks import task

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.events import subscribe
from liangwang.base.hats import platform
from liangwang.base.models import Event, Subject
from liangwang.base.units import duration

from . import actions, attributes, collect, derive, drop, inbox, pull_table, register, relink, store
from .models import AttributeVersion, Batch, LinkReview, Order, Partition, Recall
from .orders import erasure_day, may_act
from .sources import is_emergency, sources

log = logging.getLogger("liangwang.hub")
RETRY_S = 600
NIGHT = 2  # o'clock: from then on, once a day, the register is made anew


@subscribe("batch.received", name="hub.load")
def enqueue_load(event: Event) -> None:
    """A delivery is loaded by a long job, so that the door answers at once."""
    load_batch.enqueue(event.ref)


@subscribe("order.opened", name="hub.derive")
def enqueue_first(event: Event) -> None:
    """An order came into force: everybody is judged."""
    for pack in event.body["packs"]:
        derive_pack.enqueue(pack)


@subscribe("subject.merged", name="hub.resettle")
def enqueue_merged(event: Event) -> None:
    """What is said of both subjects is weighed again, under the one that is kept."""
    _resettle_later(event.ref, event.body["merged"])


@subscribe("subject.split", name="hub.resettle")
def enqueue_split(event: Event) -> None:
    """Each of the two gets back what is its own."""
    _resettle_later(event.ref, event.body["merged"])


@subscribe("review.decided", name="hub.resettle")
def enqueue_decided(event: Event) -> None:
    """A row got a subject, or lost it again (two subjects tell of themselves)."""
    review = LinkReview.objects.select_related("right").get(ref=event.ref)
    if review.left_id is None and event.body["outcome"] != LinkReview.State.APART:
        _resettle_later(review.right.ref)


def _resettle_later(*refs: str) -> None:
    resettle_subjects.enqueue(list(refs))


@task()
def resettle_subjects(refs: list[str]) -> None:
    """Settles and judges subjects anew after a merge, a split or a late link."""
    ids = Subject.objects.filter(ref__in=refs).values_list("pk", flat=True)
    actions.resettle(list(ids), clock.now())


@subscribe("rows.recalled", name="hub.recall")
def enqueue_recalled(event: Event) -> None:
    """Whoever a withdrawn row spoke of is settled and judged without it."""
    follow_recall.enqueue(event.ref)


@subscribe("rows.restored", name="hub.recall")
def enqueue_restored(event: Event) -> None:
    """A recall was undone: the rows count again."""
    follow_recall.enqueue(event.ref)


@task()
def follow_recall(ref: str) -> None:
    """Settles and judges anew after rows were withdrawn or restored."""
    actions.follow_recall(Recall.objects.get(ref=ref), clock.now())


@task()
def refresh_register() -> None:
    """Takes new subjects into the register, links the rows that waited for them, and looks for likely doubles.

    What is done with a file of the register is written down after it: a job that is killed does the rest again.
    """
    at = clock.now()
    for about in ("person", "company"):
        register.refresh(about, at)
        for part in store.in_force(Partition.Kind.REGISTER, register.PACK, about):
            if Event.objects.filter(key=f"hub.chore/relinked/{part.pk}").exists():
                continue
            _follow(about, store.read(part)["subject_id"].to_numpy(), at)
            _first_time(f"relinked/{part.pk}", at)
        whole = _made_anew(about, at) or register.compact(about, at)
        if whole is not None:  # all of it was in the files that it replaces, or is followed
            _first_time(f"relinked/{whole.pk}", at)


def _follow(about: str, subjects: np.ndarray, at: datetime) -> None:
    """Links the rows that waited for these subjects, int64[n], and looks for likely doubles of them."""
    touched = relink.relink(about, subjects, at)
    if touched:
        actions.resettle(touched, at)
    if about == "person":
        relink.find_duplicates(subjects, at)


def _made_anew(about: str, at: datetime) -> Partition | None:
    """Once a night: the register with whatever changed of its subjects since, which is followed; else None."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    before = store.in_force(Partition.Kind.REGISTER, register.PACK, about)
    done = f"hub.chore/anew/{about}/{local.date()}"
    if local.hour < NIGHT or not before or Event.objects.filter(key=done).exists():
        return None
    whole = register.rebuild(about, at)
    _follow(about, register.changed(before, whole).to_numpy(), at)
    _first_time(f"anew/{about}/{local.date()}", at)
    return whole


@task(queue_name=settings.LOADS)
def load_batch(ref: str) -> None:
    """Loads one batch; several are loaded at a time, and a batch that another thread has in hand is left to it."""
    if ref in _in_hand:
        return
    _in_hand.add(ref)
    try:
        batch = actions.load(Batch.objects.get(ref=ref), clock.now())
    finally:
        _in_hand.discard(ref)
    if batch.state == Batch.State.LOADED and batch.stage == collect.SETTLING:
        settle_batch.enqueue(ref)


_in_hand: set[str] = set()  # batches that this process is loading


@task()
def settle_batch(ref: str) -> None:
    """Settles and judges the subjects that a loaded batch speaks of; one batch at a time, because maps have one writer."""
    batch = Batch.objects.get(ref=ref)
    if batch.stage == collect.SETTLING:
        actions.settle_and_derive(batch.pack, actions.subjects_of(batch).tolist(), clock.now())
        actions.settled(batch)


@task()
def derive_pack(pack: str) -> None:
    """Judges everybody by a pack's rules: when an order opens, and each new day."""
    at = clock.now()
    if may_act(pack, at):
        for rule in derive.rules_of(pack):
            derive.run(rule.name, None, at)


@task()
def erase_order(ref: str) -> None:
    """Erases what an ended order leaves behind."""
    actions.erase(Order.objects.get(ref=ref), clock.now())


@task()
def take_dropped(source: str, path: str) -> None:
    """Takes one complete file of a drop folder."""
    declared = drop.declared_of(source)
    if declared is not None:
        drop.take(declared, Path(path), clock.now())


@task()
def pull_source(source: str) -> None:
    """Reads on in the table of one source; what hinders it is in the log, and the next turn tries again."""
    declared = drop.declared_of(source)
    if declared is None:
        return
    try:
        pull_table.pull(declared, clock.now())
    except Refusal as refused:
        log.warning("%s: %s", source, refused.message("en"))


@task()
def sweep_files() -> None:
    """Removes files that no manifest row names or that were replaced, and pieces of deliveries that nobody goes on with."""
    store.sweep(clock.now())
    register.sweep(clock.now())
    inbox.sweep_uploads(clock.now())


def tick(at: datetime) -> None:
    """Enqueues what is due: orders that ran out, data to be erased, attributes of yesterday, received batches."""
    end_expired(at)
    today = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    for order in Order.objects.filter(erase_on__lte=today, erased_at=None):
        if _first_time(f"erase/{order.ref}", at):
            erase_order.enqueue(order.ref)
    for name in stale_attributes(at):
        if _first_time(f"derive/{name}/{today}", at):
            derive_pack.enqueue(name.partition(":")[0])
    if _first_time(f"register/{at:%Y%m%d%H%M}"[:-1], at):  # every ten minutes
        refresh_register.enqueue()
    if _first_time(f"sweep/{at:%Y%m%d%H}", at):
        sweep_files.enqueue()
    collect_due(at)


def collect_due(at: datetime) -> None:
    """Enqueues complete files of drop folders, tables whose turn it is, and loads that wait or were lost."""
    drop.answer(at)
    for declared, path, (size, changed) in drop.complete(at):
        if _first_time(f"drop/{path}/{size}/{changed}/{_turn(at, RETRY_S)}", at):
            take_dropped.enqueue(declared.ref, str(path))
    for declared in sources():
        pull = declared.value.pull
        if pull is None or not may_act(declared.pack, at):
            continue
        if _first_time(f"pull/{declared.ref}/{_turn(at, duration(pull.every).total_seconds())}", at):
            pull_source.enqueue(declared.ref)
    waiting = Batch.objects.filter(
        Q(state=Batch.State.RECEIVED) | Q(stage=collect.SETTLING),
        received_at__lt=at - timedelta(seconds=RETRY_S),
    )
    for ref in waiting.values_list("ref", flat=True)[:50]:
        if _first_time(f"load/{ref}/{_turn(at, RETRY_S)}", at):
            load_batch.enqueue(ref)


def _turn(at: datetime, every_s: float) -> int:
    """The number of the span of time that `at` is in: a chore keyed by it is done once a span."""
    return int(at.timestamp() // every_s)


def end_expired(at: datetime) -> int:
    """Ends orders whose term is over, as the platform, with erasure on the latest of its packs' days."""
    ended = 0
    for order in Order.objects.filter(ends_at__lte=at, ended_at=None).exclude(signed_at=None):
        erase_on = max(erasure_day(pack, at) for pack in order.packs)
        actions.end_order(
            order, actor=platform(order.packs[0]), reason="期满 / term over", erase_on=erase_on, at=at
        )
        ended += 1
    return ended


def stale_attributes(at: datetime) -> list[str]:
    """Attributes in force whose last full judgement was on an earlier day: their until-dates must be looked at."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = at.astimezone(zone).date()
    newest = AttributeVersion.objects.filter(ended_at=None).order_by("name", "-id")
    found: dict[str, datetime] = {}
    for name, made in newest.values_list("name", "at"):
        found.setdefault(name, made)
    return [
        name
        for name, made in found.items()
        if made.astimezone(zone).date() < today and may_act(name.partition(":")[0], at)
    ]


def start(at: datetime) -> None:
    """Opens the drop folders; after a crash between commit and swap, points every attribute at its newest committed version."""
    drop.open_folders()
    for name in AttributeVersion.objects.values_list("name", flat=True).distinct():
        newest = AttributeVersion.objects.filter(name=name, ended_at=None).order_by("-id").first()
        if newest is None or (
            is_emergency(name.partition(":")[0]) and not may_act(name.partition(":")[0], at)
        ):
            attributes.withdraw(name)
        elif (attributes.folder_of(name) / newest.version).exists():
            attributes.point(name, newest.version)


def _first_time(key: str, at: datetime) -> bool:
    """Whether a chore is due for the first time: remembered in the outbox, so that a tick enqueues it once."""
    name = key if len(key) <= 60 else hashlib.sha256(key.encode()).hexdigest()
    if Event.objects.filter(key=f"hub.chore/{name}").exists():
        return False
    Event.objects.create(type="hub.chore", ref=name[:40], at=at, key=f"hub.chore/{name}")
    return True
