# SPDX-License-Identifier: Apache-2.0
"""The append-only log of statements and decisions: an RFC 6962 Merkle tree, provable to anybody with public tools."""

from tidegate.ledger.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from tidegate.ledger.log import (
    append,
    append_all,
    consistency_proof,
    entry_at,
    inclusion_proof,
    root,
    take_turn,
)
from tidegate.ledger.note import NoteSigner, NoteVerifier
from tidegate.ledger.proof import leaf_hash, verify_consistency, verify_inclusion
from tidegate.ledger.prover import Prover, TileSource
from tidegate.ledger.stored import StoredTiles, size
from tidegate.ledger.tile import MAX_ENTRY_BYTES, Tile

__all__ = [
    "MAX_ENTRY_BYTES",
    "Checkpoint",
    "NoteSigner",
    "NoteVerifier",
    "Prover",
    "StoredTiles",
    "Tile",
    "TileSource",
    "append",
    "append_all",
    "consistency_proof",
    "entry_at",
    "inclusion_proof",
    "leaf_hash",
    "root",
    "sign_checkpoint",
    "size",
    "take_turn",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]
