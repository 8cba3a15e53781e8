"""The audit log under attack: each kind of tampering is found, and named."""

import json
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from liangwang.base import audit, checkpoints, merkle, sequencer, verify
from liangwang.base.access import Thing
from liangwang.base.erasure import erase_entries
from liangwang.base.hats import platform
from liangwang.base.models import AuditEntry, Checkpoint
from liangwang.base.witnesses import Witness, WitnessRefuses

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
ACTOR = platform("audit-test")


def write_entries(n: int, at: datetime) -> None:
    with transaction.atomic():
        for number in range(n):
            audit.record(ACTOR, "update", Thing(kind="case", ref=f"case{number}"), at=at, body={"n": number})


def sequenced(n: int, at: datetime, batches: int = 3) -> None:
    for batch in range(batches):
        write_entries(n // batches, at)
        while sequencer.run_once(at + timedelta(seconds=batch)):
            pass


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def kinds() -> set[str]:
    return {finding.kind for finding in verify.verify().findings}


def places(kind: str) -> set[int | None]:
    return {finding.idx for finding in verify.verify().findings if finding.kind == kind}


def test_an_honest_log_is_whole(at: datetime) -> None:
    sequenced(300, at)
    verdict = verify.verify()
    assert verdict.findings == []
    assert (verdict.entries, verdict.waiting, verdict.checkpoints) == (300, 0, 3)
    newest = Checkpoint.objects.latest("size")
    assert newest.cosigners == ["liangwang/city", "liangwang/district", "liangwang/street"]
    assert checkpoints.signed_by(newest.note, sequencer.public_keys()) == [
        "liangwang/testville/audit",
        *newest.cosigners,
    ]


def test_order_follows_commit_not_id(at: datetime) -> None:
    write_entries(2, at)
    first, second = AuditEntry.objects.order_by("id")
    AuditEntry.objects.filter(pk=first.pk).delete()  # as if its transaction had not committed yet
    sequencer.run_once(at)
    first.save(force_insert=True)
    sequencer.run_once(at)
    assert list(AuditEntry.objects.order_by("idx").values_list("pk", flat=True)) == [second.pk, first.pk]
    assert verify.verify().findings == []


def test_an_edited_body_is_found(at: datetime) -> None:
    sequenced(30, at)
    sql("UPDATE base_auditentry SET body = %s WHERE idx = 7", b'{"verb":"nothing"}')
    assert places("edited") == {7}


def test_an_edit_with_a_fitting_leaf_is_found(at: datetime) -> None:
    sequenced(30, at)
    salt, body = os.urandom(16), b'{"verb":"nothing"}'
    leaf = audit.leaf_hash(salt, body)
    sql("UPDATE base_auditentry SET body=%s, salt=%s, leaf=%s WHERE idx=7", body, salt, leaf)
    assert places("foreign") == {7}


def test_a_deleted_entry_is_found(at: datetime) -> None:
    sequenced(30, at)
    sql("DELETE FROM base_auditentry WHERE idx = 11")
    assert places("deleted") == {11}


def test_a_deleted_entry_with_its_gap_closed_is_found(at: datetime) -> None:
    sequenced(30, at)
    sql("DELETE FROM base_auditentry WHERE idx = 11")
    for idx in range(12, 30):
        sql("UPDATE base_auditentry SET idx = %s WHERE idx = %s", idx - 1, idx)
    assert places("swapped") == set(range(11, 29))
    assert places("truncated") == {29}


def test_two_swapped_entries_are_found(at: datetime) -> None:
    sequenced(30, at)
    for before, after in ((3, 1000), (9, 3), (1000, 9)):
        sql("UPDATE base_auditentry SET idx = %s WHERE idx = %s", after, before)
    assert places("swapped") == {3, 9}


def test_an_inserted_entry_is_found(at: datetime) -> None:
    sequenced(30, at)
    for idx in range(29, 19, -1):
        sql("UPDATE base_auditentry SET idx = %s WHERE idx = %s", idx + 1, idx)
    write_entries(1, at)
    sql("UPDATE base_auditentry SET idx = 20 WHERE idx IS NULL")
    assert places("foreign") == {20}
    assert places("inserted") == {30}


def test_truncation_is_found_and_stops_the_sequencer(at: datetime) -> None:
    sequenced(30, at)
    sql("DELETE FROM base_auditentry WHERE idx >= 20")
    assert places("truncated") == {20}
    sql("DELETE FROM base_checkpoint WHERE size > 20")
    assert places("checkpoint")
    write_entries(1, at)
    with pytest.raises(sequencer.LogBroken):
        sequencer.run_once(at)


def test_truncation_of_database_and_files_is_found_by_the_witnesses(at: datetime, data_dir: Path) -> None:
    sequenced(30, at)
    sql("DELETE FROM base_auditentry WHERE idx >= 20")
    sql("DELETE FROM base_checkpoint WHERE size > 20")
    with (data_dir / "audit" / "tile" / "0").open("r+b") as f:
        f.truncate(20 * 32)
    findings = [finding for finding in verify.verify().findings if finding.kind == "truncated"]
    assert len(findings) == 3
    assert "liangwang/district has cosigned 30 entries" in {finding.what for finding in findings}


def rewrite_everything(data_dir: Path, at: datetime) -> None:
    """What an administrator with the log's key can do: other entries, other files, newly signed heads."""
    sql("DELETE FROM base_checkpoint")
    sql("DELETE FROM base_auditentry")
    shutil.rmtree(data_dir / "audit" / "tile")
    sequenced(30, at + timedelta(hours=1), batches=1)


def test_a_rewrite_with_the_logs_key_is_found_by_the_witnesses(at: datetime, data_dir: Path) -> None:
    sequenced(30, at)
    rewrite_everything(data_dir, at)
    findings = verify.verify().findings
    assert {f.kind for f in findings} == {"rewritten"}
    assert len(findings) == 3
    assert Checkpoint.objects.latest("size").cosigners == []


def test_a_rewrite_without_the_logs_key_is_found_by_its_signatures(at: datetime, data_dir: Path) -> None:
    from liangwang.base import keys

    sequenced(30, at)
    honest = (data_dir / "keys" / "audit_log.ed25519").read_bytes()
    (data_dir / "keys" / "audit_log.ed25519").unlink()
    keys.forget_cached()
    rewrite_everything(data_dir, at)
    (data_dir / "keys" / "audit_log.ed25519").write_bytes(honest)
    keys.forget_cached()
    assert {"checkpoint", "rewritten"} <= kinds()


def test_a_changed_head_is_found(at: datetime) -> None:
    sequenced(30, at)
    sql("UPDATE base_checkpoint SET root = %s WHERE size = 20", b"\x00" * 32)
    assert "rewritten" in kinds()


def test_a_changed_leaf_file_is_found(at: datetime, data_dir: Path) -> None:
    sequenced(600, at, batches=1)
    with (data_dir / "audit" / "tile" / "1").open("r+b") as f:
        f.write(b"\x00" * 32)
    assert kinds() == {"files"}


def test_a_crash_between_commit_and_files_heals(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    sequenced(30, at)
    write_entries(5, at)
    with monkeypatch.context() as patch:
        patch.setattr(sequencer.Tiles, "append", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sequencer._sequence(sequencer.tiles(), at)
            sequencer._catch_up(sequencer.tiles())
    assert sequencer.tiles().size() == 30
    write_entries(2, at)
    assert sequencer.run_once(at) == 2
    assert sequencer.tiles().size() == 37
    assert verify.verify().findings == []


def test_an_edit_in_the_gap_of_a_crash_stops_the_sequencer(at: datetime) -> None:
    sequenced(30, at)
    write_entries(5, at)
    sequencer._sequence(sequencer.tiles(), at)  # and then the machine died before the files were written
    salt, body = os.urandom(16), b'{"verb":"nothing"}'
    sql(
        "UPDATE base_auditentry SET leaf=%s, salt=%s, body=%s WHERE idx=32",
        audit.leaf_hash(salt, body),
        salt,
        body,
    )
    with pytest.raises(sequencer.LogBroken):
        sequencer.run_once(at)


def test_a_witness_refuses_a_fork_and_a_shrunken_log(tmp_path: Path, at: datetime) -> None:
    leaves = [merkle.leaf(str(n).encode()) for n in range(20)]
    other = [merkle.leaf(b"forged"), *leaves[1:]]
    signer = sequencer.log_signer()
    witness = Witness("district", tmp_path)
    witness.trust(signer.verifier)

    def note(rows: list[bytes], size: int) -> str:
        head = merkle.root(size, merkle.subtrees(rows))
        return checkpoints.sign(checkpoints.Checkpoint(signer.name, size, head), signer)

    def proof(rows: list[bytes], old: int, new: int) -> list[bytes]:
        return merkle.consistency(old, new, merkle.subtrees(rows))

    witness.add_checkpoint(note(leaves, 8), [], at)
    line = witness.add_checkpoint(note(leaves, 12), proof(leaves, 8, 12), at)
    assert checkpoints.signed_by(note(leaves, 12) + line, [witness.verifier]) == ["liangwang/district"]
    for rows, size, old in ((other, 12, 12), (other, 20, 12), (leaves, 10, 10)):
        with pytest.raises(WitnessRefuses):
            witness.add_checkpoint(note(rows, size), proof(rows, old, size), at)
    seen = witness.seen()
    assert seen is not None and seen.size == 12
    forger = checkpoints.Signer(signer.name, Witness("street", tmp_path).signer.key)
    forged = checkpoints.sign(checkpoints.parse(note(leaves, 20)), forger)
    with pytest.raises(checkpoints.BadNote):
        witness.add_checkpoint(forged, proof(leaves, 12, 20), at)


def test_a_level_that_has_not_cosigned_for_four_hours_is_named(
    at: datetime, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sequenced(30, at)
    later = at + timedelta(hours=5)
    assert sequencer.silent_witnesses(later) == [], "a quiet log needs no new signature"

    def refuse(witness: Witness, note: str, proof: object, at: datetime) -> str:
        raise WitnessRefuses(witness=witness.level, why="away")

    write_entries(1, at)
    add = Witness.add_checkpoint
    with monkeypatch.context() as patch:
        patch.setattr(
            Witness, "add_checkpoint", lambda w, *a: refuse(w, *a) if w.level == "district" else add(w, *a)
        )
        sequencer.run_once(at)
    assert sequencer.silent_witnesses(at + timedelta(hours=3)) == []
    assert sequencer.silent_witnesses(later) == ["district"]
    monkeypatch.setattr("liangwang.base.verify.clock.now", lambda: later)
    assert verify.verify_log() == 0, "the log is whole; that it lacks a signature is a warning"
    assert "district" in capsys.readouterr().out


def test_erasure_leaves_the_log_whole_and_says_so(at: datetime) -> None:
    sequenced(30, at)
    pk = AuditEntry.objects.get(idx=7).pk
    with transaction.atomic():
        assert erase_entries(ACTOR, [pk], at=at, basis="个人信息保护法第四十七条") == 1
    sequencer.run_once(at)
    gone = AuditEntry.objects.get(pk=pk)
    assert (gone.body, gone.salt) == (None, None)
    verdict = verify.verify()
    assert (verdict.findings, verdict.erased) == ([], 1)


def test_an_entry_emptied_without_an_erasure_is_found(at: datetime) -> None:
    sequenced(30, at)
    sql("UPDATE base_auditentry SET body = NULL, salt = NULL WHERE idx = 4")
    assert places("edited") == {4}


def test_the_command_says_what_it_found(at: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    sequenced(30, at)
    assert verify.verify_log() == 0
    assert "✓" in capsys.readouterr().out
    sql("UPDATE base_auditentry SET body = %s WHERE idx = 7", b'{"verb":"nothing"}')
    assert verify.verify_log() == 1
    assert "✗ edited #7" in capsys.readouterr().out


def test_the_body_says_who_did_what_without_a_name(at: datetime) -> None:
    write_entries(1, at)
    body = json.loads(bytes(AuditEntry.objects.get().body))
    assert {"at", "who", "hat", "role", "verb", "thing", "ref", "purpose", "outcome"} <= body.keys()
