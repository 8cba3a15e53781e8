"""A receipt verifies offline, and no changed receipt does."""

from datetime import datetime
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.base import audit, proofs, receipts, sequencer
from liangwang.base.access import Thing
from liangwang.base.checkpoints import BadNote, Verifier
from liangwang.base.erasure import erase_entries
from liangwang.base.hats import platform
from tests.tries import tries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
ACTOR = platform("receipt-test")


def submitted(at: datetime, n: int = 20) -> list[int]:
    with transaction.atomic():
        return [
            audit.record(ACTOR, "create", Thing(kind="application", ref=f"a{i}"), at=at, body={"n": i}).pk
            for i in range(n)
        ]


@pytest.fixture
def receipt_and_keys(at: datetime) -> tuple[str, list[Verifier]]:
    ids = submitted(at)
    sequencer.run_once(at)
    return receipts.receipt(ids[7]), sequencer.public_keys()


def test_a_receipt_proves_what_was_submitted(receipt_and_keys: tuple[str, list[Verifier]]) -> None:
    text, keys = receipt_and_keys
    found = proofs.verify(text, keys, quorum=3)
    assert (found.idx, found.checkpoint.size) == (7, 20)
    assert (found.entry["verb"], found.entry["ref"], found.entry["body"]) == ("create", "a7", {"n": 7})
    assert found.cosigners == ("liangwang/city", "liangwang/district", "liangwang/street")


def test_a_receipt_is_made_only_once_the_entry_has_its_place(at: datetime) -> None:
    (entry,) = submitted(at, 1)
    with pytest.raises(receipts.NotYet):
        receipts.receipt(entry)
    sequencer.run_once(at)
    assert receipts.check(receipts.receipt(entry)).idx == 0


def test_an_old_receipt_holds_after_the_log_has_grown(at: datetime) -> None:
    ids = submitted(at, 3)
    sequencer.run_once(at)
    old = receipts.receipt(ids[1])
    submitted(at, 500)
    sequencer.run_once(at)
    assert receipts.check(old).checkpoint.size == 3
    assert receipts.check(receipts.receipt(ids[1])).checkpoint.size == 503


@settings(max_examples=tries(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_receipt_holds(receipt_and_keys: tuple[str, list[Verifier]], data: st.DataObject) -> None:
    text, keys = receipt_and_keys
    head = text.index("\n\n")
    at = data.draw(st.integers(0, len(text) - 1).filter(lambda i: text[i] not in "\n"))
    new = data.draw(st.sampled_from("ABCabc0129+/").filter(lambda c: c != text[at]))
    changed = text[:at] + new + text[at + 1 :]
    try:
        found = proofs.verify(changed, keys, quorum=3)
    except proofs.BadReceipt:
        return
    # Base64 has spare bits in its last character: the text may differ, what it proves may not.
    assert found == proofs.verify(text, keys, quorum=3)
    assert at < head or new != text[at]


def test_other_keys_do_not_verify_it(receipt_and_keys: tuple[str, list[Verifier]], tmp_path: Path) -> None:
    from liangwang.base.witnesses import witnesses

    text, keys = receipt_and_keys
    strangers = [witness.verifier for witness in witnesses(tmp_path / "elsewhere")]
    with pytest.raises(proofs.BadReceipt):
        proofs.verify(text, [keys[0], *strangers])
    with pytest.raises(proofs.BadReceipt):
        proofs.verify(text, keys[1:])


def test_keys_survive_their_text_and_a_wrong_hash_does_not(
    receipt_and_keys: tuple[str, list[Verifier]],
) -> None:
    _, keys = receipt_and_keys
    assert proofs.read_keys("# ours\n" + "\n".join(map(str, keys))) == keys
    with pytest.raises(BadNote):
        proofs.read_keys(str(keys[0]).replace("+", "+00", 1))


def test_erasure_takes_the_words_and_keeps_the_place(at: datetime) -> None:
    ids = submitted(at)
    sequencer.run_once(at)
    text = receipts.receipt(ids[3])
    with transaction.atomic():
        erase_entries(ACTOR, ids[3:4], at=at, basis="个人信息保护法第四十七条")
    with pytest.raises(receipts.EntryErased):
        receipts.receipt(ids[3])
    assert receipts.check(text).idx == 3  # the holder's own copy still proves it
    assert receipts.check(receipts.receipt(ids[4])).idx == 4


def test_the_command_needs_only_the_file_and_the_public_keys(
    receipt_and_keys: tuple[str, list[Verifier]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, keys = receipt_and_keys
    (tmp_path / "receipt.txt").write_text(text)
    (tmp_path / "keys.txt").write_text("\n".join(map(str, keys)))
    assert receipts.verify_receipt(str(tmp_path / "receipt.txt"), str(tmp_path / "keys.txt")) == 0
    assert "liangwang/testville/audit #7 / 20" in capsys.readouterr().out
    (tmp_path / "receipt.txt").write_text(text.replace("index 7", "index 8"))
    assert receipts.verify_receipt(str(tmp_path / "receipt.txt"), str(tmp_path / "keys.txt")) == 1
    assert "✗ 回执无效" in capsys.readouterr().out
