"""C2SP checkpoints: a log's size and head as a signed note, and the cosignatures of the other levels."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DASH = "—"
LOG, COSIGNER = 0x01, 0x04  # signature types of signed-note and tlog-cosignature


class BadNote(ValueError):
    """A note that does not parse, or whose signature is missing or wrong."""


class Verifier(NamedTuple):
    """A public key with its name and what it may sign, as `name+hash+base64` (a C2SP verifier key)."""

    name: str
    kind: int
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes([self.kind]) + self.key)}"

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """The key of a verifier line; BadNote when its hash does not fit."""
        name, _, rest = text.strip().partition("+")
        written, _, encoded = rest.partition("+")
        raw = _unb64(encoded)
        found = cls(name, raw[0] if raw else 0, raw[1:])
        if found.key_id.hex() != written or len(found.key) != 32:
            raise BadNote(f"not a verifier key: {text!r}")
        return found

    def accepts(self, signature: bytes, text: str) -> bool:
        """Whether this key made the signature over a note's text."""
        try:
            if self.kind == COSIGNER:
                at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
                text = f"cosignature/v1\ntime {at}\n{text}"
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer(NamedTuple):
    """A private key under a name: the log's own, or a cosigner's."""

    name: str
    key: Ed25519PrivateKey
    kind: int = LOG

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Verifier(self.name, self.kind, raw)

    def line(self, text: str, at: int = 0) -> str:
        """The signature line for a note's text; a cosigner's also says when, in seconds since 1970."""
        if self.kind == COSIGNER:
            signed = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
            return _line(self.verifier, at.to_bytes(8, "big") + signed)
        return _line(self.verifier, self.key.sign(text.encode()))


class Checkpoint(NamedTuple):
    """What a note says: which log, how many entries, under which head."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The part of the note that is signed."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note of a checkpoint."""
    return f"{checkpoint.text}\n{signer.line(checkpoint.text)}"


def parse(note: str) -> Checkpoint:
    """What a note says, its signatures unchecked; BadNote when it is not a checkpoint."""
    text, _ = _parts(note)
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not lines[1].isdecimal() or str(int(lines[1])) != lines[1]:
        raise BadNote("not a checkpoint")
    root = _unb64(lines[2])
    if len(root) != 32:
        raise BadNote("a checkpoint's head has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def signed_by(note: str, verifiers: Iterable[Verifier]) -> list[str]:
    """Names of the keys whose signature on the note is right; a wrong signature of a known key is BadNote."""
    text, signatures = _parts(note)
    names = []
    for verifier in verifiers:
        for name, raw in signatures:
            if name == verifier.name and raw[:4] == verifier.key_id:
                if not verifier.accepts(raw[4:], text):
                    raise BadNote(f"the signature of {name} is wrong")
                names.append(name)
                break
    return names


def open_note(note: str, log: Verifier) -> Checkpoint:
    """The checkpoint of a note that the log has signed; BadNote otherwise."""
    found = parse(note)
    if not signed_by(note, [log]):
        raise BadNote(f"not signed by {log.name}")
    return found


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise BadNote("a note has text, an empty line and signatures")
    found = []
    for line in tail.splitlines():
        dash, name, encoded = [*line.split(" "), "", ""][:3]
        raw = _unb64(encoded)
        if dash != DASH or not name or len(raw) < 5:
            raise BadNote(f"not a signature line: {line!r}")
        found.append((name, raw))
    return head + "\n", found


def _line(verifier: Verifier, signature: bytes) -> str:
    return f"{DASH} {verifier.name} {_b64(verifier.key_id + signature)}\n"


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote(f"not base64: {text[:40]!r}") from error
