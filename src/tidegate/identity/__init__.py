# SPDX-License-Identifier: Apache-2.0
"""Principals, and who is let in."""

from tidegate.identity.access import Access, AccessToken, UnauthenticatedError
from tidegate.identity.principal import ANONYMOUS, Principal

__all__ = ["ANONYMOUS", "Access", "AccessToken", "Principal", "UnauthenticatedError"]
