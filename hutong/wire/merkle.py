"""Merkle trees of RFC 9162, section 2.1: leaf and node hashes, roots, inclusion paths.

All hashes are 32-byte SHA-256. Leaves are hashed with the prefix 0x00, nodes with 0x01, so a leaf can never be
taken for a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf: ``SHA-256(0x00 ‖ data)``."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: ``SHA-256(0x01 ‖ left ‖ right)``."""
    return sha256(b"\x01" + left + right).digest()


def tree_levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The tree over leaf hashes, level by level from the leaves up; the last level is ``[root]``.

    A node without a right sibling moves up unchanged, which gives the same tree as RFC 9162's split at the largest
    power of two below the size.

    Raises:
        ValueError: there are no leaves.
    """
    if not leaves:
        raise ValueError("a tree needs at least one leaf")
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        if len(below) % 2:
            level.append(below[-1])
        levels.append(level)
    return levels


def inclusion_path(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The hashes that lead from leaf ``index`` to the root of ``tree_levels``, from the leaf up."""
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def path_length(index: int, size: int) -> int:
    """How many hashes the inclusion path of leaf ``index`` in a tree of ``size`` leaves has."""
    length, last = 0, size - 1
    while last > 0:
        if index % 2 or index < last:
            length += 1
        index //= 2
        last //= 2
    return length


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that leaf hash ``leaf`` at ``index`` of ``size`` leaves leads to along ``path`` (RFC 9162, 2.1.3.2).

    Raises:
        ValueError: the index is outside the tree, the path has not exactly the length it must have, or something is
            no hash.
    """
    if any(len(node) != HASH_BYTES for node in (leaf, *path)):
        raise ValueError(f"a hash has {HASH_BYTES} bytes")
    if not 0 <= index < size:
        raise ValueError(f"leaf index {index} is outside a tree of {size}")
    if len(path) != path_length(index, size):
        raise ValueError(f"the path of leaf {index} of {size} has {path_length(index, size)} hashes, not {len(path)}")
    node, last, hashes = leaf, size - 1, iter(path)
    while last > 0:
        if index % 2:
            node = node_hash(next(hashes), node)
        elif index < last:
            node = node_hash(node, next(hashes))
        index //= 2
        last //= 2
    return node
