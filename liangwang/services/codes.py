"""The city code (随申码) of a person: identity and certificates always, a health status only under an order; appeal."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from liangwang.base import audit
from liangwang.base.access import Thing, require
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Person
from liangwang.base.packs import declared
from liangwang.base.subjects import masked
from liangwang.cases import actions as cases
from liangwang.cases.declare import compile_plan
from liangwang.cases.plans import store_plan
from liangwang.hub import attributes
from liangwang.hub import queries as hub

from . import code_tokens
from .gate_list import PACK, STATUS_ATTRIBUTE, issuer

APPEAL_MAX = 2000
MILDEST = "green"  # nobody appeals against it


class NoPerson(Refusal):
    status, code = 403, "no_person"
    template: ClassVar[Label] = {
        "zh": "随申码是个人的，请换成本人或监护人的身份",
        "en": "A city code belongs to a person; put on your own or a guardian's role",
    }


class NothingToAppeal(Refusal):
    status, code = 409, "nothing_to_appeal"
    template: ClassVar[Label] = {
        "zh": "现在没有需要申诉的健康状态",
        "en": "There is no health status to appeal against now",
    }


class AppealEmpty(Refusal):
    status, code = 422, "appeal_empty"
    template: ClassVar[Label] = {
        "zh": "请写明哪里不对（不超过 {most} 字）",
        "en": "Say what is wrong (at most {most} characters)",
    }


@dataclass(frozen=True)
class Code:
    """A minted code: the signed text for a QR, a handle for gates online, and what the person sees beside them."""

    text: str
    handle: str
    expires_at: datetime
    status: str | None
    reason: Label | None
    until: date | None
    as_of: datetime | None


def mint(subject_id: int, name: str, at: datetime) -> Code:
    """A code for ten minutes; a status goes in only while an order is in force and the person has one."""
    value = hub.status_of(STATUS_ATTRIBUTE, subject_id, at) if hub.order_in_force(PACK, at) else None
    held = attributes.current(STATUS_ATTRIBUTE) if value else None
    text, expires_at = code_tokens.signed(
        subject_id,
        issuer=issuer(),
        name=masked(name),
        status=held.meta.verdicts.index(value.verdict) + 1 if held and value else None,
        until_day=(value.until - date(1970, 1, 1)).days if value and value.until else None,
        at=at,
    )
    return Code(
        text=text,
        handle=code_tokens.handle(subject_id, at),
        expires_at=expires_at,
        status=value.verdict if value else None,
        reason=value.because if value else None,
        until=value.until if value else None,
        as_of=value.at if value else None,
    )


def thing(subject_id: int) -> Thing:
    """How a code shows itself to the policy: it is its holder's."""
    return Thing(kind="code", subject_ids=frozenset({subject_id}))


def holder(actor: Actor) -> Person:
    """The person whose code the actor may show; raises NoPerson or what `require` raises."""
    subject_id = actor.for_subject_id
    person = Person.objects.select_related("subject", "home").filter(pk=subject_id).first()
    if person is None or subject_id is None:
        raise NoPerson
    require(actor, "read", thing(subject_id))
    return person


def appeal(*, actor: Actor, text: str, at: datetime) -> Any:
    """Opens the case in which the health department checks a status again; one a day. Inside a transaction."""
    person = holder(actor)
    words = text.strip()
    if not 0 < len(words) <= APPEAL_MAX:
        raise AppealEmpty(most=APPEAL_MAX)
    value = hub.status_of(STATUS_ATTRIBUTE, person.pk, at) if hub.order_in_force(PACK, at) else None
    if value is None or value.verdict == MILDEST:
        raise NothingToAppeal
    plan = store_plan(compile_plan(declared("plans.yaml", f"{PACK}:status_appeal").value, PACK), at=at)
    case = cases.open_case(
        actor=actor,
        at=at,
        plan=plan,
        title={
            "zh": f"健康状态申诉：{masked(person.name)}",
            "en": f"Appeal against a status: {masked(person.name)}",
        },
        source="person",
        pack=PACK,
        place=person.home,
        subject=person.subject,
        key=f"appeal/{person.subject.ref}/{value.at:%Y%m%dT%H%M%S}",
        facts={"said": words, "status": value.verdict, "because": value.because},
    )
    audit.record(actor, "create", thing(person.pk), at=at, purpose="order", body={"appeal": case.ref})
    return case
