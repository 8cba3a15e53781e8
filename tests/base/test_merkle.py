"""The Merkle tree against RFC 6962's own vectors, a naive tree, and proofs that must not verify."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base import merkle
from liangwang.base.tiles import Tiles
from tests.tries import tries

# Inputs and heads of RFC 6962's reference test data (certificate-transparency, merkletree tests).
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
HEADS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return merkle.node(naive(leaves[:k]), naive(leaves[k:]))


def some_leaves(n: int) -> list[bytes]:
    return [merkle.leaf(str(i).encode()) for i in range(n)]


def test_heads_are_those_of_the_reference_vectors() -> None:
    tree = merkle.Frontier()
    for text, head in zip(INPUTS, HEADS, strict=True):
        tree.add(merkle.leaf(bytes.fromhex(text)))
        assert tree.root().hex() == head


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.Frontier().root() == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 70))
def test_every_entry_of_every_small_tree_is_proved(size: int) -> None:
    leaves = some_leaves(size)
    head = naive(leaves)
    subtree = merkle.subtrees(leaves)
    assert merkle.root(size, subtree) == head
    for index in range(size):
        proof = merkle.inclusion(index, size, subtree)
        assert merkle.includes(index, size, leaves[index], proof, head)
        assert not merkle.includes(index, size, merkle.leaf(b"other"), proof, head)
        if size > 1:
            assert not merkle.includes((index + 1) % size, size, leaves[index], proof, head)
            assert not merkle.includes(index, size, leaves[index], proof[:-1], head)


@pytest.mark.parametrize("new", range(1, 40))
def test_every_growth_of_every_small_tree_is_proved(new: int) -> None:
    leaves = some_leaves(new)
    subtree = merkle.subtrees(leaves)
    for old in range(new + 1):
        proof = merkle.consistency(old, new, subtree)
        before, after = naive(leaves[:old]), naive(leaves)
        assert merkle.consistent(old, new, before, after, proof)
        if old:
            forged = naive([merkle.leaf(b"forged"), *leaves[1:old]])
            assert not merkle.consistent(old, new, forged, after, proof)


@settings(max_examples=tries(60), deadline=None)
@given(st.integers(1, 2000), st.data())
def test_a_damaged_proof_never_verifies(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    subtree = merkle.subtrees(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof, head = merkle.inclusion(index, size, subtree), merkle.root(size, subtree)
    assert merkle.includes(index, size, leaves[index], proof, head)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        step = bytearray(proof[at])
        step[bit // 8] ^= 1 << bit % 8
        assert not merkle.includes(
            index, size, leaves[index], [*proof[:at], bytes(step), *proof[at + 1 :]], head
        )


def test_tiles_give_the_subtrees_of_the_leaves_however_they_arrived(tmp_path: Path) -> None:
    leaves = some_leaves(70_000)
    tiles = Tiles(tmp_path)
    start = 0
    for step in (1, 255, 256, 3, 60_000, 9_485):
        tiles.append(leaves[start : start + step])
        start += step
    assert tiles.size() == start == 70_000
    assert tiles.leaves() == leaves
    assert merkle.root(70_000, tiles.subtree) == naive(leaves)
    known = merkle.subtrees(leaves)
    assert all(tiles.subtree(level, 0) == known(level, 0) for level in range(17))
    assert [path.stat().st_size // 32 for path in sorted(tmp_path.iterdir())] == [70_000, 273, 1]


def test_a_torn_last_hash_is_written_again(tmp_path: Path) -> None:
    leaves = some_leaves(600)
    tiles = Tiles(tmp_path)
    tiles.append(leaves[:300])
    with (tmp_path / "0").open("ab") as f:
        f.write(b"half of a hash")
    (tmp_path / "1").unlink()
    assert tiles.subtree(8, 0) == merkle.subtrees(leaves)(8, 0)
    tiles.append(leaves[300:])
    assert tiles.leaves() == leaves
    assert merkle.root(600, tiles.subtree) == naive(leaves)
