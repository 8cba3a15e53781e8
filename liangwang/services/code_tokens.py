"""The two forms of a city code: a signed text that a gate verifies offline, and a handle that a server opens."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from liangwang.base import keys
from liangwang.engines.sign import EXPIRES, ISSUED, ISSUER, NONCE, SKEW_S, Signer, Verifier, jwk

PREFIX = "LW1:"
LIST_PREFIX = "LWL1:"
STATUS, NAME, UNTIL = -70001, -70002, -70004  # private claims: verdict code, masked name, day since 1970
LIFE_S = 600
NONCE_SLOT_S = 10  # a page shows a new code at most this often
HANDLE_CHARACTERS = 26
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_READ = str.maketrans("OIL", "011")
_DIGITS = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_WRITE = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUV", _ALPHABET)


@cache
def signer() -> Signer:
    """Signs with the city's code key."""
    return Signer.of(keys.es256_key("codes"), PREFIX)


@cache
def list_signer() -> Signer:
    """Signs the gates' list with the same key and a prefix of its own, so that no code can pose as a list."""
    return Signer.of(keys.es256_key("codes"), LIST_PREFIX)


@cache
def verifier() -> Verifier:
    """Verifies the city's codes."""
    return Verifier.of([keys.es256_key("codes").public_key()], PREFIX)


def public_key() -> dict[str, str]:
    """The public key for gates that verify offline."""
    return jwk(keys.es256_key("codes").public_key())


def forget_keys() -> None:
    """Drops the keys held in memory (tests change DATA between them)."""
    for held in (signer, list_signer, verifier, _cipher, _nonce_key):
        held.cache_clear()


# --- signed code ---------------------------------------------------------------------------------------


def nonce(subject_id: int, slot: int, status: int = 0) -> bytes:
    """The 8 bytes that name a code: keyed, so that two codes of one person cannot be linked, yet a server that must
    revoke a person's codes can name them all without having kept any. The status is in it, so that a code with the
    new status, minted in the same slot, is not void with the old one."""
    return hmac.digest(_nonce_key(), f"{subject_id}\0{slot}\0{status}".encode(), "sha256")[:8]


@cache
def _nonce_key() -> bytes:
    return keys.keyed_hash("code nonce")


def living_nonces(subject_id: int, at: datetime, below: int = 1) -> list[bytes]:
    """The names of every code of a person, with a status milder than `below`, that can still be in force at `at`."""
    now = int(at.timestamp()) // NONCE_SLOT_S
    slots = range(now - (LIFE_S + SKEW_S) // NONCE_SLOT_S, now + 1)
    return [nonce(subject_id, slot, status) for slot in slots for status in range(below)]


def signed(
    subject_id: int, *, issuer: str, name: str, status: int | None, until_day: int | None, at: datetime
) -> tuple[str, datetime]:
    """A code in force for ten minutes and when it ends; without an order it holds no status at all."""
    issued = int(at.timestamp())
    claims: dict[int, object] = {
        ISSUER: issuer,
        EXPIRES: issued + LIFE_S,
        ISSUED: issued,
        NONCE: nonce(subject_id, issued // NONCE_SLOT_S, status or 0),
        NAME: name,
    }
    if status is not None:
        claims[STATUS] = status
    if until_day is not None:
        claims[UNTIL] = until_day
    return signer().mint(claims), datetime.fromtimestamp(issued + LIFE_S, UTC)


# --- handle --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """What a handle says to the server that made it."""

    subject_id: int
    issued_s: int
    name: bytes


@cache
def _cipher() -> Cipher[modes.ECB]:
    # One block of 16 bytes, never repeated within a second: ECB is the bare block cipher that is wanted here.
    return Cipher(algorithms.AES(keys.keyed_hash("code handle")), modes.ECB())


def handle(subject_id: int, at: datetime) -> str:
    """26 characters that look random and that only the city can open: no table is kept.

    One AES block: subject (5 bytes), second (5), random (2), and 4 zero bytes that a forged handle would have to hit.
    """
    block = subject_id.to_bytes(5, "big") + int(at.timestamp()).to_bytes(5, "big") + os.urandom(2) + bytes(4)
    encryptor = _cipher().encryptor()
    return _spelled(encryptor.update(block) + encryptor.finalize())


def open_handle(text: str) -> Opened | None:
    """The subject and second of a handle; None when it is not one of ours."""
    raw = _bytes_of(text)
    if raw is None:
        return None
    decryptor = _cipher().decryptor()
    block = decryptor.update(raw) + decryptor.finalize()
    if block[12:] != bytes(4):
        return None
    return Opened(int.from_bytes(block[:5], "big"), int.from_bytes(block[5:10], "big"), raw[:8])


def looks_like_handle(text: str) -> bool:
    return len(text.replace("-", "").replace(" ", "")) == HANDLE_CHARACTERS


def _spelled(raw: bytes) -> str:
    n = int.from_bytes(raw, "big") << 2
    return "".join(_ALPHABET[n >> shift & 31] for shift in range(125, -1, -5))


def _bytes_of(text: str) -> bytes | None:
    plain = text.replace("-", "").replace(" ", "").upper().translate(_READ)
    if len(plain) != HANDLE_CHARACTERS or not plain.isascii() or not plain.isalnum() or "U" in plain:
        return None
    n = int(plain.translate(_DIGITS), 32)
    return None if n & 3 or n >> 130 else (n >> 2).to_bytes(16, "big")


def short_hash(text: str) -> bytes:
    """8 bytes that stand for a gate in the files of what was seen."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def until_date(at: datetime) -> datetime:
    """When a handle of this instant ends."""
    return at + timedelta(seconds=LIFE_S)
