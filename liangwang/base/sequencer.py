"""Gives audit leaves their order each second, signs the tree's head and has the other levels cosign it."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from . import checkpoints, keys, merkle
from .checkpoints import BadNote, Signer, Verifier
from .models import AuditEntry, Checkpoint
from .tiles import Tiles
from .witnesses import Witness, WitnessRefuses, witnesses

log = logging.getLogger(__name__)
BATCH = 2000
COSIGN_WITHIN = timedelta(hours=4)


class LogBroken(Exception):
    """The database and the log's own files disagree; nothing more is sequenced until someone has looked."""


def origin() -> str:
    """The log's name in its checkpoints."""
    return f"liangwang/{settings.CITY}/audit"


def log_signer() -> Signer:
    """The log's signing key."""
    return Signer(origin(), keys.ed25519_key("audit_log"))


def folder() -> Path:
    """Where the log keeps leaf hashes, public keys and its lock."""
    path: Path = settings.DATA / "audit"
    path.mkdir(parents=True, exist_ok=True)
    return path


def tiles() -> Tiles:
    return Tiles(folder() / "tile")


def witness_folder() -> Path:
    path: Path = settings.DATA / "witness"
    return path


def run_once(at: datetime) -> int:
    """Sequences up to one batch, signs, has it cosigned; returns how many entries got their place.

    Only one process at a time does it, others return 0. Raises LogBroken.
    """
    with _alone() as alone:
        if not alone:
            return 0
        kept = tiles()
        _catch_up(kept)
        found = _sequence(kept, at)
        if found:
            _catch_up(kept)
        cosign(at)
        return found


def cosign(at: datetime) -> list[str]:
    """Shows the newest checkpoint to the witnesses that have not cosigned it; returns who has."""
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None:
        return []
    names, note = list(newest.cosigners), newest.note
    for witness in witnesses(witness_folder()):
        if witness.verifier.name not in names:
            witness.trust(log_signer().verifier)
            line = _ask(witness, newest.note, at)
            if line:
                note, names = note + line, [*names, witness.verifier.name]
    if names != newest.cosigners:
        with transaction.atomic():
            Checkpoint.objects.filter(pk=newest.pk).update(note=note, cosigners=names)
        _publish_keys()
    return names


def silent_witnesses(at: datetime) -> list[str]:
    """The levels that have not cosigned for four hours what is in the log: from then on the log is its keeper's word.

    X-Road stops its exchange after 14,400 s without a time-stamp; here it is shown, on the audit page and by `verify-log`.
    """
    old = AuditEntry.objects.filter(at__lt=at - COSIGN_WITHIN)
    found = []
    for witness in witnesses(witness_folder()):
        seen = witness.seen()
        if old.filter(Q(idx__gte=seen.size if seen else 0) | Q(idx=None)).exists():
            found.append(witness.level)
    return found


def public_keys() -> list[Verifier]:
    """The log's public key, then the witnesses': all that a receipt needs to be verified."""
    return [log_signer().verifier, *(witness.verifier for witness in witnesses(witness_folder()))]


def _ask(witness: Witness, note: str, at: datetime) -> str | None:
    size = checkpoints.parse(note).size
    before = witness.seen()
    proof = merkle.consistency(before.size, size, tiles().subtree) if before and before.size <= size else []
    try:
        return witness.add_checkpoint(note, proof, at)
    except (WitnessRefuses, BadNote) as refusal:
        log.error("%s does not cosign: %s", witness.verifier.name, refusal)
        return None


def _sequence(kept: Tiles, at: datetime) -> int:
    """Places and head in one transaction; the files follow, and catch up after a crash in between.

    Rows are taken by "not yet placed", never by id > last: a transaction with a smaller id may commit later.
    """
    size = kept.size()
    with transaction.atomic():
        waiting = AuditEntry.objects.filter(idx=None).order_by("id").values_list("id", "leaf")
        rows = list(waiting[:BATCH])
        if not rows:
            return 0
        tree = merkle.frontier(size, kept.subtree)
        for _, leaf in rows:
            tree.add(bytes(leaf))
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE base_auditentry SET idx = %s WHERE id = %s AND idx IS NULL",
                [(size + n, pk) for n, (pk, _) in enumerate(rows)],
            )
        head = checkpoints.Checkpoint(origin(), tree.size, tree.root())
        note = checkpoints.sign(head, log_signer())
        Checkpoint.objects.create(size=tree.size, root=head.root, at=at, note=note, cosigners=[])
    return len(rows)


def _catch_up(kept: Tiles) -> None:
    """Brings the files up to the newest checkpoint, which they must reproduce; LogBroken where they do not."""
    newest = Checkpoint.objects.order_by("-size").first()
    size, have = newest.size if newest else 0, kept.size()
    if have > size:
        raise LogBroken(f"the database ends at entry {size}, the log's files at {have}")
    if newest is None or have == size:
        kept.append([])
        return
    rows = (
        AuditEntry.objects.filter(idx__gte=have, idx__lt=size).order_by("idx").values_list("leaf", flat=True)
    )
    leaves = [bytes(leaf) for leaf in rows]
    tree = merkle.frontier(have, kept.subtree)
    for leaf in leaves:
        tree.add(leaf)
    if tree.size != size or tree.root() != bytes(newest.root):
        raise LogBroken(f"entries {have} to {size} are not those that were signed")
    kept.append(leaves)


@contextmanager
def _alone() -> Iterator[bool]:
    with (folder() / "lock").open("w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _publish_keys() -> None:
    """Public keys as a file beside the log, for offline verification and the receipt page."""
    text = "".join(f"{verifier}\n" for verifier in public_keys())
    path = folder() / "keys.txt"
    if not path.exists() or path.read_text() != text:
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(path)
