"""A Merkle tree as RFC 6962 has it, of which only the right edge is kept: enough to go on, and to give its root."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Self

HASH_BYTES = 32
_NODE = b"\x01"


class Tree:
    """The tree over the leaves so far, kept as the roots of its complete subtrees, the largest first.

    There is one for each bit that is set in `size`, the number of leaves.
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes (see `leaf.leaf_hash`)."""
        size, peaks = self.size, self._peaks
        for leaf in leaves:
            node, pairs = leaf, size
            while pairs & 1:
                node = sha256(_NODE + peaks.pop() + node).digest()
                pairs >>= 1
            peaks.append(node)
            size += 1
        self.size = size

    @property
    def root(self) -> bytes:
        """The hash that stands for all leaves and their order."""
        if not self._peaks:
            return sha256(b"").digest()
        *larger, node = self._peaks
        for peak in reversed(larger):
            node = sha256(_NODE + peak + node).digest()
        return node

    def packed(self) -> bytes:
        """Give what `unpacked` needs, beside the size, to make this tree again."""
        return b"".join(self._peaks)

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> Self:
        """Make a tree again. Raises ValueError when these cannot be the subtrees of a tree of this size."""
        if size < 0 or len(packed) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"not the right edge of a tree of {size} leaves")
        return cls(size, (packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)))
