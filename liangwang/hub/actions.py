"""The hub's verbs: take a batch, settle and derive after it, open and end orders, erase."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.transactions import write

from . import (
    attributes,
    collect,
    derive,
    disagree,
    drop,
    inbox,
    lineage,
    merges,
    reconcile,
    review,
    review_log,
    standing,
    store,
)
from .models import AttributeVersion, Batch, Disagreement, Order, Partition, Recall, Ruling
from .orders import erasure_day, may_act, require_in_force
from .passes import take_passes
from .sources import source_of, sources
from .statements import domain_of

receive = inbox.receive
deposit = inbox.deposit
PIECE_BYTES = inbox.PIECE_BYTES
take = inbox.take
require_may_deliver = inbox.require_may_deliver
load = collect.load
settled = collect.settled
decide_review = review.decide
undo_review = review.undo
undo_merge = review_log.undo_merge
__all__ = [
    "Order",
    "decide_review",
    "deposit",
    "end_order",
    "erase",
    "erasure_day",
    "follow_recall",
    "load",
    "may_act",
    "propose_order",
    "recall_rows",
    "receive",
    "require_in_force",
    "require_may_deliver",
    "resettle",
    "rule_disagreement",
    "settle_and_derive",
    "settled",
    "sign_order",
    "subjects_of",
    "take",
    "take_passes",
    "thing",
    "undo_merge",
    "undo_recall",
    "undo_review",
    "undo_ruling",
]


# Files that hold the sealed part of rows, or notes on rows, that other files hold: a row is counted once.
BESIDE = frozenset({Partition.Kind.VAULT, Partition.Kind.REPLACED})


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
    """Whose values a loaded batch can change: its subjects, and those whose rows it replaces: int64[n]."""
    con = store.connect()
    one = source_of(f"{batch.pack}:{batch.source}")
    standing.note_replaced(con, [one], batch.loaded_at or batch.received_at)
    return standing.subjects_of(con, one, batch.pk)


def resettle(subject_ids: Iterable[int], at: datetime) -> None:
    """After a merge, a split or a late link: settles the subjects, and all that are one with them, in every domain.

    Emergency packs take part while they may act; attributes that nobody has computed yet stay so.
    """
    ids = merges.family(subject_ids)
    for domain in sorted({domain_of(one.pack) for one in sources()}):
        if may_act(domain, at):
            reconcile.settle(ids, at, domain)
    for name in AttributeVersion.objects.filter(ended_at=None).values_list("name", flat=True).distinct():
        if may_act(name.partition(":")[0], at):
            derive.run(name, ids, at)


# --- disagreements and withdrawn rows ---------------------------------------------------------------------


def rule_disagreement(
    disagreement: Disagreement, *, batch: int, row: int, reason: str, actor: Actor, at: datetime
) -> Ruling:
    """The source office rules that what this row says is right, for a reason; the subject is settled by it at once.

    Inside a transaction. Raises NotSaid, and what `disagree.rule` raises.
    """
    require_in_force(disagreement.pack, at)
    said = lineage.behind(disagreement.subject_id, disagreement.attribute, disagreement.pack)["statements"]
    chosen = next((one for one in said if (one["batch"], one["row"]) == (batch, row)), None)
    if chosen is None:
        raise disagree.NotSaid
    rejected = [one["value"] for one in said]
    made = disagree.rule(disagreement, chosen=chosen, rejected=rejected, reason=reason, actor=actor, at=at)
    reconcile.settle([disagreement.subject_id], at, disagreement.pack)
    return made


def object_to(
    subject_id: int, attribute: str, *, case: str, at: datetime, pack: str = ""
) -> Disagreement | None:
    """不对?: the person says, in this case, that a register is wrong about her; its source office is asked to check.

    Inside a transaction; None where the hub holds no such value. Asking again while it is open is the same.
    """
    return disagree.object_to(subject_id, attribute, case=case, at=at, pack=pack)


def undo_ruling(ruling: Ruling, *, actor: Actor, at: datetime) -> None:
    """Takes a ruling back: the sources are weighed as if it had not been. Inside a transaction; raises NotAsked, Over."""
    disagree.undo(ruling, actor=actor, at=at)
    reconcile.settle([ruling.disagreement.subject_id], at, ruling.disagreement.pack)


def recall_rows(batch: Batch, rows: list[int] | None, *, reason: str, actor: Actor, at: datetime) -> Recall:
    """Withdraws rows of a batch (None: all); the worker settles and judges anew whoever was touched. In a transaction."""
    return lineage.recall(batch, rows, reason=reason, actor=actor, at=at)


def undo_recall(recall: Recall, *, actor: Actor, at: datetime) -> None:
    """Lets withdrawn rows count again; the worker settles and judges anew. Inside a transaction."""
    lineage.undo_recall(recall, actor=actor, at=at)


def follow_recall(recall: Recall, at: datetime) -> list[dict[str, Any]]:
    """Settles and judges anew whoever a recall or its undoing touched; returns the answers that used the rows."""
    resettle(lineage.touched_by(recall).tolist(), at)
    return lineage.answers_of(recall)


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
        inboxes = [inbox.path_of(batch) for batch in Batch.objects.filter(pack=pack)]
        maps = sum(attributes.remove(rule.name) for rule in derive.rules_of(pack))
        held[pack] = {
            "files": len(partitions),
            "rows": sum(
                part.rows for part in partitions if part.ended_at is None and part.kind not in BESIDE
            ),
            "map_files": maps,
            "inbox": sum(path.exists() for path in inboxes),
            "links": review.erase(pack),
        }
        store.remove(partitions)
        for path in inboxes:
            path.unlink(missing_ok=True)
        inbox.erase(pack)
        drop.erase(pack)
    Partition.objects.filter(pack__in=order.packs, ended_at=None).update(ended_at=at)
    Disagreement.objects.filter(pack__in=order.packs, ended_at=None).update(ended_at=at, ended_by="erased")
    Disagreement.objects.filter(pack__in=order.packs).update(said={})
    Ruling.objects.filter(disagreement__pack__in=order.packs).update(value="", rejected=[], reason="")
    for pack in order.packs:
        left[pack] = _left(pack)
    proof = {"number": order.number, "held": held, "left": left}
    with write():
        for batch in Batch.objects.filter(pack__in=order.packs):
            Batch.objects.filter(pk=batch.pk).update(
                state=Batch.State.ERASED, content_hash=f"erased:{batch.ref}", name="", watermark=None
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
