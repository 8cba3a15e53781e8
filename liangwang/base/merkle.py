"""RFC 6962 Merkle trees, pure: leaves, frontier, inclusion and consistency proofs, and their verification."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32

# The hash of the complete subtree with 2**level leaves that is number `index` from the left.
Subtree = Callable[[int, int], bytes]


def leaf(data: bytes) -> bytes:
    """The hash of one entry (section 2.1: a leaf can never be taken for a node)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def pairs(hashes: Sequence[bytes]) -> list[bytes]:
    """One level up: the hash of each complete pair; an odd last one is left out."""
    return [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=False)]


class Frontier:
    """The right edge of a growing tree: O(log n) state, constant work for each entry on average.

    >>> tree = Frontier()
    >>> for data in (b"a", b"b", b"c"):
    ...     tree.add(leaf(data))
    >>> tree.root() == node(node(leaf(b"a"), leaf(b"b")), leaf(b"c"))
    True
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def add(self, leaf_hash: bytes) -> None:
        """Appends one leaf hash."""
        n, top = self.size, leaf_hash
        while n & 1:
            top = node(self.peaks.pop(), top)
            n >>= 1
        self.peaks.append(top)
        self.size += 1

    def root(self) -> bytes:
        """The tree's head."""
        if not self.peaks:
            return EMPTY_ROOT
        top = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            top = node(peak, top)
        return top


def frontier(size: int, subtree: Subtree) -> Frontier:
    """The right edge of a stored tree, from its complete subtrees."""
    peaks, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            peaks.append(subtree(level, start >> level))
            start += 1 << level
    return Frontier(size, peaks)


def root(size: int, subtree: Subtree) -> bytes:
    """The head that the tree had at a size."""
    return frontier(size, subtree).root()


def subtrees(leaves: Sequence[bytes]) -> Subtree:
    """Complete subtrees of leaf hashes in memory, computed as they are asked for."""

    def of(level: int, index: int) -> bytes:
        row = list(leaves[index << level : (index + 1) << level])
        for _ in range(level):
            row = pairs(row)
        return row[0]

    return of


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that entry `index` is in the tree of `size` (section 2.1.1), from the entry upwards."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    start, n, path = 0, size, []
    while n > 1:
        k = _split(n)
        if index - start < k:
            path.append(_range(start + k, n - k, subtree))
            n = k
        else:
            path.append(_range(start, k, subtree))
            start, n = start + k, n - k
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `new` only appended to the tree of `old` (section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} cannot have grown from {old}")
    if old in (0, new):
        return []
    start, m, n, whole = 0, old, new, True
    path: list[bytes] = []
    while m != n:
        k = _split(n)
        if m <= k:
            path.append(_range(start + k, n - k, subtree))
            n = k
        else:
            path.append(_range(start, k, subtree))
            start, m, n, whole = start + k, m - k, n - k, False
    if not whole:
        path.append(_range(start, m, subtree))
    return path[::-1]


def includes(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], head: bytes) -> bool:
    """Whether the proof leads from the entry to the head (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, found = index, size - 1, leaf_hash
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node(step, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node(found, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == head


def consistent(old: int, new: int, old_head: bytes, new_head: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the new tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if old > new or old < 0:
        return False
    if old == new:
        return not proof and old_head == new_head
    if old == 0:
        return not proof and old_head == EMPTY_ROOT
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_head)
    if not steps:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node(step, first), node(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_head and second == new_head


def _split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << ((n - 1).bit_length() - 1)


def _range(start: int, n: int, subtree: Subtree) -> bytes:
    """The head of n leaves from `start`, which lies where a complete subtree of that size may begin."""
    if n & (n - 1) == 0:
        level = n.bit_length() - 1
        return subtree(level, start >> level)
    k = _split(n)
    return node(_range(start, k, subtree), _range(start + k, n - k, subtree))
