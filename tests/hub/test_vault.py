"""The vault: each text opens by its row, one block at a time; nothing is readable, and nothing opens once changed."""

from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidTag

from liangwang.base import keys
from liangwang.hub import sealed_files, store, vault
from liangwang.hub.models import Batch, Partition

from . import factories as make

pytestmark = pytest.mark.django_db
ROWS = 3 * vault.BLOCK_ROWS + 5


@pytest.fixture
def partition(data_dir: Path) -> Partition:
    """A vault of rows 2, 4, 6 … with a number and, for every second one, a phone."""
    batch = Batch.objects.create(pack="p", source="s", content_hash="x", bytes=1, received_at=make.AT)
    rows = range(2, 2 * ROWS + 2, 2)
    texts = pa.table(
        {
            "row": pa.array(rows, pa.int32()),
            "identity": [f"secret-{row}" for row in rows],
            "phone": [f"phone-{row}" if row % 4 else None for row in rows],
        }
    )
    written = vault.write(batch, texts)
    return store.publish(written, kind="vault", pack="p", source="s", at=make.AT, batch=batch)


def test_a_value_opens_by_row_and_column(partition: Partition) -> None:
    assert partition.rows == ROWS
    for row in (2, 2 * vault.BLOCK_ROWS, 2 * vault.BLOCK_ROWS + 2, 2 * ROWS):
        assert vault.open_value(partition, row, "identity") == f"secret-{row}"
    assert vault.open_value(partition, 2, "phone") == "phone-2"
    assert vault.open_value(partition, 4, "phone") is None


def test_a_row_that_is_not_there_has_nothing(partition: Partition) -> None:
    assert vault.open_rows(partition, [0, 1, 3, 2 * ROWS + 2]) == {}
    assert vault.open_value(partition, 2, "address") is None


def test_many_rows_open_each_block_once(partition: Partition, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    block = vault.Vault.block
    monkeypatch.setattr(vault.Vault, "block", lambda self, n: opened.append(n) or block(self, n))
    found = vault.open_rows(partition, [2, 4, 6, 2 * ROWS], ["identity"])
    assert found == {row: {"identity": f"secret-{row}"} for row in (2, 4, 6, 2 * ROWS)}
    assert opened == [0, 3]


def test_nothing_is_readable_and_a_changed_byte_opens_nothing(partition: Partition) -> None:
    path = store.folder() / partition.path
    content = path.read_bytes()
    assert b"secret" not in content
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(InvalidTag):
        vault.open_value(partition, 2, "identity")
    assert vault.open_value(partition, 2 * ROWS, "identity") == f"secret-{2 * ROWS}"


@pytest.mark.parametrize(
    "size", [0, 1, sealed_files.FRAME - 1, sealed_files.FRAME, 2 * sealed_files.FRAME + 7]
)
def test_a_sealed_file_is_read_at_any_place(data_dir: Path, size: int) -> None:
    content = bytes(i * 7 % 251 for i in range(size))
    path = data_dir / "file"
    out = sealed_files.SealedWriter(path, keys.file_key)
    for start in range(0, size, 300_001):
        out.write(content[start : start + 300_001])
    out.close()
    with sealed_files.SealedReader(path, keys.file_key) as file:
        assert (file.size, file.readall()) == (size, content)
        for place in (0, size // 2, max(0, size - 3), size + 9):
            file.seek(place)
            assert file.read(5) == content[place : place + 5]


def test_a_sealed_file_cut_short_does_not_open(data_dir: Path) -> None:
    path = data_dir / "file"
    out = sealed_files.SealedWriter(path, keys.file_key)
    out.write(b"x" * (2 * sealed_files.FRAME + 1))
    out.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: sealed_files.HEAD + 2 * (sealed_files.FRAME + sealed_files.TAG)])
    with sealed_files.SealedReader(path, keys.file_key) as file, pytest.raises(sealed_files.Damaged):
        file.readall()


def test_one_read_goes_over_frames(data_dir: Path) -> None:
    """Arrow takes a short read for the end of the file: a Parquet footer that lay on two frames was not found."""
    content = bytes(i * 7 % 251 for i in range(3 * sealed_files.FRAME))
    out = sealed_files.SealedWriter(data_dir / "file", keys.file_key)
    out.write(content)
    out.close()
    with sealed_files.SealedReader(data_dir / "file", keys.file_key) as file:
        file.seek(sealed_files.FRAME - 10)
        assert (
            file.read(sealed_files.FRAME + 20)
            == content[sealed_files.FRAME - 10 : 2 * sealed_files.FRAME + 10]
        )
