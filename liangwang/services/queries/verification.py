"""Checks a certificate by its ref or by the signed text of its QR; the answer names no more than the paper does."""

from typing import Any

from liangwang.base.keys import es256_key
from liangwang.base.labels import Label
from liangwang.base.subjects import masked
from liangwang.engines.sign import Unverified, jwk, qr_svg

from ..actions.certify import PREFIX, SUBJECT, verifier
from ..models import Certificate

WHY: dict[str, Label] = {
    "valid": {"zh": "证照有效", "en": "The certificate is valid"},
    "revoked": {"zh": "证照已撤销", "en": "The certificate has been revoked"},
    "suspended": {"zh": "证照已暂停使用", "en": "The certificate is suspended"},
    "replaced": {"zh": "证照已换发，请查验新证", "en": "The certificate has been replaced by a newer one"},
    "expired": {"zh": "证照已过有效期", "en": "The certificate has expired"},
    "forged": {"zh": "签名不符，不是本市签发", "en": "The signature is wrong: this city did not issue it"},
    "unreadable": {"zh": "不是证照码，请重新扫描", "en": "This is no certificate code; scan it again"},
    "unknown": {"zh": "没有这份证照", "en": "There is no such certificate"},
}


def verify_certificate(text: str, today: Any) -> dict[str, Any]:
    """What stands behind a ref or a signed text: {state: valid|revoked|suspended|replaced|expired|forged|unreadable|unknown,
    ok: bool, message: Label, certificate: {type, label, number, holder (masked), office, issued_on, valid_until,
    revoked_because} | None, signed: bool (the signature itself was checked)}.
    """
    ref, signed = text.strip(), False
    if text.strip().startswith(PREFIX):
        try:
            ref = str(verifier().read(text.strip()).get(SUBJECT, ""))
        except Unverified as fault:
            return _answer(
                "forged" if fault.fault in {"forged", "unknown_key"} else "unreadable", None, False
            )
        signed = True
    row = Certificate.objects.select_related("office").filter(ref=ref).first()
    if row is None:
        return _answer("unknown", None, signed)
    return _answer(_state(row, today), row, signed)


def certificate_qr(certificate: Certificate) -> str:
    """The QR of a certificate as inline SVG: the signed text itself, so that it verifies without a network."""
    return qr_svg(certificate.signed, scale=4)


def verification_keys() -> dict[str, Any]:
    """The public keys of certificates, for anyone who verifies offline."""
    return {"prefix": PREFIX, "keys": [jwk(es256_key("certificates").public_key())]}


def _state(row: Certificate, today: Any) -> str:
    if row.revoked_at is not None:
        return "replaced" if row.replaced_by_id else "revoked"
    if row.suspended_at is not None:
        return "suspended"
    return "expired" if row.valid_until and row.valid_until < today else "valid"


def _answer(state: str, row: Certificate | None, signed: bool) -> dict[str, Any]:
    shown = None
    if row is not None:
        keys = ("type", "label", "number", "office", "issued_on", "valid_until")
        shown = {key: row.body[key] for key in keys}
        shown |= {
            "holder": masked(row.body["holder"]),
            "revoked_because": row.revoked_because or row.suspended_because or None,
        }
    return {
        "state": state,
        "ok": state == "valid",
        "message": WHY[state],
        "certificate": shown,
        "signed": signed,
    }
