"""短信: codes sent to phones through the configured gateway; each a row of the outbox, tried again, in no log."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from django.conf import settings
from django.db.models import Q
from django_tasks import task

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.keys import seal, unseal
from liangwang.base.labels import Label
from liangwang.base.models import Person, Subject
from liangwang.base.subjects import unseal_field
from liangwang.base.transactions import write
from liangwang.channels import sms

from .models_messages import TextMessage

log = logging.getLogger(__name__)
TRIES = 5
FIRST_RETRY = timedelta(seconds=3)
TAKEN = timedelta(seconds=60)  # a worker that took a message and died: it is due again after this
AT_ONCE = 50


class NoGateway(Refusal):
    """Text messages are asked for and nobody has said which gateway sends them."""

    status, code = 503, "no_sms_gateway"
    template: ClassVar[Label] = {
        "zh": "本系统还没有配置短信网关，发不了短信：请本人在自己手机的“消息”里看，或到窗口当面确认",
        "en": "No gateway for text messages is configured: let her look under Messages on her own phone, or confirm in person",
    }


class NoPhone(Refusal):
    """The person has no telephone number on record."""

    status, code = 409, "no_phone"
    template: ClassVar[Label] = {
        "zh": "系统里没有本人的手机号，发不了短信：请本人在自己手机的“消息”里看",
        "en": "She has no telephone number on record: let her look under Messages on her own phone",
    }


Mode = Literal["gateway", "demo", "none"]


def mode() -> Mode:
    """How codes reach a phone here: by the gateway, shown on the page because this is a demonstration, or not at all."""
    if settings.SMS_URL:
        return "gateway"
    return "demo" if settings.DEMO else "none"


def gateway() -> sms.Gateway:
    """The configured gateway; raises NoGateway where there is none or its configuration is wrong."""
    if mode() != "gateway" or check() is not None:
        raise NoGateway
    return sms.Gateway(
        url=settings.SMS_URL,
        secret=settings.SMS_KEY,
        template=settings.SMS_TEMPLATE,
        shape=sms.shapes()[settings.SMS_PROVIDER],
    )


def check() -> str | None:
    """None when messages can be sent or none are wanted, else what to fix."""
    if mode() != "gateway":
        return None
    return sms.fault_of(settings.SMS_URL, settings.SMS_PROVIDER, settings.SMS_TEMPLATE)


def require_way(subject: Subject) -> None:
    """Raises NoGateway or NoPhone where no code can reach this person's phone."""
    if mode() == "none":
        raise NoGateway
    if mode() == "gateway":
        gateway()
        if not _phone(subject):
            raise NoPhone


def queue(*, to: Subject, values: dict[str, str], key: str, until: datetime, at: datetime) -> TextMessage:
    """Puts a message into the outbox, once for its key; it is not sent after `until`. Raises as `require_way`."""
    require_way(to)
    row = TextMessage(key=key, subject=to, due_at=at, until=until, at=at)
    row.sealed = seal(json.dumps({"phone": _phone(to), "values": values}), f"sms:{row.ref}")
    kept, _ = TextMessage.objects.get_or_create(
        key=key,
        defaults={name: getattr(row, name) for name in ("ref", "subject", "sealed", "due_at", "until", "at")},
    )
    send_due.enqueue()
    return kept


def latest(prefix: str) -> TextMessage | None:
    """The newest message whose key begins so: what a page says about it."""
    return TextMessage.objects.filter(key__startswith=prefix).order_by("-id").first()


def _phone(subject: Subject) -> str:
    person = Person.objects.filter(pk=subject.pk).first()
    return (unseal_field(person, "phone") or "") if person else ""


@task()
def send_due() -> None:
    """Sends what is due; a message is taken in one transaction and settled in another, the gateway asked between."""
    for _ in range(AT_ONCE):
        taken = _take(clock.now())
        if taken is None:
            return
        _send(taken)


def _take(at: datetime) -> TextMessage | None:
    with write():
        waiting = TextMessage.objects.filter(state=TextMessage.State.WAITING, due_at__lte=at)
        waiting.filter(until__lte=at).update(state=TextMessage.State.LAPSED, sealed=None, done_at=at)
        row = (
            waiting.select_for_update(skip_locked=True).filter(until__gt=at).order_by("due_at", "id").first()
        )
        if row is not None:
            row.tries, row.due_at = row.tries + 1, at + TAKEN
            row.save(update_fields=["tries", "due_at"])
        return row


def _send(row: TextMessage) -> None:
    said = json.loads(unseal(bytes(row.sealed or b""), f"sms:{row.ref}"))
    try:
        receipt = sms.send(gateway(), phone=said["phone"], values=said["values"], key=row.key)
    except sms.NotSent as failed:
        _settle(row, **_after_failure(row, failed.why, again=failed.again))
        log.warning("text message %s was not taken, try %d: %s", row.ref, row.tries, failed.why)
    except NoGateway as none:
        _settle(row, **_after_failure(row, none.code, again=False))
    else:
        _settle(
            row, state=TextMessage.State.SENT, receipt=receipt, sealed=None, done_at=clock.now(), fault=""
        )


def _after_failure(row: TextMessage, why: str, *, again: bool) -> dict[str, Any]:
    if again and row.tries < TRIES:
        return {"due_at": clock.now() + FIRST_RETRY * 2 ** (row.tries - 1), "fault": why[:80]}
    return {"state": TextMessage.State.FAILED, "sealed": None, "done_at": clock.now(), "fault": why[:80]}


def _settle(row: TextMessage, **values: Any) -> None:
    """Only while it still waits: a second worker that took it over after a minute may have settled it."""
    with write():
        TextMessage.objects.filter(pk=row.pk, state=TextMessage.State.WAITING).update(**values)


def failed_since(at: datetime) -> int:
    """How many messages no gateway took since then."""
    return TextMessage.objects.filter(state=TextMessage.State.FAILED, done_at__gte=at).count()


def tick(at: datetime) -> None:
    """Messages that failed once and are due again, or that a dead worker had taken."""
    due = Q(state=TextMessage.State.WAITING, due_at__lte=at)
    if TextMessage.objects.filter(due).exists():
        send_due.enqueue()
