"""C2SP tlog-proof texts: an entry, its way to a signed head; verified offline with public keys alone."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from . import checkpoints, merkle
from .checkpoints import COSIGNER, LOG, BadNote, Checkpoint, Verifier
from .errors import Refusal
from .labels import Label

HEADER = "c2sp.org/tlog-proof@v1"
SALT_BYTES = 16


class BadReceipt(Refusal):
    """The receipt is not one, was changed, or is not signed by those it should be."""

    status, code = 422, "bad_receipt"
    template: ClassVar[Label] = {"zh": "回执无效:{zh}", "en": "the receipt is not valid: {en}"}


class Verified(NamedTuple):
    """What a good receipt proves: the entry's place, the head it is under, what it says, who vouches."""

    idx: int
    checkpoint: Checkpoint
    entry: dict[str, Any]
    cosigners: tuple[str, ...]


def write(index: int, salt: bytes, body: bytes, path: Sequence[bytes], note: str) -> str:
    """The receipt text; the entry itself travels in the `extra` line as salt ‖ body."""
    hashes = "".join(f"{_b64(step)}\n" for step in path)
    return f"{HEADER}\nextra {_b64(salt + body)}\nindex {index}\n{hashes}\n{note}"


def verify(text: str, keys: Sequence[Verifier], quorum: int = 1) -> Verified:
    """What a receipt proves under the given public keys; raises BadReceipt.

    The first log key must have signed, and at least `quorum` of the witnesses' keys cosigned.
    """
    index, extra, path, note = _parse(text.replace("\r\n", "\n"))
    logs = [key for key in keys if key.kind == LOG]
    try:
        if not checkpoints.signed_by(note, logs):
            raise BadReceipt(zh="没有日志的签名", en="the log has not signed it")
        cosigners = checkpoints.signed_by(note, [key for key in keys if key.kind == COSIGNER])
        head = checkpoints.parse(note)
    except BadNote as error:
        raise BadReceipt(zh=f"签名不符({error})", en=str(error)) from error
    if len(cosigners) < quorum:
        raise BadReceipt(zh=f"联署不足 {quorum} 个", en=f"fewer than {quorum} cosignatures")
    if not merkle.includes(index, head.size, merkle.leaf(extra), path, head.root):
        raise BadReceipt(zh="内容与签名的日志不符", en="the entry is not in the signed log")
    return Verified(index, head, _entry(extra[SALT_BYTES:]), tuple(cosigners))


def read_keys(text: str) -> list[Verifier]:
    """The public keys of a key file, one verifier key a line; `#` begins a comment. Raises BadNote."""
    return [Verifier.parse(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _parse(text: str) -> tuple[int, bytes, list[bytes], str]:
    top, gap, note = text.partition("\n\n")
    lines = top.split("\n")
    try:
        header, extra, index, *hashes = lines
        if header != HEADER or not gap or not extra.startswith("extra ") or not index.startswith("index "):
            raise ValueError("no header")
        steps = [base64.b64decode(line, validate=True) for line in hashes]
        if any(len(step) != merkle.HASH_BYTES for step in steps):
            raise ValueError("a step has 32 bytes")
        return int(index[6:]), base64.b64decode(extra[6:], validate=True), steps, note
    except (ValueError, binascii.Error) as error:
        raise BadReceipt(zh="格式不对", en=f"not a receipt ({error})") from error


def _entry(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise BadReceipt(zh="内容不可读", en="the entry cannot be read") from error
    if not isinstance(found, dict):
        raise BadReceipt(zh="内容不可读", en="the entry cannot be read")
    return found


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
