# SPDX-License-Identifier: Apache-2.0
"""Data of events about images from outside, and bases that follow them."""

from typing import Annotated

from tidegate.events.contract.words import (
    ADigest,
    AnyDigest,
    AnyMoment,
    ARepository,
    Bytes,
    Count,
    Owner,
    Repositories,
    Who,
    Why,
)
from tidegate.values import Struct, msgspec

_Locator = Annotated[str, msgspec.Meta(description="The tag or digest it is asked for by.")]
_Source = Annotated[str, msgspec.Meta(description="Where it comes from: registry and repository.")]


class Arrived(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outside image is here, quarantined.

    Attributes:
        upstream: the rule's name of the outside registry.
        left_out: platforms that were not taken.
        created: when its builder says that it was made.
        evidence: how many manifests attached to it came too.
    """

    repository: ARepository
    locator: _Locator
    upstream: str
    who: Who
    source: _Source
    digest: ADigest
    bytes: Bytes
    left_out: list[str]
    created: AnyMoment
    evidence: Count


class IntakeRefused(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outside image was not taken in."""

    repository: ARepository
    locator: _Locator
    upstream: str
    who: Who
    source: _Source
    digest: AnyDigest
    why: Why


class UpstreamMoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tag means another image outside than the one that was taken in."""

    repository: ARepository
    locator: _Locator
    upstream: str
    who: Who
    source: _Source
    before: AnyDigest
    after: ADigest


class BaseBuildWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """An internal base has to be built anew upon what its upstream became.

    Attributes:
        from_: repository and digest to build upon.
        push_to: repository and tag of what is built.
    """

    base: str
    owner: Owner
    from_: str
    push_to: str


class BuiltUpon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image built upon the version of a base that was replaced."""

    digest: ADigest
    repositories: Repositories
    pushers: list[str]


class BaseMoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An internal base has a new version; what was built upon the old one is told.

    Attributes:
        images: the first of them.
        images_in_all: how many there are.
        owners: who pushed them, and who answers for workloads they run in.
    """

    base: str
    owner: Owner
    before: ADigest
    after: str
    images: list[BuiltUpon]
    images_in_all: Count
    owners: list[str]
