# SPDX-License-Identifier: Apache-2.0
"""A tidegate that runs elsewhere: how a command asks it, and how its user logs in there."""

from tidegate.remote.server import RemoteServer, parse_server

__all__ = ["RemoteServer", "parse_server"]
