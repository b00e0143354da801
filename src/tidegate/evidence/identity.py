# SPDX-License-Identifier: Apache-2.0
"""What makes two reports speak of the same thing: what is wrong and in which file, never on which line.

So a finding is known again after lines above it came or went, and after another version with the same flaw was locked.
"""

import hashlib

from tidegate.evidence.finding import Finding
from tidegate.evidence.flaw import known_id
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.inventory import LocatedSecret

IDENTITY_CHARS = 32


def identity_of(one: Finding | LocatedSecret | Misconfiguration) -> str:
    """A name of `IDENTITY_CHARS` hexadecimal digits, equal for the same thing in the same file."""
    told = "\0".join(_told(one)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).hexdigest()[:IDENTITY_CHARS]


def _told(one: Finding | LocatedSecret | Misconfiguration) -> tuple[str, ...]:
    if isinstance(one, Finding):
        return "finding", known_id(one), one.why.ecosystem, one.name, one.location
    if isinstance(one, Misconfiguration):
        return "misconfiguration", one.id, one.subject, one.location, one.part, one.reason
    secret = one.secret
    return "secret", secret.rule, secret.fingerprint, secret.path
