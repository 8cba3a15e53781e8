"""`liangwang verify-certificate`: checks a certificate's PDF or code with a public key alone, without network or database."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from liangwang.base import clock
from liangwang.engines.sign import EXPIRES, Fault, Unverified, Verifier

from . import certificate_codes as codes

WORDS = {
    "good": ("签名属实，是本市签发", "the signature is good"),
    "whole": ("签名属实，文件没有改动", "the signature is good and the file is as it was issued"),
    "altered": ("文件签发后被改动过，不能采信", "the file was changed after it was issued"),
    "unsigned": ("文件里没有签名", "the file carries no signature"),
    "expired": ("证照已过有效期", "the certificate has expired"),
    "stale": ("亮证码已过期", "the code shown has expired"),
    "early": ("时间不对：码在将来", "the code is of the future: check the clock"),
    "forged": ("签名不符", "the signature is wrong"),
    "unknown_key": ("不是这把公钥签的", "another key signed this"),
    "unreadable": ("不是证照码", "this is no certificate code"),
}
STANDING = (
    "离线只能核对签名；是否暂停、撤销，请联网查 /verify/",
    "offline: whether it still stands, /verify/ knows",
)
SHOWN = {codes.NUMBER: "编号 number", codes.HOLDER: "持证人 holder", codes.OFFICE: "签发机关 office"}


def verify_certificate(what: str, keys: str = "") -> int:
    """The command: `what` is a PDF or the text of a code, `keys` the file of GET /api/v1/certificates/keys; 0 when good."""
    publics = _publics(Path(keys)) if keys else []

    def verify(prefix: str) -> Verifier:
        return Verifier.of(publics, prefix) if publics else codes.verifier(prefix)

    text, found = what.strip(), "good"
    if not text.startswith((codes.CODE, codes.SHOWN)):
        file = codes.in_file(Path(what).read_bytes(), verify)
        text, found = file.code, file.state
    if not text:
        return _say(found, {})
    try:
        claims = codes.read(text, clock.now(), verify).claims
    except Unverified as fault:
        return _say("stale" if fault.fault == Fault.EXPIRED else fault.fault.value, {})
    until = claims.get(EXPIRES)
    if found != "altered" and isinstance(until, int) and datetime.fromtimestamp(until, UTC) <= clock.now():
        found = "expired"
    return _say(found, claims)


def _publics(file: Path) -> list[ec.EllipticCurvePublicKey]:
    rows = json.loads(file.read_text(encoding="utf-8"))["keys"]
    return [
        ec.EllipticCurvePublicNumbers(int(row["x"], 16), int(row["y"], 16), ec.SECP256R1()).public_key()
        for row in rows
    ]


def _say(found: str, claims: dict[int, Any]) -> int:
    good = found in ("good", "whole")
    out = sys.stdout.write
    zh, en = WORDS[found]
    out(f"{'✓' if good else '✗'} {zh} · {en}\n")
    for name, label in SHOWN.items():
        if claims.get(name):
            out(f"  {label}: {claims[name]}\n")
    if good:
        out("  {} · {}\n".format(*STANDING))
    return 0 if good else 1
