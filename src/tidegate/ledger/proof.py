# SPDX-License-Identifier: Apache-2.0
"""Hashes and proofs of RFC 6962 section 2.1, checked without a log: all a verifier needs (RFC 9162 section 2.1.3-4)."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from tidegate.errors import InvalidInputError

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
_HASH_BYTES: Final = 32
_MAX_PROOF_HASHES: Final = 64
"""A tree of 2**63 leaves needs no more."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry, told from inner nodes by its first byte."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Checks that a leaf stands at `index` of the tree of `size` leaves with that root.

    Args:
        index: counted from 0.
        size: leaves of the tree the root is of.
        leaf: `leaf_hash` of the entry.
        proof: sibling hashes, leaf first.
        root: 32 bytes, from a checkpoint that was verified.

    Raises:
        InvalidInputError: the proof does not prove it.
    """
    _check_form(proof, root)
    if not 0 <= index < size or len(leaf) != _HASH_BYTES:
        raise InvalidInputError(f"no leaf {index} in a tree of {size}", where="inclusion proof")
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise InvalidInputError("too many hashes", where="inclusion proof")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    _expect(last == 0, result, root, "inclusion proof")


def verify_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Checks that the tree with the new root starts with all leaves of the one with the old root, unchanged.

    An empty old tree is a start of every tree and needs an empty proof.

    Raises:
        InvalidInputError: the proof does not prove it.
    """
    where = "consistency proof"
    _check_form(proof, new_root)
    if not 0 <= old_size <= new_size:
        raise InvalidInputError(f"a tree of {new_size} does not start with one of {old_size}", where=where)
    if old_size in (0, new_size):
        expected = EMPTY_ROOT if old_size == 0 else new_root
        _expect(not proof, old_root, expected, where)
        return
    if not proof:
        raise InvalidInputError("no hashes", where=where)
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise InvalidInputError("too many hashes", where=where)
        if node & 1 or node == last:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        node, last = node >> 1, last >> 1
    _expect(last == 0, new_result, new_root, where)
    _expect(True, old_result, old_root, where)  # noqa: FBT003 - the shape was checked a line above


def _check_form(proof: Sequence[bytes], root: bytes) -> None:
    if len(proof) > _MAX_PROOF_HASHES or len(root) != _HASH_BYTES or any(len(item) != _HASH_BYTES for item in proof):
        raise InvalidInputError("a proof is at most 64 hashes of 32 bytes", where="proof")


def _expect(shape: bool, result: bytes, root: bytes, where: str) -> None:
    if not shape or not hmac.compare_digest(result, root):
        raise InvalidInputError("does not lead to the root", where=where)
