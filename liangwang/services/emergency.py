"""Emergency and routine (平急): an order is proposed, signed by another person, ended, and its data erased with proof.

These are the acts of people and what they mean for codes; the hub keeps the orders and does nothing outside one.
"""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from liangwang.base.access import require
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.hub import actions as hub
from liangwang.hub.actions import Order

from . import gate_list


def propose(
    *,
    actor: Actor,
    number: str,
    title: Label,
    basis: str,
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
    packs: list[str] | None = None,
) -> Order:
    """Proposes an order with number, start, end and basis; it has no force until `sign`. Inside a transaction."""
    wanted = packs or [gate_list.PACK]
    order = hub.propose_order(
        actor=actor,
        number=number,
        title=title,
        basis=basis,
        packs=wanted,
        starts_at=starts_at,
        ends_at=ends_at,
        at=at,
    )
    require(actor, "order", hub.thing(order))
    return order


def sign(order: Order, *, actor: Actor, at: datetime) -> Order:
    """Another person signs, and the order is in force; codes of before show no status and are void."""
    require(actor, "order", hub.thing(order))
    signed = hub.sign_order(order, actor=actor, at=at)
    _tell_gates(at, "order_opened")
    return signed


def end(order: Order, *, actor: Actor, reason: str, at: datetime, erase_on: date | None = None) -> Order:
    """Ends an order: from now on no status is computed, shown or asked, and codes that hold one are void."""
    require(actor, "order", hub.thing(order))
    day = max(hub.erasure_day(pack, at) for pack in order.packs)
    ended = hub.end_order(order, actor=actor, reason=reason, erase_on=erase_on or day, at=at)
    _tell_gates(at, "order_ended")
    return ended


def erase(order: Order, *, at: datetime) -> dict[str, Any]:
    """Erases what the order's packs hold of people and returns the proof; opens transactions of its own."""
    return hub.erase(order, at)


def _tell_gates(at: datetime, why: str) -> None:
    """Voids the codes of before and renews the gates' file as soon as the act is committed."""
    gate_list.revoke_all(at, why)
    transaction.on_commit(lambda: gate_list.write_state(at))
