# SPDX-License-Identifier: Apache-2.0
"""How much this room accepts."""

from typing import Final

from tidegate.bounds import MIB

MAX_ENVELOPE_BYTES: Final = 128 * MIB
"""Longest envelope read; its payload is a third smaller."""
MAX_SIGNATURES: Final = 16
"""Signatures one envelope may carry."""
MAX_SIGNATURE_CHARS: Final = 2048
"""Base64 characters of one signature."""
MAX_TRUSTED_KEYS: Final = 256
"""Keys one verifier may trust."""
