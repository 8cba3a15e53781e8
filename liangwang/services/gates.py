"""Checks a code at a gate: signed code or handle in, yes or a red cross with the reason out. No database, no person."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction

from liangwang.base import audit, clock
from liangwang.base.access import Thing
from liangwang.base.hats import Actor
from liangwang.base.models import Office, new_ref
from liangwang.engines.sign import NONCE, SKEW_S, Fault, Unverified
from liangwang.hot import HotAnswer, HotRequest, answer
from liangwang.hub import attributes

from . import code_tokens, gate_list, gate_log
from .code_tokens import LIFE_S, NAME, STATUS, UNTIL
from .gate_list import STATUS_ATTRIBUTE, State, state
from .models_codes import Gate

EPOCH = date(1970, 1, 1)
PASSING = frozenset({"green"})

REASONS = {
    "unreadable": {"zh": "不是随申码", "en": "Not a city code"},
    "unknown_key": {"zh": "不是本市签发的码", "en": "Not issued by this city"},
    "forged": {"zh": "码是伪造的", "en": "The code is forged"},
    "expired": {"zh": "码已过期，请刷新", "en": "The code has expired; refresh it"},
    "early": {
        "zh": "码的时间在将来，请检查手机时间",
        "en": "The code lies in the future; check the phone's clock",
    },
    "replayed": {"zh": "这个码刚在此处用过，请刷新", "en": "This code was used here just now; refresh it"},
    "revoked": {"zh": "码已作废，请刷新", "en": "The code was revoked; refresh it"},
    "no_status": {"zh": "没有状态，请人工核验", "en": "No status; check by hand"},
    "unknown_gate": {"zh": "这个门岗没有登记", "en": "This gate is not registered"},
    "malformed": {"zh": "请求须为 {code, gate}", "en": "The request must be {code, gate}"},
}


class Asked(msgspec.Struct, frozen=True):
    """The request's body."""

    code: str
    gate: str


_asked = msgspec.json.Decoder(Asked)


class Refusal(Exception):
    """A red cross; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def handle(request: HotRequest) -> HotAnswer:
    """The hot route POST /gate/check; the door has been passed. 422 for a body or gate that we do not know."""
    at = clock.now()
    try:
        asked = _asked.decode(request.body)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return answer(_cross("malformed", at), 422)
    held = state()
    if asked.gate not in held.gates:
        return answer(_cross("unknown_gate", at), 422)
    return answer(check(asked.code, asked.gate, at, held))


def check(code: str, gate: str, at: datetime, held: State | None = None) -> dict[str, Any]:
    """`{ok, status, reason, until, list_age_s, at, name}`: in routine `status` is always null.

    `reason` says why a gate refuses. Why a person has her colour is on her own page and not the gate's to know.
    """
    held = held or state()
    at_s = at.timestamp()
    try:
        found = (
            _read_handle(code, at_s, held)
            if code_tokens.looks_like_handle(code)
            else _read_signed(code, at_s, held)
        )
    except Refusal as refusal:
        gate_log.log.add(gate, at_s, "cross")
        return _cross(refusal.reason, at)
    nonce, verdict, until, name = found
    since = gate_log.seen.again(nonce, code_tokens.short_hash(gate), at_s)
    if since is not None and since > gate_log.REPEAT_S:
        gate_log.log.add(gate, at_s, "cross")
        return _cross("replayed", at)
    in_force = held.in_force(at_s)
    reason = "no_status" if in_force and verdict is None else None
    ok = verdict in PASSING if in_force else True
    if since is None:
        gate_log.log.add(gate, at_s, verdict or ("none" if in_force else "routine"))
    return {
        "ok": ok,
        "status": verdict,
        "reason": reason,
        **({"message": REASONS[reason]} if reason else {}),
        "until": until.isoformat() if until else None,
        "name": name,
        "list_age_s": max(0, int(at_s - held.at_s)),
        "at": at.isoformat(),
    }


Read = tuple[bytes, str | None, date | None, str | None]


def _read_signed(code: str, at_s: float, held: State) -> Read:
    """What a signed code says, after its signature, its times and the revocations; a colour only under an order."""
    try:
        claims = code_tokens.verifier().verify(code, at_s=int(at_s))
    except Unverified as fault:
        raise Refusal(Fault(fault.fault).value) from fault
    nonce = claims.get(NONCE, b"")
    if nonce in held.revoked or claims[6] < held.floor_s:
        raise Refusal("revoked")
    if not held.in_force(at_s) or STATUS not in claims:
        return nonce, None, None, claims.get(NAME)
    current = attributes.current(STATUS_ATTRIBUTE)
    verdict = current.meta.verdicts[claims[STATUS] - 1] if current else None
    until = EPOCH + timedelta(days=claims[UNTIL]) if UNTIL in claims and verdict else None
    return nonce, verdict, until, claims.get(NAME)


def _read_handle(code: str, at_s: float, held: State) -> Read:
    """What the status is now of the person whose handle this is: fresher than any signed code."""
    opened = code_tokens.open_handle(code)
    if opened is None:
        raise Refusal("forged")
    if at_s < opened.issued_s - SKEW_S:
        raise Refusal("early")
    if at_s > opened.issued_s + LIFE_S + SKEW_S:
        raise Refusal("expired")
    if opened.issued_s < held.floor_s:
        raise Refusal("revoked")
    current = attributes.current(STATUS_ATTRIBUTE) if held.in_force(at_s) else None
    value = current.value(opened.subject_id) if current else None
    if value is None:
        return opened.name, None, None, None
    return opened.name, value.verdict, value.until, None


def _cross(reason: str, at: datetime) -> dict[str, Any]:
    return {
        "ok": False,
        "status": None,
        "reason": reason,
        "message": REASONS[reason],
        "until": None,
        "name": None,
        "list_age_s": max(0, int(at.timestamp() - state().at_s)),
        "at": at.isoformat(),
    }


def register(actor: Actor, name: str, at: datetime) -> Gate:
    """A gate of the actor's own office, by a name that people use; gates learn of it at once. Inside a transaction."""
    office = Office.objects.select_related("place").filter(pk=actor.office_id or 0).first()
    place = office.place if office else None
    gate = gate_list.open_gate(key=new_ref(), name={"zh": name, "en": name}, place=place, office=office)
    audit.record(actor, "check", Thing(kind="code", ref=gate.ref), at=at, body={"gate": gate.key})
    transaction.on_commit(lambda: gate_list.write_state(at))
    return gate


def take_offline(gate: str, passes: list[tuple[float, str]], at: datetime) -> int:
    """Passes that a gate made while it was offline, not older than a day and not in the future; returns how many."""
    limit = at.timestamp()
    taken = [(at_s, colour) for at_s, colour in passes if limit - 86_400 <= at_s <= limit + SKEW_S]
    for at_s, colour in taken:
        gate_log.log.add(gate, at_s, colour)
    return len(taken)
