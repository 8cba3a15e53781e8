"""Checks a certificate by its ref, a code or its file; the answer names no more than the paper does."""

from datetime import date, datetime
from typing import Any

from liangwang.base.labels import Label
from liangwang.base.subjects import masked
from liangwang.base.working_days import local_day
from liangwang.engines.sign import Fault, Unverified, qr_svg

from .. import certificate_codes as codes
from ..models import Certificate

WHY: dict[str, Label] = {
    "valid": {"zh": "证照有效", "en": "The certificate is valid"},
    "revoked": {"zh": "证照已撤销", "en": "The certificate has been revoked"},
    "suspended": {"zh": "证照已暂停使用", "en": "The certificate is suspended"},
    "replaced": {"zh": "证照已换发，请查验新证", "en": "The certificate has been replaced by a newer one"},
    "expired": {"zh": "证照已过有效期", "en": "The certificate has expired"},
    "altered": {
        "zh": "这个文件签发后被改动过，不能采信；真正的证照见下面",
        "en": "This file was changed after it was issued: do not rely on it. The true certificate is below",
    },
    "unsigned": {
        "zh": "这个文件里没有签名：可能是打印、截屏或另存出来的，请改扫它上面的二维码",
        "en": "This file carries no signature: perhaps printed, photographed or saved anew. Scan the code on it instead",
    },
    "stale": {
        "zh": "亮证码已过期，请对方刷新后再扫",
        "en": "The code shown has expired; let the holder refresh it",
    },
    "forged": {"zh": "签名不符，不是本市签发", "en": "The signature is wrong: this city did not issue it"},
    "unreadable": {"zh": "不是证照码，请重新扫描", "en": "This is no certificate code; scan it again"},
    "unknown": {"zh": "没有这份证照", "en": "There is no such certificate"},
}
FAULTS = {Fault.FORGED: "forged", Fault.UNKNOWN_KEY: "forged", Fault.EXPIRED: "stale", Fault.EARLY: "stale"}
PREFIXES = (codes.CODE, codes.SHOWN)


def verify_certificate(text: str, at: datetime) -> dict[str, Any]:
    """What stands behind a ref or a signed text.

    Returns {state: a key of WHY, ok, message: Label, certificate: {ref, type, label, number, holder (masked), office,
    issued_on, valid_until} | None, signed: the signature itself was checked, shown: the holder
    was showing it just then, file: None | whole | altered}.
    """
    text = text.strip()
    if not text.startswith(PREFIXES):
        return _answer(_row(text), at)
    try:
        found = codes.read(text, at)
    except Unverified as fault:
        return _fault(FAULTS.get(fault.fault, "unreadable"))
    return _answer(_row(str(found.claims.get(codes.SUBJECT, ""))), at, signed=True, shown=found.shown)


def verify_file(raw: bytes, at: datetime) -> dict[str, Any]:
    """What a PDF proves by the code inside it and the signature over its bytes; answers as `verify_certificate`."""
    found = codes.in_file(raw)
    if found.state == "unsigned":
        return _fault("unsigned")
    behind = verify_certificate(found.code, at) if found.code else _fault("unreadable")
    if found.state == "whole":
        return {**behind, "file": "whole"}
    return {**behind, "state": "altered", "ok": False, "message": WHY["altered"], "file": "altered"}


def _row(name: str) -> Certificate | None:
    """By ref alone: a number can be counted up, and would tell strangers who holds what."""
    return Certificate.objects.select_related("office").filter(ref=name).first()


def certificate_qr(certificate: Certificate) -> str:
    """The QR of a certificate as inline SVG: the signed text itself, so that it verifies without a network."""
    return qr_svg(certificate.signed, scale=4)


def shown_qr(certificate: Certificate, at: datetime) -> tuple[str, str, datetime]:
    """亮证: a fresh code as text and as inline SVG, and when it ends."""
    text, until = codes.shown_code(certificate, at)
    return text, qr_svg(text, scale=4), until


def verification_keys() -> dict[str, Any]:
    """The public keys of certificates, for anyone who verifies offline."""
    prefixes = {"code": codes.CODE, "shown": codes.SHOWN, "file": codes.FILE}
    return {"prefix": codes.CODE, "prefixes": prefixes, "keys": [codes.public_key()]}


def state_of(row: Certificate, today: date) -> str:
    """How a certificate stands: valid, expired, suspended, revoked or replaced."""
    if row.revoked_at is not None:
        return "replaced" if row.replaced_by_id else "revoked"
    if row.suspended_at is not None:
        return "suspended"
    return "expired" if row.valid_until and row.valid_until < today else "valid"


def _fault(state: str) -> dict[str, Any]:
    return {
        "state": state,
        "ok": False,
        "message": WHY[state],
        "certificate": None,
        "signed": False,
        "shown": False,
        "file": None,
    }


def _answer(
    row: Certificate | None, at: datetime, *, signed: bool = False, shown: bool = False
) -> dict[str, Any]:
    if row is None:
        return {**_fault("unknown"), "signed": signed}
    state = state_of(row, local_day(at))
    keys = ("type", "label", "number", "office", "issued_on", "valid_until")
    # Why it was suspended or revoked is between its office and its holder, and no stranger's to know.
    said = {key: row.body[key] for key in keys} | {"ref": row.ref, "holder": masked(row.body["holder"])}
    answer = {**_fault(state), "ok": state == "valid", "certificate": said}
    return {**answer, "signed": signed, "shown": shown}
