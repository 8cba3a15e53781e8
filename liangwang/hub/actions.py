"""The hub's verbs: take a batch, settle and derive after it, open and end orders, erase."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.transactions import write

from . import attributes, collect, derive, reconcile, review, review_log, store
from .models import AttributeVersion, Batch, Disagreement, Order, Partition
from .orders import erasure_day, may_act, require_in_force
from .passes import take_passes

receive = collect.receive
load = collect.load
decide_review = review.decide
undo_review = review.undo
undo_merge = review_log.undo_merge
__all__ = [
    "Order",
    "decide_review",
    "end_order",
    "erase",
    "erasure_day",
    "load",
    "may_act",
    "propose_order",
    "receive",
    "require_in_force",
    "settle_and_derive",
    "sign_order",
    "subjects_of",
    "take_passes",
    "thing",
    "undo_merge",
    "undo_review",
]


class TwoPersons(Refusal):
    status, code = 409, "two_persons"
    template: ClassVar[Label] = {
        "zh": "应急令须由另一人签署，提出人不能自己签",
        "en": "An order is signed by a second person, not by the one who proposed it",
    }


class OrderGone(Refusal):
    status, code = 409, "order_gone"
    template: ClassVar[Label] = {
        "zh": "应急令 {number} 已经{state}，不能再改",
        "en": "Order {number} is {state} already and can no longer be changed",
    }


class BadTerm(Refusal):
    status, code = 422, "bad_term"
    template: ClassVar[Label] = {
        "zh": "应急令的终止时间须晚于起始时间",
        "en": "An order ends after it starts",
    }


def settle_and_derive(pack: str, subject_ids: Iterable[int] | None, at: datetime) -> None:
    """After new rows: settles what is said of the subjects, then judges them by the pack's rules, if it may act."""
    ids = None if subject_ids is None else list(subject_ids)
    reconcile.settle(ids, at, pack)
    if may_act(pack, at):
        for rule in derive.rules_of(pack):
            derive.run(rule.name, ids, at)


def subjects_of(batch: Batch) -> np.ndarray:
    """The linked subjects of a loaded batch: int64[n]."""
    found = [np.empty(0, np.int64)]
    for partition in batch.partitions.filter(kind=Partition.Kind.ROWS, ended_at=None):
        column = pq.read_table(store.folder() / partition.path, columns=["subject_id"])["subject_id"]
        found.append(column.drop_null().to_numpy())
    return np.unique(np.concatenate(found))


# --- orders --------------------------------------------------------------------------------------------


def propose_order(
    *,
    actor: Actor,
    number: str,
    title: Label,
    basis: str,
    packs: list[str],
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
) -> Order:
    """Writes an order that has no force until another person signs it. Inside a transaction."""
    if ends_at <= starts_at or ends_at <= at:
        raise BadTerm
    order = Order.objects.create(
        number=number,
        title=title,
        basis=basis,
        packs=packs,
        starts_at=starts_at,
        ends_at=ends_at,
        proposed_by_id=actor.party_id,
        proposed_at=at,
    )
    body = {"number": number, "packs": packs, "starts_at": starts_at, "ends_at": ends_at, "basis": basis}
    audit.record(actor, "order", thing(order), at=at, purpose="order", outcome="proposed", body=body)
    return order


def sign_order(order: Order, *, actor: Actor, at: datetime) -> Order:
    """Brings an order into force; raises TwoPersons or OrderGone. Inside a transaction."""
    if order.proposed_by_id == actor.party_id:
        raise TwoPersons
    won = Order.objects.filter(pk=order.pk, signed_at=None, ended_at=None, ends_at__gt=at).update(
        signed_by_id=actor.party_id, signed_at=at
    )
    if not won:
        raise OrderGone(number=order.number, state="签署或终止 / signed or ended")
    order.refresh_from_db()
    audit.record(
        actor,
        "order",
        thing(order),
        at=at,
        purpose="order",
        outcome="in_force",
        body={"number": order.number},
    )
    emit("order.opened", order.ref, at, {"packs": order.packs}, key=f"order.opened/{order.ref}")
    return order


def end_order(order: Order, *, actor: Actor, reason: str, erase_on: date, at: datetime) -> Order:
    """Ends an order now: from this instant nothing is computed, shown or asked; data goes by `erase_on`."""
    won = Order.objects.filter(pk=order.pk, ended_at=None).update(
        ended_by_id=actor.party_id, ended_at=at, end_reason=reason, erase_on=erase_on
    )
    if not won:
        raise OrderGone(number=order.number, state="终止 / ended")
    order.refresh_from_db()
    for pack in order.packs:
        for rule in derive.rules_of(pack):
            attributes.withdraw(rule.name)
    body = {"number": order.number, "reason": reason, "erase_on": erase_on}
    audit.record(actor, "order", thing(order), at=at, purpose="order", outcome="ended", body=body)
    emit("order.ended", order.ref, at, {"packs": order.packs}, key=f"order.ended/{order.ref}")
    return order


def thing(order: Order) -> Thing:
    """How an order shows itself to the policy: it is its place's, and public to those who act on it."""
    return Thing(kind="order", ref=order.ref, place_code=order.place.code if order.place else "")


def erase(order: Order, at: datetime) -> dict[str, Any]:
    """Erases the personal data that the order's packs hold, and proves it: what was held, what is left.

    Batches keep their counts; their content hash goes too, so that the same file can be delivered under a new
    order. Files are removed first: if the act stops half-way the next run removes the rest and signs then.
    """
    held, left = {}, {}
    for pack in order.packs:
        partitions = list(Partition.objects.filter(pack=pack))
        inboxes = [collect.inbox(batch) for batch in Batch.objects.filter(pack=pack)]
        maps = sum(attributes.remove(rule.name) for rule in derive.rules_of(pack))
        held[pack] = {
            "files": len(partitions),
            "rows": sum(part.rows for part in partitions if part.ended_at is None),
            "map_files": maps,
            "inbox": sum(path.exists() for path in inboxes),
        }
        store.remove(partitions)
        for path in inboxes:
            path.unlink(missing_ok=True)
    Partition.objects.filter(pack__in=order.packs, ended_at=None).update(ended_at=at)
    Disagreement.objects.filter(pack__in=order.packs).update(said={}, ended_at=at)
    for pack in order.packs:
        left[pack] = _left(pack)
    proof = {"number": order.number, "held": held, "left": left}
    with write():
        for batch in Batch.objects.filter(pack__in=order.packs):
            Batch.objects.filter(pk=batch.pk).update(
                state=Batch.State.ERASED, content_hash=f"erased:{batch.ref}", name=""
            )
        AttributeVersion.objects.filter(order=order).update(ended_at=at)
        Order.objects.filter(pk=order.pk).update(erased_at=at, erasure=proof)
        audit.record(
            platform(order.packs[0]),
            "order",
            thing(order),
            at=at,
            purpose="order",
            outcome="erased",
            body=proof,
        )
        emit("order.erased", order.ref, at, proof, key=f"order.erased/{order.ref}")
    order.refresh_from_db()
    return proof


def _left(pack: str) -> dict[str, int]:
    """Counts what can still be found on disk, by looking and not by remembering."""
    root = store.folder()
    files = [
        path for folder in (root / pack,) if folder.exists() for path in folder.rglob("*") if path.is_file()
    ]
    maps = sum(1 for rule in derive.rules_of(pack) for _ in attributes.folder_of(rule.name).rglob("*"))
    return {"files": len(files), "map_files": maps}
