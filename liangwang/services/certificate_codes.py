"""The three signed texts of a certificate: the code on it, the short-lived one that its holder shows, the seal of its file.

All are CWT in COSE_Sign1 by the key "certificates"; each has a prefix of its own that is signed too.
"""

import hashlib
import os
import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from django.utils.timezone import get_default_timezone

from liangwang.base.keys import es256_key
from liangwang.base.subjects import masked
from liangwang.engines.sign import EXPIRES, ISSUED, ISSUER, NONCE, Fault, Signer, Unverified, Verifier, jwk

from .models import Certificate

CODE, SHOWN, FILE = "LWZ1:", "LWS1:", "LWP1:"
SUBJECT, TYPE, NUMBER, HOLDER, OFFICE, DIGEST = 2, -70001, -70002, -70003, -70004, -70005
"""Claim keys: 2 is the certificate's ref (RFC 8392 `sub`), the others are our own private ones."""
ISSUER_NAME = "liangwang"
LIFE = timedelta(minutes=3)  # of a code that is shown
FILE_BYTES_AT_MOST = 4 * 1024 * 1024
_CODE_IN_FILE = re.compile(rb"^%(LWZ1:[0-9A-Z $%*+./:-]{64,4000})\r?$", re.M)
_SEAL_AT_END = re.compile(rb"%(LWP1:[0-9A-Z $%*+./:-]{64,4000})\n\Z")


@cache
def _signer(private: Any, prefix: str) -> Signer:
    return Signer.of(private, prefix)


def signer(prefix: str = CODE) -> Signer:
    """Signs texts of one kind."""
    return _signer(es256_key("certificates"), prefix)


def verifier(prefix: str = CODE) -> Verifier:
    """Verifies texts of one kind with this city's own key."""
    return Verifier.of([es256_key("certificates").public_key()], prefix)


def public_key() -> dict[str, str]:
    """The public key for anyone who verifies offline."""
    return jwk(es256_key("certificates").public_key())


def code_of(certificate: Certificate, at: datetime) -> str:
    """What the QR carries: enough to recognise the paper offline, with the holder's name masked."""
    return signer().mint(_claims(certificate, at, until=_end_of(certificate)))


def shown_code(certificate: Certificate, at: datetime) -> tuple[str, datetime]:
    """亮证: a code that proves that the holder opened it just now, and the second at which it ends."""
    until = datetime.fromtimestamp(int((at + LIFE).timestamp()), at.tzinfo)
    claims = {**_claims(certificate, at, until=int(until.timestamp())), NONCE: os.urandom(8)}
    return signer(SHOWN).mint(claims), until


def _claims(certificate: Certificate, at: datetime, *, until: int | None) -> dict[int, Any]:
    return {
        ISSUER: ISSUER_NAME,
        SUBJECT: certificate.ref,
        **({EXPIRES: until} if until is not None else {}),
        ISSUED: int(at.timestamp()),
        TYPE: certificate.type,
        NUMBER: certificate.number,
        HOLDER: masked(certificate.body["holder"]),
        OFFICE: certificate.body["office"]["zh"],
    }


def _end_of(certificate: Certificate) -> int | None:
    """The second after the last day on which it holds; None without a term."""
    if certificate.valid_until is None:
        return None
    after = certificate.valid_until + timedelta(days=1)
    return int(datetime.combine(after, time(), get_default_timezone()).timestamp())


# --- the file ------------------------------------------------------------------------------------------


def sealed(pdf: bytes, *, code: str, ref: str, at: datetime) -> bytes:
    """The PDF with its code and a signature over every byte before it, both as comments at its end.

    A comment after the end of a PDF changes nothing of what it shows (ISO 32000-1, 7.2.3).
    """
    body = pdf.rstrip() + b"\n%" + code.encode() + b"\n"
    claims = {
        ISSUER: ISSUER_NAME,
        SUBJECT: ref,
        ISSUED: int(at.timestamp()),
        DIGEST: hashlib.sha256(body).digest(),
    }
    return body + b"%" + signer(FILE).mint(claims).encode() + b"\n"


class InFile(NamedTuple):
    """What a file proves: `whole` as it was issued, `altered` since, or `unsigned`; and the code that it carries."""

    state: Literal["whole", "altered", "unsigned"]
    code: str


def in_file(raw: bytes, verify: Callable[[str], Verifier] = verifier) -> InFile:
    """Judges a PDF by its own bytes; nothing of it is opened or drawn."""
    found = _CODE_IN_FILE.findall(raw)
    code = found[-1].decode() if found else ""
    seal = _SEAL_AT_END.search(raw)
    try:
        said = verify(CODE).read(code)
        claims = verify(FILE).read(seal[1].decode()) if seal else {}
    except Unverified:
        return InFile("altered" if found or seal else "unsigned", code)
    whole = seal is not None and claims.get(DIGEST) == hashlib.sha256(raw[: seal.start()]).digest()
    return InFile("whole" if whole and claims.get(SUBJECT) == said.get(SUBJECT) else "altered", code)


class Read(NamedTuple):
    """A code whose signature is good: its claims, and whether its holder was showing it just then."""

    claims: dict[int, Any]
    shown: bool


def read(text: str, at: datetime, verify: Callable[[str], Verifier] = verifier) -> Read:
    """The claims of a code on a certificate, whatever its times, or of one shown in time; raises Unverified."""
    if text.startswith(SHOWN):
        return Read(verify(SHOWN).verify(text, at_s=int(at.timestamp())), True)
    if text.startswith(CODE):
        return Read(verify(CODE).read(text), False)
    raise Unverified(Fault.UNREADABLE)
