# SPDX-License-Identifier: Apache-2.0
"""Everything that can be set, as one frozen tree. Only `tidegate.settings.load` reads the environment."""

from tidegate.settings.ledger import LedgerSettings
from tidegate.settings.load import load
from tidegate.settings.logs import LoggingSettings
from tidegate.settings.tree import (
    IdentitySettings,
    OutboundSettings,
    PolicySettings,
    ScanSettings,
    ServerSettings,
    Settings,
    SigningSettings,
    StorageSettings,
)

__all__ = [
    "IdentitySettings",
    "LedgerSettings",
    "LoggingSettings",
    "OutboundSettings",
    "PolicySettings",
    "ScanSettings",
    "ServerSettings",
    "Settings",
    "SigningSettings",
    "StorageSettings",
    "load",
]
