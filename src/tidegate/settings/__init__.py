# SPDX-License-Identifier: Apache-2.0
"""Everything that can be set, as one frozen tree. Only `tidegate.settings.load` reads the environment."""

from tidegate.settings.load import load
from tidegate.settings.tree import (
    LoggingOptions,
    OutboundOptions,
    PolicyOptions,
    ScanOptions,
    ServerOptions,
    Settings,
    SigningOptions,
)

__all__ = [
    "LoggingOptions",
    "OutboundOptions",
    "PolicyOptions",
    "ScanOptions",
    "ServerOptions",
    "Settings",
    "SigningOptions",
    "load",
]
