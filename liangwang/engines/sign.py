"""Signs and verifies short codes: CWT claims in COSE_Sign1 with ES256, written as base45 for a small QR.

Only one spelling of a code is accepted: one algorithm, an empty unprotected header, shortest CBOR, the lower
of the two ECDSA signatures and canonical base45. So every changed character is a refusal, and a gate may
compare texts.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cbor2
import segno
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cwt import COSE, COSEKey
from cwt.cose_key_interface import COSEKeyInterface

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}

ES256, ALG, KID = -7, 1, 4
SIGN1_TAG = 18
SIGNATURE_BYTES = 64
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2, 2.4.2)
TEXT_MAX = 4096

ISSUER, EXPIRES, ISSUED, NONCE = 1, 4, 6, 7  # claim keys of RFC 8392
SKEW_S = 60


class Fault(StrEnum):
    """Why a code is not accepted; `EXPIRED` and `EARLY` are said only of codes with a good signature."""

    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    EXPIRED = "expired"
    EARLY = "early"


class Unverified(Exception):
    """The text is not a code in force; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def base45(data: bytes) -> str:
    """RFC 9285: two bytes become three characters of the QR alphanumeric set.

    >>> base45(b"Hello!!")
    '%69 VD92EX0'
    """
    out: list[str] = []
    for i in range(0, len(data) - 1, 2):
        n = data[i] << 8 | data[i + 1]
        high, low = divmod(n, 2025)
        out += (ALPHABET[low % 45], ALPHABET[low // 45], ALPHABET[high])
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        out += (ALPHABET[low], ALPHABET[high])
    return "".join(out)


def from_base45(text: str) -> bytes:
    """The bytes of RFC 9285 text; raises ValueError for a foreign character, a bad length or an overflow.

    >>> from_base45("QED8WEX0")
    b'ietf!'
    """
    try:
        values = [_VALUE[character] for character in text]
    except KeyError as unknown:
        raise ValueError(f"not a base45 character: {unknown}") from unknown
    if len(values) % 3 == 1:
        raise ValueError("base45 text is one character short or long")
    out = bytearray()
    for i in range(0, len(values) - 2, 3):
        n = values[i] + values[i + 1] * 45 + values[i + 2] * 2025
        if n > 0xFFFF:
            raise ValueError("base45 triple over 65535")
        out += n.to_bytes(2, "big")
    if len(values) % 3:
        n = values[-2] + values[-1] * 45
        if n > 0xFF:
            raise ValueError("base45 pair over 255")
        out.append(n)
    return bytes(out)


def key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    """The first 8 bytes of SHA-256 over the uncompressed point: names a key without a registry."""
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return hashlib.sha256(point).digest()[:8]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs claims with one P-256 key; `prefix` starts every text and is signed too, so that no text poses as another."""

    prefix: str
    kid: bytes
    key: COSEKeyInterface
    cose: COSE

    @classmethod
    def of(cls, private: ec.EllipticCurvePrivateKey, prefix: str) -> "Signer":
        kid = key_id(private.public_key())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(prefix, kid, COSEKey.from_pem(pem, kid=kid), COSE.new())

    def mint(self, claims: Mapping[int, Any]) -> str:
        """The signed text of `claims` (CWT keys; instants in whole seconds since 1970)."""
        payload = cbor2.dumps(dict(claims), canonical=True)
        token = self.cose.encode(
            payload,
            self.key,
            protected={ALG: ES256, KID: self.kid},
            unprotected={},
            external_aad=self.prefix.encode(),
        )
        assert isinstance(token, bytes)
        return self.prefix + base45(_low_s(token))


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies texts against the public keys in force; holds no secret and needs no network."""

    prefix: str
    keys: dict[bytes, COSEKeyInterface]
    cose: COSE

    @classmethod
    def of(cls, publics: list[ec.EllipticCurvePublicKey], prefix: str) -> "Verifier":
        keys = {}
        for public in publics:
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            keys[key_id(public)] = COSEKey.from_pem(pem, kid=key_id(public))
        return cls(prefix, keys, COSE.new())

    def read(self, text: str) -> dict[int, Any]:
        """The claims of a text whose signature is good, whatever its times; raises Unverified."""
        token = self._token(text)
        kid, payload, signature = _parts(token)
        key = self.keys.get(kid)
        if key is None:
            raise Unverified(Fault.UNKNOWN_KEY)
        if not 0 < int.from_bytes(signature[32:], "big") <= ORDER // 2:
            raise Unverified(Fault.FORGED)
        try:
            self.cose.decode(token, key, external_aad=self.prefix.encode())
        except Exception as fault:  # the library raises ValueError, VerifyError and more: each means the same
            raise Unverified(Fault.FORGED) from fault
        claims = cbor2.loads(payload)
        if not isinstance(claims, dict):
            raise Unverified(Fault.UNREADABLE)
        return claims

    def verify(self, text: str, *, at_s: int, skew_s: int = SKEW_S) -> dict[int, Any]:
        """The claims of a code in force at `at_s` (seconds since 1970), clocks being `skew_s` apart."""
        claims = self.read(text)
        issued, expires = claims.get(ISSUED), claims.get(EXPIRES)
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise Unverified(Fault.UNREADABLE)
        if at_s < issued - skew_s:
            raise Unverified(Fault.EARLY)
        if at_s > expires + skew_s:
            raise Unverified(Fault.EXPIRED)
        return claims

    def _token(self, text: str) -> bytes:
        if not text.startswith(self.prefix) or len(text) > TEXT_MAX:
            raise Unverified(Fault.UNREADABLE)
        try:
            return from_base45(text[len(self.prefix) :])
        except ValueError as fault:
            raise Unverified(Fault.UNREADABLE) from fault


def _parts(token: bytes) -> tuple[bytes, bytes, bytes]:
    """Key id, payload and signature of the one accepted spelling of a COSE_Sign1 message."""
    try:
        message = cbor2.loads(token)
        protected, unprotected, payload, signature = message.value
        kid = cbor2.loads(protected)[KID]
        spelt = cbor2.dumps(
            cbor2.CBORTag(SIGN1_TAG, [cbor2.dumps({ALG: ES256, KID: kid}), {}, payload, signature])
        )
        good = spelt == token and len(signature) == SIGNATURE_BYTES and unprotected == {}
        good = good and cbor2.dumps(cbor2.loads(payload), canonical=True) == payload
    except Exception as fault:  # any malformed CBOR: the decoder's errors are many
        raise Unverified(Fault.UNREADABLE) from fault
    if not good:
        raise Unverified(Fault.UNREADABLE)
    return kid, payload, signature


def _low_s(token: bytes) -> bytes:
    """The same message with the lower of the two signatures that ECDSA allows."""
    s = int.from_bytes(token[-32:], "big")
    return token if s <= ORDER // 2 else token[:-32] + (ORDER - s).to_bytes(32, "big")


def qr_svg(text: str, *, scale: int = 6, dark: str = "#16202c") -> str:
    """The QR of a text as an inline SVG: error level M, 208 characters need version 8 (49 modules)."""
    out = io.BytesIO()
    segno.make(text, error="m", boost_error=False, micro=False).save(
        out,
        kind="svg",
        scale=scale,
        border=4,
        dark=dark,
        light="#ffffff",
        xmldecl=False,
        svgns=True,
        omitsize=True,
    )
    return out.getvalue().decode()


def jwk(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as browsers' WebCrypto takes it; `kid` in hex."""
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"kid": key_id(public).hex(), "x": point[1:33].hex(), "y": point[33:].hex()}


def check() -> str | None:
    """None when a code can be minted and read back here, else what to fix."""
    private = ec.generate_private_key(ec.SECP256R1())
    text = Signer.of(private, "T1:").mint({ISSUED: 0, EXPIRES: 1})
    read = Verifier.of([private.public_key()], "T1:").read(text)
    return None if read == {ISSUED: 0, EXPIRES: 1} else "cwt or cryptography does not round-trip a code"
