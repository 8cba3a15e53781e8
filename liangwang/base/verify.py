"""Checks the whole audit log against its files, its signed heads and what the witnesses remember."""

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import connection

from . import checkpoints, clock, merkle
from .checkpoints import BadNote, Verifier
from .merkle import pairs
from .models import AuditEntry, Checkpoint
from .sequencer import COSIGN_WITHIN, log_signer, silent_witnesses, tiles, witness_folder
from .tiles import STRIDE, TILE
from .witnesses import witnesses

SHOWN = 20
ERASURE = b'"erased":['


class Finding(NamedTuple):
    """One sign of tampering: its kind, the entry's place (None for the whole), and what was seen."""

    kind: str
    idx: int | None
    what: str


class Verdict(NamedTuple):
    """What a full verification found."""

    entries: int
    erased: int
    waiting: int
    checkpoints: int
    findings: list[Finding]


def verify() -> Verdict:
    """Reads every entry once; the time grows with the log, a few seconds for a million entries."""
    leaves = tiles().leaves()
    comparison = _Comparison(leaves)
    comparison.run()
    tree = _Heads(leaves)
    heads = list(Checkpoint.objects.order_by("size"))
    findings = [*comparison.findings, *_upper_tiles(tree), *_checkpoints(heads, tree), *_witnesses(tree)]
    waiting = AuditEntry.objects.filter(idx=None).count()
    return Verdict(comparison.rows, len(comparison.empty), waiting, len(heads), findings)


def verify_log() -> int:
    """The command: 0 and one line when all is right, else 1 and what was done to which entry."""
    started = time.monotonic()
    verdict = verify()
    out = sys.stdout.write
    for finding in verdict.findings[:SHOWN]:
        where = "" if finding.idx is None else f" #{finding.idx}"
        out(f"✗ {finding.kind}{where}: {finding.what}\n")
    if len(verdict.findings) > SHOWN:
        out(f"… {len(verdict.findings) - SHOWN} more\n")
    for level in silent_witnesses(clock.now()):
        hours = COSIGN_WITHIN.total_seconds() / 3600
        out(f"⚠ {level}: 超过 {hours:g} 小时没有联署 · no cosignature for over {hours:g} h\n")
    mark = (
        "✗ 审计日志被改动 · the audit log was tampered with" if verdict.findings else "✓ 审计日志完整 · whole"
    )
    out(
        f"{mark}: {verdict.entries} 条 entries ({verdict.erased} 已依法清除 erased, {verdict.waiting} 待排序 waiting),"
        f" {verdict.checkpoints} 检查点 checkpoints, {time.monotonic() - started:.1f} s\n"
    )
    return 1 if verdict.findings else 0


class _Heads:
    """Heads at any size, recomputed from the leaves alone: one pass makes every complete subtree of 256."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.rows: list[list[bytes]] = [leaves]
        while len(self.rows[-1]) > 1:
            self.rows.append(pairs(self.rows[-1]))

    @property
    def size(self) -> int:
        return len(self.leaves)

    def subtree(self, level: int, index: int) -> bytes:
        return self.rows[level][index]

    def root(self, size: int) -> bytes:
        return merkle.root(size, self.subtree)


class _Comparison:
    """Each row of the database against its own content, its place and the log's files."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.findings: list[Finding] = []
        self.rows = 0
        self.empty: dict[int, int] = {}
        self.erased: set[int] = set()
        self._home: dict[bytes, int] = {}

    def run(self) -> None:
        """Collects what is wrong with any row, and what should be there and is not."""
        expected = 0
        for pk, idx, leaf, salt, body in _rows():
            self.rows += 1
            if idx > expected:
                self.findings.append(
                    Finding("deleted", expected, f"{idx - expected} missing before row {pk}")
                )
            expected = idx + 1
            held = bytes(leaf)
            if idx >= len(self.leaves):
                self.findings.append(Finding("inserted", idx, f"row {pk} was never sequenced"))
            elif held != self.leaves[idx]:
                self._misplaced(pk, idx, held)
            elif body is None:
                self.empty[pk] = idx
            elif hashlib.sha256(b"\x00" + bytes(salt or b"") + bytes(body)).digest() != held:
                self.findings.append(Finding("edited", idx, f"row {pk} does not say what was signed"))
            elif ERASURE in bytes(body):
                self.erased |= set(json.loads(bytes(body))["body"]["erased"])
        if expected < len(self.leaves):
            what = f"the log has {len(self.leaves)} entries, the database ends at {expected}"
            self.findings.append(Finding("truncated", expected, what))
        for pk in sorted(self.empty.keys() - self.erased):
            self.findings.append(
                Finding("edited", self.empty[pk], f"row {pk} was emptied, not erased by law")
            )

    def _misplaced(self, pk: int, idx: int, held: bytes) -> None:
        self._home = self._home or {leaf: index for index, leaf in enumerate(self.leaves)}
        home = self._home.get(held)
        if home is None:
            self.findings.append(Finding("foreign", idx, f"row {pk} is not an entry of the log"))
        else:
            self.findings.append(Finding("swapped", idx, f"row {pk} belongs at #{home}"))


def _rows() -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, idx, leaf, salt, body FROM base_auditentry WHERE idx IS NOT NULL ORDER BY idx"
        )
        while rows := cursor.fetchmany(10_000):
            yield from rows


def _upper_tiles(tree: _Heads) -> Iterator[Finding]:
    kept = tiles()
    for level in range(STRIDE, len(tree.rows), STRIDE):
        row = tree.rows[level]
        if any(kept.subtree(level, index) != head for index, head in enumerate(row)):
            yield Finding(
                "files", None, f"the stored heads of {TILE}-entry tiles do not follow from the leaves"
            )


def _checkpoints(heads: Iterable[Checkpoint], tree: _Heads) -> Iterator[Finding]:
    log = log_signer().verifier
    seen: Checkpoint | None = None
    for seen in heads:
        try:
            said = checkpoints.open_note(seen.note, log)
        except BadNote as error:
            yield Finding("checkpoint", seen.size, f"the head at {seen.size} has no good signature: {error}")
            continue
        if said.size > tree.size:
            yield Finding("truncated", tree.size, f"a head of {said.size} entries was signed")
        elif tree.root(said.size) != said.root or (said.size, said.root) != (seen.size, bytes(seen.root)):
            yield Finding("rewritten", None, f"the first {said.size} entries are not those that were signed")
            return
    if tree.size and (seen is None or seen.size < tree.size):
        yield Finding("checkpoint", None, f"{tree.size} entries are kept and no head of that size is signed")


def _witnesses(tree: _Heads) -> Iterator[Finding]:
    newest = Checkpoint.objects.order_by("-size").first()
    for witness in witnesses(witness_folder()):
        seen = witness.seen()
        if seen is None:
            continue
        name = witness.verifier.name
        if seen.size > tree.size:
            yield Finding("truncated", tree.size, f"{name} has cosigned {seen.size} entries")
        elif tree.root(seen.size) != seen.root:
            yield Finding("rewritten", None, f"{name} remembers other first {seen.size} entries")
        if newest and name in newest.cosigners and not _cosigned(newest.note, witness.verifier):
            yield Finding("checkpoint", newest.size, f"the cosignature of {name} is missing or wrong")


def _cosigned(note: str, verifier: Verifier) -> bool:
    try:
        return bool(checkpoints.signed_by(note, [verifier]))
    except BadNote:
        return False
