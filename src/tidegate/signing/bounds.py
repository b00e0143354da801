# SPDX-License-Identifier: Apache-2.0
"""How much this room accepts."""

from typing import Final

from tidegate.bounds import KIB, MIB

MAX_ENVELOPE_BYTES: Final = 128 * MIB
"""Longest envelope read; its payload is a third smaller."""
MAX_SIGNATURES: Final = 16
"""Signatures one envelope may carry."""
MAX_SIGNATURE_CHARS: Final = 2048
"""Base64 characters of one signature."""
MAX_TRUSTED_KEYS: Final = 256
"""Keys one verifier may trust."""
MAX_BUNDLE_BYTES: Final = 32 * MIB
"""Longest sigstore bundle read."""
MAX_SIMPLE_BYTES: Final = 64 * KIB
"""Longest payload of a simple signature read."""
MAX_CHAIN: Final = 10
"""Certificates that may come with one signature."""
MAX_CERTIFICATE_BYTES: Final = 64 * KIB
"""Longest certificate file or chain read."""
MAX_LOG_ENTRIES: Final = 8
"""Entries of transparency logs one bundle may carry."""
MAX_TIMESTAMPS: Final = 8
"""Signed timestamps one bundle may carry."""
MAX_JWS_BYTES: Final = MIB
"""Longest Notary Project signature read."""
