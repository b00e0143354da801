# SPDX-License-Identifier: Apache-2.0
"""The append-only log of statements and decisions: an RFC 6962 Merkle tree, provable to anybody with public tools."""

from tidegate.ledger.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from tidegate.ledger.log import (
    append,
    consistency_proof,
    entry_at,
    inclusion_proof,
    root,
    size,
    take_turn,
)
from tidegate.ledger.note import NoteSigner, NoteVerifier
from tidegate.ledger.proof import leaf_hash, verify_consistency, verify_inclusion

__all__ = [
    "Checkpoint",
    "NoteSigner",
    "NoteVerifier",
    "append",
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
