"""送达: a letter goes out electronically, by post, at a counter or into a cabinet, and each way has its proof (送达回证)."""

import re
import secrets
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor
from liangwang.base.keys import blind
from liangwang.base.models import StoredFile

from ..models import Letter
from ..models_letters import Delivery
from ..refusals import BoxTaken, DeliveryMissing, DeliveryMoved, WrongCabinetCode

Way, State = Delivery.Way, Delivery.State
CODE_DIGITS = 6
CODE_TRIES = 5
SELF = "本人"
TEXT_MAX = 40
TRACKING = re.compile(r"[A-Z0-9-]{5,30}")


def deliver_electronically(letter: Letter, *, at: datetime) -> Delivery:
    """Puts the letter among the addressee's messages; it has arrived when she opens it."""
    row, _ = Delivery.objects.get_or_create(letter=letter, way=Way.ELECTRONIC, defaults={"sent_at": at})
    return row


def letter_opened(*, actor: Actor, letter: Letter, at: datetime) -> bool:
    """The addressee has opened the letter: the first time is its receipt. False for anybody else, or later."""
    if actor.for_subject_id is None or actor.for_subject_id != letter.subject_id:
        return False
    rows = Delivery.objects.filter(letter=letter, way=Way.ELECTRONIC, state=State.SENT)
    if not rows.update(
        state=State.DELIVERED,
        delivered_at=at,
        receiver=_name(letter),
        relation=SELF if actor.hat == "self" else "",
    ):
        return False
    _log(actor, letter, at, way="electronic", state="delivered")
    return True


def send_by_post(*, actor: Actor, letter: Letter, carrier: str, tracking: str, at: datetime) -> Delivery:
    """Hands the letter to a carrier, whose number for it is `tracking`. Raises DeliveryMissing without the two."""
    carrier, number = carrier.strip()[:TEXT_MAX], tracking.strip().upper().replace(" ", "")
    if not carrier or not TRACKING.fullmatch(number):
        raise DeliveryMissing(
            what="由哪家寄递和邮件号码（5 到 30 位字母和数字）",
            what_en="the carrier and its number (5 to 30 letters and digits)",
        )
    return _send(actor, letter, at, way=Way.POST, carrier=carrier, tracking=number)


def hand_over(
    *,
    actor: Actor,
    letter: Letter,
    receiver: str,
    signature: StoredFile | None,
    at: datetime,
    relation: str = SELF,
) -> Delivery:
    """Gives the letter at the counter to somebody who signs for it: the addressee, or who receives it for her."""
    if not receiver.strip() or signature is None:
        raise DeliveryMissing(what="签收人姓名和签名", what_en="the receiver's name and signature")
    row = _send(actor, letter, at, way=Way.COUNTER)
    return _arrived(
        actor,
        row,
        at,
        receiver=receiver.strip()[:80],
        relation=relation.strip()[:TEXT_MAX],
        signature=signature,
    )


def put_in_cabinet(
    *, actor: Actor, letter: Letter, cabinet: str, box: str, at: datetime
) -> tuple[Delivery, str]:
    """Lays the letter into a cabinet; returns its code, which the addressee gets as a message and nobody else sees."""
    if not cabinet.strip() or not box.strip():
        raise DeliveryMissing(what="自助柜的位置和箱号", what_en="the cabinet and its box")
    taken = Delivery.objects.filter(way=Way.CABINET, state=State.SENT)
    if taken.filter(cabinet=cabinet.strip()[:80], box=box.strip()[:20]).exclude(letter=letter).exists():
        raise BoxTaken(box=box.strip()[:20])
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    row = _send(actor, letter, at, way=Way.CABINET, cabinet=cabinet.strip()[:80], box=box.strip()[:20])
    row.code_hash = _hash(row, code)
    row.save(update_fields=["code_hash"])
    notices.notify(
        to=letter.subject,
        template="services.cabinet",
        title={"zh": "文书已放入自助柜", "en": "A letter waits in a cabinet"},
        body={
            "zh": f"{letter.number}在{row.cabinet} {row.box} 号箱，取件码 {code}。",
            "en": f"{letter.number} is in {row.cabinet}, box {row.box}; its code is {code}.",
        },
        at=at,
        key=f"cabinet/{row.ref}",
        link=f"/letters/{letter.ref}/",
    )
    return row, code


def collect_from_cabinet(*, actor: Actor, delivery: Delivery, code: str, at: datetime) -> Delivery:
    """The cabinet asks whether a code opens the box; five wrong ones end it. Raises WrongCabinetCode."""
    row = Delivery.objects.select_for_update().get(pk=delivery.pk)
    if row.state != State.SENT or row.way != Way.CABINET:
        raise DeliveryMoved
    right = secrets.compare_digest(row.code_hash, _hash(row, code.strip()))
    if row.code_tries >= CODE_TRIES or not right:
        raise WrongCabinetCode
    return _arrived(actor, row, at, receiver=_name(row.letter), relation="凭取件码")


def count_wrong_code(delivery: Delivery) -> None:
    """Counts a wrong code, in a transaction of its own: the refusal takes the one of the attempt back."""
    row = Delivery.objects.select_for_update().get(pk=delivery.pk)
    row.code_tries += 1
    row.save(update_fields=["code_tries"])


def post_delivered(
    *, actor: Actor, delivery: Delivery, receiver: str, at: datetime, relation: str = SELF
) -> Delivery:
    """The post's return receipt has come."""
    require(actor, "update", thing_of("application", delivery.letter.case))
    if delivery.way != Way.POST or not receiver.strip():
        raise DeliveryMissing(what="邮寄回执上的签收人", what_en="who signed for the letter")
    return _arrived(actor, delivery, at, receiver=receiver.strip()[:80], relation=relation.strip()[:TEXT_MAX])


def returned(*, actor: Actor, delivery: Delivery, because: str, at: datetime) -> Delivery:
    """The letter came back: another way is open again. Raises DeliveryMissing, DeliveryMoved."""
    require(actor, "update", thing_of("application", delivery.letter.case))
    if not because.strip():
        raise DeliveryMissing(what="退回的原因", what_en="why it came back")
    return _moved(actor, delivery, at, state=State.RETURNED, returned_because=because.strip()[:200])


def _send(actor: Actor, letter: Letter, at: datetime, **fields: Any) -> Delivery:
    require(actor, "update", thing_of("application", letter.case))
    try:
        with transaction.atomic():
            row = Delivery.objects.create(letter=letter, sent_at=at, sent_by_id=actor.party_id, **fields)
    except IntegrityError as twice:
        raise DeliveryMoved from twice
    _log(actor, letter, at, way=row.way, state="sent")
    return row


def _arrived(actor: Actor, row: Delivery, at: datetime, **fields: Any) -> Delivery:
    return _moved(actor, row, at, state=State.DELIVERED, delivered_at=at, **fields)


def _moved(actor: Actor, row: Delivery, at: datetime, **fields: Any) -> Delivery:
    if not Delivery.objects.filter(pk=row.pk, state=State.SENT).update(**fields):
        raise DeliveryMoved
    row.refresh_from_db()
    _log(actor, row.letter, at, way=row.way, state=row.state)
    return row


def _hash(row: Delivery, code: str) -> str:
    return blind(f"{row.ref}:{code}", "cabinet code")


def _name(letter: Letter) -> str:
    person = getattr(letter.subject, "person", None) or getattr(letter.subject, "company", None)
    return str(person.name) if person else ""


def _log(actor: Actor, letter: Letter, at: datetime, **body: str) -> None:
    thing = thing_of("application", letter.case)
    audit.record(actor, "update", thing, at=at, purpose="case", body={"letter": letter.number, **body})
