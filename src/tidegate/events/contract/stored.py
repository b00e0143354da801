# SPDX-License-Identifier: Apache-2.0
"""Data of events about blobs, their collection and their repair."""

from tidegate.events.contract.words import ADigest, AnyDigest, Bytes, Count, Owner, Repositories, Who
from tidegate.values import Struct


class BlobDamaged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stored bytes are not what their digest says, or are gone.

    Attributes:
        defect: what is wrong with them.
        size: bytes that should be there.
    """

    who: Who
    digest: ADigest
    defect: str
    size: Bytes
    repositories: Repositories


class BlobRepaired(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Good bytes are in their place again.

    Attributes:
        source: where they came from.
    """

    digest: ADigest
    source: str
    who: Who = ""


class HitManifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest that needs a lost blob."""

    digest: ADigest
    state: str
    repositories: Repositories
    tags: list[str]


class HitWorkload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload that cannot be started anew where its image is not cached."""

    workload: str
    owner: Owner
    digest: AnyDigest


class Hit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is hit by a loss."""

    manifests: list[HitManifest]
    workloads: list[HitWorkload]


class BlobLost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No source has the bytes: push them again."""

    who: Who
    digest: ADigest
    hit: Hit
    owners: list[str]


class Collected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What nothing refers to was removed.

    Attributes:
        uploads: abandoned ones that ended.
    """

    who: Who
    removed: Count
    freed_bytes: Bytes
    uploads: Count


class RulesChanged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of rules was put in place or removed.

    Attributes:
        kind: what they are about.
        document: digest of the new text.
    """

    kind: str
    name: str
    version: int
    who: Who
    why: str
    document: AnyDigest = ""
