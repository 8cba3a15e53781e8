"""Secrets at rest: sealed to their row, found by blind index, kept in files that only we may read."""

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from liangwang.base import keys

pytestmark = pytest.mark.usefixtures("data_dir")


@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_what_is_sealed_opens_only_in_its_place(text: str, aad: str) -> None:
    blob = keys.seal(text, aad)
    assert keys.unseal(blob, aad) == text
    assert keys.seal(text, aad) != blob
    with pytest.raises(InvalidTag):
        keys.unseal(blob, aad + "x")
    with pytest.raises(InvalidTag):
        keys.unseal(blob[:-1] + bytes([blob[-1] ^ 1]), aad)


def test_a_blind_index_meets_in_its_field_only() -> None:
    assert keys.blind("310105199001011234", "identity") == keys.blind("310105199001011234", "identity")
    assert keys.blind("310105199001011234", "identity") != keys.blind("310105199001011234", "phone")
    assert len(keys.keyed_hash("310105199001011234")) == 16


def test_keys_are_files_of_the_owner_only(data_dir: Path) -> None:
    keys.seal("x", "y")
    keys.ed25519_key("audit_log")
    files = list((data_dir / "keys").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_key_survives_a_restart_and_another_data_has_another(data_dir: Path) -> None:
    blob, index = keys.seal("x", "y"), keys.blind("x", "f")
    keys.forget_cached()
    assert (keys.unseal(blob, "y"), keys.blind("x", "f")) == ("x", index)
    for path in (data_dir / "keys").iterdir():
        path.unlink()
    keys.forget_cached()
    assert keys.blind("x", "f") != index
    with pytest.raises(InvalidTag):
        keys.unseal(blob, "y")
