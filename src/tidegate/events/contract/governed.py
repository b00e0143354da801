# SPDX-License-Identifier: Apache-2.0
"""Data of events about principals, grants, tenants, keys, the audit trail and knowledge."""

from typing import Annotated

from tidegate.events.contract.words import AnId, AnyMoment, Bytes, Count, Envelope, Moment, Who, Why
from tidegate.values import Struct, msgspec

_KeyId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the public key (SPKI).")]


class PrincipalCreated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A principal is new.

    Attributes:
        kind: user, robot, workload.
    """

    name: str
    kind: str
    by: Who


class PrincipalChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something of a principal changed: `what` names it, never its value."""

    name: str
    what: str
    by: Who


class PrincipalRemoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A principal is gone: its grants, secrets and subscriptions with it."""

    name: str
    by: Who


class GrantChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grant was asked for, given, refused, revoked, or its time is over.

    Attributes:
        holder: a principal, or `group:NAME`.
        pattern: of repositories.
        who: decided; empty for time.
    """

    grant: AnId
    holder: str
    pattern: str
    verbs: list[str]
    expires_at: AnyMoment
    asked_by: str
    reason: str
    who: str


class TenantChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant is new, has other limits, or is gone.

    Attributes:
        prefixes: of its repositories.
        bytes: it may store; 0 for no limit.
    """

    tenant: str
    prefixes: list[str]
    bytes: Bytes
    by: Who


class KeyChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a public key is trusted for changed.

    Attributes:
        act: proposed, trusted, refused, rotated, revoked.
        replaces: the key it takes over from, of a rotation.
        replacedUntil: how long that one counts beside it.
        fromEntry: the entry of the ledger from which on a revoked key does not count.
        void: how many digests lost their decision by it.
        alone: why one person did what takes two.
    """

    key: _KeyId
    name: str
    roles: list[str]
    statement: Envelope
    act: str
    who: Who
    why: str
    at: Moment
    replaces: str = ""
    replacedUntil: AnyMoment = ""  # noqa: N815 - as in the predicate
    fromEntry: Count | None = None  # noqa: N815 - as in the predicate
    void: Count | None = None
    compromisedSince: AnyMoment = ""  # noqa: N815 - as in the predicate
    alone: str = ""


class KeyAdopted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that was in a file is kept on record from now on.

    Attributes:
        purpose: what it is for.
    """

    purpose: str
    who: Who
    why: Why


class AuditBroken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit trail is not what was anchored: an alarm."""

    why: Why


class TideTurned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing of a tide is open any more, or something is again.

    Attributes:
        cause: knowledge, recall, key.
        images: it touched.
        seconds: from its beginning to now.
    """

    cause: str
    images: Count
    seconds: float


class KnowledgeUpdated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New advisories are in force, and what they change was found.

    Attributes:
        sequence: of the knowledge file.
        changed_ranges: of affected versions.
        images: that are judged again.
    """

    sequence: int
    made_at: Moment
    changed_ranges: Count
    images: Count
