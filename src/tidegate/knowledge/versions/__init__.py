# SPDX-License-Identifier: Apache-2.0
"""Orders of versions, one file each; every version becomes a byte key whose byte order is the ecosystem's order."""

from tidegate.knowledge.versions.order import (
    LOWEST,
    MAX_VERSION_CHARACTERS,
    OPEN_END,
    InvalidVersionError,
    VersionOrder,
    successor,
)
from tidegate.knowledge.versions.roster import ORDERS, ROSTER, family, order_of

__all__ = [
    "LOWEST",
    "MAX_VERSION_CHARACTERS",
    "OPEN_END",
    "ORDERS",
    "ROSTER",
    "InvalidVersionError",
    "VersionOrder",
    "family",
    "order_of",
    "successor",
]
