# SPDX-License-Identifier: Apache-2.0
"""Principals, their credentials and grants: who is let in, and what for."""

from tidegate.identity.access import Access, UnauthenticatedError
from tidegate.identity.access_token import AccessToken
from tidegate.identity.principal import ANONYMOUS, Principal, PrincipalKind
from tidegate.identity.ruling import Asked, Ruling
from tidegate.identity.verb import Verb

__all__ = [
    "ANONYMOUS",
    "Access",
    "AccessToken",
    "Asked",
    "Principal",
    "PrincipalKind",
    "Ruling",
    "UnauthenticatedError",
    "Verb",
]
