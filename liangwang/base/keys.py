"""Secrets at rest: sealing, blind indexes, keyed hashes and signing keys, all under DATA/keys (0600), read only here."""

import base64
import hashlib
import os
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

NONCE_BYTES = 12


def _folder() -> Path:
    folder: Path = settings.DATA / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _kept(name: str, make: bytes) -> bytes:
    """The key file's content; `make` is written, once and atomically, where there is none."""
    path = _folder() / name
    if not path.exists():
        fresh = path.with_name(f".{name}.{os.getpid()}")
        fd = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(make)
            f.flush()
            os.fsync(f.fileno())
        try:
            os.link(fresh, path)  # fails if another process was first: then its key is the key
        except FileExistsError:
            pass
        fresh.unlink()
    return path.read_bytes()


@cache
def _secret(name: str) -> bytes:
    return _kept(name, os.urandom(32))


@cache
def _cipher() -> AESGCM:
    return AESGCM(_secret("seal"))


def seal(text: str, aad: str) -> bytes:
    """Encrypts personal data with AES-256-GCM; `aad` names the row and field, so that blobs cannot be swapped."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, text.encode(), aad.encode())


def unseal(blob: bytes, aad: str) -> str:
    """The sealed text; raises cryptography's InvalidTag when blob or `aad` is not the original."""
    raw = bytes(blob)
    return _cipher().decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], aad.encode()).decode()


def file_key(file_id: bytes) -> bytes:
    """The 256-bit key of one sealed file, which opens no other: a child process may be given it."""
    return hashlib.blake2b(file_id, digest_size=32, key=_secret("seal"), person=b"sealed file").digest()


def blind_prefix(field: str) -> str:
    """What is hashed before the text of a field: a secret of 144 bits and the field's name.

    Secret, name, `:` and a number of up to 20 characters fit into one block of SHA-256. It is given to a query engine
    as a literal of an in-memory connection, and must never reach a disk or a log.
    """
    return f"{base64.b64encode(_secret('blind')[:18]).decode()}{field}:"


def blind(text: str, field: str) -> str:
    """A 128-bit blind index in hex: equal texts of one field meet, nothing else can be learned without the key.

    The same function as `hub.contract.hashed` computes in DuckDB and Spark (docs/decisions/0007-blind-index.md): the
    first half of SHA-256 over a secret prefix. `field` has no colon, so that no two messages are equal.
    """
    return hashlib.sha256(f"{blind_prefix(field)}{text}".encode()).hexdigest()[:32]


def keyed_hash(text: str) -> bytes:
    """16 bytes that stand for an identifier inside the hub; the key is outside the database."""
    return hashlib.blake2b(text.encode(), digest_size=16, key=_secret("hub")).digest()


@cache
def ed25519_key(name: str) -> ed25519.Ed25519PrivateKey:
    """The Ed25519 key called `name` (audit log, witnesses, receipts), made at first use."""
    fresh = ed25519.Ed25519PrivateKey.generate()
    pem = _kept(f"{name}.ed25519", fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key


@cache
def es256_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 key called `name` (city codes, certificates), made at first use."""
    fresh = ec.generate_private_key(ec.SECP256R1())
    pem = _kept(f"{name}.es256", fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def forget_cached() -> None:
    """Drops keys held in memory (tests change DATA between them)."""
    for cached in (_secret, _cipher, ed25519_key, es256_key):
        cached.cache_clear()
