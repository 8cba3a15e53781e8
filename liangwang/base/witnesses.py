"""The levels that watch the log: each has its own key and memory outside the database and refuses a fork."""

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from . import merkle
from .checkpoints import COSIGNER, Checkpoint, Signer, Verifier, open_note
from .errors import Refusal
from .labels import Label

LEVELS = ("city", "district", "street")


class WitnessRefuses(Refusal):
    """A witness will not cosign: what it was shown does not continue what it has seen."""

    status, code = 422, "witness_refuses"
    template: ClassVar[Label] = {
        "zh": "{witness} 级见证不予联署:{why}",
        "en": "the {witness} witness refuses to cosign: {why}",
    }


class Witness:
    """One level's witness; in a city of several machines each level runs its own."""

    def __init__(self, level: str, folder: Path) -> None:
        self.level = level
        self.folder = folder / level
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.signer = Signer(f"liangwang/{level}", self._key(), COSIGNER)

    @property
    def verifier(self) -> Verifier:
        """The witness's public key."""
        return self.signer.verifier

    def seen(self) -> Checkpoint | None:
        """The largest checkpoint that this witness has cosigned."""
        path = self.folder / "seen.json"
        if not path.exists():
            return None
        raw = json.loads(path.read_text())
        return Checkpoint(raw["origin"], raw["size"], bytes.fromhex(raw["root"]))

    def add_checkpoint(self, note: str, proof: Sequence[bytes], at: datetime) -> str:
        """Cosigns a note that continues what was seen; raises WitnessRefuses, BadNote.

        The memory is on disk before the signature leaves, so a crash can only make it too careful.
        """
        shown = open_note(note, self._log_key())
        before = self.seen()
        if before:
            self._refuse_unless_grown(before, shown, proof)
        state = {"origin": shown.origin, "size": shown.size, "root": shown.root.hex()}
        _write(self.folder / "seen.json", json.dumps(state))
        return self.signer.line(shown.text, int(at.timestamp()))

    def trust(self, log: Verifier) -> None:
        """Pins the log's key; a witness that has pinned one keeps it."""
        path = self.folder / "log.key"
        if not path.exists():
            _write(path, f"{log}\n")

    def _log_key(self) -> Verifier:
        path = self.folder / "log.key"
        if not path.exists():
            raise WitnessRefuses(witness=self.level, why="no log key is pinned")
        return Verifier.parse(path.read_text())

    def _refuse_unless_grown(self, before: Checkpoint, shown: Checkpoint, proof: Sequence[bytes]) -> None:
        why = None
        if before.origin != shown.origin:
            why = f"another log ({shown.origin})"
        elif shown.size < before.size:
            why = f"the log has shrunk from {before.size} to {shown.size}"
        elif not merkle.consistent(before.size, shown.size, before.root, shown.root, proof):
            why = f"the first {before.size} entries are not those that it saw"
        if why:
            raise WitnessRefuses(witness=self.level, why=why)

    def _key(self) -> Ed25519PrivateKey:
        path = self.folder / "key.pem"
        if not path.exists():
            fresh = Ed25519PrivateKey.generate()
            pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(path, pem.decode(), 0o600)
        key = load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        return key


def witnesses(folder: Path) -> list[Witness]:
    """The witnesses of the three levels, keys made at first use."""
    return [Witness(level, folder) for level in LEVELS]


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    fresh = path.with_suffix(".new")
    fd = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(fd, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    fresh.replace(path)
