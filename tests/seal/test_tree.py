"""The tree is the one of RFC 6962, however it was grown."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.seal.leaf import leaf_hash
from renewd.seal.tree import Tree

# Leaves and roots that Certificate Transparency's implementations test themselves with.
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
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

many = st.lists(st.binary(max_size=8), max_size=70)


def naive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_known_leaves_have_the_known_root(size: int) -> None:
    tree = Tree()
    tree.extend(leaf_hash(bytes.fromhex(each)) for each in INPUTS[:size])
    assert tree.root.hex() == ROOTS[size]


@given(many, many)
def test_it_is_the_tree_of_the_definition_though_it_was_put_away_half_way(
    first: list[bytes], second: list[bytes]
) -> None:
    tree = Tree()
    tree.extend(map(leaf_hash, first))
    assert tree.root == naive(first)
    tree = Tree.unpacked(tree.size, tree.packed())
    tree.extend(map(leaf_hash, second))
    assert (tree.size, tree.root) == (len(first) + len(second), naive(first + second))


@pytest.mark.parametrize(
    ("size", "packed"), [(3, b"x" * 32), (1, b""), (0, b"x" * 32), (-1, b"x" * 32), (2, b"x")]
)
def test_what_cannot_be_the_edge_of_a_tree_is_refused(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match=f"not the right edge of a tree of {size} leaves"):
        Tree.unpacked(size, packed)
